package check

// totalOrder: a conversation's messages are 1, 2, 3 … without a hole; nothing that anybody was shown at any
// time says otherwise; createdAt rises with seq; every change has a rev of its own (C1.2 to C1.4).
func totalOrder(x *index, f *finding) {
	for _, c := range x.ordered {
		f.Checked += len(c.states)
		if c.stored != nil {
			storedInOrder(x, f, c)
			countedRevs(x, f, c)
		}
		for _, k := range c.conflict {
			f.violated(x, c, []source{k.a, k.b}, "%s", k.what)
		}
	}
}

func storedInOrder(x *index, f *finding, c *conversation) {
	for i := range c.rows {
		f.Checked++
		row := &c.rows[i]
		if row.Seq != int64(i+1) {
			f.violated(x, c, []source{stored(row)}, "the message at place %d has seq %d", i+1, row.Seq)
			break
		}
		if i > 0 && row.CreatedAt <= c.rows[i-1].CreatedAt {
			f.violated(x, c, []source{stored(&c.rows[i-1]), stored(row)}, "createdAt does not rise with seq")
		}
	}
	if n := int64(len(c.rows)); c.stored.LastSeq != n {
		f.violated(x, c, nil, "the conversation counts %d messages, %d are stored", c.stored.LastSeq, n)
	}
}

// countedRevs: no rev is past the conversation's, and there are no more revs than things happened.
func countedRevs(x *index, f *finding, c *conversation) {
	last := c.stored.LastRev
	if n := len(c.revs); n > 0 && c.revs[n-1] > last {
		f.violated(x, c, []source{c.states[c.revs[n-1]].first}, "rev %d was shown, the conversation is at rev %d", c.revs[n-1], last)
	}
	if c.created == nil {
		return
	}
	f.Checked++
	if most := int64(len(c.rows) + len(c.changes) + len(c.roster)); last > most {
		f.violated(x, c, []source{did(c.created)}, "the conversation is at rev %d, and at most %d things happened in it", last, most)
	}
}
