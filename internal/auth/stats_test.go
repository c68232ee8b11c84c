package auth_test

import (
	"testing"
	"testing/synctest"
	"time"

	"github.com/parley-chat/parley/internal/auth"
)

func TestAttemptsAreCountedByHowTheyWent(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newService(t, newMemoryStore())
		g := register(t, s, "anna")
		_, _ = s.Register(t.Context(), auth.NewAccount{Username: "anna", Password: "correct horse"}, "")
		_, _ = s.Login(t.Context(), auth.Credentials{Username: "anna", Password: "wrong horse"})
		_, _ = s.Login(t.Context(), auth.Credentials{Username: "nobody", Password: "wrong horse"})
		next, err := s.Refresh(t.Context(), g.Refresh)
		if err != nil {
			t.Fatal(err)
		}
		_, _ = s.Refresh(t.Context(), g.Refresh)
		_, _ = s.Refresh(t.Context(), "no token")
		time.Sleep(time.Hour)
		_, _ = s.Refresh(t.Context(), g.Refresh)
		_, _ = s.Refresh(t.Context(), next.Refresh)
		want := auth.Stats{Made: 1, NotMade: 1, Refused: 2, Fresh: 1, Graced: 1, Reused: 1, RefreshRefused: 2}
		if got := s.Stats(); got != want {
			t.Errorf("\n got %+v\nwant %+v", got, want)
		}
	})
}
