package check_test

import (
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/parley-chat/parley/internal/check"
)

// story is a small good history in which every rule has something to look at. Ada, Bob and Cyd are in a
// room; Bob is also there with a second client that follows nothing; Dan comes, and goes again.
func story() *check.History {
	m := newModel("ada", "bob", "cyd", "dan")
	ada, bob, cyd, dan := m.people[0], m.people[1], m.people[2], m.people[3]
	second := m.client("bob/2", "bob")
	for i, p := range m.people {
		p.connect([]string{"node-1", "node-2"}[i%2])
	}
	all := func() {
		for _, p := range m.people {
			for p.take() {
			}
		}
	}
	r := m.create(ada, "bob", "cyd")
	second.list()
	ada.subscribe(r, 0)
	bob.subscribe(r, 0)
	cyd.subscribe(r, -1)
	all()
	ada.send(r, "one")
	all()
	bob.send(r, "two")
	all()
	ada.send(r, "three")
	ada.send(r, "four")
	all()
	ada.edit(r, 1, "one, edited")
	bob.delete(r, 2)
	all()
	bob.markRead(r, 3)
	all()
	ada.add(r, "dan")
	all()
	dan.subscribe(r, 0)
	all()
	ada.send(r, "five")
	all()
	ada.remove(r, "dan")
	all()
	m.now += 2 * time.Second
	cyd.send(r, "six, which dan does not see")
	all()
	m.fault("kill", func() {
		cyd.cut()
		ada.send(r, "seven")
		ada.edit(r, 3, "three, edited")
		bob.markRead(r, 5)
		lost := ada.send(r, "eight")
		ada.cut()
		ada.giveUp(lost)
		ada.connect("node-2")
		ada.retry(lost)
		all()
		cyd.connect("node-2")
		all()
	})
	m.now += 15 * time.Second
	ada.list()
	t := bob.traverse(r, true)
	for !t.ended {
		bob.page(t)
	}
	cyd.send(r, "nine")
	all()
	second.cut()
	second.connect("node-1")
	second.list()
	ada.send(r, "ten")
	all()
	return m.settle()
}

func TestAGoodHistoryHasSomethingForEveryRule(t *testing.T) {
	report := check.Check(story(), check.Bounds{Mended: []string{"redis-away"}, Delivery: map[string]time.Duration{"": time.Second}})
	for _, r := range report.Rules {
		for _, v := range r.Violations {
			t.Errorf("%s", v)
		}
		// Nobody is in a large conversation here, and nothing is told of presence: see readingStory and presenceStory.
		if r.Checked == 0 && r.ID != "C6.1" && !slices.Contains(presenceRules, r.ID) {
			t.Errorf("%s (%s) had nothing to look at", r.ID, r.Claim)
		}
	}
}

// plant makes a good history bad.
type plant struct {
	name string
	rule string // that must catch it
	says string // what its violation must say
	bad  func(h *check.History)
}

func TestEveryPlantedFaultIsCaughtAndNamed(t *testing.T) {
	for _, p := range plants {
		t.Run(p.name, func(t *testing.T) {
			h := story()
			p.bad(h)
			report := check.Check(h, check.Bounds{Mended: []string{"redis-away"}, Delivery: map[string]time.Duration{"": time.Second}})
			var all []string
			for _, r := range report.Rules {
				for _, v := range r.Violations {
					if r.ID == p.rule && strings.Contains(v.String(), p.says) {
						return
					}
					all = append(all, v.String())
				}
			}
			t.Errorf("%s does not say %q; found:\n%s", p.rule, p.says, strings.Join(all, "\n"))
		})
	}
}

// C3.4: who owes an ack for ten seconds is sent again what it lacks.
func TestWhoseAcksWereHeldUpForLongMayBeSentWhatTheyHave(t *testing.T) {
	h := story()
	first := saw(h, "bob", check.MessageReceived, 4)
	again := *first
	again.Event, again.AfterRev = check.Disordered, again.Rev
	h.Observations = slices.Insert(h.Observations, index(h, first)+1, again)
	h.Faults = append(h.Faults, check.Fault{Kind: "clients-half-open", From: again.At - 12*time.Second, To: again.At - time.Second})
	for _, r := range check.Check(h, check.Bounds{}).Rules {
		if r.ID == "I6" && (r.Found > 0 || r.Checked == 0) {
			t.Errorf("looked at %d, accused %d: %v", r.Checked, r.Found, r.Violations)
		}
	}
}

