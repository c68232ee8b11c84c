package chat_test

import (
	"context"
	"errors"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/parley-chat/parley/internal/chat"
	"github.com/parley-chat/parley/internal/inmem"
)

// mishap is a store of which some questions fail, and of which a test learns when an account was changed.
type mishap struct {
	chat.Store
	changed               func()
	failing               atomic.Int64 // so many questions which conversations there are, or who is in one
	conversations, roster bool
}

func (m *mishap) fails(is bool) error {
	if is && m.failing.Add(-1) >= 0 {
		return errors.New("a mishap")
	}
	return nil
}

func (m *mishap) UpdateMe(ctx context.Context, u chat.UserID, e chat.ProfileEdit, there bool) (chat.ProfileChange, error) {
	after, err := m.Store.UpdateMe(ctx, u, e, there)
	if m.changed != nil {
		m.changed()
	}
	return after, err
}

func (m *mishap) ConversationIDs(ctx context.Context, u chat.UserID) ([]chat.ConversationID, error) {
	if err := m.fails(m.conversations); err != nil {
		return nil, err
	}
	return m.Store.ConversationIDs(ctx, u)
}

func (m *mishap) Roster(ctx context.Context, c chat.ConversationID) (chat.Roster, error) {
	if err := m.fails(m.roster); err != nil {
		return chat.Roster{}, err
	}
	return m.Store.Roster(ctx, c)
}

func TestWhoLetsNobodyKnowFromNowOnIsCountedAndShownNoMoreWhateverFailsAfterTheCommit(t *testing.T) {
	for name, broken := range map[string]struct{ gone, conversations, roster bool }{
		"whoever asked for it is gone":                   {gone: true},
		"their conversations cannot be read for a while": {conversations: true},
		"who is in one cannot be read for a while":       {roster: true},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				readers := inmem.NewReaders()
				w, large, small := readingWorld(t, readers)
				m := w.send(t, large, w.people[0], "one", "Hello")
				w.readAll(t, large, m.ID)
				time.Sleep(15 * time.Second)
				w.expectCounted(t, "before", m, 11)
				ctx, cancel := context.WithCancel(t.Context())
				defer cancel()
				store := &mishap{Store: w.store, conversations: broken.conversations, roster: broken.roster}
				store.changed = func() {
					store.failing.Store(3)
					if broken.gone {
						cancel()
					}
				}
				node := &world{store: w.store, heard: newRecorder(), people: w.people}
				node.Service = chat.New(chat.Config{NewID: newID, Readers: readers}, store, node.heard)
				node.run(t)
				off := false
				if _, err := node.UpdateMe(ctx, w.people[1], chat.ProfileEdit{ReadReceiptsEnabled: &off}); err != nil {
					t.Fatal(err)
				}
				time.Sleep(15 * time.Second)
				w.expectCounted(t, "after", m, 10)
				if told := node.heard.hidden(small, w.people[1]); told != 1 {
					t.Errorf("the small conversation was told %d times", told)
				}
			})
		})
	}
}

func TestSwitchingReceiptsToWhatTheyAreTellsNobodyAnything(t *testing.T) {
	w, _, small := readingWorld(t, inmem.NewReaders())
	off, on := false, true
	before, told := 0, 0
	for _, to := range []*bool{&on, &off, &off} {
		before = told
		if _, err := w.UpdateMe(t.Context(), w.people[1], chat.ProfileEdit{ReadReceiptsEnabled: to}); err != nil {
			t.Fatal(err)
		}
		told = w.heard.hidden(small, w.people[1])
	}
	if before != 1 || told != 1 {
		t.Errorf("the first switch told %d times, the repetition %d times", before, told-before)
	}
}

// hidden is how often a conversation was told that a person shows nothing any more, or to look it up.
func (r *recorder) hidden(c chat.ConversationID, u chat.UserID) (times int) {
	r.mu.Lock()
	defer r.mu.Unlock()
	for _, s := range r.shown {
		if s.Conversation == c && s.User == u && s.Seq == 0 {
			times++
		}
	}
	for _, changed := range r.unsure {
		if changed == c {
			times++
		}
	}
	return times
}
