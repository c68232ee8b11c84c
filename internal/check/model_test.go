package check_test

import (
	"fmt"
	"maps"
	"slices"
	"time"

	"github.com/parley-chat/parley/client"
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
	limit   int    // of a page
	group   string // of the next clients
}

// room is a conversation.
type room struct {
	id       string
	title    string
	messages []client.Message // by seq
	rev      int64
	revised  int64 // the rev of the last change of the people or the title
	joined   []string
	seats    map[string]*check.StoredParticipant
	sent     map[string]int64 // by user, the seq of the last message
	keys     map[string]int64 // by key, which are unique, the seq
}

// person is one client: a live connection and whoever uses it.
type person struct {
	model   *model
	actor   check.Actor
	was     *check.Actor // the same, as the last record has it
	online  bool
	sockets int
	node    string
	// queue is what the server has written to the socket and the client has not taken yet.
	queue   []func()
	follows map[string]int64 // by room: complete up to; -1 is from now
	current map[string]bool  // subscribed on this socket
	caught  map[string]bool  // its catching up has begun on this socket
	asked   map[string]int   // how often it was subscribed: what came of an earlier one is passed over
	waiting []*sending
}

// sending is a send that the client has not seen answered.
type sending struct {
	op   check.Operation
	text string
}

func newModel(users ...string) *model {
	m := &model{limit: 2, history: check.History{Run: check.Run{Name: "model", Started: time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)}}}
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
	o.Result, o.End, o.Returned = r, m.now, m.next()
	m.history.Operations = append(m.history.Operations, o)
}

func (m *model) done(p *person, o check.Operation) { m.end(m.begin(p, o), check.OK) }

// is is who the client is at the moment.
func (p *person) is() *check.Actor {
	if p.was == nil || *p.was != p.actor {
		was := p.actor
		p.was = &was
	}
	return p.was
}

func (p *person) saw(o check.Observation) {
	p.model.tick()
	o.Actor, o.At, o.Serial = p.is(), p.model.now, p.model.next()
	p.model.history.Observations = append(p.model.history.Observations, o)
}

func (m *model) create(by *person, users ...string) *room {
	o := m.begin(by, check.Operation{Op: check.Create, People: users})
	r := &room{id: m.id("c"), title: "room", rev: 1, revised: 1, seats: map[string]*check.StoredParticipant{}, sent: map[string]int64{}, keys: map[string]int64{}}
	m.rooms = append(m.rooms, r)
	for _, u := range append([]string{by.actor.User}, users...) {
		r.seat(u)
	}
	o.Conversation, o.Rev, o.Roster = r.id, r.rev, check.RosterOf(r.shown())
	m.end(o, check.OK)
	for _, p := range m.people {
		if p.online && r.seats[p.actor.User] != nil {
			p.tell(check.Observation{Event: check.ConversationAdded, Conversation: r.id, Rev: 1, Roster: check.RosterOf(r.shown())})
		}
	}
	return r
}

func (r *room) seat(user string) {
	role := "member"
	if len(r.joined) == 0 {
		role = "owner"
	}
	if s := r.seats[user]; s != nil {
		s.LeftAt, s.Rev = 0, r.rev
	} else {
		r.seats[user] = &check.StoredParticipant{Conversation: r.id, User: user, Role: role, Rev: r.rev, JoinedAt: 1, ReadSeq: int64(len(r.messages)), HiddenSeq: -1}
	}
	r.joined = append(slices.DeleteFunc(r.joined, func(u string) bool { return u == user }), user)
}

func (r *room) in(user string) bool { return slices.Contains(r.joined, user) }

func (r *room) shown() client.Conversation {
	c := client.Conversation{ID: r.id, Type: "group", Title: &r.title, ParticipantCount: len(r.joined), LastSeq: int64(len(r.messages)), LastRev: r.rev}
	for _, u := range r.joined {
		c.Participants = append(c.Participants, client.Participant{User: client.User{ID: u}, Role: r.seats[u].Role})
	}
	return c
}

