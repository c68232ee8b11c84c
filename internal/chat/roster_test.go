package chat_test

import (
	"context"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/parley-chat/parley/internal/chat"
)

// countedRoster answers without a database and counts how often.
type countedRoster struct {
	chat.Store
	rev, reads atomic.Int64
}

func (s *countedRoster) Roster(_ context.Context, c chat.ConversationID) (chat.Roster, error) {
	s.reads.Add(1)
	return chat.Roster{Conversation: c, Rev: s.rev.Load()}, nil
}

func TestARosterIsRememberedUntilItIsForgottenOrHasMoved(t *testing.T) {
	s := new(countedRoster)
	s.rev.Store(7)
	rules := chat.New(chat.Config{NewID: newID}, s, newRecorder())
	c := chat.ConversationID(newID())
	for i, step := range []struct {
		what  func()
		reads int64
	}{
		{func() {}, 1},
		{func() {}, 1},
		{func() { rules.RosterMoved(c, 7) }, 1},
		{func() { rules.RosterMoved(c, 8) }, 2},
		{func() { rules.ForgetRoster(c) }, 3},
		{rules.ForgetRosters, 4},
	} {
		step.what()
		if _, err := rules.Roster(t.Context(), c); err != nil {
			t.Fatal(err)
		}
		if got := s.reads.Load(); got != step.reads {
			t.Errorf("step %d: read %d times, want %d", i, got, step.reads)
		}
	}
}

func TestANodeThatWasFrozenDoesNotTrustTheRostersThatItRemembers(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := new(countedRoster)
		rules := chat.New(chat.Config{NewID: newID}, s, newRecorder())
		c := chat.ConversationID(newID())
		read := func() int64 {
			if _, err := rules.Roster(t.Context(), c); err != nil {
				t.Fatal(err)
			}
			return s.reads.Load()
		}
		read()
		time.Sleep(24 * time.Hour)
		if got := read(); got != 1 {
			t.Errorf("without a lease it was read %d times", got)
		}
		rules.TrustRosters(time.Now().Add(time.Second))
		if got := read(); got != 1 {
			t.Errorf("within the lease it was read %d times", got)
		}
		time.Sleep(time.Minute)
		if got := read(); got != 2 {
			t.Errorf("past the lease it was read %d times", got)
		}
	})
}
