package check

// finalDeletion: a message only moves forward: nobody is shown an earlier state after a later one, and once
// a deletion is confirmed nothing that is read later has its text (C1.5).
func finalDeletion(x *index, f *finding) {
	for _, c := range x.ordered {
		for _, m := range sortedMessages(c) {
			deletedForGood(x, f, c, m)
		}
	}
	for _, s := range x.streams {
		shownAgain(x, f, s)
	}
	for i := range x.h.Operations {
		o := &x.h.Operations[i]
		if o.Result != OK || o.Op == Send || o.Op == Edit {
			continue
		}
		for n := range o.Entries {
			readLater(x, f, o, x.conversation(o.Conversation), &o.Entries[n])
		}
		for n := range o.Conversations {
			if l := &o.Conversations[n]; l.LastMessage != nil {
				readLater(x, f, o, x.conversation(l.Conversation), l.LastMessage)
			}
		}
	}
}

// deleted returns the first confirmation of a message's deletion; nil when there is none.
func (m *message) deleted() *Operation {
	var first *Operation
	for _, o := range m.dels {
		if o.Result == OK && (first == nil || o.Returned < first.Returned) {
			first = o
		}
	}
	return first
}

// deletedForGood looks at what is stored of a message whose deletion was confirmed.
func deletedForGood(x *index, f *finding, c *conversation, m *message) {
	o := m.deleted()
	if o == nil || m.row == nil {
		return
	}
	f.Checked++
	if !m.row.Deleted || m.row.Body != 0 {
		f.violated(x, c, []source{did(o), stored(m.row)}, "a message whose deletion was confirmed is stored with its text")
	}
}

// shownAgain looks at what was delivered over sockets that were opened after a deletion had been confirmed.
// On older sockets the text may still be on its way, in front of the deletion. A socket may be open for long before
// its client hears so on a bad network, but not before the one before it had ended.
func shownAgain(x *index, f *finding, s *stream) {
	var ended, opened int64
	for _, o := range s.saw {
		var deletion *Operation
		switch o.Event {
		case Offline:
			ended = o.Serial
			continue
		case Online:
			opened = ended
			continue
		case MessageReceived, MessageUpdated:
			if o.Own {
				continue
			}
			deletion = x.conversation(o.Conversation).messages[o.Message].deleted()
		case ConversationActivity:
			if m := x.conversation(o.Conversation).bySeq[o.Seq]; m != nil {
				deletion = m.deleted()
			}
		default:
			continue
		}
		f.Checked++
		if deletion != nil && o.Body != 0 && deletion.Returned < opened {
			f.violated(x, x.conversation(o.Conversation), []source{did(deletion), saw(o)}, "the text of a message whose deletion had been confirmed before the connection was opened was delivered")
		}
	}
}

// readLater looks at one message that was read: it must not be older than what was confirmed before the
// reading began.
func readLater(x *index, f *finding, o *Operation, c *conversation, e *Entry) {
	m := c.messages[e.Message]
	f.Checked++
	if d := m.deleted(); d != nil && d.Returned < o.Called && (!e.Deleted || e.Body != 0) {
		f.violated(x, c, []source{did(d), read(o, e)}, "a message whose deletion was confirmed was read with its text")
		return
	}
	for _, edit := range m.edits {
		if edit.Result == OK && edit.Returned < o.Called && e.Rev < edit.Rev {
			f.violated(x, c, []source{did(edit), read(o, e)}, "a message was read as it was before an edit that had been confirmed")
			return
		}
	}
}
