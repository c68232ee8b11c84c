package check_test

import (
	"fmt"
	"maps"
	"slices"
	"time"

	"github.com/parley-chat/parley/internal/check"
)

// model is a chat server of a few lines that does everything right, and its clients. It writes the history
// of what happens to it. Time and the order of everything are the test's.
type model struct {
	history check.History
	serial  int64
	now     time.Duration
	ids     int
	rooms   []*room
	people  []*person
	limit   int             // of a page
	large   int             // how many people make a room large
	secret  map[string]bool // who lets nobody know what they read
	group   string          // of the next clients
	// presence is who is there; nil for a server that tells nothing of it.
	presence *presences
}

func newModel(users ...string) *model {
	m := &model{limit: 2, large: 10, secret: map[string]bool{}, history: check.History{Run: check.Run{Name: "model", Started: time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)}}}
	for _, u := range users {
		m.client(u, u)
	}
	return m
}

// client adds a client of a user.
func (m *model) client(name, user string) *person {
	p := &person{model: m, actor: check.Actor{Client: name, Group: m.group, User: user}, follows: map[string]int64{}, current: map[string]bool{}, caught: map[string]bool{}, asked: map[string]int{}}
	m.people = append(m.people, p)
	m.done(p, check.Operation{Op: check.Connect})
	return p
}

func (m *model) tick() { m.now += time.Millisecond }

func (m *model) next() int64 { m.serial++; return m.serial }

func (m *model) id(kind string) string {
	m.ids++
	return fmt.Sprintf("%s%d", kind, m.ids)
}

func (m *model) at() time.Time { return m.history.Run.Started.Add(m.now) }

// begin and end note an operation; done notes one that is answered at once.
func (m *model) begin(p *person, o check.Operation) check.Operation {
	m.tick()
	o.Actor, o.Begin, o.Called = p.is(), m.now, m.next()
	return o
}

func (m *model) end(o check.Operation, r check.Result) {
	m.tick()
	m.tellPresence()
	o.Result, o.End, o.Returned = r, m.now, m.next()
	m.history.Operations = append(m.history.Operations, o)
}

func (m *model) done(p *person, o check.Operation) { m.end(m.begin(p, o), check.OK) }

// fault breaks something for as long as during takes.
func (m *model) fault(kind string, during func()) {
	m.tick()
	f := check.Fault{Kind: kind, Target: "node-1", From: m.now}
	during()
	m.tick()
	f.To = m.now
	m.history.Run.Healed = m.now
	m.history.Faults = append(m.history.Faults, f)
}

// settle lets everything come to rest, reads everything once more and returns the history.
func (m *model) settle() *check.History {
	for range 2 {
		for _, p := range m.people {
			p.connect("node-1")
			for p.take() {
			}
		}
	}
	for _, p := range m.people {
		for len(p.waiting) > 0 {
			p.giveUp(p.waiting[0])
		}
	}
	m.pass(41 * time.Second)
	m.history.Run.Settled = m.now
	for _, p := range m.people {
		p.list()
		for _, r := range m.rooms {
			for _, newer := range []bool{true, false} {
				t := p.traverse(r, newer)
				for !t.ended {
					p.page(t)
				}
			}
		}
	}
	m.tick()
	m.history.Run.Ended = m.now
	m.history.Database = m.database()
	return &m.history
}

func (m *model) database() *check.Database {
	db := &check.Database{}
	for _, r := range m.rooms {
		roster := check.RosterOf(r.shown())
		roster.Rev = r.revised
		db.Conversations = append(db.Conversations, check.StoredConversation{
			ID: r.id, Type: "group", LastSeq: int64(len(r.messages)), LastRev: r.rev, RosterRev: r.revised, Roster: roster,
		})
		for _, u := range slices.Sorted(maps.Keys(r.seats)) {
			seat := *r.seats[u]
			seat.Shows = !m.secret[u]
			db.Participants = append(db.Participants, seat)
		}
		for _, msg := range r.messages {
			db.Messages = append(db.Messages, check.StoredMessage{Conversation: r.id, Entry: check.EntryOf(msg)})
		}
	}
	return db
}
