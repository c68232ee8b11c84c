package check_test

import (
	"slices"

	"github.com/parley-chat/parley/internal/check"
)

// shownAt is how far others may know that somebody has read in a room.
func (m *model) shownAt(r *room, user string) int64 {
	if m.secret[user] {
		return 0
	}
	at := r.sent[user]
	if s := r.seats[user]; s.ReadMessage != "" {
		at = max(at, s.ReadSeq)
	}
	return at
}

// receiptsChanged shows everybody who follows a room who has read what.
func (m *model) receiptsChanged(r *room) {
	for _, p := range m.people {
		if p.online && p.current[r.id] {
			p.showReceipts(r)
		}
	}
}

// showReceipts shows the positions of everybody else, or counts.
func (p *person) showReceipts(r *room) {
	if len(r.joined) >= p.model.large {
		o := check.Observation{Event: check.ReadCounted, Conversation: r.id}
		for i := len(r.messages) - 1; i >= max(0, len(r.messages)-50); i-- {
			o.Counts = append(o.Counts, check.Count{Message: r.messages[i].ID, Readers: int64(len(p.model.readers(r, int64(i+1))))})
		}
		p.tell(o)
		return
	}
	for _, u := range r.joined {
		if u == p.actor.User {
			continue
		}
		o := check.Observation{Event: check.ReadUpdated, Conversation: r.id, Peer: u, Seq: p.model.shownAt(r, u)}
		if o.Seq > 0 {
			o.Message = r.messages[o.Seq-1].ID
		}
		p.tell(o)
	}
}

func (m *model) readers(r *room, seq int64) (out []string) {
	for _, u := range r.joined {
		if u != r.messages[seq-1].SenderID && m.shownAt(r, u) >= seq {
			out = append(out, u)
		}
	}
	slices.Sort(out)
	return out
}

// letKnow has others know what a person reads, or not.
func (p *person) letKnow(on bool) {
	o := p.model.begin(p, check.Operation{Op: check.Privacy, On: on})
	if p.model.secret[p.actor.User] == on {
		p.model.secret[p.actor.User] = !on
		for _, r := range p.model.rooms {
			if r.in(p.actor.User) {
				p.model.receiptsChanged(r)
			}
		}
	}
	p.model.end(o, check.OK)
}

// whoRead lists the readers of a message, two a page.
func (p *person) whoRead(r *room, seq int64) {
	name := p.model.id("t")
	for from, ended := 0, false; !ended; {
		o := p.model.begin(p, check.Operation{Op: check.Readers, Conversation: r.id, Message: r.messages[seq-1].ID, Traversal: name})
		if !r.in(p.actor.User) {
			p.model.end(o, check.Fail)
			return
		}
		all := p.model.readers(r, seq)
		to := min(from+2, len(all))
		for i, u := range all[from:to] {
			o.Readers = append(o.Readers, check.Reader{User: u, At: int64(from + i + 1)})
		}
		ended = to == len(all)
		from, o.Count, o.Last = to, int64(len(all)), ended
		p.model.end(o, check.OK)
	}
}
