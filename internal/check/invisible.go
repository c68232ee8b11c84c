package check

import (
	"slices"
	"time"
)

// invisibleUnseen: whoever is invisible looks offline to all others from a second after it was confirmed: they are not there,
// type nothing, have nothing delivered and read nothing, and were last seen when they became so (C7.1).
func invisibleUnseen(x *index, f *finding) {
	seen := make(map[string]word) // by user, while they are invisible
	for i := range x.h.Observations {
		o := &x.h.Observations[i]
		for j := range o.Presences {
			if p := &o.Presences[j]; p.User != o.User {
				unseen(x, f, word{p, o}, seen)
			}
		}
		if o.Peer == "" || o.Peer == o.User {
			continue
		}
		switch o.Event {
		case Typing:
			if !o.Stopped {
				unheard(x, f, o, "type")
			}
		case MessageDelivered:
			if !x.hadBefore(o) {
				unheard(x, f, o, "have something delivered")
			}
		case ReadUpdated:
			unread(x, f, o)
		}
	}
}

// concealed returns what made somebody invisible by a moment at which everybody has heard of it; nil when they may be seen.
func (x *index) concealed(user string, at time.Duration) *Operation {
	aware := x.aware(at)
	if hidden, _ := x.hidden(user, aware, at); !hidden {
		return nil
	}
	var by *Operation
	for _, w := range x.sight.invisible[user].writes {
		if w.value == yes && w.begin <= aware {
			by = w.from
		}
	}
	return by
}

func unseen(x *index, f *finding, w word, seen map[string]word) {
	by := x.concealed(w.User, w.from.At)
	if by == nil {
		return
	}
	f.Checked++
	if w.there() {
		f.violated(x, nil, []source{did(by), w.source()}, "somebody who is invisible was shown to be %s", w.Status)
		return
	}
	if w.SeenAt == 0 {
		return
	}
	before, known := seen[w.User]
	seen[w.User] = w
	if !known || before.SeenAt == w.SeenAt {
		return
	}
	if hidden, _ := x.hidden(w.User, x.aware(before.from.At), w.from.At); hidden {
		f.violated(x, nil, []source{did(by), before.source(), w.source()}, "when somebody was last seen who is invisible moved")
	}
}

// hadBefore reports whether somebody may have had a message delivered before they became invisible: that is told again to whoever
// follows anew. Their own message, which everybody sees, they had anyway.
func (x *index) hadBefore(o *Observation) bool {
	c := x.conversation(o.Conversation)
	by, m := x.concealed(o.Peer, o.At), c.bySeq[o.Seq]
	if by == nil || m == nil || m.Sender == o.Peer {
		return true
	}
	d := c.byKey[draftKey{m.Sender, m.Key}]
	if d == nil || len(d.tries) == 0 {
		return true
	}
	return slices.ContainsFunc(x.people.byUser[o.Peer], func(l *life) bool { return l.from <= by.End && l.to >= d.tries[0].Begin })
}

func unheard(x *index, f *finding, o *Observation, what string) {
	if by := x.concealed(o.Peer, o.At); by != nil {
		f.Checked++
		f.violated(x, x.conversation(o.Conversation), []source{did(by), saw(o)}, "somebody who is invisible was shown to %s", what)
		return
	}
	if len(x.sightOf(o.Peer).writes) > 0 {
		f.Checked++
	}
}

func (x *index) sightOf(user string) *register { return of(x.sight.invisible, user, no) }

// unread looks at a read position: it may only be one that was reached when they could be seen, or by a message of their own.
func unread(x *index, f *finding, o *Observation) {
	if o.Seq == 0 || len(x.sightOf(o.Peer).writes) == 0 {
		return
	}
	f.Checked++
	c := x.conversation(o.Conversation)
	var secretly *Operation
	for _, r := range c.reaches[o.Peer] {
		if r.called > o.Serial || r.seq != o.Seq {
			continue
		}
		if hidden, _ := x.hidden(o.Peer, x.aware(r.from.Begin), max(r.from.End, o.At)); !hidden || r.from.Op == Send {
			return
		}
		secretly = r.from
	}
	if secretly != nil {
		f.violated(x, c, []source{did(secretly), saw(o)}, "what somebody read who is invisible was shown")
	}
}

// keepsBack reports whether somebody may be invisible in the end: then others are shown no further how far they have read.
func (x *index) keepsBack(c *conversation, user string) bool {
	_, shown := x.hidden(user, x.h.Run.Settled, x.h.Run.Settled)
	return !shown && len(c.reaches[user]) > 0
}

// someKeepBack reports whether anybody in a conversation does.
func (x *index) someKeepBack(c *conversation) bool {
	for user := range c.reaches {
		if x.keepsBack(c, user) {
			return true
		}
	}
	return false
}
