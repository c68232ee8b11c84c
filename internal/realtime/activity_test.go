package realtime_test

import (
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/parley-chat/parley/internal/realtime"
)

// activities are the unread counts that a client was told.
func (c *client) activities() []event {
	c.mu.Lock()
	defer c.mu.Unlock()
	var out []event
	for _, e := range c.events {
		if e.Type == "conversation:activity" {
			out = append(out, e)
		}
	}
	return out
}

func TestActivityIsToldAtOnceAndThenAtMostOnceASecond(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w, n := oneNode(t)
		people := w.people(2)
		c := w.group(people...)
		bob, follower := n.connect(t, people[1]), n.connect(t, people[1])
		follower.subscribe(c)
		start := time.Now()
		for range 50 {
			n.send(t, people[0], c, strings.Repeat("é", 150))
			synctest.Wait()
			time.Sleep(50 * time.Millisecond)
		}
		time.Sleep(2 * time.Second)
		synctest.Wait()
		told := bob.activities()
		if longest := time.Since(start)/time.Second + 1; len(told) < 3 || len(told) > int(longest) {
			t.Errorf("told %d times in %v", len(told), time.Since(start))
		}
		if first, last := told[0], told[len(told)-1]; first.UnreadCount != 1 || last.UnreadCount != 50 || last.LastSeq != 50 {
			t.Errorf("from %+v to %+v", first, last)
		}
		if want := strings.Repeat("é", 100); *told[0].Preview != want || told[0].SenderID != string(people[0]) {
			t.Errorf("the preview of %s's message is %q", told[0].SenderID, *told[0].Preview)
		}
		if got := follower.activities(); len(got) > 0 {
			t.Errorf("who follows was told %+v", got)
		}
	})
}

func TestADeletedMessageTakesItsPreviewAndItsUnreadCountBack(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w, n := oneNode(t)
		people := w.people(2)
		c := w.group(people...)
		bob := n.connect(t, people[1])
		m := n.send(t, people[0], c, "oops")
		time.Sleep(2 * time.Second)
		if _, err := n.rules.DeleteMessage(bg, people[0], c, m.ID); err != nil {
			t.Fatal(err)
		}
		time.Sleep(2 * time.Second)
		synctest.Wait()
		told := bob.activities()
		if len(told) != 2 || *told[0].Preview != "oops" || told[0].UnreadCount != 1 || *told[1].Preview != "" || told[1].UnreadCount != 0 {
			t.Errorf("%+v", told)
		}
	})
}

func TestTheTextOfAMessageThatWasDeletedInTheQuietSecondIsNotTold(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w, n := oneNode(t)
		people := w.people(2)
		c := w.group(people...)
		bob := n.connect(t, people[1])
		n.send(t, people[0], c, "hello")
		time.Sleep(100 * time.Millisecond)
		m := n.send(t, people[0], c, "oops")
		time.Sleep(100 * time.Millisecond)
		if _, err := n.rules.DeleteMessage(bg, people[0], c, m.ID); err != nil {
			t.Fatal(err)
		}
		time.Sleep(2 * time.Second)
		synctest.Wait()
		told := bob.activities()
		if last := told[len(told)-1]; len(told) != 2 || *last.Preview != "" || last.LastSeq != 2 || last.UnreadCount != 1 {
			t.Errorf("%+v", told)
		}
	})
}

func TestAClientThatOwesAnAckForTenSecondsIsSentWhatItLacksAgain(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w, n := oneNode(t)
		people := w.people(2)
		c := w.group(people...)
		bob, never := n.connect(t, people[1]), n.connect(t, people[1])
		bob.subscribe(c)
		never.subscribe(c)
		first := n.send(t, people[0], c, "first")
		synctest.Wait()
		n.Acknowledge(bob.Session, c, first.Seq)
		second := n.send(t, people[0], c, "second")
		synctest.Wait()
		if due := n.Resend(bob.Session); due.IsZero() || time.Until(due) > realtime.AckWithin {
			t.Errorf("due at %v", due)
		}
		for range 6 {
			time.Sleep(realtime.AckWithin)
			n.Resend(bob.Session)
			n.Resend(never.Session)
			synctest.Wait()
		}
		count := func(cl *client, rev int64) (times int) {
			cl.mu.Lock()
			defer cl.mu.Unlock()
			for _, e := range cl.events {
				if e.change() == rev {
					times++
				}
			}
			return times
		}
		if got := count(bob, second.Rev); got != 4 {
			t.Errorf("the second came %d times, want once and three times again", got)
		}
		if got := count(bob, first.Rev); got != 1 {
			t.Errorf("what was acknowledged came %d times", got)
		}
		if got := count(never, second.Rev); got != 1 {
			t.Errorf("who never acknowledges was sent it %d times", got)
		}
		third := n.send(t, people[0], c, "third")
		synctest.Wait()
		n.Acknowledge(bob.Session, c, third.Seq)
		time.Sleep(2 * realtime.AckWithin)
		if due := n.Resend(bob.Session); !due.IsZero() {
			t.Error("still in debt")
		}
	})
}
