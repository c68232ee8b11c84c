package realtime_test

import "testing"

func TestAGroupOfAThousandIsShownToEachOfThemOnce(t *testing.T) {
	w, n := oneNode(t)
	people := w.people(1000)
	var clients []*client
	for _, p := range people {
		clients = append(clients, n.connect(t, p))
	}
	clients[0].awaitNothing()
	c := w.group(people...)
	n.send(t, people[0], c, "Hello")
	for _, client := range clients {
		client.awaitType("conversation:activity")
		events := client.await("the group", func(es []event) bool { return count(es, "conversation:added") > 0 })
		if got := count(events, "conversation:added"); got != 1 {
			t.Fatalf("the group was shown %d times", got)
		}
	}
}
