package check

import (
	"cmp"
	"slices"
	"strings"
	"time"
)

// index is a history with what several rules look up in it.
type index struct {
	h             *History
	b             Bounds
	conversations map[string]*conversation
	ordered       []*conversation // by id
	streams       []*stream       // by the client's name
	follows       []*follow
	delivered     []delivery
	faults        []Fault
	kinds         []string // of the faults; the first is "", for none
	disturbed     []span   // when a fault, or what is left of it, may show
}

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
	reached    []reached // how far it was confirmed, rising

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

// stream is what one client did and saw.
type stream struct {
	client string
	group  string
	did    []*Operation   // in the order of the calls
	saw    []*Observation // in the order of their delivery
	last   map[*conversation]*follow
}

// span is a stretch of time.
type span struct{ from, to time.Duration }

func newIndex(h *History, b Bounds) *index {
	x := &index{h: h, b: b, conversations: make(map[string]*conversation)}
	x.faults, x.kinds = slices.Clone(h.Faults), []string{""}
	for i := range x.faults {
		if !slices.Contains(x.kinds, x.faults[i].Kind) {
			x.kinds = append(x.kinds, x.faults[i].Kind)
		}
		if x.faults[i].To == 0 {
			x.faults[i].To = h.Run.Ended
		}
	}
	x.disturbed = disturbances(x.faults, b.Recovery)
	x.takeDatabase()
	x.takeRecords()
	for _, c := range x.conversations {
		c.settle()
		x.ordered = append(x.ordered, c)
	}
	slices.SortFunc(x.ordered, func(a, b *conversation) int { return strings.Compare(a.id, b.id) })
	for _, s := range x.streams {
		w := watch(x, s)
		x.follows, s.last = append(x.follows, w.out...), w.current
	}
	x.delivered = x.deliveries()
	return x
}

// conversation returns what is known of a conversation, in which rules and records meet.
func (x *index) conversation(id string) *conversation {
	c := x.conversations[id]
	if c == nil {
		c = &conversation{
			id: id, messages: make(map[string]*message), bySeq: make(map[int64]*message), byKey: make(map[draftKey]*sent),
			states: make(map[int64]state), people: make(map[string]*membership),
			lastSent: make(map[string]int64),
		}
		x.conversations[id] = c
	}
	return c
}

