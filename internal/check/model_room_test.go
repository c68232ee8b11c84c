package check_test

import (
	"slices"

	"github.com/parley-chat/parley/client"
	"github.com/parley-chat/parley/internal/check"
)

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
	m.receiptsChanged(r)
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
