package store_test

import (
	"testing"
	"time"

	"github.com/parley-chat/parley/internal/auth"
	"github.com/parley-chat/parley/internal/chat"
)

func TestARotationThatMeetsAnErasureOrAPruningWaitsForItAndNotInACircle(t *testing.T) {
	in := onPostgres(t)
	at := time.Now().UTC().Truncate(time.Microsecond)
	for name, other := range map[string]func(chat.UserID) error{
		"erasure": func(u chat.UserID) error { _, err := in.EraseUser(t.Context(), u, false); return err },
		"pruning": func(chat.UserID) error { return in.PruneLogins(t.Context(), at.Add(time.Hour)) },
	} {
		_, ada := conversationsFor(t, in.Store)
		l := auth.Login{ID: newID[chat.LoginID](), User: ada, CreatedAt: at}
		token := auth.RefreshToken{Hash: []byte(name), IssuedAt: at, ExpiresAt: at.Add(2 * time.Hour)}
		if err := in.BeginLogin(t.Context(), l, token); err != nil {
			t.Fatal(err)
		}
		if err := in.EndLogin(t.Context(), l.ID, at); err != nil {
			t.Fatal(err)
		}
		// Somebody holds the login, so that both come to wait for it, the other one first.
		tx, err := in.raw.BeginTx(t.Context(), nil)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := tx.Exec("SELECT 1 FROM logins WHERE id = $1 FOR UPDATE", string(l.ID)); err != nil {
			t.Fatal(err)
		}
		others, rotations := make(chan error, 1), make(chan error, 1)
		go func() { others <- other(ada) }()
		in.awaitWaiters(t, 1, others)
		go func() {
			_, err := in.RotateRefresh(t.Context(), token.Hash, at, 0, func(auth.Login) auth.RefreshToken {
				return auth.RefreshToken{Hash: []byte("next after " + name), IssuedAt: at, ExpiresAt: at.Add(time.Hour)}
			})
			rotations <- err
		}()
		in.awaitWaiters(t, 2-len(others), rotations)
		if err := tx.Rollback(); err != nil {
			t.Fatal(err)
		}
		for _, done := range []chan error{others, rotations} {
			if err := <-done; err != nil {
				t.Errorf("%s: %v", name, err)
			}
		}
	}
	if n := deadlocks(t, in.cfg.DatabaseURL); n != 0 {
		t.Errorf("%d deadlocks", n)
	}
}

// awaitWaiters returns when n wait for a lock, or when the last of them turns out not to need it.
func (in inside) awaitWaiters(t *testing.T, n int, done chan error) {
	t.Helper()
	for waiting := 0; waiting < n && len(done) == 0; {
		if err := in.raw.QueryRow("SELECT count(*) FROM pg_locks WHERE NOT granted").Scan(&waiting); err != nil {
			t.Fatal(err)
		}
	}
}
