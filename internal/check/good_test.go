package check_test

import (
	"slices"
	"testing"
	"time"

	"github.com/parley-chat/parley/internal/check"
)

// stage is two or three people in a room, connected and following.
type stage struct {
	*model
	r             *room
	ada, bob, cyd *person
}

func newStage() *stage {
	m := newModel("ada", "bob", "cyd")
	s := &stage{model: m, ada: m.people[0], bob: m.people[1], cyd: m.people[2]}
	for _, p := range m.people {
		p.connect("node-1")
	}
	s.r = m.create(s.ada, "bob", "cyd")
	for _, p := range m.people {
		p.subscribe(s.r, 0)
	}
	s.all()
	return s
}

func (s *stage) all() {
	for _, p := range s.people {
		for p.take() {
		}
	}
}

// hole has bob's client find that a rev is missing, and catch up.
func hole(h *check.History, missing int64) {
	for i := range h.Observations {
		if o := h.Observations[i]; o.Client == "bob" && o.Rev >= missing && o.Event != check.CatchingUp {
			begin, end := o, o
			begin.Event, begin.AfterRev, begin.Hole, end.Event = check.CatchingUp, missing-1, true, check.CaughtUp
			h.Observations = slices.Insert(h.Observations, i+1, end)
			h.Observations = slices.Insert(h.Observations, i, begin)
			return
		}
	}
	panic("nothing came after the hole")
}

// What looks like a fault and is none.
var good = map[string]func(s *stage) *check.History{
	"a send without an answer was stored, and seen": func(s *stage) *check.History {
		var lost *sending
		s.fault("cut", func() {
			lost = s.ada.send(s.r, "one")
			s.ada.cut()
			s.ada.giveUp(lost)
		})
		return s.settle()
	},
	"a send without an answer was never stored": func(s *stage) *check.History {
		s.fault("cut", func() {
			s.ada.cut()
			s.ada.giveUp(s.ada.send(s.r, "one"))
		})
		return s.settle()
	},
	"catching up passes over what was edited again": func(s *stage) *check.History {
		s.bob.cut()
		s.ada.send(s.r, "one")
		s.ada.edit(s.r, 1, "two")
		s.ada.edit(s.r, 1, "three")
		return s.settle()
	},
	"a live connection misses a rev that was replaced before it could be read back": func(s *stage) *check.History {
		s.ada.send(s.r, "one")
		s.all()
		s.ada.edit(s.r, 1, "two")
		s.ada.edit(s.r, 1, "three")
		s.all()
		h := s.settle()
		unsee(h, saw(h, "bob", check.MessageUpdated, 1))
		hole(h, 3)
		return h
	},
	"a live connection has a hole while something is broken": func(s *stage) *check.History {
		s.ada.send(s.r, "one")
		s.all()
		s.fault("redis-away", func() {
			s.ada.send(s.r, "two")
			s.ada.send(s.r, "three")
			s.all()
		})
		h := s.settle()
		hole(h, 3)
		return h
	},
	"a send that was given up takes its confirmation with it": func(s *stage) *check.History {
		var lost *sending
		s.fault("slow", func() {
			lost = s.bob.send(s.r, "one")
			s.bob.queue = nil
			s.bob.giveUp(lost)
		})
		s.history.Faults[0].To = s.history.Faults[0].From
		s.now += 12 * time.Second
		s.bob.cut()
		return s.settle()
	},
	"a message from before a removal comes within the second": func(s *stage) *check.History {
		s.ada.send(s.r, "one")
		for s.ada.take() {
		}
		s.ada.remove(s.r, "bob")
		s.all()
		return s.settle()
	},
	"a removal without an answer did not happen": func(s *stage) *check.History {
		s.fault("cut", func() {
			s.end(s.begin(s.ada, check.Operation{Op: check.Remove, Conversation: s.r.id, People: []string{"bob"}}), check.Info)
		})
		s.now += 20 * time.Second
		s.ada.send(s.r, "one")
		s.all()
		return s.settle()
	},
	"who was taken in again catches up with what was said meanwhile": func(s *stage) *check.History {
		s.ada.remove(s.r, "bob")
		s.all()
		s.now += 5 * time.Second
		s.ada.send(s.r, "one")
		s.all()
		s.ada.add(s.r, "bob")
		s.all()
		s.bob.subscribe(s.r, 1)
		s.all()
		return s.settle()
	},
	"a retry of somebody who has left gets the first answer": func(s *stage) *check.History {
		var lost *sending
		s.fault("cut", func() {
			lost = s.bob.send(s.r, "one")
			s.bob.queue = nil
			s.bob.cut()
			s.bob.giveUp(lost)
			s.ada.remove(s.r, "bob")
		})
		s.now += 20 * time.Second
		s.bob.connect("node-2")
		s.bob.retry(lost)
		s.all()
		return s.settle()
	},
	"a text is still on its way when its deletion is confirmed": func(s *stage) *check.History {
		s.ada.send(s.r, "one")
		for s.ada.take() {
		}
		s.ada.delete(s.r, 1)
		s.all()
		return s.settle()
	},
	"a list and an event cross each other": func(s *stage) *check.History {
		second := s.client("bob/2", "bob")
		second.connect("node-1")
		list := s.begin(second, check.Operation{Op: check.List, Last: true})
		list.Conversations = []check.Listed{{Conversation: s.r.id, LastRev: 1, Roster: check.RosterOf(s.r.shown())}}
		s.ada.send(s.r, "one")
		s.all()
		s.end(list, check.OK)
		return s.settle()
	},
	"a history grows while it is read": func(s *stage) *check.History {
		for range 5 {
			s.ada.send(s.r, "text")
		}
		s.all()
		forward, backward := s.bob.traverse(s.r, true), s.bob.traverse(s.r, false)
		for !forward.ended || !backward.ended {
			s.ada.send(s.r, "more")
			s.all()
			for _, t := range []*reading{forward, backward} {
				if !t.ended {
					s.bob.page(t)
				}
			}
			s.limit++
		}
		return s.settle()
	},
	"a refusal was lost with its connection, and the second message came first": func(s *stage) *check.History {
		s.ada.remove(s.r, "bob")
		first := s.bob.send(s.r, "one")
		s.ada.add(s.r, "bob")
		second := s.bob.send(s.r, "two")
		s.bob.cut()
		s.bob.waiting = []*sending{first, second}
		return s.settle()
	},
	"a message was on its way to somebody who stopped following": func(s *stage) *check.History {
		s.ada.send(s.r, "one")
		s.bob.unsubscribe(s.r)
		s.all()
		return s.settle()
	},
	"a subscribe is answered twice, because it was asked for again": func(s *stage) *check.History {
		s.bob.unsubscribe(s.r)
		s.bob.subscribe(s.r, 1)
		s.bob.join(s.r, 1)
		s.all()
		return s.settle()
	},
	"the answer to a subscribe came after it was given up for another": func(s *stage) *check.History {
		s.ada.send(s.r, "one")
		s.all()
		s.bob.unsubscribe(s.r)
		s.bob.subscribe(s.r, 0)
		s.bob.unsubscribe(s.r)
		s.bob.subscribe(s.r, 0)
		s.bob.saw(check.Observation{Event: check.CatchingUp, Conversation: s.r.id, Rev: s.r.rev})
		s.bob.saw(s.r.since(0)[0])
		s.all()
		return s.settle()
	},
	"a connection was open before a deletion, and its client heard so after it": func(s *stage) *check.History {
		s.ada.send(s.r, "one")
		s.all()
		s.bob.unsubscribe(s.r)
		s.bob.cut()
		s.ada.delete(s.r, 1)
		s.bob.connect("node-1")
		s.bob.saw(activityOf(s.r, "one"))
		return s.settle()
	},
	"an edit and a deletion at once": func(s *stage) *check.History {
		s.ada.send(s.r, "one")
		s.all()
		s.fault("cut", func() {
			lost := s.begin(s.ada, check.Operation{Op: check.Edit, Conversation: s.r.id, Message: s.r.messages[0].ID, Body: check.DigestOf("two")})
			s.ada.delete(s.r, 1)
			s.end(lost, check.Info)
		})
		return s.settle()
	},
	"nothing is known of the database": func(s *stage) *check.History {
		s.ada.send(s.r, "one")
		s.all()
		h := s.settle()
		h.Database = nil
		return h
	},
	"the run broke off": func(s *stage) *check.History {
		s.ada.send(s.r, "one")
		h := s.settle()
		h.Run.Settled = 0
		return h
	},
}