// takeDatabase takes in what is stored, of the conversations that the history speaks of.
func (x *index) takeDatabase() {
	if x.h.Database == nil {
		return
	}
	spoken := make(map[string]bool)
	for i := range x.h.Operations {
		spoken[x.h.Operations[i].Conversation] = true
	}
	for i := range x.h.Observations {
		spoken[x.h.Observations[i].Conversation] = true
	}
	for i := range x.h.Database.Conversations {
		if s := &x.h.Database.Conversations[i]; spoken[s.ID] {
			x.conversation(s.ID).stored = s
		}
	}
	rows := x.h.Database.Messages
	if byPlace := (func(a, b StoredMessage) int {
		return cmp.Or(strings.Compare(a.Conversation, b.Conversation), cmp.Compare(a.Seq, b.Seq))
	}); !slices.IsSortedFunc(rows, byPlace) {
		rows = slices.Clone(rows)
		slices.SortFunc(rows, byPlace)
	}
	for len(rows) > 0 {
		n := 1
		for n < len(rows) && rows[n].Conversation == rows[0].Conversation {
			n++
		}
		if spoken[rows[0].Conversation] {
			c := x.conversation(rows[0].Conversation)
			c.rows = rows[:n:n]
			for i := range c.rows {
				c.takeRow(&c.rows[i])
			}
		}
		rows = rows[n:]
	}
	for i := range x.h.Database.Participants {
		if p := &x.h.Database.Participants[i]; spoken[p.Conversation] {
			x.conversation(p.Conversation).member(p.User).row = p
		}
	}
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

func (x *index) takeRecords() {
	byClient := make(map[string]*stream)
	of := func(a *Actor) *stream {
		s := byClient[a.Client]
		if s == nil {
			s = &stream{client: a.Client, group: a.Group}
			byClient[a.Client] = s
			x.streams = append(x.streams, s)
		}
		return s
	}
	for i := range x.h.Operations {
		o := &x.h.Operations[i]
		s := of(o.Actor)
		s.did = append(s.did, o)
		x.takeOperation(o)
	}
	for i := range x.h.Observations {
		o := &x.h.Observations[i]
		s := of(o.Actor)
		s.saw = append(s.saw, o)
		x.takeObservation(o)
	}
	for _, s := range x.streams {
		slices.SortFunc(s.did, byCall)
	}
	slices.SortFunc(x.streams, func(a, b *stream) int { return strings.Compare(a.client, b.client) })
}

func byCall(a, b *Operation) int { return cmp.Compare(a.Called, b.Called) }

func (x *index) takeOperation(o *Operation) {
	for i := range o.Conversations {
		x.takeListed(o, &o.Conversations[i])
	}
	if o.Conversation == "" {
		return
	}
	c := x.conversation(o.Conversation)
	for i := range o.Entries {
		c.know(&o.Entries[i], read(o, &o.Entries[i]))
	}
	maybe := o.Result != Fail
	switch o.Op {
	case Send:
		d := c.draft(o.User, o.Key)
		d.tries = append(d.tries, o)
		if o.Result == OK {
			c.know(&Entry{Message: o.Message, Sender: o.User, Key: o.Key, Seq: o.Seq, Rev: o.Rev, CreatedAt: o.CreatedAt, Whole: o.Whole}, did(o))
		}
	case Edit:
		if o.Result == OK && o.Seq != 0 {
			c.know(&Entry{Message: o.Message, Seq: o.Seq, Rev: o.Rev, CreatedAt: o.CreatedAt, Whole: o.Whole}, did(o))
		}
		fallthrough
	case Delete:
		if maybe {
			c.changes = append(c.changes, o)
		}
	case Create, Add, Remove, Leave, Rename, Role, Drop:
		if maybe {
			c.roster = append(c.roster, o)
		}
		if o.Op == Create && c.created == nil {
			c.created = o
		}
	}
}

func (x *index) takeListed(o *Operation, l *Listed) {
	c := x.conversation(l.Conversation)
	if l.LastMessage != nil {
		c.know(l.LastMessage, read(o, l.LastMessage))
	}
}

func (x *index) takeObservation(o *Observation) {
	if o.Conversation == "" {
		return
	}
	c := x.conversation(o.Conversation)
	switch o.Event {
	case MessageReceived, MessageUpdated, MessageDeleted:
		e := o.entry()
		c.know(&e, saw(o))
	case ConversationUpdated:
		c.knowState(o.Rev, nil, o.Roster.Whole, saw(o))
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
	if c.stored != nil {
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

// disturbances are the stretches in which a fault, or what is left of it, may show, merged.
func disturbances(faults []Fault, recovery time.Duration) []span {
	var out []span
	for _, f := range faults {
		out = append(out, span{f.From, f.To + recovery})
	}
	slices.SortFunc(out, func(a, b span) int { return cmp.Compare(a.from, b.from) })
	merged := out[:0]
	for _, s := range out {
		if n := len(merged); n > 0 && s.from <= merged[n-1].to {
			merged[n-1].to = max(merged[n-1].to, s.to)
			continue
		}
		merged = append(merged, s)
	}
	return merged
}

// calm reports whether no fault, nor what is left of one, lies between two times.
func (x *index) calm(from, to time.Duration) bool {
	i, _ := slices.BinarySearchFunc(x.disturbed, from, func(s span, t time.Duration) int { return cmp.Compare(s.to, t) })
	return i == len(x.disturbed) || x.disturbed[i].from > to
}

// final reports whether an operation read what was final.
func (x *index) final(o *Operation) bool {
	return x.h.Run.Settled > 0 && o.Begin >= x.h.Run.Settled && o.Result == OK
}