// tell queues an observation on the socket.
func (p *person) tell(o check.Observation) {
	p.queue = append(p.queue, func() {
		if o.Event == check.ConversationRemoved {
			delete(p.follows, o.Conversation)
			p.caught[o.Conversation] = false
		}
		p.saw(o)
	})
}

// take has the client take the next thing that the server wrote. It reports whether there was one.
func (p *person) take() bool {
	if len(p.queue) == 0 {
		return false
	}
	f := p.queue[0]
	p.queue = p.queue[1:]
	f()
	return true
}

// connect opens a socket, subscribes all that is followed and sends again what waits.
func (p *person) connect(node string) {
	if p.online {
		return
	}
	p.online, p.sockets = true, p.sockets+1
	p.actor.Session, p.actor.Node = fmt.Sprintf("%s-%d", p.actor.Client, p.sockets), node
	p.queue, p.current, p.caught = nil, map[string]bool{}, map[string]bool{}
	p.saw(check.Observation{Event: check.Online})
	for _, r := range p.model.rooms {
		if after, followed := p.follows[r.id]; followed {
			p.join(r, after)
		}
	}
	for _, s := range p.waiting {
		p.commit(s)
	}
}

// cut ends the socket. What was written to it is lost; what had been sent may have been stored.
func (p *person) cut() {
	if !p.online {
		return
	}
	p.online, p.queue, p.current = false, nil, map[string]bool{}
	p.saw(check.Observation{Event: check.Offline, Code: client.CodeNetwork})
	p.actor.Session, p.actor.Node = "", ""
}

func (p *person) subscribe(r *room, after int64) {
	if _, already := p.follows[r.id]; already {
		return
	}
	p.model.done(p, check.Operation{Op: check.Subscribe, Conversation: r.id, AfterRev: after})
	p.follows[r.id] = after
	if p.online {
		p.join(r, after)
	}
}

func (p *person) unsubscribe(r *room) {
	p.model.done(p, check.Operation{Op: check.Unsubscribe, Conversation: r.id})
	delete(p.follows, r.id)
	delete(p.current, r.id)
	p.caught[r.id] = false
	p.asked[r.id]++
}

// join is the server's answer to a subscribe: a difference of states (C3.3).
func (p *person) join(r *room, after int64) {
	if !r.in(p.actor.User) {
		p.queue = append(p.queue, func() {
			delete(p.follows, r.id)
			p.saw(check.Observation{Event: check.Failed, Message: r.id, Code: client.CodeNotInConversation})
		})
		return
	}
	p.current[r.id] = true
	head := r.rev
	if after < 0 {
		after = head
	}
	p.write(r, func() {
		if p.follows[r.id] < 0 {
			p.follows[r.id] = after
		}
		p.caught[r.id] = true
		p.saw(check.Observation{Event: check.CatchingUp, Conversation: r.id, AfterRev: p.follows[r.id], Rev: head})
	})
	for _, o := range r.since(after) {
		p.deliver(r, o, nil)
	}
	p.write(r, func() {
		p.follows[r.id] = max(p.follows[r.id], head)
		p.saw(check.Observation{Event: check.CaughtUp, Conversation: r.id, Rev: p.follows[r.id]})
	})
}

// write queues what belongs to a subscription.
func (p *person) write(r *room, f func()) {
	asked := p.asked[r.id]
	p.queue = append(p.queue, func() {
		if _, followed := p.follows[r.id]; followed && asked == p.asked[r.id] {
			f()
		}
	})
}

// since is what changed past a rev, in its order.
func (r *room) since(after int64) []check.Observation {
	var out []check.Observation
	for _, m := range r.messages {
		if m.Rev > after {
			out = append(out, messageSeen(m))
		}
	}
	if r.revised > after {
		out = append(out, r.revision())
	}
	slices.SortFunc(out, func(a, b check.Observation) int { return int(a.Rev - b.Rev) })
	return out
}

