package check_test

import (
	"slices"
	"strings"
	"testing"

	"github.com/parley-chat/parley/internal/check"
)

// reads is what the receipts of a story are held against: a room of four is large.
var reads = check.Bounds{Large: 4}

// readingStory is a small good history of who has read what: Ada, Bob and Cyd in a small room, and with Dan in a large one. Cyd lets
// nobody know for a while.
func readingStory() *check.History {
	m := newModel("ada", "bob", "cyd", "dan")
	m.large = 4
	ada, bob, cyd, dan := m.people[0], m.people[1], m.people[2], m.people[3]
	for _, p := range m.people {
		p.connect("node-1")
	}
	all := func() {
		for _, p := range m.people {
			for p.take() {
			}
		}
	}
	c1, c2 := m.create(ada, "bob", "cyd"), m.create(ada, "bob", "cyd", "dan")
	for _, r := range m.rooms {
		for _, p := range m.people {
			if r.in(p.actor.User) {
				p.subscribe(r, 0)
			}
		}
	}
	all()
	for _, r := range m.rooms {
		ada.send(r, "one")
		ada.send(r, "two")
		ada.send(r, "three")
		all()
		bob.markRead(r, 1)
		all()
		bob.markRead(r, 3)
		all()
		cyd.markRead(r, 1)
		all()
	}
	cyd.letKnow(false)
	all()
	for _, r := range m.rooms {
		cyd.markRead(r, 3)
		all()
		bob.whoRead(r, 2)
	}
	cyd.letKnow(true)
	all()
	dan.markRead(c2, 2)
	all()
	ada.whoRead(c2, 1)
	ada.whoRead(c2, 3)
	bob.send(c1, "four")
	cyd.letKnow(false)
	all()
	h := m.settle()
	dan.whoRead(c2, 2)
	h.Run.Ended = m.now
	return h
}

func TestAGoodHistoryOfReadingIsNotAccused(t *testing.T) {
	for _, r := range check.Check(readingStory(), reads).Rules {
		for _, v := range r.Violations {
			t.Errorf("%s", v)
		}
		if r.Checked == 0 && slices.Contains([]string{"I8", "C6.1", "C6.3", "C6.6"}, r.ID) {
			t.Errorf("%s (%s) had nothing to look at", r.ID, r.Claim)
		}
	}
}

