package check

import (
	"maps"
	"slices"
)

// held is what a client holds of who has read what in one conversation: the furthest position of everybody else that it was
// told of since they last let nobody know, and the newest counts (C6.3).
type held struct {
	positions map[string]*Observation
	counts    *Observation
}

// holds folds what a client was told up to the moment from which on everything is final. Positions are kept over all of
// its sockets, as clients do so that nothing flickers.
func (x *index) holds(s *stream) map[*conversation]*held {
	out := make(map[*conversation]*held)
	for _, o := range s.saw {
		if o.At > x.h.Run.Settled {
			break
		}
		switch o.Event {
		case Online:
			for _, h := range out {
				h.counts = nil
			}
		case ConversationRemoved:
			delete(out, x.conversation(o.Conversation))
		case CatchingUp:
			if o.AfterRev == 0 {
				// It begins anew and knows nothing.
				delete(out, x.conversation(o.Conversation))
			}
		case ReadUpdated, ReadCounted:
			c := x.conversation(o.Conversation)
			if out[c] == nil {
				out[c] = &held{positions: make(map[string]*Observation)}
			}
			out[c].take(o)
		}
	}
	return out
}

func (h *held) take(o *Observation) {
	switch before := h.positions[o.Peer]; {
	case o.Event == ReadCounted:
		h.counts = o
	case o.Seq == 0:
		delete(h.positions, o.Peer)
	case before == nil || before.Seq < o.Seq:
		h.positions[o.Peer] = o
	}
}

// shownAsStored: when all is settled, what those who follow a small conversation were told of everybody else's reading is
// what is stored (C6.3, C6.6).
func shownAsStored(x *index, f *finding) {
	x.whileLive(func(s *stream, c *conversation, h *held) {
		if c.in() >= x.b.Large {
			return
		}
		for _, user := range slices.Sorted(maps.Keys(c.people)) {
			m := c.people[user]
			if m.row == nil || m.row.LeftAt != 0 || user == s.user() || x.keepsBack(c, user) {
				continue
			}
			f.Checked++
			told, want := h.positions[user], c.shownAt(m)
			stands := said("stored: user %s has read up to seq %d as others may know; client %s follows", user, want, s.client)
			switch {
			case told == nil && want > 0:
				f.violated(x, c, []source{stands, saw(s.last[c].began)}, "a client that follows was not told that user %s has read up to seq %d", user, want)
			case told != nil && told.Seq != want:
				f.violated(x, c, []source{stands, saw(told)}, "a client ended with user %s at seq %d", user, told.Seq)
			}
		}
	})
	x.readings(f, listedAsStored)
}

// whileLive visits what each client held of each conversation that it followed live when all had settled.
func (x *index) whileLive(visit func(*stream, *conversation, *held)) {
	if x.h.Run.Settled == 0 || x.partial {
		return
	}
	for _, s := range x.streams {
		holds := x.holds(s)
		for _, c := range x.ordered {
			w := s.last[c]
			if w == nil || !w.live || c.stored == nil || c.stored.Ended || !c.has(s.user()) {
				continue
			}
			h := holds[c]
			if h == nil {
				h = &held{}
			}
			visit(s, c, h)
		}
	}
}

func (c *conversation) has(user string) bool {
	m := c.people[user]
	return m != nil && m.row != nil && m.row.LeftAt == 0
}

// user is who the client is.
func (s *stream) user() string {
	for _, o := range s.did {
		if o.User != "" {
			return o.User
		}
	}
	for _, o := range s.saw {
		if o.User != "" {
			return o.User
		}
	}
	return ""
}

// shownForward: what one client is told of somebody else's read position never goes back but to nothing, is never past the
// last message, and is a place to which they moved it (C6.1).
func shownForward(x *index, f *finding, s *stream) {
	last := make(map[showing]*Observation)
	for _, o := range s.saw {
		if o.Event != ReadUpdated {
			continue
		}
		f.Checked++
		c := x.conversation(o.Conversation)
		at := showing{o.Conversation, o.Peer}
		before, m := last[at], c.messages[o.Message]
		last[at] = o
		switch {
		case o.Seq == 0:
			delete(last, at)
		case c.stored != nil && o.Seq > c.stored.LastSeq:
			f.violated(x, c, []source{saw(o)}, "a read position is at seq %d; the last message is at seq %d", o.Seq, c.stored.LastSeq)
		case m != nil && m.Seq != o.Seq:
			f.violated(x, c, []source{m.first, saw(o)}, "a read position is at seq %d, and its message at seq %d", o.Seq, m.Seq)
		case before != nil && o.Seq < before.Seq:
			f.violated(x, c, []source{saw(before), saw(o)}, "a client was told that somebody else's read position went back from seq %d to seq %d", before.Seq, o.Seq)
		case c.created != nil && !slices.ContainsFunc(c.reaches[o.Peer], func(r reach) bool { return r.seq == o.Seq && r.called < o.Serial }):
			f.violated(x, c, []source{saw(o)}, "a read position is where nobody moved it")
		}
	}
}

// secretsKept: what somebody read while they let nobody know is told to nobody, in no event and no list (C6.6).
func secretsKept(x *index, f *finding) {
	for _, s := range x.streams {
		for _, o := range s.saw {
			if o.Event == ReadUpdated && o.Seq > 0 {
				f.Checked++
				c := x.conversation(o.Conversation)
				if betrayed := x.betrayal(c, o.Peer, o.Seq, o.Serial, func(seq int64) bool { return seq == o.Seq }); betrayed != nil {
					f.violated(x, c, append(betrayed, saw(o)), "somebody was told what another read who lets nobody know")
				}
			}
		}
	}
	x.readings(f, listedSecretly)
}

// betrayal returns what shows that a position can only come of what a person read in secret: all that took them to such
// a place was done while they let nobody know, and they still do at the serial given.
func (x *index) betrayal(c *conversation, user string, seq, at int64, to func(seq int64) bool) []source {
	var out []source
	for _, r := range c.reaches[user] {
		if r.called > at || !to(r.seq) {
			continue
		}
		s := x.hides(user, r.called, at)
		if s == nil {
			return nil
		}
		out = []source{did(s.off), did(r.from)}
	}
	return out
}