func (r *room) revision() check.Observation {
	o := check.Observation{Event: check.ConversationUpdated, Conversation: r.id, Rev: r.rev, Roster: check.RosterOf(r.shown())}
	o.Rev = r.revised
	return o
}

func messageSeen(m client.Message) check.Observation {
	e := check.EntryOf(m)
	o := check.Observation{
		Event: check.MessageReceived, Conversation: m.ConversationID, Message: e.Message, Peer: e.Sender, Key: e.Key, Seq: e.Seq, Rev: e.Rev,
		CreatedAt: e.CreatedAt, Body: e.Body, Whole: e.Whole, Edited: e.Edited, Deleted: e.Deleted,
	}
	switch {
	case e.Deleted:
		o.Event = check.MessageDeleted
	case e.Edited:
		o.Event = check.MessageUpdated
	}
	return o
}

// deliver queues a change for a client that follows; s is its own send that it confirms. A client hands
// over only what it has not had.
func (p *person) deliver(r *room, o check.Observation, s *sending) {
	if s != nil {
		o.Own = true
		p.queue = append(p.queue, func() { p.answer(s, o) })
	}
	p.queue = append(p.queue, func() {
		at, followed := p.follows[r.id]
		switch {
		case !followed && s == nil:
			p.saw(o) // it was on its way when the client unsubscribed
		case p.caught[r.id] && o.Rev > at:
			p.follows[r.id] = o.Rev
			p.saw(o)
		}
	})
}

// answer ends a send.
func (p *person) answer(s *sending, o check.Observation) {
	i := slices.Index(p.waiting, s)
	if i < 0 {
		return
	}
	p.waiting = slices.Delete(p.waiting, i, i+1)
	s.op.Message, s.op.Seq, s.op.Rev, s.op.CreatedAt = o.Message, o.Seq, o.Rev, o.CreatedAt
	p.model.end(s.op, check.OK)
}

// changed announces a change to all who follow, and its activity to all who do not.
func (m *model) changed(r *room, o check.Observation, by *person, s *sending) {
	for _, p := range m.people {
		if !p.online || !r.in(p.actor.User) {
			continue
		}
		switch {
		case p == by && s != nil:
			p.deliver(r, o, s)
		case p.current[r.id]:
			p.deliver(r, o, nil)
		}
		if !p.current[r.id] {
			p.activity(r)
		}
	}
}

func (p *person) activity(r *room) {
	if len(r.messages) == 0 {
		return
	}
	last := r.messages[len(r.messages)-1]
	p.tell(check.Observation{
		Event: check.ConversationActivity, Conversation: r.id, Seq: last.Seq, Peer: last.SenderID, CreatedAt: last.CreatedAt.UnixMicro(),
		Body: check.DigestOf(last.Content), Unread: r.unread(p.actor.User),
	})
}

func (r *room) readUpTo(user string) int64 {
	return max(r.seats[user].ReadSeq, r.sent[user])
}

func (r *room) unread(user string) (n int64) {
	for _, m := range r.messages[r.readUpTo(user):] {
		if m.DeletedAt == nil {
			n++
		}
	}
	return n
}

// send begins a send and, when there is a socket, has it stored.
func (p *person) send(r *room, text string) *sending {
	s := &sending{text: text, op: p.model.begin(p, check.Operation{Op: check.Send, Conversation: r.id, Key: p.model.id("k"), Body: check.DigestOf(text)})}
	p.waiting = append(p.waiting, s)
	if p.online {
		p.commit(s)
	}
	return s
}

// giveUp ends a send without an answer; retry makes it again.
func (p *person) giveUp(s *sending) {
	if i := slices.Index(p.waiting, s); i >= 0 {
		p.waiting = slices.Delete(p.waiting, i, i+1)
		p.model.end(s.op, check.Info)
	}
}

