package check

// exactlyOnce: one key is one message, for ever: in the database, in every answer, in every client's view
// (C2.3).
func exactlyOnce(x *index, f *finding) {
	for _, c := range x.ordered {
		storedTwice(x, f, c)
		for _, d := range sortedDrafts(c) {
			f.Checked++
			answeredAlike(x, f, c, d)
		}
	}
	for _, follow := range x.follows {
		seenTwice(x, f, follow)
	}
}

func storedTwice(x *index, f *finding, c *conversation) {
	for i := range c.rows {
		row := &c.rows[i]
		if first := c.byKey[draftKey{row.Sender, row.Key}].row; first != row {
			f.violated(x, c, []source{stored(first), stored(row)}, "one draft is stored twice")
		}
	}
}

func answeredAlike(x *index, f *finding, c *conversation, d *sent) {
	var first *Operation
	for _, o := range d.tries {
		switch {
		case o.Result != OK:
		case first == nil:
			first = o
		case o.Message != first.Message || o.Seq != first.Seq || o.CreatedAt != first.CreatedAt:
			f.violated(x, c, []source{did(first), did(o)}, "two tries of one draft were answered differently")
			return
		}
	}
}

func seenTwice(x *index, f *finding, w *follow) {
	first := make(map[string]*Observation)
	for _, o := range w.saw {
		if o.Event != MessageReceived {
			continue
		}
		f.Checked++
		if len(w.conversation.messages[o.Message].revs) < 2 {
			continue // the same rev twice is a matter of I6
		}
		if before := first[o.Message]; before != nil {
			f.violated(x, w.conversation, []source{saw(before), saw(o)}, "a client was shown one message as new twice")
		}
		first[o.Message] = o
	}
}
