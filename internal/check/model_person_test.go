package check_test

import (
	"fmt"
	"slices"

	"github.com/parley-chat/parley/client"
	"github.com/parley-chat/parley/internal/check"
)

// person is one client: a live connection and whoever uses it.
type person struct {
	model   *model
	actor   check.Actor
	was     *check.Actor // the same, as the last record has it
	online  bool
	left    bool // wants no connection
	sockets int
	node    string
	// queue is what the server has written to the socket and the client has not taken yet.
	queue   []func()
	follows map[string]int64 // by room: complete up to; -1 is from now
	current map[string]bool  // subscribed on this socket
	caught  map[string]bool  // its catching up has begun on this socket
	asked   map[string]int   // how often it was subscribed: what came of an earlier one is passed over
	waiting []*sending
	told    map[string]check.Presence // on this socket, by user
}

// sending is a send that the client has not seen answered.
type sending struct {
	op   check.Operation
	text string
}

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
	if p.left {
		p.left = false
		p.model.done(p, check.Operation{Op: check.Connect})
	}
	p.online, p.sockets = true, p.sockets+1
	p.actor.Session, p.actor.Node = fmt.Sprintf("%s-%d", p.actor.Client, p.sockets), node
	p.queue, p.current, p.caught = nil, map[string]bool{}, map[string]bool{}
	p.saw(check.Observation{Event: check.Online})
	p.comes()
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
	p.goes()
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
	p.showReceipts(r)
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

func (p *person) markRead(r *room, seq int64) {
	m := r.messages[seq-1]
	o := p.model.begin(p, check.Operation{Op: check.MarkRead, Conversation: r.id, Message: m.ID})
	if !r.in(p.actor.User) {
		p.model.end(o, check.Fail)
		return
	}
	s := r.seats[p.actor.User]
	if seq > s.ReadSeq {
		s.ReadSeq, s.ReadMessage = seq, m.ID
	}
	at := r.readUpTo(p.actor.User)
	o.ReadMessage, o.Unread = r.messages[at-1].ID, r.unread(p.actor.User)
	for _, q := range p.model.people {
		if q.online && q.actor.User == p.actor.User {
			q.tell(check.Observation{Event: check.ReadSynced, Conversation: r.id, Message: o.ReadMessage, Unread: o.Unread})
		}
	}
	p.model.receiptsChanged(r)
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