func (p *person) retry(s *sending) *sending {
	again := &sending{text: s.text, op: p.model.begin(p, check.Operation{Op: check.Send, Conversation: s.op.Conversation, Key: s.op.Key, Body: s.op.Body})}
	p.waiting = append(p.waiting, again)
	if p.online {
		p.commit(again)
	}
	return again
}

// commit stores a send once, and answers it in any case.
func (p *person) commit(s *sending) {
	r := p.model.room(s.op.Conversation)
	if seq := r.keys[s.op.Key]; seq > 0 {
		o := messageSeen(r.messages[seq-1])
		p.queue = append(p.queue, func() { p.answer(s, o) })
		return
	}
	if !r.in(p.actor.User) {
		p.queue = append(p.queue, func() {
			if i := slices.Index(p.waiting, s); i >= 0 {
				p.waiting = slices.Delete(p.waiting, i, i+1)
				s.op.Code = client.CodeNotInConversation
				p.model.end(s.op, check.Fail)
			}
		})
		return
	}
	p.model.tick()
	r.rev++
	at := p.model.at()
	r.messages = append(r.messages, client.Message{
		ID: p.model.id("m"), ConversationID: r.id, SenderID: p.actor.User, Seq: int64(len(r.messages) + 1), Rev: r.rev, Content: s.text,
		ContentType: "text", ClientMessageID: s.op.Key, CreatedAt: at, UpdatedAt: at,
	})
	r.sent[p.actor.User], r.keys[s.op.Key] = int64(len(r.messages)), int64(len(r.messages))
	p.model.changed(r, messageSeen(r.messages[len(r.messages)-1]), p, s)
}

func (m *model) room(id string) *room {
	for _, r := range m.rooms {
		if r.id == id {
			return r
		}
	}
	return nil
}

// edit and remove change a message over REST.
func (p *person) edit(r *room, seq int64, text string) {
	m := &r.messages[seq-1]
	o := p.model.begin(p, check.Operation{Op: check.Edit, Conversation: r.id, Message: m.ID, Body: check.DigestOf(text)})
	if m.DeletedAt != nil || m.SenderID != p.actor.User || !r.in(p.actor.User) {
		p.model.end(o, check.Fail)
		return
	}
	r.rev++
	at := p.model.at()
	m.Content, m.Rev, m.EditedAt, m.UpdatedAt = text, r.rev, &at, at
	e := check.EntryOf(*m)
	o.Seq, o.Rev, o.CreatedAt, o.Whole = e.Seq, e.Rev, e.CreatedAt, e.Whole
	p.model.changed(r, messageSeen(*m), nil, nil)
	p.model.end(o, check.OK)
}

func (p *person) delete(r *room, seq int64) {
	m := &r.messages[seq-1]
	o := p.model.begin(p, check.Operation{Op: check.Delete, Conversation: r.id, Message: m.ID})
	if m.SenderID != p.actor.User || !r.in(p.actor.User) {
		p.model.end(o, check.Fail)
		return
	}
	if m.DeletedAt == nil {
		r.rev++
		at := p.model.at()
		m.Content, m.Rev, m.DeletedAt, m.UpdatedAt = "", r.rev, &at, at
		p.model.changed(r, messageSeen(*m), nil, nil)
	}
	p.model.end(o, check.OK)
}

// add and remove change who is in a room.
func (p *person) add(r *room, user string) {
	if r.in(user) || !r.in(p.actor.User) {
		return
	}
	o := p.model.begin(p, check.Operation{Op: check.Add, Conversation: r.id, People: []string{user}})
	r.rev++
	r.revised = r.rev
	r.seat(user)
	for _, q := range p.model.people {
		if q.online && q.actor.User == user {
			q.tell(check.Observation{Event: check.ConversationAdded, Conversation: r.id, Rev: r.rev, Roster: check.RosterOf(r.shown()), Unread: r.unread(user)})
		}
	}
	p.model.changed(r, r.revision(), nil, nil)
	o.Rev, o.Roster = r.rev, check.RosterOf(r.shown())
	p.model.end(o, check.OK)
}

