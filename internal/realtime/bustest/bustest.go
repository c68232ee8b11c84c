// Package bustest holds every bus to the contract of realtime.Bus, and makes a bus faulty within it.
package bustest

import (
	"fmt"
	"slices"
	"sync"
	"testing"

	"github.com/parley-chat/parley/internal/realtime"
)

// Run runs the suite. connect returns the bus as one more node sees it; within one test all of them are
// connected to each other.
func Run(t *testing.T, connect func(*testing.T) realtime.Bus) {
	for _, test := range []struct {
		name string
		run  func(*testing.T, func(*testing.T) realtime.Bus)
	}{
		{"everybody who follows a topic hears what is published there", everybodyHears},
		{"an envelope arrives as it was sent", unchanged},
		{"only what is followed is heard", onlyFollowed},
		{"a topic in force is told once as lost, and from then on everything is heard", inForce},
		{"following what is followed changes nothing", followedTwice},
		{"what is given up is heard no more", givenUp},
		{"a topic that was given up can be followed again", followedAgain},
		{"hearing and losing is one call at a time", oneAtATime},
		{"who has stopped is told nothing", stopped},
		{"whoever is too slow is told of the loss", tooSlow},
	} {
		t.Run(test.name, func(t *testing.T) { test.run(t, connect) })
	}
}

func everybodyHears(t *testing.T, connect func(*testing.T) realtime.Bus) {
	const listeners, letters = 3, 100
	a := connect(t)
	var ears []*ear
	for range listeners {
		e := listen(t, connect(t))
		e.follow("topic")
		ears = append(ears, e)
	}
	if !a.Peers() {
		t.Error("Peers reports nobody")
	}
	for i := range letters {
		a.Publish("topic", fmt.Append(nil, i))
	}
	for i, e := range ears {
		e.await("all letters", func() bool { return len(e.heard) >= letters })
		got := make(map[string]bool)
		for _, h := range e.heard {
			got[h] = true
		}
		if len(got) != letters || len(e.heard) != letters {
			t.Errorf("listener %d heard %d letters, %d of them different", i, len(e.heard), len(got))
		}
	}
}

func unchanged(t *testing.T, connect func(*testing.T) realtime.Bus) {
	a, e := connect(t), listen(t, connect(t))
	e.follow("topic")
	every := make([]byte, 256)
	for i := range every {
		every[i] = byte(i)
	}
	for _, envelope := range []string{"", "{}", string(every), string(make([]byte, 100_000))} {
		a.Publish("topic", []byte(envelope))
		// An envelope that a bus cannot carry is lost, and told so.
		e.await("the envelope", func() bool { return slices.Contains(e.heard, "topic "+envelope) || e.losses("topic") > 1 })
	}
}

func onlyFollowed(t *testing.T, connect func(*testing.T) realtime.Bus) {
	a, e := connect(t), listen(t, connect(t))
	e.follow("one", "two")
	for _, topic := range []string{"three", "one", "on", "one.", "*", "two"} {
		a.Publish(topic, []byte("x"))
	}
	e.await("both", func() bool { return slices.Contains(e.heard, "one x") && slices.Contains(e.heard, "two x") })
	if want := []string{"one x", "two x"}; !slices.Equal(e.sorted(), want) {
		t.Errorf("heard %q", e.heard)
	}
}

func inForce(t *testing.T, connect func(*testing.T) realtime.Bus) {
	a, e := connect(t), listen(t, connect(t))
	e.follow("first")
	for i := range 50 {
		topic := fmt.Sprint("topic ", i)
		e.follow(topic)
		a.Publish(topic, []byte("x"))
		e.await("what was published in force", func() bool { return slices.Contains(e.heard, topic+" x") })
	}
	for i := range 50 {
		if n := e.losses(fmt.Sprint("topic ", i)); n != 1 {
			t.Errorf("topic %d was told as lost %d times", i, n)
		}
	}
}

func followedTwice(t *testing.T, connect func(*testing.T) realtime.Bus) {
	a, e := connect(t), listen(t, connect(t))
	e.follow("topic")
	e.listener.Follow("topic", "topic")
	e.follow("after")
	a.Publish("topic", []byte("x"))
	a.Publish("topic", []byte("y"))
	e.await("both", func() bool { return slices.Contains(e.heard, "topic y") })
	if len(e.heard) != 2 {
		t.Errorf("heard %q", e.heard)
	}
	if n := e.losses("topic"); n != 1 {
		t.Errorf("it was told as lost %d times", n)
	}
}

func givenUp(t *testing.T, connect func(*testing.T) realtime.Bus) {
	a, e := connect(t), listen(t, connect(t))
	e.follow("kept", "given up", "two more", "of them")
	e.listener.Unfollow("given up", "unknown")
	e.listener.Unfollow("two more", "of them")
	e.follow("after")
	for _, topic := range []string{"given up", "two more", "of them", "kept"} {
		a.Publish(topic, []byte("x"))
	}
	e.await("what was kept", func() bool { return slices.Contains(e.heard, "kept x") })
	if len(e.heard) != 1 {
		t.Errorf("heard %q", e.heard)
	}
}

func followedAgain(t *testing.T, connect func(*testing.T) realtime.Bus) {
	a, e := connect(t), listen(t, connect(t))
	e.follow("topic")
	for i := range 20 {
		e.listener.Unfollow("topic")
		e.listener.Follow("topic")
		e.await("the topic in force again", func() bool { return e.losses("topic") == i+2 })
		a.Publish("topic", fmt.Append(nil, i))
		e.await("what was published then", func() bool { return slices.Contains(e.heard, fmt.Sprint("topic ", i)) })
	}
}

func oneAtATime(t *testing.T, connect func(*testing.T) realtime.Bus) {
	const letters = 200
	a, e := connect(t), listen(t, connect(t))
	e.follow("topic")
	var publishers sync.WaitGroup
	for p := range 4 {
		publishers.Go(func() {
			for i := range letters / 4 {
				a.Publish("topic", fmt.Append(nil, p, i))
				e.listener.Follow(fmt.Sprint("topic ", p, " ", i))
			}
		})
	}
	publishers.Wait()
	// A bus may tell of several topics at once.
	e.await("everything", func() bool { return len(e.heard) == letters && len(e.lost) == 1+letters })
}

func stopped(t *testing.T, connect func(*testing.T) realtime.Bus) {
	a, e, witness := connect(t), listen(t, connect(t)), listen(t, connect(t))
	e.follow("topic")
	witness.follow("topic")
	a.Publish("topic", []byte("before"))
	e.listener.Stop()
	e.mu.Lock()
	e.over = true
	e.mu.Unlock()
	e.listener.Stop()
	e.listener.Follow("more")
	a.Publish("topic", []byte("after"))
	a.Publish("more", []byte("after"))
	witness.await("both", func() bool { return slices.Contains(witness.heard, "topic after") })
}

func tooSlow(t *testing.T, connect func(*testing.T) realtime.Bus) {
	const letters = 50_000
	a, e := connect(t), listen(t, connect(t))
	e.follow("topic")
	e.mu.Lock() // hear waits for it
	for range letters {
		a.Publish("topic", []byte("x"))
	}
	e.mu.Unlock()
	// A bus that can hold so much has lost nothing.
	e.await("the loss", func() bool { return e.losses("topic") > 1 || len(e.heard) == letters })
	e.await("what is published now", func() bool {
		a.Publish("topic", []byte("now"))
		return slices.Contains(e.heard, "topic now")
	})
}
