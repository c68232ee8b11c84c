package check

import (
	"slices"

	"github.com/parley-chat/parley/client"
)

// noPhantom: what is stored, and what was shown, was sent; what was refused for good is not there; and
// nobody was shown what is not stored (C2.1, C2.7).
func noPhantom(x *index, f *finding) {
	for _, c := range x.ordered {
		if c.created != nil {
			for i := range c.rows {
				f.Checked++
				unsent(x, f, c, c.messages[c.rows[i].Message])
			}
		}
		if c.stored == nil {
			continue
		}
		for _, m := range sortedMessages(c) {
			switch {
			case m.row == nil:
				f.violated(x, c, []source{m.first}, "a message was shown that is not stored")
			case len(m.revs) > 0 && m.revs[len(m.revs)-1] > m.row.Rev:
				f.violated(x, c, []source{c.states[m.revs[len(m.revs)-1]].first, stored(m.row)}, "a change of a message was shown that is not stored")
			}
		}
	}
	for i := range x.h.Observations {
		if o := &x.h.Observations[i]; o.Event == MessageReceived || o.Event == MessageUpdated {
			f.Checked++
			unwritten(x, f, o)
		}
	}
}

func unsent(x *index, f *finding, c *conversation, m *message) {
	row := m.row
	tries := c.byKey[draftKey{row.Sender, row.Key}].tries
	if slices.ContainsFunc(tries, func(o *Operation) bool { return o.Result != Fail && (o.Body == row.Body || row.Edited || row.Deleted) }) {
		return
	}
	records := []source{stored(row)}
	for _, o := range tries {
		records = append(records, did(o))
	}
	switch {
	case len(tries) == 0:
		f.violated(x, c, records, "a message is stored that nobody sent")
	case slices.ContainsFunc(tries, func(o *Operation) bool { return x.cameAfterRefusal(c, o) }):
	case tries[len(tries)-1].Result == Fail:
		f.violated(x, c, records, "a message is stored whose send was refused for good")
	default:
		f.violated(x, c, records, "a message is stored with another text than was sent")
	}
}

// cameAfterRefusal reports whether another copy of a refused send may have come when its sender was in the conversation
// again: a link held it back, the client sent it anew on another one and was refused, and then the sender was let in.
// Each copy is judged when it comes.
func (x *index) cameAfterRefusal(c *conversation, refused *Operation) bool {
	if refused.Result != Fail || refused.Code != client.CodeNotInConversation {
		return false
	}
	held := slices.ContainsFunc(x.faults, func(f Fault) bool { return f.From <= refused.End && refused.Begin <= f.To && refused.End <= f.To })
	return held && slices.ContainsFunc(x.h.Operations, func(o Operation) bool {
		return o.Op == Add && o.Conversation == c.id && o.End >= refused.End && o.Result != Fail && slices.Contains(o.People, refused.User)
	})
}

// unwritten: the text that is shown is one that was sent, or edited to.
func unwritten(x *index, f *finding, o *Observation) {
	c := x.conversation(o.Conversation)
	if c.created == nil {
		return
	}
	d, m := c.byKey[draftKey{o.Peer, o.Key}], c.messages[o.Message]
	written := func(did *Operation) bool { return did.Body == o.Body }
	switch {
	case d == nil || len(d.tries) == 0:
		f.violated(x, c, []source{saw(o)}, "a message was shown that nobody sent")
	case !slices.ContainsFunc(d.tries, written) && !slices.ContainsFunc(m.edits, written):
		f.violated(x, c, []source{did(d.tries[0]), saw(o)}, "a message was shown with another text than was written")
	}
}
