package check

import (
	"cmp"
	"slices"
)

// traversal is a reading of a whole history, page by page.
type traversal struct {
	conversation *conversation
	pages        []*Operation // in the order of the calls
}

// traversals are those whose pages all came, whether they reached the end or not.
func (x *index) traversals() []*traversal {
	byName := make(map[string]*traversal)
	var out []*traversal
	for i := range x.h.Operations {
		o := &x.h.Operations[i]
		if o.Op != Page || o.Result != OK || o.Traversal == "" {
			continue
		}
		t := byName[o.Traversal]
		if t == nil {
			t = &traversal{conversation: x.conversation(o.Conversation)}
			byName[o.Traversal] = t
			out = append(out, t)
		}
		t.pages = append(t.pages, o)
	}
	for _, t := range out {
		slices.SortFunc(t.pages, byCall)
	}
	return out
}

func (t *traversal) first() *Operation { return t.pages[0] }
func (t *traversal) last() *Operation  { return t.pages[len(t.pages)-1] }

// pagesWhole: a traversal goes strictly one way, repeats nothing, skips nothing, and has everything that was
// committed before it began (C1.4, C3.5).
func pagesWhole(x *index, f *finding) {
	for _, t := range x.traversals() {
		f.Checked++
		if oneWay(x, f, t) && t.last().Last {
			hasAll(x, f, t)
		}
	}
}

func oneWay(x *index, f *finding, t *traversal) bool {
	step := int64(-1)
	if t.first().Newer {
		step = 1
	}
	var before *Entry
	var page *Operation
	for _, o := range t.pages {
		for i := range o.Entries {
			e := &o.Entries[i]
			if before != nil && (e.Seq != before.Seq+step || cmp.Compare(e.CreatedAt, before.CreatedAt) != int(step)) {
				f.violated(x, t.conversation, []source{read(page, before), read(o, e)}, "a reading of the history went from seq %d to seq %d", before.Seq, e.Seq)
				return false
			}
			before, page = e, o
		}
	}
	return true
}

func hasAll(x *index, f *finding, t *traversal) {
	c := t.conversation
	first, last := int64(0), int64(0)
	for _, o := range t.pages {
		if n := len(o.Entries); n > 0 {
			if first == 0 {
				first = o.Entries[0].Seq
			}
			last = o.Entries[n-1].Seq
		}
	}
	oldest, newest := first, last
	if !t.first().Newer {
		oldest, newest = last, first
	}
	if newest > 0 && oldest != 1 {
		f.violated(x, c, []source{did(t.first()), did(t.last())}, "a reading of the history has nothing before seq %d", oldest)
	}
	if confirmed := c.confirmedBefore(t.first().Called); confirmed != nil && confirmed.Seq > newest {
		f.violated(x, c, []source{did(confirmed), did(t.first()), did(t.last())}, "a reading of the history ends at seq %d; seq %d was confirmed before it began", newest, confirmed.Seq)
	}
	if x.final(t.first()) && c.stored != nil && newest != c.stored.LastSeq {
		f.violated(x, c, []source{did(t.first()), did(t.last())}, "the last reading of the history ends at seq %d, the conversation at seq %d", newest, c.stored.LastSeq)
	}
}

// reached is how far a conversation was confirmed when an answer had come.
type reached struct {
	returned int64
	highest  *Operation
}

// confirmedBefore returns the confirmation of the highest seq that had come before a serial number; nil
// when there is none.
func (c *conversation) confirmedBefore(serial int64) *Operation {
	i, _ := slices.BinarySearchFunc(c.reached, serial, func(r reached, serial int64) int { return cmp.Compare(r.returned, serial) })
	if i == 0 {
		return nil
	}
	return c.reached[i-1].highest
}

// settleReached notes how far the conversation was confirmed, answer by answer.
func (c *conversation) settleReached() {
	for _, d := range c.byKey {
		for _, o := range d.tries {
			if o.Result == OK {
				c.reached = append(c.reached, reached{o.Returned, o})
			}
		}
	}
	slices.SortFunc(c.reached, func(a, b reached) int { return cmp.Compare(a.returned, b.returned) })
	for i := 1; i < len(c.reached); i++ {
		if before := c.reached[i-1].highest; before.Seq > c.reached[i].highest.Seq {
			c.reached[i].highest = before
		}
	}
}
