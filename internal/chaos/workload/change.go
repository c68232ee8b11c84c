package workload

import (
	"context"
	"errors"
	"fmt"
	"slices"

	"github.com/parley-chat/parley/client"
	"github.com/parley-chat/parley/internal/check"
)

// edit changes an own message, over either way.
func (p *person) edit(ctx context.Context) {
	d, is := p.recall(true)
	if !is {
		return
	}
	text := fmt.Sprintf("%s edited %x ✎", d.ClientMessageID, p.random.Uint64())
	if p.random.IntN(3) == 0 {
		p.EditLive(d.ConversationID, d.message, text)
		return
	}
	_, _ = p.Edit(ctx, d.ConversationID, d.message, text)
}

// delete deletes an own message, over either way.
func (p *person) delete(ctx context.Context) {
	d, is := p.recall(true)
	if !is {
		return
	}
	if p.random.IntN(3) == 0 {
		p.DeleteLive(d.ConversationID, d.message)
		return
	}
	_ = p.Delete(ctx, d.ConversationID, d.message)
}

// read moves the own read position to the newest message seen, or asks for one that lies behind it, as a
// device does that is late.
func (p *person) read(ctx context.Context, r *room) {
	p.mu.Lock()
	seen := slices.Clone(p.last[r.id])
	p.mu.Unlock()
	if len(seen) == 0 {
		return
	}
	message := seen[len(seen)-1]
	if p.random.IntN(3) == 0 {
		message = seen[p.random.IntN(len(seen))]
	}
	if p.random.IntN(2) == 0 {
		p.MarkReadLive(r.id, message)
		return
	}
	_, _ = p.MarkRead(ctx, r.id, message)
}

// readTwice reads the same over both ways at once, as two devices do, or one that has lost its answer.
func (p *person) readTwice(ctx context.Context, r *room) {
	if message := p.newest(r); message != "" {
		p.MarkReadLive(r.id, message)
		_, _ = p.MarkRead(ctx, r.id, message)
	}
}

// whoRead lists who has read a message, in small pages.
func (p *person) whoRead(ctx context.Context, r *room) {
	if message := p.newest(r); message != "" {
		_ = p.Readers(ctx, r.id, message, 1+p.random.IntN(10))
	}
}

// newest is the newest message that was seen in a conversation; "" for none.
func (p *person) newest(r *room) string {
	p.mu.Lock()
	defer p.mu.Unlock()
	seen := p.last[r.id]
	if len(seen) == 0 {
		return ""
	}
	return seen[len(seen)-1]
}

// page reads a conversation from one end to the other while others write in it. The longest ones are read
// seldom.
func (p *person) page(ctx context.Context, rooms []*room) {
	r := rooms[p.random.IntN(len(rooms))]
	if (r.kind == hot || r.kind == big) && p.random.IntN(10) > 0 {
		return
	}
	_, _ = p.Traverse(ctx, r.id, p.random.IntN(2) == 0, 20+p.random.IntN(81))
}

// follow stops following a conversation and follows it again: a short one from the beginning, a long one
// from where it was.
func (p *person) follow(r *room) {
	from := int64(0)
	if r.kind == hot || r.kind == big {
		p.note(func() { from = p.revs[r.id] })
	}
	p.Unsubscribe(r.id)
	p.subscribe(r.id, from)
}

// openBrief opens a conversation that will be ended.
func (p *person) openBrief(ctx context.Context) {
	people := []*person{p}
	seen := map[string]bool{p.user.ID: true}
	for range 1 + p.random.IntN(4) {
		if q := p.w.people[p.random.IntN(p.w.cfg.Clients)]; !seen[q.user.ID] {
			seen[q.user.ID] = true
			people = append(people, q)
		}
	}
	k := brief
	if len(people) == 2 && p.random.IntN(2) == 0 {
		k = direct
	} else if len(people) < 2 {
		return
	}
	_, _ = p.w.openRoom(ctx, k, "brief", people)
}

// moveOn changes who is in conversations, and what they are called.
func (p *person) moveOn(ctx context.Context) {
	if led := p.w.roomsLed(p, brief); len(led) > 0 && p.random.IntN(2) == 0 {
		r := led[p.random.IntN(len(led))]
		if err := p.Drop(ctx, r.id); check.ResultOf(check.Drop, err) != check.Fail {
			p.w.end(r)
		}
		return
	}
	r, is := p.w.anyRoom(moving, p.random.IntN(1<<20))
	switch {
	case !is:
	case p.w.isIn(r, p) && r.owner.user.ID != p.user.ID && p.random.IntN(6) == 0:
		if p.Leave(ctx, r.id) == nil {
			p.w.move(r, p.user.ID, false)
		}
	default:
		p.lead(ctx, r)
	}
}

// lead has the owner of a group do what owners do.
func (p *person) lead(ctx context.Context, r *room) {
	members, others := p.w.members(r, false), p.w.members(r, true)
	switch n := p.random.IntN(10); {
	case n < 2:
		_, _ = r.owner.Rename(ctx, r.id, fmt.Sprintf("title %x", p.random.Uint32()))
	case n < 3 && len(members) > 0:
		_ = r.owner.ChangeRole(ctx, r.id, members[p.random.IntN(len(members))].user.ID, []string{"admin", "member"}[p.random.IntN(2)])
	case n < 6 && len(members) > 1:
		q := members[p.random.IntN(len(members))]
		for range p.random.IntN(4) {
			// What is on its way from somebody who is taken out is either before that or refused.
			q.SendAsync(p.draft(r), func(client.Sent, error) {})
		}
		if err := r.owner.Remove(ctx, r.id, q.user.ID); done(err) {
			p.w.move(r, q.user.ID, false)
			q.SendAsync(p.draft(r), func(client.Sent, error) {})
		}
	case len(others) > 0:
		q := others[p.random.IntN(len(others))]
		if _, err := r.owner.Add(ctx, r.id, q.user.ID); done(err) {
			p.w.move(r, q.user.ID, true)
		}
	}
}

// done reports whether something was done, as far as that can be known: a lost answer counts, and who is
// out already is out.
func done(err error) bool {
	var e *client.Error
	return err == nil || errors.As(err, &e) && (e.Code == client.CodeNotFound || e.Code == client.CodeConflict)
}