func TestEveryPlantedFaultOfReceiptsIsCaughtAndNamed(t *testing.T) {
	for _, p := range readingPlants {
		t.Run(p.name, func(t *testing.T) {
			h := readingStory()
			p.bad(h)
			var all []string
			for _, r := range check.Check(h, reads).Rules {
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

// told are the positions of a person, or the counts, that a client was told of a room.
func told(h *check.History, client, room, peer string) (out []*check.Observation) {
	event := check.ReadUpdated
	if peer == "" {
		event = check.ReadCounted
	}
	for i := range h.Observations {
		if o := &h.Observations[i]; o.Client == client && o.Conversation == room && o.Event == event && o.Peer == peer {
			out = append(out, o)
		}
	}
	return out
}

// shown is what a client was told last.
func shown(h *check.History, client, room, peer string) *check.Observation {
	all := told(h, client, room, peer)
	return all[len(all)-1]
}

// away takes out what a client was told.
func away(h *check.History, client string, event check.Event) {
	h.Observations = slices.DeleteFunc(h.Observations, func(o check.Observation) bool { return o.Client == client && o.Event == event })
}

// list is the nth page of readers.
func list(h *check.History, n int) *check.Operation {
	for i := range h.Operations {
		if o := &h.Operations[i]; o.Op == check.Readers {
			if n--; n == 0 {
				return o
			}
		}
	}
	panic("nobody read that")
}

func seatIn(h *check.History, room, user string) *check.StoredParticipant {
	for i := range h.Database.Participants {
		if p := &h.Database.Participants[i]; p.Conversation == room && p.User == user {
			return p
		}
	}
	panic("nobody is called " + user)
}

const smallRoom, largeRoom = "c1", "c2"

var readingPlants = []plant{
	{"a position of somebody else goes back", "I8", "went back from", func(h *check.History) {
		o := *shown(h, "ada", smallRoom, "bob")
		o.Seq, o.Message = 1, h.Database.Messages[0].Message
		h.Observations = append(h.Observations, o)
	}},
	{"a position is past the last message", "I8", "the last message is", func(h *check.History) { shown(h, "ada", smallRoom, "bob").Seq = 9 }},
	{"a position and its message do not agree", "I8", "its message at seq", func(h *check.History) { shown(h, "ada", smallRoom, "bob").Seq = 3 }},
	{"a position is where nobody read", "I8", "nobody moved it", func(h *check.History) {
		o := told(h, "ada", smallRoom, "bob")[2]
		o.Seq, o.Message = 2, h.Database.Messages[1].Message
	}},
	{"a flush moves a position on to what nobody read", "I8", "never read", func(h *check.History) {
		seatIn(h, largeRoom, "dan").ReadMessage = h.Database.Messages[len(h.Database.Messages)-1].Message
	}},
	{"a step is lost before it is written", "I8", "ended before", func(h *check.History) { seatIn(h, largeRoom, "bob").ReadSeq = 1 }},
	{"a retry is counted twice", "C6.1", "can have let anybody know", func(h *check.History) {
		for _, o := range told(h, "ada", largeRoom, "") {
			if len(o.Counts) > 0 && o.Counts[len(o.Counts)-1].Readers > 0 {
				o.Counts[len(o.Counts)-1].Readers++
				return
			}
		}
	}},
	{"older counts come late", "C6.1", "nobody left", func(h *check.History) {
		// Somebody's reading is told, and then the counts before it again.
		all := told(h, "bob", largeRoom, "")
		for i := 1; ; i++ {
			if n := len(all[i-1].Counts); n > 0 && n == len(all[i].Counts) && all[i].Counts[n-1].Readers > all[i-1].Counts[n-1].Readers {
				again := *all[i-1]
				again.At, again.Serial = all[i].At, all[i].Serial
				h.Observations = slices.Insert(h.Observations, index(h, all[i])+1, again)
				return
			}
		}
	}},
	{"older counts come last", "C6.1", "ended with", func(h *check.History) {
		all := told(h, "ada", largeRoom, "")
		all[len(all)-1].Counts = all[len(all)-4].Counts
	}},
	{"a message has no count", "C6.1", "without the readers", func(h *check.History) { shown(h, "ada", largeRoom, "").Counts = nil }},
	{"counts never come", "C6.1", "how many have read what", func(h *check.History) { away(h, "ada", check.ReadCounted) }},
	{"who reads in secret is counted", "C6.1", "can have let anybody know", func(h *check.History) {
		for _, o := range told(h, "bob", largeRoom, "") {
			if n := len(o.Counts); n == 3 && o.Counts[2].Readers == 2 && o.Counts[0].Readers == 1 {
				o.Counts[0].Readers, o.Counts[1].Readers = 2, 2
			}
		}
	}},
	{"a position never comes", "C6.3", "was not told that user", func(h *check.History) { away(h, "ada", check.ReadUpdated) }},
	{"an old position comes last", "C6.3", "ended with user bob at", func(h *check.History) {
		for _, o := range told(h, "ada", smallRoom, "bob") {
			if o.Seq > 3 {
				o.Seq, o.Message = 3, h.Database.Messages[2].Message
			}
		}
	}},
	{"nobody is told that somebody lets nobody know any more", "C6.3", "ended with user cyd at", func(h *check.History) {
		h.Observations = slices.DeleteFunc(h.Observations, func(o check.Observation) bool { return o.Event == check.ReadUpdated && o.Peer == "cyd" && o.Seq == 0 })
	}},
	{"a reader is listed twice", "C6.3", "twice", func(h *check.History) { p := list(h, 1); p.Readers = append(p.Readers, p.Readers...) }},
	{"a list has no order", "C6.3", "not in the order", func(h *check.History) { slices.Reverse(list(h, 3).Readers) }},
	{"the sender is listed", "C6.3", "names the sender", func(h *check.History) { list(h, 1).Readers[0].User = "ada" }},
	{"a reader is missing", "C6.3", "is missing from", func(h *check.History) {
		p := &h.Operations[len(h.Operations)-1]
		p.Readers = p.Readers[:1]
	}},
	{"somebody is listed who has not read it", "C6.3", "has not read", func(h *check.History) {
		p := &h.Operations[len(h.Operations)-1]
		p.Readers = append(p.Readers, check.Reader{User: "cyd", At: 9})
	}},
	{"a list counts otherwise than it lists", "C6.3", "says that they are", func(h *check.History) { h.Operations[len(h.Operations)-1].Count++ }},
	{"what is read in secret is shown", "C6.6", "was told what another read", func(h *check.History) {
		all := slices.DeleteFunc(told(h, "ada", smallRoom, "cyd"), func(o *check.Observation) bool { return o.Serial > secretly(h) })
		last := all[len(all)-1]
		last.Seq, last.Message = 3, h.Database.Messages[2].Message
	}},
	{"who reads in secret is listed", "C6.6", "lets nobody know", func(h *check.History) {
		p := list(h, 1)
		p.Readers = append(p.Readers, check.Reader{User: "cyd", At: 9})
	}},
}

// secretly is when Cyd has read something in secret.
func secretly(h *check.History) int64 {
	for i := range h.Operations {
		if o := &h.Operations[i]; o.Op == check.Readers {
			return o.Called
		}
	}
	panic("nobody read that")
}
