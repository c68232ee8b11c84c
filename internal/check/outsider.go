package check

// outsiders: nothing of a conversation reaches somebody who is not in it: no event later than a second
// after the removal's answer, no change whose rev is past the removal's, no page, no list, and nothing that
// they send (C3.7, C4.10).
func outsiders(x *index, f *finding) {
	rolls := make(map[*conversation][]roll)
	for _, c := range x.ordered {
		rolls[c] = c.rolls()
	}
	for _, s := range x.streams {
		overheard(x, f, s, rolls)
	}
	for i := range x.h.Operations {
		if o := &x.h.Operations[i]; o.Result == OK {
			let(x, f, o)
		}
	}
}

// overheard looks at what a connection was told. A person's own read position tells of nobody else.
func overheard(x *index, f *finding, s *stream, rolls map[*conversation][]roll) {
	removed := make(map[*conversation]*Observation)
	for _, o := range s.saw {
		if o.Conversation == "" || o.Event == ReadSynced {
			continue
		}
		c := x.conversation(o.Conversation)
		switch o.Event {
		case ConversationRemoved:
			removed[c] = o
			continue
		case ConversationAdded, CatchingUp:
			delete(removed, c)
		}
		f.Checked++
		last := removed[c]
		switch out := c.member(o.User).out(o.At, o.Serial, x.b.Removal); {
		case c.never(o.User, o.Serial):
			f.violated(x, c, []source{saw(o)}, "somebody who was never in a conversation was told of it")
		case out != nil && x.calm(o.At-x.b.Removal, o.At):
			f.violated(x, c, []source{did(out), saw(o)}, "somebody was told of a conversation %s after they were out of it", since(out, o))
		case !o.changes():
		case last != nil && c.isGroup() && !c.member(o.User).backSince(last, o.Serial):
			f.violated(x, c, []source{saw(last), saw(o)}, "a connection was told that its person is out of the conversation, and then of rev %d", o.Rev)
		default:
			pastRemoval(x, f, c, rolls[c], o)
		}
	}
}

func since(out *Operation, o *Observation) string { return (o.At - out.End).Round(1e6).String() }

// changes reports whether it tells of a change that has a rev.
func (o *Observation) changes() bool {
	switch o.Event {
	case MessageReceived, MessageUpdated, MessageDeleted, ConversationUpdated:
		return true
	}
	return false
}

// pastRemoval looks at a change by its rev, whenever it was told: the roster of that rev must have the
// person in it, unless they may have come back and caught up.
func pastRemoval(x *index, f *finding, c *conversation, rolls []roll, o *Observation) {
	r := holding(rolls, o.Rev)
	if r == nil {
		return
	}
	for _, u := range r.people {
		if u == o.User {
			return
		}
	}
	for _, a := range c.member(o.User).came {
		if a.Called < o.Serial && (a.Rev == 0 || a.Rev > o.Rev) {
			return
		}
	}
	f.violated(x, c, []source{r.from, saw(o)}, "somebody was told of rev %d, at which they were not in the conversation", o.Rev)
}

// let looks at what somebody was allowed to do.
func let(x *index, f *finding, o *Operation) {
	switch o.Op {
	case List:
		for i := range o.Conversations {
			outside(x, f, x.conversation(o.Conversations[i].Conversation), o, "was shown a conversation in their list")
		}
	case Send:
		c := x.conversation(o.Conversation)
		// A retry gets the first answer, also when its sender has left since (C2.3).
		if c.byKey[draftKey{o.User, o.Key}].tries[0] == o {
			outside(x, f, c, o, "sent a message")
		}
	case Page, Changes:
		outside(x, f, x.conversation(o.Conversation), o, "read a conversation's history")
	case Edit, Delete, MarkRead, Readers, Rename, Add, Remove, Role:
		outside(x, f, x.conversation(o.Conversation), o, string(o.Op)+" was allowed to them")
	}
}

func outside(x *index, f *finding, c *conversation, o *Operation, what string) {
	f.Checked++
	out := c.member(o.User).out(o.Begin, o.Called, x.b.Removal)
	switch {
	case c.never(o.User, o.Returned):
		f.violated(x, c, []source{did(o)}, "somebody who was never in the conversation: %s", what)
	case out != nil && !c.member(o.User).back(out, o.Returned) && x.calm(o.Begin-x.b.Removal, o.Begin):
		f.violated(x, c, []source{did(out), did(o)}, "somebody who was out of the conversation: %s", what)
	}
}
