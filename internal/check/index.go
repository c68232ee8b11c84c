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
	partial       bool // the people and their read positions are not known
	conversations map[string]*conversation
	ordered       []*conversation // by id
	streams       []*stream       // by the client's name
	follows       []*follow
	delivered     []delivery
	faults        []Fault
	kinds         []string                // of the faults; the first is "", for none
	unnamed       []*Operation            // creations that may have been done, of which no answer said the id
	switches      map[string][]*Operation // by user, in order: that had others know what they read, or not
	secrets       map[string][]secret     // by user, in order
	unmended      []span                  // when a live connection may have a hole
	unahead       []span                  // when what runs ahead of the store may be away
	uncounted     []span                  // when counts may be wrong for a moment, or late
	disturbed     []span                  // when a fault, or what is left of it, may show

	people   people
	sight    *sight
	deaf     []span // the faults under which not everybody hears at once who is there
	deafened []span // the same with what is left of them, merged
	lapsing  []span // when signs of life may be kept back, merged
	emptied  []span // the faults that may lose who is there
}

// ofKinds are the faults of some kinds.
func ofKinds(faults []Fault, kinds []string) []Fault {
	return slices.DeleteFunc(slices.Clone(faults), func(f Fault) bool { return !slices.Contains(kinds, f.Kind) })
}

// ackOwed is how long a connection owes an ack before it is sent again what it lacks (C3.4).
const ackOwed = 10 * time.Second

// mayRepeat reports whether a fault has kept acks from arriving for so long, or did a moment ago, that a connection may
// be sent again what it has.
func (x *index) mayRepeat(at time.Duration) bool {
	return slices.ContainsFunc(x.faults, func(f Fault) bool {
		// On the way to the node an ack may have been slow already.
		return f.To-f.From >= ackOwed/2 && f.From <= at && at <= f.To+2*ackOwed
	})
}

// stream is what one client did and saw.
type stream struct {
	client string
	group  string
	did    []*Operation              // in the order of the calls
	saw    []*Observation            // in the order of their delivery
	last   map[*conversation]*follow // how it follows each, or did last
	wanted map[*conversation]bool    // it asked to follow and was not answered
}

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
	mended := func(f Fault) bool { return slices.Contains(b.Mended, f.Kind) }
	x.unmended = disturbances(slices.DeleteFunc(slices.Clone(x.faults), mended), b.Recovery)
	during := func(kinds []string) []span { return disturbances(ofKinds(x.faults, kinds), b.Recovery) }
	x.unahead, x.uncounted = during(b.Ahead), during(b.Uncounted)
	x.deafened = disturbances(slices.DeleteFunc(slices.Clone(x.faults), func(f Fault) bool { return slices.Contains(b.Hearing, f.Kind) }), b.Recovery)
	x.lapsing = disturbances(ofKinds(x.faults, b.Lapsing), 0)
	for _, f := range x.faults {
		if !slices.Contains(b.Hearing, f.Kind) {
			x.deaf = append(x.deaf, span{f.From, f.To})
		}
		if slices.Contains(b.Emptied, f.Kind) {
			x.emptied = append(x.emptied, span{f.From, f.To})
		}
	}
	x.takeDatabase()
	x.takeRecords()
	for _, c := range x.conversations {
		c.settle()
		c.mayBe(x.unnamed)
		x.ordered = append(x.ordered, c)
	}
	slices.SortFunc(x.ordered, func(a, b *conversation) int { return strings.Compare(a.id, b.id) })
	x.settleReaches()
	x.takePeople()
	x.sight = newSight(x)
	for _, s := range x.streams {
		w := watch(x, s)
		x.follows, s.last, s.wanted = append(x.follows, w.out...), w.current, w.wanted
	}
	x.delivered = x.deliveries(sendOf)
	return x
}

// takeDatabase takes in what is stored, of the conversations that the history speaks of.
func (x *index) takeDatabase() {
	db := x.h.Database
	if x.partial = db == nil; x.partial {
		db = x.readBack()
	}
	spoken := make(map[string]bool)
	for i := range x.h.Operations {
		spoken[x.h.Operations[i].Conversation] = true
	}
	for i := range x.h.Observations {
		spoken[x.h.Observations[i].Conversation] = true
	}
	for i := range db.Conversations {
		if s := &db.Conversations[i]; spoken[s.ID] {
			x.conversation(s.ID).stored = s
		}
	}
	rows := db.Messages
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
	for i := range db.Participants {
		if p := &db.Participants[i]; spoken[p.Conversation] {
			x.conversation(p.Conversation).member(p.User).row = p
		}
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
	if o.Op == Create && o.Conversation == "" && o.Result != Fail {
		x.unnamed = append(x.unnamed, o)
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
