package check

import (
	"slices"
	"strings"
)

// conversation is all that is known of one.
type conversation struct {
	id       string
	created  *Operation // nil when it was there before the run
	stored   *StoredConversation
	rows     []StoredMessage // by seq
	messages map[string]*message
	bySeq    map[int64]*message
	byKey    map[draftKey]*sent
	states   map[int64]state // what changed, by rev
	revs     []int64         // those that are known, rising
	// lastRoster is the last rev at which the conversation itself or its people are known to have changed.
	lastRoster int64
	changes    []*Operation // edits and deletes that were or may have been done
	roster     []*Operation // what changed it, or may have
	people     map[string]*membership
	reaches    map[string][]reach // by user, in the order of the calls
	reached    []reached          // how far it was confirmed, rising

	tombstones []int64          // the seqs of what is stored as deleted, rising
	lastSent   map[string]int64 // by user, the seq of the last message that is stored
	conflict   []conflict
}

// message is all that is known of one, wherever it was shown.
type message struct {
	Entry        // as it was first seen
	first source // where
	row   *StoredMessage
	edits []*Operation // that were or may have been done, in the order of the calls
	dels  []*Operation
	revs  []int64 // at which it is known to have changed, rising
}

// state is what a conversation's rev stands for.
type state struct {
	message *message // nil for the conversation itself and its people
	whole   Digest   // 0 when unknown
	first   source
}

// draftKey names a draft within its conversation (C2.3).
type draftKey struct{ sender, key string }

// sent is what became of one draft.
type sent struct {
	draftKey
	tries []*Operation // in the order of their calls
	row   *StoredMessage
}

// conflict is two sources that cannot both be true.
type conflict struct {
	what string
	a, b source
}

// conversation returns what is known of a conversation, in which rules and records meet.
func (x *index) conversation(id string) *conversation {
	c := x.conversations[id]
	if c == nil {
		c = &conversation{
			id: id, messages: make(map[string]*message), bySeq: make(map[int64]*message), byKey: make(map[draftKey]*sent),
			states: make(map[int64]state), people: make(map[string]*membership), reaches: make(map[string][]reach),
			lastSent: make(map[string]int64),
		}
		x.conversations[id] = c
	}
	return c
}

func (c *conversation) takeRow(row *StoredMessage) {
	m := c.know(&row.Entry, stored(row))
	m.row = row
	d := c.draft(row.Sender, row.Key)
	if d.row == nil {
		d.row = row
	}
	if row.Deleted {
		c.tombstones = append(c.tombstones, row.Seq)
	}
	c.lastSent[row.Sender] = row.Seq
}

func (c *conversation) draft(sender, key string) *sent {
	k := draftKey{sender, key}
	d := c.byKey[k]
	if d == nil {
		d = &sent{draftKey: k}
		c.byKey[k] = d
	}
	return d
}

// know notes a message as a source shows it, and what does not agree with what others showed.
func (c *conversation) know(e *Entry, from source) *message {
	m := c.messages[e.Message]
	if m == nil {
		m = &message{Entry: *e, first: from}
		c.messages[e.Message] = m
		if other := c.bySeq[e.Seq]; other != nil {
			c.conflict = append(c.conflict, conflict{"two messages have the same seq", other.first, from})
		}
		c.bySeq[e.Seq] = m
	}
	switch {
	case m.Seq != e.Seq:
		c.conflict = append(c.conflict, conflict{"a message has two places", m.first, from})
	case differ(m.Sender, e.Sender), differ(m.Key, e.Key), m.CreatedAt != 0 && e.CreatedAt != 0 && m.CreatedAt != e.CreatedAt:
		c.conflict = append(c.conflict, conflict{"a message has two senders, keys or times", m.first, from})
	}
	if m.Sender == "" {
		m.Sender = e.Sender
	}
	if m.Key == "" {
		m.Key = e.Key
	}
	if m.CreatedAt == 0 {
		m.CreatedAt = e.CreatedAt
	}
	if e.Rev != 0 {
		c.knowState(e.Rev, m, e.Whole, from)
	}
	return m
}

func differ(a, b string) bool { return a != "" && b != "" && a != b }

// knowState notes what a rev stands for.
func (c *conversation) knowState(rev int64, m *message, whole Digest, from source) {
	known, is := c.states[rev]
	if !is {
		c.states[rev] = state{m, whole, from}
		if m != nil {
			m.revs = append(m.revs, rev)
		}
		return
	}
	switch {
	case known.message != m:
		c.conflict = append(c.conflict, conflict{"one rev stands for two changes", known.first, from})
	case known.whole == 0:
		known.whole = whole
		c.states[rev] = known
	case whole != 0 && known.whole != whole:
		c.conflict = append(c.conflict, conflict{"one rev was shown in two ways", known.first, from})
	}
}

func (o *Observation) entry() Entry {
	return Entry{
		Message: o.Message, Sender: o.Peer, Key: o.Key, Seq: o.Seq, Rev: o.Rev, CreatedAt: o.CreatedAt,
		Body: o.Body, Whole: o.Whole, Edited: o.Edited, Deleted: o.Deleted,
	}
}

// settle puts in order what was taken in.
func (c *conversation) settle() {
	for _, m := range c.messages {
		slices.Sort(m.revs)
	}
	slices.SortFunc(c.changes, byCall)
	for _, o := range c.changes {
		m := c.messages[o.Message]
		switch {
		case m == nil:
		case o.Op == Edit:
			m.edits = append(m.edits, o)
		default:
			m.dels = append(m.dels, o)
		}
	}
	for _, d := range c.byKey {
		slices.SortFunc(d.tries, byCall)
	}
	if c.stored != nil && c.stored.RosterRev > 0 {
		c.knowState(c.stored.RosterRev, nil, c.stored.Roster.Whole, said("stored: conversation %s at rev %d with the people %s", c.id, c.stored.RosterRev, strings.Join(c.stored.Roster.People, ", ")))
	}
	for rev, s := range c.states {
		c.revs = append(c.revs, rev)
		if s.message == nil {
			c.lastRoster = max(c.lastRoster, rev)
		}
	}
	slices.Sort(c.revs)
	c.settlePeople()
	c.settleReached()
}
