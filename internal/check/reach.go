package check

import (
	"cmp"
	"math"
	"slices"
)

// reach is an operation that took its person's read position to a message, or may have: a reading, or a message of
// their own (C6.5).
type reach struct {
	called int64
	seq    int64
	from   *Operation
}

// secret is when somebody let nobody know what they read, for sure: from the answer to their switching it off to the call of
// their next switching it on, in serials.
type secret struct {
	from, to int64
	off      *Operation
}

// settleReaches finds how far everybody may have read, and when they let nobody know.
func (x *index) settleReaches() {
	x.secrets = make(map[string][]secret)
	x.switches = make(map[string][]*Operation)
	for i := range x.h.Operations {
		o := &x.h.Operations[i]
		switch {
		case o.Op == Privacy && o.Result != Fail:
			x.switches[o.User] = append(x.switches[o.User], o)
		case o.Op == MarkRead && o.Result != Fail, o.Op == Send:
			// A send that was refused in the end may have been stored by an earlier try.
			c := x.conversation(o.Conversation)
			if seq := c.reachOf(o); seq > 0 {
				c.reaches[o.User] = append(c.reaches[o.User], reach{o.Called, seq, o})
			}
		}
	}
	for _, c := range x.conversations {
		for _, some := range c.reaches {
			slices.SortFunc(some, func(a, b reach) int { return cmp.Compare(a.called, b.called) })
		}
	}
	for user, some := range x.switches {
		slices.SortFunc(some, byCall)
		x.secrets[user] = secretsOf(some)
	}
}

// reachOf is the seq to which an operation moves a read position; 0 when that is not known.
func (c *conversation) reachOf(o *Operation) int64 {
	if o.Op == Send {
		if o.Result == OK {
			return o.Seq
		}
		if d := c.byKey[draftKey{o.User, o.Key}]; d != nil && d.row != nil {
			return d.row.Seq
		}
		return 0
	}
	if m := c.messages[o.Message]; m != nil {
		return m.Seq
	}
	return 0
}

func secretsOf(switches []*Operation) []secret {
	var out []secret
	for _, off := range switches {
		if off.On || off.Result != OK {
			continue
		}
		s := secret{from: off.Returned, to: math.MaxInt64, off: off}
		for _, on := range switches {
			switch {
			case !on.On:
			case on.Called > off.Returned:
				s.to = min(s.to, on.Called)
			case on.mayFollow(off):
				// Which of the two came last is not known.
				s.to = s.from
			}
		}
		if s.to > s.from {
			out = append(out, s)
		}
	}
	return out
}

// hides returns the secret that what a person did at a serial falls into and that lasts at another; nil when others may
// know of it.
func (x *index) hides(user string, did, at int64) *secret {
	for i := range x.secrets[user] {
		if s := &x.secrets[user][i]; s.from < did && at < s.to {
			return s
		}
	}
	return nil
}

// mayBeAt is how far others may be told at a serial that a person has read.
func (x *index) mayBeAt(c *conversation, user string, at int64) (seq int64) {
	for _, r := range c.reaches[user] {
		if r.called > at {
			break
		}
		if r.seq > seq && x.hides(user, r.called, at) == nil {
			seq = r.seq
		}
	}
	return seq
}

// shownAt is how far others may know that somebody who is in the conversation has read, by what is stored.
func (c *conversation) shownAt(m *membership) int64 {
	p := m.row
	if p == nil || p.LeftAt != 0 || !p.Shows {
		return 0
	}
	read := int64(0)
	if p.ReadMessage != "" {
		read = p.ReadSeq
	}
	return max(read, p.StepSeq, c.lastSent[m.user])
}

// readers is who has read a message and lets others know, by what is stored, without its sender.
func (c *conversation) readers(sender string, seq int64) map[string]bool {
	out := make(map[string]bool)
	for user, m := range c.people {
		if user != sender && c.shownAt(m) >= seq {
			out[user] = true
		}
	}
	return out
}

// in is how many people are in the conversation, by what is stored.
func (c *conversation) in() (n int) {
	for _, m := range c.people {
		if m.row != nil && m.row.LeftAt == 0 {
			n++
		}
	}
	return n
}
