package auth_test

import (
	"context"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/parley-chat/parley/internal/auth"
	"github.com/parley-chat/parley/internal/chat"
)

func TestTwoTabsThatRefreshAtOnceGetTheSameSuccessor(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newService(t, newMemoryStore())
		g := register(t, s, "anna")
		time.Sleep(time.Hour)
		first, err := s.Refresh(t.Context(), g.Refresh)
		if err != nil {
			t.Fatal(err)
		}
		time.Sleep(29 * time.Second)
		second, err := s.Refresh(t.Context(), g.Refresh)
		if err != nil {
			t.Fatal(err)
		}
		if first.Refresh != second.Refresh || first.Login != g.Login || second.Login != g.Login {
			t.Error("the second answer is another successor")
		}
		if _, err := s.Refresh(t.Context(), second.Refresh); err != nil {
			t.Errorf("the successor is not accepted: %v", err)
		}
	})
}

func TestALateTabGetsTheNewestTokenOfTheFamily(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newService(t, newMemoryStore())
		g := register(t, s, "anna")
		next, err := s.Refresh(t.Context(), g.Refresh)
		if err != nil {
			t.Fatal(err)
		}
		newest, err := s.Refresh(t.Context(), next.Refresh)
		if err != nil {
			t.Fatal(err)
		}
		time.Sleep(29 * time.Second)
		late, err := s.Refresh(t.Context(), g.Refresh)
		if err != nil || late.Refresh != newest.Refresh {
			t.Fatalf("the late tab holds the newest token: %v, %v", late.Refresh == newest.Refresh, err)
		}
		time.Sleep(14 * time.Minute)
		if _, err := s.Refresh(t.Context(), late.Refresh); err != nil {
			t.Errorf("the late tab was signed out: %v", err)
		}
	})
}

func TestASpentTokenThatComesBackLaterEndsTheLogin(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newService(t, newMemoryStore())
		g := register(t, s, "anna")
		var ended []chat.LoginID
		s.OnEnd(func(_ context.Context, e auth.EndedLogin) { ended = append(ended, e.ID) })
		next, err := s.Refresh(t.Context(), g.Refresh)
		if err != nil {
			t.Fatal(err)
		}
		time.Sleep(31 * time.Second)
		_, err = s.Refresh(t.Context(), g.Refresh)
		wantCode(t, err, chat.CodeAuthFailed)
		_, err = s.Refresh(t.Context(), next.Refresh)
		wantCode(t, err, chat.CodeAuthFailed)
		_, err = s.Verify(next.Access)
		wantCode(t, err, chat.CodeAuthFailed)
		if len(ended) != 1 || ended[0] != g.Login {
			t.Errorf("ended: %v", ended)
		}
	})
}

func TestAHundredRefreshesAtOnceLeaveOneFamilyAlive(t *testing.T) {
	s := newService(t, newMemoryStore())
	g := register(t, s, "anna")
	grants := make([]auth.Grant, 100)
	var crowd sync.WaitGroup
	for i := range grants {
		crowd.Go(func() {
			var err error
			if grants[i], err = s.Refresh(context.Background(), g.Refresh); err != nil {
				t.Error(err)
			}
		})
	}
	crowd.Wait()
	for _, other := range grants[1:] {
		if other.Refresh != grants[0].Refresh {
			t.Fatal("there are two successors")
		}
	}
	if _, err := s.Refresh(t.Context(), grants[0].Refresh); err != nil {
		t.Error(err)
	}
}

func TestADeviceStaysSignedInForWeeksAndAnIdleOneForSevenDays(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newService(t, newMemoryStore())
		g := register(t, s, "anna")
		for range 5 {
			time.Sleep(6 * 24 * time.Hour)
			var err error
			if g, err = s.Refresh(t.Context(), g.Refresh); err != nil {
				t.Fatal(err)
			}
		}
		time.Sleep(7*24*time.Hour + 10*time.Second)
		_, err := s.Refresh(t.Context(), g.Refresh)
		wantCode(t, err, chat.CodeAuthFailed)
	})
}

func TestChangingTheKeySignsNobodyOut(t *testing.T) {
	store := newMemoryStore()
	before := newService(t, store)
	g := register(t, before, "anna")
	spent, err := before.Refresh(t.Context(), g.Refresh)
	if err != nil {
		t.Fatal(err)
	}
	after := newService(t, store, func(c *auth.Config) { c.Key, c.PreviousKey = otherKey, signingKey })
	if _, err := after.Verify(g.Access); err != nil {
		t.Errorf("an access token of the old key: %v", err)
	}
	// Within its grace a token that the old key signed still leads to what the old key made of it.
	graced, err := after.Refresh(t.Context(), g.Refresh)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := after.Refresh(t.Context(), graced.Refresh); err != nil {
		t.Errorf("the successor: %v", err)
	}
	if _, err := after.Refresh(t.Context(), spent.Refresh); err != nil {
		t.Errorf("the successor as the old key signed it: %v", err)
	}
	gone := newService(t, store, func(c *auth.Config) { c.Key = otherKey })
	_, err = gone.Verify(g.Access)
	wantCode(t, err, chat.CodeAuthFailed)
}
