package check

import "slices"

// stateIsFold: what a client holds in the end, which is what it was handed, equals what is stored and what
// a fresh reading shows, in all fields (C3.1, C3.3).
func stateIsFold(x *index, f *finding) {
	for _, w := range x.follows {
		if w.lagging {
			f.Checked++
			f.violated(x, w.conversation, []source{w.latest()}, "a client had not caught up when all had settled, at %s", clock(x.h.Run.Settled))
		}
		if w.live && w.conversation.stored != nil {
			w.holds(x, f)
		}
	}
	for i := range x.h.Operations {
		o := &x.h.Operations[i]
		if !x.final(o) {
			continue
		}
		for n := range o.Entries {
			freshEntry(x, f, o, x.conversation(o.Conversation), &o.Entries[n])
		}
		if o.Op == List && o.Last {
			freshList(x, f, o)
		}
	}
}

// holds looks at what one client was handed of a conversation that it followed to the end.
func (w *follow) holds(x *index, f *finding) {
	c := w.conversation
	if w.complete != c.stored.LastRev {
		f.Checked++
		f.violated(x, c, []source{w.latest()}, "a live connection ended at rev %d, the conversation at rev %d", w.complete, c.stored.LastRev)
		return
	}
	for i := range c.rows {
		row := &c.rows[i]
		if row.Rev <= w.start {
			continue
		}
		f.Checked++
		n, found := slices.BinarySearch(w.revs, row.Rev)
		switch {
		case !found:
			f.violated(x, c, []source{saw(w.began), w.latestOf(row.Message), w.latest(), stored(row)}, "a client does not hold a message as it is stored")
		case w.saw[n].Message != row.Message || w.saw[n].Whole != row.Whole:
			f.violated(x, c, []source{saw(w.saw[n]), stored(row)}, "a client holds a message otherwise than it is stored")
		}
	}
	if at := c.stored.RosterRev; at > w.start {
		f.Checked++
		n, found := slices.BinarySearch(w.revs, at)
		switch {
		case !found:
			f.violated(x, c, []source{saw(w.began), w.latest(), said("stored: the conversation or its people changed at rev %d", at)}, "a client was not told of the conversation's last change")
		case w.saw[n].Roster == nil || w.saw[n].Roster.Whole != c.stored.Roster.Whole:
			f.violated(x, c, []source{saw(w.saw[n]), c.states[at].first}, "a client holds the conversation otherwise than it is stored")
		}
	}
}

// latestOf is what was handed last of a message.
func (w *follow) latestOf(message string) source {
	for i := len(w.saw) - 1; i >= 0; i-- {
		if w.saw[i].Message == message {
			return saw(w.saw[i])
		}
	}
	return said("client %s was never handed message %s", w.stream.client, message)
}

func freshEntry(x *index, f *finding, o *Operation, c *conversation, e *Entry) {
	if c.stored == nil {
		return
	}
	f.Checked++
	if row := c.messages[e.Message].row; row == nil || row.Whole != e.Whole {
		records := []source{read(o, e)}
		if row != nil {
			records = append(records, stored(row))
		}
		f.violated(x, c, records, "a message is read otherwise than it is stored")
	}
}

// freshList: the list has all conversations that the person is in and has not hidden, each as it is.
func freshList(x *index, f *finding, o *Operation) {
	shown := make(map[string]*Listed, len(o.Conversations))
	for i := range o.Conversations {
		shown[o.Conversations[i].Conversation] = &o.Conversations[i]
	}
	for _, c := range x.ordered {
		m := c.people[o.User]
		if c.stored == nil {
			continue
		}
		f.Checked++
		in := m != nil && m.row != nil && m.row.LeftAt == 0 && !c.stored.Ended && m.row.HiddenSeq < c.stored.LastSeq
		l := shown[c.id]
		switch {
		case x.partial && l == nil:
		case in && l == nil:
			f.violated(x, c, []source{did(o)}, "a conversation is missing from the list")
		case !in && l != nil && !x.partial:
			f.violated(x, c, []source{did(o)}, "the list has a conversation that is not the person's")
		case l != nil && !l.equals(c):
			f.violated(x, c, []source{did(o), said("stored: last seq %d, last rev %d, people %v", c.stored.LastSeq, c.stored.LastRev, c.stored.Roster.People)},
				"the list shows a conversation otherwise than it is stored: last seq %d, last rev %d", l.LastSeq, l.LastRev)
		}
	}
}

func (l *Listed) equals(c *conversation) bool {
	if l.LastSeq != c.stored.LastSeq || l.LastRev != c.stored.LastRev || l.Roster != nil && l.Roster.Whole != c.stored.Roster.Whole {
		return false
	}
	if len(c.rows) == 0 || l.LastMessage == nil {
		return (len(c.rows) == 0) == (l.LastMessage == nil)
	}
	return l.LastMessage.Whole == c.rows[len(c.rows)-1].Whole
}