func (p *person) remove(r *room, user string) {
	if !r.in(user) || !r.in(p.actor.User) || user == p.actor.User {
		return
	}
	o := p.model.begin(p, check.Operation{Op: check.Remove, Conversation: r.id, People: []string{user}})
	r.rev++
	r.revised = r.rev
	r.joined = slices.DeleteFunc(r.joined, func(u string) bool { return u == user })
	r.seats[user].LeftAt, r.seats[user].Rev = 1, r.rev
	for _, q := range p.model.people {
		if q.online && q.actor.User == user {
			delete(q.current, r.id)
			q.tell(check.Observation{Event: check.ConversationRemoved, Conversation: r.id, Code: "removed"})
		}
	}
	p.model.changed(r, r.revision(), nil, nil)
	p.model.end(o, check.OK)
}

func (p *person) markRead(r *room, seq int64) {
	m := r.messages[seq-1]
	o := p.model.begin(p, check.Operation{Op: check.MarkRead, Conversation: r.id, Message: m.ID})
	if !r.in(p.actor.User) {
		p.model.end(o, check.Fail)
		return
	}
	s := r.seats[p.actor.User]
	s.ReadSeq = max(s.ReadSeq, seq)
	at := r.readUpTo(p.actor.User)
	o.ReadMessage, o.Unread = r.messages[at-1].ID, r.unread(p.actor.User)
	for _, q := range p.model.people {
		if q.online && q.actor.User == p.actor.User {
			q.tell(check.Observation{Event: check.ReadSynced, Conversation: r.id, Message: o.ReadMessage, Unread: o.Unread})
		}
	}
	p.model.end(o, check.OK)
}

func (p *person) list() {
	o := p.model.begin(p, check.Operation{Op: check.List, Last: true})
	for _, r := range p.model.rooms {
		if !r.in(p.actor.User) {
			continue
		}
		l := check.Listed{
			Conversation: r.id, LastSeq: int64(len(r.messages)), LastRev: r.rev, Unread: r.unread(p.actor.User), ReadSeq: r.readUpTo(p.actor.User),
			Roster: check.RosterOf(r.shown()),
		}
		if n := len(r.messages); n > 0 {
			e := check.EntryOf(r.messages[n-1])
			l.LastMessage = &e
		}
		o.Conversations = append(o.Conversations, l)
	}
	p.model.end(o, check.OK)
}

// reading is a traversal under way.
type reading struct {
	name  string
	room  *room
	newer bool
	from  int64 // the seq that the next page begins after
	ended bool
}

func (p *person) traverse(r *room, newer bool) *reading {
	t := &reading{name: p.model.id("t"), room: r, newer: newer}
	if !newer {
		t.from = 1 << 40
	}
	return t
}

// page reads the next two messages.
func (p *person) page(t *reading) {
	o := p.model.begin(p, check.Operation{Op: check.Page, Conversation: t.room.id, Traversal: t.name, Newer: t.newer})
	if !t.room.in(p.actor.User) {
		t.ended = true
		p.model.end(o, check.Fail)
		return
	}
	end, step := int64(len(t.room.messages)), int64(1)
	if !t.newer {
		end, step, t.from = 1, -1, min(t.from, end+1)
	}
	for n := 0; n < p.model.limit && t.from != end && len(t.room.messages) > 0; n++ {
		t.from += step
		o.Entries = append(o.Entries, check.EntryOf(t.room.messages[t.from-1]))
	}
	o.Last = t.from == end || len(t.room.messages) == 0
	t.ended = o.Last
	p.model.end(o, check.OK)
}

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
	m.now += 40 * time.Second
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
			db.Participants = append(db.Participants, *r.seats[u])
		}
		for _, msg := range r.messages {
			db.Messages = append(db.Messages, check.StoredMessage{Conversation: r.id, Entry: check.EntryOf(msg)})
		}
	}
	return db
}
