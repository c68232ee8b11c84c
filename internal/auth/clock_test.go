package auth_test

import (
	"context"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/parley-chat/parley/internal/auth"
	"github.com/parley-chat/parley/internal/chat"
)

func TestATokenOfANodeThatIsMinutesAheadIsGoodAtOnce(t *testing.T) {
	store := newMemoryStore()
	var access, refresh string
	// Time begins at the same moment in each bubble: the second node is as far behind as the first one slept.
	synctest.Test(t, func(t *testing.T) {
		time.Sleep(9 * time.Minute)
		g := register(t, newService(t, store), "anna")
		access, refresh = g.Access, g.Refresh
	})
	synctest.Test(t, func(t *testing.T) {
		behind := newService(t, store)
		if _, err := behind.Verify(access); err != nil {
			t.Errorf("the access token: %v", err)
		}
		if _, err := behind.Refresh(t.Context(), refresh); err != nil {
			t.Errorf("the refresh token: %v", err)
		}
	})
}

func TestARefreshWhoseAnswerWasLostIsAnsweredByANodeThatIsMinutesAhead(t *testing.T) {
	store := newMemoryStore()
	var spent string
	var began time.Time
	synctest.Test(t, func(t *testing.T) {
		began = time.Now()
		s := newService(t, store)
		spent = register(t, s, "anna").Refresh
		if _, err := s.Refresh(t.Context(), spent); err != nil {
			t.Fatal(err)
		}
	})
	synctest.Test(t, func(t *testing.T) {
		time.Sleep(9 * time.Minute)
		store.clock = func() time.Time { return began.Add(time.Second) }
		if _, err := newService(t, store).Refresh(t.Context(), spent); err != nil {
			t.Errorf("a second later by the clock that they share: %v", err)
		}
	})
}

func TestALoginEndedByANodeThatIsMinutesBehindIsNoticed(t *testing.T) {
	store := newMemoryStore()
	synctest.Test(t, func(t *testing.T) {
		g := register(t, newService(t, store), "anna")
		ended := make(chan chat.LoginID, 1)
		ahead := newService(t, store)
		ahead.OnEnd(func(_ context.Context, e auth.EndedLogin) { ended <- e.ID })
		ctx, stop := context.WithCancel(t.Context())
		var running sync.WaitGroup
		running.Go(func() { _ = ahead.Run(ctx) })
		time.Sleep(9 * time.Minute)
		if err := store.EndLogin(ctx, g.Login, time.Now().Add(-9*time.Minute)); err != nil {
			t.Fatal(err)
		}
		select {
		case id := <-ended:
			if id != g.Login {
				t.Errorf("%s ended", id)
			}
		case <-time.After(2 * time.Second):
			t.Error("it was not noticed")
		}
		stop()
		running.Wait()
	})
}

// unreachable is a store that cannot be asked which logins ended.
type unreachable struct {
	*memoryStore
	away atomic.Bool
}

func (s *unreachable) EndedLogins(ctx context.Context, since time.Time) ([]auth.EndedLogin, error) {
	if s.away.Load() {
		return nil, &chat.Error{Code: chat.CodeDBTimeout}
	}
	return s.memoryStore.EndedLogins(ctx, since)
}

func TestALoginEndedWhileANodeCouldNotLookForHoursIsNoticedWhenItCan(t *testing.T) {
	store := newMemoryStore()
	synctest.Test(t, func(t *testing.T) {
		g := register(t, newService(t, store), "anna")
		of := &unreachable{memoryStore: store}
		s := newService(t, of)
		ended := make(chan chat.LoginID, 1)
		s.OnEnd(func(_ context.Context, e auth.EndedLogin) { ended <- e.ID })
		ctx, stop := context.WithCancel(t.Context())
		var running sync.WaitGroup
		running.Go(func() { _ = s.Run(ctx) })
		time.Sleep(time.Minute)
		of.away.Store(true)
		if err := store.EndLogin(ctx, g.Login, time.Now()); err != nil {
			t.Fatal(err)
		}
		time.Sleep(3 * time.Hour)
		of.away.Store(false)
		select {
		case id := <-ended:
			if id != g.Login {
				t.Errorf("%s ended", id)
			}
		case <-time.After(2 * time.Second):
			t.Error("it was not noticed")
		}
		stop()
		running.Wait()
	})
}
