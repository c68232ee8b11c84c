package storetest

import (
	"errors"
	"fmt"
	"maps"
	"math/rand/v2"
	"slices"
	"sync"
	"testing"

	"github.com/parley-chat/parley/internal/chat"
	"github.com/parley-chat/parley/internal/store"
)

// Storm is many writers that change the same conversations, read positions and logins at once, in every way
// there is, through several stores of one database, as several nodes do. What they were answered is recorded
// and compared with what is there when they are done.
type Storm struct {
	// Stores are the nodes. Each gets Writers writers.
	Stores  []*store.Store
	Writers int
	// Steps is how many things each writer does.
	Steps int
	// Conversations is how many they write to.
	Conversations int
	// Interrupt breaks something, a connection for example: then outcomes may be unknown. The writers call it
	// now and then; nil where nothing breaks.
	Interrupt func()
	// Begun is called when all of them are at work; nil for nothing.
	Begun func()
	// Seed makes writers choose the same again. What they meet is up to the database.
	Seed uint64
}

const (
	stormPeople = 8
	// stormMortals are people who get erased on the way.
	stormMortals = 4
	// appendTries is how often a batch is sent again until its outcome is known.
	appendTries = 20
)

// Run lets the writers go and checks what they left behind.
func (s Storm) Run(t *testing.T) {
	t.Helper()
	w := world{s.Stores[0]}
	k := &record{
		lossy: s.Interrupt != nil, staying: w.people(t, stormPeople), mortals: w.people(t, stormMortals),
		revs: make(map[chat.ConversationID]map[int64]string), unknown: make(map[chat.ConversationID]int),
		stored: make(map[draftKey]chat.Message), edits: make(map[chat.MessageID]chat.Message), read: make(map[seat]int64),
	}
	for range s.Conversations {
		c := w.group(t, slices.Concat(k.staying, k.mortals)...)
		k.conversations = append(k.conversations, c)
		k.revs[c.ID] = map[int64]string{1: "created"}
	}
	var wg sync.WaitGroup
	for i, node := range s.Stores {
		for j := range s.Writers {
			x := &writer{
				world: world{node}, t: t, record: k, name: fmt.Sprintf("node %d writer %d", i, j),
				rng: rand.New(rand.NewPCG(s.Seed, uint64(i*s.Writers+j))), rosters: make(map[chat.ConversationID]int64), interrupt: s.Interrupt,
			}
			x.reader = k.staying[(i*s.Writers+j)%stormPeople]
			wg.Go(func() { x.run(s.Steps) })
		}
	}
	if s.Begun != nil {
		s.Begun()
	}
	wg.Wait()
	if t.Failed() {
		t.Fatalf("the seed was %d", s.Seed)
	}
	k.compare(t, w)
	w.sound(t)
}

// draftKey names a draft for good (C2.3).
type draftKey struct {
	conversation chat.ConversationID
	sender       chat.UserID
	clientID     string
}

func keyOf(d chat.Draft) draftKey { return draftKey{d.Conversation, d.Sender, d.ClientMessageID} }

// seat is a person in a conversation.
type seat struct {
	conversation chat.ConversationID
	user         chat.UserID
}

// record is what all writers were answered.
type record struct {
	lossy            bool
	staying, mortals []chat.UserID
	conversations    []chat.Conversation

	mu      sync.Mutex
	revs    map[chat.ConversationID]map[int64]string // who took each rev that was confirmed
	unknown map[chat.ConversationID]int              // changes whose outcome nobody knows
	stored  map[draftKey]chat.Message                // the first answer to each draft
	drafts  []chat.Draft                             // what was confirmed, to send again
	sent    []chat.Message                           // what was confirmed, to change and read
	edits   map[chat.MessageID]chat.Message          // the confirmed edit with the greatest rev
	read    map[seat]int64                           // the furthest read position that was confirmed
}

// took notes a rev that somebody was given; nobody else may have it.
func (k *record) took(c chat.ConversationID, rev int64, who string) error {
	if other, taken := k.revs[c][rev]; taken {
		return fmt.Errorf("rev %d was given to %s and to %s", rev, other, who)
	}
	k.revs[c][rev] = who
	return nil
}

// compare holds what is in the database against what was confirmed.
func (k *record) compare(t *testing.T, w world) {
	t.Helper()
	for _, c := range k.conversations {
		w.expectDense(t, c.ID)
		k.compareMessages(t, w, c.ID)
		k.compareRevs(t, w, c.ID)
	}
	for s, seq := range k.read {
		states, err := w.ReadStates(ctx, s.conversation, []chat.UserID{s.user})
		ok(t, err)
		if r, in := states[s.user]; in && r.LastReadSeq < seq {
			t.Errorf("a read position went back from %d to %d", seq, r.LastReadSeq)
		}
	}
}

func (k *record) compareMessages(t *testing.T, w world, c chat.ConversationID) {
	t.Helper()
	found := make(map[draftKey]bool)
	for _, m := range w.history(t, c) {
		key := draftKey{c, m.Sender, m.ClientMessageID}
		if found[key] {
			t.Errorf("seq %d is a draft that was stored before", m.Seq)
		}
		found[key] = true
		confirmed, known := k.stored[key]
		if known && (confirmed.ID != m.ID || confirmed.Seq != m.Seq || !confirmed.CreatedAt.Equal(m.CreatedAt)) {
			t.Errorf("seq %d is not what was confirmed at seq %d", m.Seq, confirmed.Seq)
		}
		if !known && !k.lossy {
			t.Errorf("seq %d was never confirmed", m.Seq)
		}
		if e, edited := k.edits[m.ID]; edited && m.Rev < e.Rev {
			t.Errorf("the edit of seq %d at rev %d is lost: it is at rev %d", m.Seq, e.Rev, m.Rev)
		} else if edited && m.Rev == e.Rev && m.Content != e.Content {
			t.Errorf("seq %d says something else than at its last edit", m.Seq)
		}
		if m.Deleted() {
			// The tombstones of an erased person have revs that nobody was told one by one.
			k.revs[c][m.Rev] = "a tombstone"
		}
	}
	for key := range k.stored {
		if key.conversation == c && !found[key] {
			t.Errorf("a confirmed message is not there")
		}
	}
}

// compareRevs: each rev was given to one change, and all of them were given.
func (k *record) compareRevs(t *testing.T, w world, c chat.ConversationID) {
	t.Helper()
	heads, err := w.Heads(ctx, []chat.ConversationID{c})
	ok(t, err)
	given := slices.Sorted(maps.Keys(k.revs[c]))
	if last := given[len(given)-1]; last > heads[c].LastRev {
		t.Errorf("rev %d was confirmed, and the head is at %d", last, heads[c].LastRev)
	}
	if missing := int(heads[c].LastRev) - len(given); missing < 0 || missing > k.unknown[c] {
		t.Errorf("%d revs were given to nobody, and the outcome of %d changes is unknown", missing, k.unknown[c])
	}
}

// passing are errors after which a writer goes on: it waited too long for its turn, or a connection broke.
func (k *record) passing(err error) bool {
	if err == nil {
		return false
	}
	e := chat.AsError(err)
	return e.Reason == chat.ReasonLocked || k.lossy && (e.Code == chat.CodeDBConnectionLost || e.Code == chat.CodeDBTimeout)
}

// unsure notes n changes that may have happened.
func (k *record) unsure(err error, c chat.ConversationID, n int) {
	if errors.Is(err, chat.ErrStale) || chat.AsError(err).Outcome != chat.OutcomeUnknown {
		return
	}
	k.mu.Lock()
	defer k.mu.Unlock()
	k.unknown[c] += n
}