func TestACopyThatALinkHeldMayComeAfterItsSenderWasRefusedAndLetInAgain(t *testing.T) {
	refused := func(held, back bool) int {
		h := story()
		o := send(h, 6)
		o.Result, o.Code = check.Fail, "NOT_IN_CONVERSATION"
		if held {
			h.Faults = append(h.Faults, check.Fault{Kind: "clients-half-open", From: o.Begin, To: o.End + time.Second})
		}
		if back {
			h.Operations = append(h.Operations, check.Operation{
				Actor: o.Actor, Op: check.Add, Conversation: o.Conversation, People: []string{o.User}, Begin: o.End, End: o.End, Result: check.Info,
			})
		}
		for _, r := range check.Check(h, check.Bounds{}).Rules {
			if r.ID == "I2" {
				return r.Found
			}
		}
		return -1
	}
	for _, tt := range []struct {
		held, back bool
		accused    int
	}{{true, true, 0}, {true, false, 1}, {false, true, 1}, {false, false, 1}} {
		if got := refused(tt.held, tt.back); got != tt.accused {
			t.Errorf("held %v, let in again %v: accused %d times, want %d", tt.held, tt.back, got, tt.accused)
		}
	}
}

var plants = []plant{
	{"a confirmed message is not stored", "I1", "is not stored", func(h *check.History) { dropRow(h, 7) }},
	{"a confirmed message is stored with another text", "I1", "not the one that was sent", func(h *check.History) { row(h, 5).Body = check.DigestOf("?") }},
	{"a confirmed message is stored under another key", "I1", "stored otherwise", func(h *check.History) { row(h, 5).Key = "other" }},
	{"a confirmed edit is lost", "I1", "edit is lost", func(h *check.History) {
		first := saw(h, "bob", check.MessageReceived, 1)
		*row(h, 1) = check.StoredMessage{Conversation: "c1", Entry: check.Entry{
			Message: first.Message, Sender: first.Peer, Key: first.Key, Seq: 1, Rev: first.Rev, CreatedAt: first.CreatedAt, Body: first.Body, Whole: first.Whole,
		}}
	}},
	{"a message became a tombstone by itself", "I1", "nobody asked for", func(h *check.History) { row(h, 5).Deleted, row(h, 5).Body = true, 0 }},
	{"somebody who was taken in is not in it", "I1", "nobody took them out", func(h *check.History) { seat(h, "cyd").LeftAt = 1 }},
	{"a removal is lost", "I1", "nobody took them in", func(h *check.History) { seat(h, "dan").LeftAt = 0 }},

	{"a refused message is stored", "I2", "refused for good", func(h *check.History) { send(h, 6).Result = check.Fail }},
	{"a message is stored that nobody sent", "I2", "nobody sent", func(h *check.History) {
		h.Database.Messages = append(h.Database.Messages, check.StoredMessage{Conversation: "c1", Entry: check.Entry{Message: "m99", Sender: "ada", Key: "k99", Seq: 11, Rev: 17}})
	}},
	{"announced before the commit, which failed", "I2", "shown that is not stored", func(h *check.History) { dropRow(h, 9); send(h, 9).Result = check.Info }},
	{"an edit is shown that is not stored", "I2", "change of a message was shown", func(h *check.History) { row(h, 10).Rev = 2 }},
	{"a text is changed on its way", "I2", "another text than was written", func(h *check.History) { saw(h, "bob", check.MessageReceived, 5).Body = check.DigestOf("?") }},

	{"the duplicate check is missing", "I3", "stored twice", func(h *check.History) {
		again := *row(h, 8)
		again.Message, again.Seq, again.Rev = "m99", 11, 17
		h.Database.Messages = append(h.Database.Messages, again)
	}},
	{"a retry gets another answer", "I3", "answered differently", func(h *check.History) {
		again := *send(h, 5)
		again.Called, again.Returned = again.Returned, again.Returned+1
		again.CreatedAt++
		h.Operations = append(h.Operations, again)
	}},
	{"a message is shown as new twice", "I3", "as new twice", func(h *check.History) { saw(h, "bob", check.MessageUpdated, 1).Event = check.MessageReceived }},

	{"a seq is used twice", "I4", "two messages have the same seq", func(h *check.History) { saw(h, "cyd", check.MessageReceived, 5).Message = "m99" }},
	{"a message moves", "I4", "two places", func(h *check.History) { saw(h, "bob", check.MessageReceived, 5).Seq = 4 }},
	{"a seq is left out", "I4", "the message at place", func(h *check.History) {
		for i := 6; i < 10; i++ {
			h.Database.Messages[i].Seq++
		}
	}},
	{"a rev stands for two changes", "I4", "two changes", func(h *check.History) { saw(h, "bob", check.MessageReceived, 5).Rev-- }},
	{"a rev is shown in two ways", "I4", "in two ways", func(h *check.History) { saw(h, "bob", check.MessageReceived, 5).Whole++ }},
	{"createdAt follows the node's clock", "I4", "createdAt does not rise", func(h *check.History) { row(h, 6).CreatedAt -= 3_600_000_000 }},
	{"a rev is taken for nothing", "I4", "at most", func(h *check.History) { h.Database.Conversations[0].LastRev += 50 }},
	{"the counters come back behind", "I4", "counts", func(h *check.History) { h.Database.Conversations[0].LastSeq-- }},

	{"a later message is put before an earlier one", "I5", "confirmed before it was sent", func(h *check.History) { a, b := send(h, 9), send(h, 10); a.Seq, b.Seq = b.Seq, a.Seq }},
	{"one connection's messages change places", "I5", "changed places", func(h *check.History) {
		a, b := send(h, 3), send(h, 4)
		a.Seq, b.Seq = b.Seq, a.Seq
	}},

	{"an event is lost and the gap is not repaired", "I6", "a hole was shown", func(h *check.History) { unsee(h, saw(h, "bob", check.MessageReceived, 4)) }},
	{"two events are delivered in the wrong order", "I6", "everything up to", func(h *check.History) {
		a, b := saw(h, "bob", check.MessageReceived, 3), saw(h, "bob", check.MessageReceived, 4)
		*a, *b = *b, *a
		a.Serial, b.Serial = b.Serial, a.Serial
	}},
	{"an event is delivered twice", "I6", "everything up to", func(h *check.History) {
		i := index(h, saw(h, "bob", check.MessageReceived, 4))
		h.Observations = slices.Insert(h.Observations, i+1, h.Observations[i])
	}},
	{"a server sends a change again, and the client hides it", "I6", "was sent rev", func(h *check.History) {
		again := *saw(h, "bob", check.MessageReceived, 4)
		again.Event, again.AfterRev = check.Disordered, again.Rev
		h.Observations = slices.Insert(h.Observations, index(h, saw(h, "bob", check.MessageReceived, 4))+1, again)
	}},
	{"a live connection had a hole", "I6", "was not told of rev", func(h *check.History) {
		next := saw(h, "bob", check.MessageReceived, 9)
		i := index(h, next)
		up := *next
		up.Event, up.AfterRev, up.Hole = check.CatchingUp, next.Rev-1, true
		done := *next
		done.Event = check.CaughtUp
		h.Observations = slices.Insert(h.Observations, i+1, done)
		h.Observations = slices.Insert(h.Observations, i, up)
	}},

	{"a page is skipped", "I7", "went from seq", func(h *check.History) { p := page(h, "bob", 2); p.Entries = nil }},
	{"a page repeats a message", "I7", "went from seq", func(h *check.History) { p, q := page(h, "bob", 1), page(h, "bob", 2); q.Entries[0] = p.Entries[1] }},
	{"a cursor of clock times misses what was committed late", "I7", "was confirmed before it began", func(h *check.History) {
		p := page(h, "bob", 4)
		p.Entries = p.Entries[:1]
	}},
	{"a reading ends before the end", "I7", "ends at seq", func(h *check.History) {
		last := &h.Operations[len(h.Operations)-1]
		last.Entries = last.Entries[:1]
		h.Operations[len(h.Operations)-1].Last = true
		for i := range h.Operations {
			if o := &h.Operations[i]; o.Traversal == last.Traversal && o != last && len(o.Entries) > 0 && o.Entries[0].Seq == 10 {
				o.Entries = o.Entries[1:]
			}
		}
	}},

	{"a read position goes back", "I8", "went back", func(h *check.History) { did(h, "bob", check.MarkRead, 2).ReadMessage = row(h, 2).Message }},
	{"a push takes a read position back", "I8", "told of a read position", func(h *check.History) {
		syncs := h.Observations[:0:0]
		for _, o := range h.Observations {
			if o.Event == check.ReadSynced && o.Client == "bob" {
				syncs = append(syncs, o)
			}
		}
		h.Observations[index(h, seen(h, syncs[1].Serial))].Message = row(h, 1).Message
	}},
	{"a read position is lost", "I8", "ended before", func(h *check.History) { seat(h, "bob").ReadSeq = 0 }},

	{"an unread count is wrong", "I9", "are unread", func(h *check.History) { did(h, "cyd", check.List, 1).Conversations[0].Unread++ }},
	{"a badge stays wrong", "I9", "badge is wrong", func(h *check.History) {
		for i := range h.Observations {
			if o := &h.Observations[i]; o.Client == "bob/2" && o.Event == check.ConversationActivity {
				o.Unread++
			}
		}
	}},

	{"a message is delivered after the removal", "I11", "after they were out", func(h *check.History) {
		leak := *saw(h, "bob", check.MessageReceived, 6)
		leak.Actor = saw(h, "dan", check.MessageReceived, 5).Actor
		h.Observations = slices.Insert(h.Observations, index(h, saw(h, "bob", check.MessageReceived, 6)), leak)
	}},
	{"a removal is told late", "I11", "at which they were not in", func(h *check.History) {
		// The message comes in the second of grace, and before the connection is told: only its rev gives it away.
		gone := index(h, sawEvent(h, "dan", check.ConversationRemoved))
		leak := *saw(h, "bob", check.MessageReceived, 6)
		leak.Actor, leak.At, leak.Serial = h.Observations[gone].Actor, h.Observations[gone].At, h.Observations[gone].Serial
		h.Observations = slices.Insert(h.Observations, gone, leak)
	}},
	{"a removed person reads the history", "I11", "read a conversation's history", func(h *check.History) {
		p := *page(h, "bob", 1)
		p.Actor, p.Traversal = did(h, "dan", check.List, 1).Actor, "t99"
		h.Operations = append(h.Operations, p)
	}},
	{"a stranger is told of a conversation", "I11", "never in a conversation", func(h *check.History) {
		o := sawEvent(h, "bob/2", check.ConversationActivity)
		leak := *o
		leak.Actor = &check.Actor{Client: "eve", User: "eve"}
		h.Observations = append(h.Observations, leak)
	}},

	{"what Redis lost is not read from the database", "I6", "was not told of rev", func(h *check.History) {
		h.Faults[0].Kind = "redis-away"
		hole(h, 12)
	}},

	{"a catch-up leaves something out", "I12", "passed over rev", func(h *check.History) { unsee(h, saw(h, "cyd", check.MessageReceived, 7)) }},
	{"a catch-up begins too late", "I12", "went on from rev", func(h *check.History) { last(h, "cyd", check.CatchingUp, 1).AfterRev++ }},

	{"a deleted text is read again", "I13", "was read with its text", func(h *check.History) {
		e := &page(h, "bob", 1).Entries[1]
		e.Deleted, e.Body = false, check.DigestOf("two")
	}},
	{"a deleted text stays stored", "I13", "stored with its text", func(h *check.History) { row(h, 2).Deleted, row(h, 2).Body = false, check.DigestOf("two") }},
	{"a replica shows what was before the edit", "I13", "as it was before an edit", func(h *check.History) { page(h, "bob", 1).Entries[0].Rev = 2 }},

	{"an answer takes too long", "I14", "is the bound", func(h *check.History) { send(h, 10).End += 4 * time.Second }},
	{"an answer never comes", "I14", "was not answered", func(h *check.History) { h.Faults = nil; send(h, 10).Result = check.Info }},
	{"no send comes through after the fault", "I14b", "no send came through", func(h *check.History) {
		h.Run.Healed += 15 * time.Second
		h.Operations = slices.DeleteFunc(h.Operations, func(o check.Operation) bool { return o.Op == check.Send && o.End > h.Run.Healed && o.Seq != 10 })
		send(h, 10).Result = check.Info
	}},
	{"a client does not come back", "I14b", "had no connection", func(h *check.History) {
		off := *last(h, "cyd", check.CaughtUp, 1)
		off.Event = check.Offline
		h.Observations = append(slices.DeleteFunc(h.Observations, func(o check.Observation) bool { return o.Client == "cyd" && o.Serial >= off.Serial }), off)
	}},

	{"a client holds an old state", "I16", "does not hold", func(h *check.History) { unsee(h, saw(h, "cyd", check.MessageUpdated, 3)) }},
	{"a client ends behind", "I16", "ended at rev", func(h *check.History) { unsee(h, saw(h, "bob", check.MessageReceived, 10)) }},
	{"a message is read otherwise than it is stored", "I16", "read otherwise", func(h *check.History) { h.Operations[len(h.Operations)-1].Entries[0].Whole++ }},
	{"the people in the list are old", "I16", "the list shows", func(h *check.History) { did(h, "cyd", check.List, 1).Conversations[0].Roster.Whole++ }},
	{"a conversation is missing from the list", "I16", "missing from the list", func(h *check.History) { did(h, "cyd", check.List, 1).Conversations = nil }},

	{"deliveries are slow", "C3.2", "deliveries of messages", func(h *check.History) { delay(h, check.MessageReceived) }},
	{"edits are told late", "C3.2", "deliveries of edits", func(h *check.History) { delay(h, check.MessageUpdated) }},
	{"deletions are told late", "C3.2", "deliveries of deletions", func(h *check.History) { delay(h, check.MessageDeleted) }},
	{"another device is told late of a read position", "C6.5", "on their way to other devices", func(h *check.History) { delay(h, check.ReadSynced) }},
}

