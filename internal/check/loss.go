package check

import "slices"

// noLoss: what was confirmed is stored, once, as it was confirmed; later edits and deletions apart (C2.1).
func noLoss(x *index, f *finding) {

	for i := range x.h.Operations {
		o := &x.h.Operations[i]
		if o.Result != OK || o.Conversation == "" {
			continue
		}
		c := x.conversation(o.Conversation)
		switch o.Op {
		case Send:
			if c.stored != nil || !x.partial {
				f.Checked++
				lostSend(x, f, c, o)
			}
		case Edit:
			if c.stored != nil || !x.partial {
				f.Checked++
				lostEdit(x, f, c, o)
			}
		case Add, Create:
			if x.partial {
				continue
			}
			for _, u := range o.People {
				f.Checked++
				lostMember(x, f, c, c.member(u), o)
			}
		}
	}
	if x.partial {
		return
	}
	for _, c := range x.ordered {
		for _, m := range sortedPeople(c) {
			f.Checked += len(m.went)
			lostRemoval(x, f, c, m)
		}
	}
}

func lostSend(x *index, f *finding, c *conversation, o *Operation) {
	m := c.messages[o.Message]
	if m == nil || m.row == nil {
		records := []source{did(o)}
		if other := c.byKey[draftKey{o.User, o.Key}].row; other != nil {
			records = append(records, stored(other))
		}
		f.violated(x, c, records, "a confirmed message is not stored")
		return
	}
	row := m.row
	switch {
	case row.Seq != o.Seq, row.Sender != o.User, row.Key != o.Key, o.CreatedAt != 0 && row.CreatedAt != o.CreatedAt:
		f.violated(x, c, []source{did(o), stored(row)}, "a message is stored otherwise than it was confirmed")
	case row.Deleted && len(m.dels) == 0:
		f.violated(x, c, []source{did(o), stored(row)}, "a confirmed message is a tombstone that nobody asked for")
	case !row.Deleted && row.Body != o.Body && !slices.ContainsFunc(m.edits, func(e *Operation) bool { return e.Body == row.Body }):
		f.violated(x, c, []source{did(o), stored(row)}, "the text that is stored is not the one that was sent, nor one that it was edited to")
	}
}

func lostEdit(x *index, f *finding, c *conversation, o *Operation) {
	m := c.messages[o.Message]
	switch {
	case m == nil || m.row == nil:
		f.violated(x, c, []source{did(o)}, "an edited message is not stored")
	case m.row.Deleted:
	case o.Rev != 0 && m.row.Rev < o.Rev, m.row.Rev == o.Rev && m.row.Body != o.Body:
		f.violated(x, c, []source{did(o), stored(m.row)}, "a confirmed edit is lost")
	}
}

// lostMember: who was taken in is in, unless somebody may have taken them out since.
func lostMember(x *index, f *finding, c *conversation, m *membership, o *Operation) {
	after := slices.ContainsFunc(m.may, func(out *Operation) bool { return out.mayFollow(o) })
	if c.stored == nil || c.stored.Ended || after {
		return
	}
	if m.row == nil || m.row.LeftAt != 0 {
		f.violated(x, c, []source{did(o), said("stored: user %s is not in the conversation", m.user)}, "somebody who was taken in is not in it, and nobody took them out")
	}
}

// lostRemoval: who was taken out is out, unless somebody may have taken them in since.
func lostRemoval(x *index, f *finding, c *conversation, m *membership) {
	if len(m.went) == 0 || m.row == nil || m.row.LeftAt != 0 || c.stored == nil || c.stored.Ended {
		return
	}
	last := m.went[len(m.went)-1]
	if slices.ContainsFunc(m.came, func(in *Operation) bool { return in.mayFollow(last) }) {
		return
	}
	f.violated(x, c, []source{did(last), said("stored: user %s is in the conversation", m.user)}, "somebody who was taken out is in it, and nobody took them in")
}