// activityOf tells of a room's first message, with the text that it had.
func activityOf(r *room, text string) check.Observation {
	return check.Observation{Event: check.ConversationActivity, Conversation: r.id, Seq: 1, Body: check.DigestOf(text)}
}

func TestADeletedTextIsAccusedOverAConnectionThatWasOpenedAfterwards(t *testing.T) {
	s := newStage()
	s.ada.send(s.r, "one")
	s.all()
	s.bob.unsubscribe(s.r)
	s.ada.delete(s.r, 1)
	s.bob.cut()
	s.bob.connect("node-1")
	s.bob.saw(activityOf(s.r, "one"))
	if broken := check.Check(s.settle(), check.Bounds{}).Violated(); !slices.Contains(broken, "I13") {
		t.Errorf("%v", broken)
	}
}

func TestWhatOnlyLooksLikeAFaultIsNotAccused(t *testing.T) {
	for name, run := range good {
		t.Run(name, func(t *testing.T) {
			for _, r := range check.Check(run(newStage()), check.Bounds{}).Rules {
				for _, v := range r.Violations {
					t.Errorf("%s", v)
				}
			}
		})
	}
}

func TestWithoutADatabaseTheLastReadingStandsForIt(t *testing.T) {
	h := story()
	h.Database = nil
	report := check.Check(h, check.Bounds{})
	if !report.OK() {
		t.Errorf("a good history is accused of %v", report.Violated())
	}
	for i := range h.Operations {
		// The sixth message is nowhere to be read any more.
		o := &h.Operations[i]
		o.Entries = slices.DeleteFunc(o.Entries, func(e check.Entry) bool { return e.Seq == 6 })
	}
	if got := check.Check(h, check.Bounds{}).Violated(); !slices.Contains(got, "I1") || !slices.Contains(got, "I7") {
		t.Errorf("a message that is lost violates %v", got)
	}
}