// delay has all events of a kind come two seconds later.
func delay(h *check.History, event check.Event) {
	for i := range h.Observations {
		if h.Observations[i].Event == event {
			h.Observations[i].At += 2 * time.Second
		}
	}
}

// What follows finds records of the story. seq names a message.

func row(h *check.History, seq int64) *check.StoredMessage { return &h.Database.Messages[seq-1] }

func dropRow(h *check.History, seq int64) {
	h.Database.Messages = slices.Delete(h.Database.Messages, int(seq-1), int(seq))
}

func seat(h *check.History, user string) *check.StoredParticipant {
	for i := range h.Database.Participants {
		if h.Database.Participants[i].User == user {
			return &h.Database.Participants[i]
		}
	}
	panic("nobody is called " + user)
}

// send is the last send that was confirmed with a seq.
func send(h *check.History, seq int64) *check.Operation {
	for i := len(h.Operations) - 1; i >= 0; i-- {
		if o := &h.Operations[i]; o.Op == check.Send && o.Seq == seq {
			return o
		}
	}
	panic("nothing was sent there")
}

// did is the nth operation of its kind that a client did.
func did(h *check.History, client string, op check.Op, n int) *check.Operation {
	for i := range h.Operations {
		if o := &h.Operations[i]; o.Client == client && o.Op == op {
			if n--; n == 0 {
				return o
			}
		}
	}
	panic(client + " did not " + string(op))
}

func page(h *check.History, client string, n int) *check.Operation {
	return did(h, client, check.Page, n)
}

// saw is how a client saw a message first in one way.
func saw(h *check.History, client string, e check.Event, seq int64) *check.Observation {
	for i := range h.Observations {
		if o := &h.Observations[i]; o.Client == client && o.Event == e && o.Seq == seq {
			return o
		}
	}
	panic(client + " did not see it")
}

func sawEvent(h *check.History, client string, e check.Event) *check.Observation {
	for i := range h.Observations {
		if o := &h.Observations[i]; o.Client == client && o.Event == e {
			return o
		}
	}
	panic(client + " did not see it")
}

// last is the nth observation of its kind, from the end.
func last(h *check.History, client string, e check.Event, n int) *check.Observation {
	for i := len(h.Observations) - 1; i >= 0; i-- {
		if o := &h.Observations[i]; o.Client == client && o.Event == e {
			if n--; n == 0 {
				return o
			}
		}
	}
	panic(client + " did not see it")
}

func seen(h *check.History, serial int64) *check.Observation {
	for i := range h.Observations {
		if h.Observations[i].Serial == serial {
			return &h.Observations[i]
		}
	}
	panic("nothing has that serial number")
}

func index(h *check.History, o *check.Observation) int {
	for i := range h.Observations {
		if &h.Observations[i] == o {
			return i
		}
	}
	panic("not of this history")
}

func unsee(h *check.History, o *check.Observation) {
	i := index(h, o)
	h.Observations = slices.Delete(h.Observations, i, i+1)
}
