package storetest

import (
	"crypto/sha256"
	"fmt"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/parley-chat/parley/internal/auth"
	"github.com/parley-chat/parley/internal/chat"
)

func logins(t *testing.T, w world) {
	t.Run("a refresh token is spent once and answered again while the grace lasts", w.rotation)
	t.Run("a refresh token that comes back late ends its login", w.reuse)
	t.Run("two rotations of one token have one winner", w.racingRotations)
	t.Run("expired and unknown tokens are unknown", w.expired)
	t.Run("ended logins are known since when", w.endedLogins)
	t.Run("a new password ends every login", w.newPassword)
	t.Run("pruning keeps what is alive", w.pruning)
	t.Run("there is a time that all nodes share", w.sharedTime)
	t.Run("an owner link works once, until it expires or another is made", w.ownerLinks)
}

const grace = 30 * time.Second

func tokenFor(l chat.LoginID, at time.Time) auth.RefreshToken {
	sum := sha256.Sum256([]byte(newID[string]()))
	return auth.RefreshToken{Hash: sum[:], Login: l, IssuedAt: at, ExpiresAt: at.Add(7 * 24 * time.Hour)}
}

func moment() time.Time { return time.Now().UTC().Truncate(time.Microsecond) }

func (w world) login(t *testing.T, u chat.UserID) auth.RefreshToken {
	t.Helper()
	l := auth.Login{ID: newID[chat.LoginID](), User: u, CreatedAt: moment(), UserAgent: "test/1.0"}
	first := tokenFor(l.ID, l.CreatedAt)
	ok(t, w.BeginLogin(ctx, l, first))
	return first
}

func (w world) rotate(t *testing.T, presented []byte, at time.Time) auth.Rotation {
	t.Helper()
	r, err := w.RotateRefresh(ctx, presented, at, grace, func(l auth.Login) auth.RefreshToken { return tokenFor(l.ID, at) })
	ok(t, err)
	return r
}

func (w world) rotation(t *testing.T) {
	u := w.person(t)
	first, now := w.login(t, u), moment()
	var second auth.RefreshToken
	r, err := w.RotateRefresh(ctx, first.Hash, now, grace, func(l auth.Login) auth.RefreshToken {
		if l.User != u || l.ID != first.Login || l.UserAgent != "test/1.0" || l.CreatedAt.IsZero() {
			t.Errorf("next is asked for %+v", l)
		}
		second = tokenFor(l.ID, now)
		return second
	})
	ok(t, err)
	if r.Result != auth.Rotated || !r.UsedAt.Equal(now) || r.Login.User != u {
		t.Errorf("first use: %+v", r)
	}
	for _, later := range []time.Duration{0, grace - time.Microsecond} {
		again := w.rotate(t, first.Hash, now.Add(later))
		if again.Result != auth.Graced || !again.UsedAt.Equal(now) || again.Login != r.Login {
			t.Errorf("after %v: %+v", later, again)
		}
	}
	late := func() auth.Rotation {
		r, err := w.RotateRefresh(ctx, first.Hash, now.Add(time.Second), grace, func(auth.Login) auth.RefreshToken { return second })
		ok(t, err)
		return r
	}
	if r := late(); r.Superseded {
		t.Errorf("the successor is not spent: %+v", r)
	}
	if r := w.rotate(t, second.Hash, now.Add(time.Second)); r.Result != auth.Rotated {
		t.Errorf("the successor: %+v", r)
	}
	if r := late(); r.Result != auth.Graced || !r.Superseded {
		t.Errorf("the successor is spent: %+v", r)
	}
}

func (w world) reuse(t *testing.T) {
	first, now := w.login(t, w.person(t)), moment()
	second := tokenFor(first.Login, now)
	_, err := w.RotateRefresh(ctx, first.Hash, now, grace, func(auth.Login) auth.RefreshToken { return second })
	ok(t, err)
	if r := w.rotate(t, first.Hash, now.Add(grace)); r.Result != auth.Reused || r.Login.ID != first.Login {
		t.Errorf("the late one: %+v", r)
	}
	for _, hash := range [][]byte{first.Hash, second.Hash} {
		if r := w.rotate(t, hash, now.Add(grace)); r.Result != auth.Unknown {
			t.Errorf("after the end: %+v", r)
		}
	}
	ended, err := w.EndedLogins(ctx, now)
	ok(t, err)
	if !slices.ContainsFunc(ended, func(l auth.EndedLogin) bool { return l.ID == first.Login && l.EndedAt.Equal(now.Add(grace)) }) {
		t.Errorf("ended: %+v", ended)
	}
}

func (w world) racingRotations(t *testing.T) {
	for range 5 {
		first, now := w.login(t, w.person(t)), moment()
		var mu sync.Mutex
		results := map[auth.RotationResult]int{}
		var wg sync.WaitGroup
		for range 8 {
			wg.Go(func() {
				r, err := w.RotateRefresh(ctx, first.Hash, now, grace, func(l auth.Login) auth.RefreshToken { return tokenFor(l.ID, now) })
				if err != nil {
					t.Error(err)
				}
				mu.Lock()
				defer mu.Unlock()
				results[r.Result]++
			})
		}
		wg.Wait()
		if results[auth.Rotated] != 1 || results[auth.Graced] != 7 {
			t.Errorf("results %v", results)
		}
	}
}

func (w world) expired(t *testing.T) {
	first := w.login(t, w.person(t))
	if r := w.rotate(t, first.Hash, first.ExpiresAt); r.Result != auth.Unknown {
		t.Errorf("at its end: %+v", r)
	}
	if r := w.rotate(t, []byte("no such hash"), moment()); r.Result != auth.Unknown {
		t.Errorf("unknown: %+v", r)
	}
	if r := w.rotate(t, first.Hash, first.ExpiresAt.Add(-time.Microsecond)); r.Result != auth.Rotated {
		t.Errorf("just before its end: %+v", r)
	}
	l := auth.Login{ID: newID[chat.LoginID](), User: newID[chat.UserID](), CreatedAt: moment()}
	if err := w.BeginLogin(ctx, l, tokenFor(l.ID, l.CreatedAt)); code(err) != chat.CodeNotFound {
		t.Errorf("a login of nobody: %v", err)
	}
}

func (w world) endedLogins(t *testing.T) {
	u, now := w.person(t), moment()
	one, two, three := w.login(t, u), w.login(t, u), w.login(t, u)
	ok(t, w.EndLogin(ctx, one.Login, now))
	ok(t, w.EndLogin(ctx, one.Login, now.Add(time.Hour)))
	ok(t, w.EndLogin(ctx, newID[chat.LoginID](), now))
	ended, err := w.EndLogins(ctx, u, now.Add(time.Second))
	ok(t, err)
	got := map[chat.LoginID]bool{}
	for _, l := range ended {
		got[l.ID] = l.User == u && l.EndedAt.Equal(now.Add(time.Second))
	}
	same(t, "live ones that ended", map[chat.LoginID]bool{two.Login: true, three.Login: true}, got)
	if again, err := w.EndLogins(ctx, u, now.Add(time.Minute)); err != nil || len(again) != 0 {
		t.Errorf("ending again: %v, %v", again, err)
	}
	since := func(at time.Time) int {
		t.Helper()
		all, err := w.EndedLogins(ctx, at)
		ok(t, err)
		n := 0
		for _, l := range all {
			if l.User == u && (l.ID == one.Login || got[l.ID]) {
				n++
			}
		}
		return n
	}
	if a, b, c := since(now), since(now.Add(time.Microsecond)), since(now.Add(time.Second+time.Microsecond)); a != 3 || b != 2 || c != 0 {
		t.Errorf("ended since: %d, %d, %d", a, b, c)
	}
	if r := w.rotate(t, two.Hash, now.Add(2*time.Second)); r.Result != auth.Unknown {
		t.Errorf("a token of an ended login: %+v", r)
	}
}

func (w world) newPassword(t *testing.T) {
	u, now := w.person(t), moment()
	token := w.login(t, u)
	ended, err := w.SetPassword(ctx, u, "$argon2id$new", now)
	ok(t, err)
	same(t, "ended", []auth.EndedLogin{{ID: token.Login, User: u, EndedAt: now}}, ended)
	a, err := w.Account(ctx, u)
	ok(t, err)
	if a.PasswordHash != "$argon2id$new" {
		t.Error("the password is the old one")
	}
	if _, err := w.SetPassword(ctx, newID[chat.UserID](), "x", now); code(err) != chat.CodeNotFound {
		t.Errorf("an unknown person: %v", err)
	}
}

func (w world) pruning(t *testing.T) {
	u, now := w.person(t), moment()
	live, ended := w.login(t, u), w.login(t, u)
	old := auth.Login{ID: newID[chat.LoginID](), User: u, CreatedAt: now.Add(-10 * 24 * time.Hour)}
	oldToken := tokenFor(old.ID, old.CreatedAt)
	ok(t, w.BeginLogin(ctx, old, oldToken))
	ok(t, w.EndLogin(ctx, ended.Login, now.Add(-time.Minute)))
	ok(t, w.PruneLogins(ctx, now.Add(-time.Second)))
	if r := w.rotate(t, live.Hash, now); r.Result != auth.Rotated {
		t.Errorf("the live one: %+v", r)
	}
	list, err := w.EndedLogins(ctx, now.Add(-time.Hour))
	ok(t, err)
	for _, l := range list {
		if l.ID == ended.Login {
			t.Error("an ended login is still there")
		}
	}
	if r := w.rotate(t, oldToken.Hash, old.CreatedAt); r.Result != auth.Unknown {
		t.Errorf("a token of before: %+v", r)
	}
}

func (w world) ownerLinks(t *testing.T) {
	now := moment()
	first, second := []byte("first hash"), []byte("second hash")
	ok(t, w.PutOwnerLink(ctx, first, now.Add(30*time.Minute)))
	ok(t, w.PutOwnerLink(ctx, second, now.Add(30*time.Minute)))
	if err := w.TakeOwnerLink(ctx, first, now); code(err) != chat.CodeNotFound {
		t.Errorf("the replaced one: %v", err)
	}
	if err := w.TakeOwnerLink(ctx, second, now.Add(30*time.Minute)); code(err) != chat.CodeNotFound {
		t.Errorf("the expired one: %v", err)
	}
	var mu sync.Mutex
	answers := map[string]int{}
	var wg sync.WaitGroup
	for range 6 {
		wg.Go(func() {
			err := w.TakeOwnerLink(ctx, second, now)
			mu.Lock()
			defer mu.Unlock()
			answers[fmt.Sprint(code(err))]++
		})
	}
	wg.Wait()
	same(t, "answers", map[string]int{"": 1, string(chat.CodeNotFound): 5}, answers)
}

func (w world) sharedTime(t *testing.T) {
	before, err := w.Now(ctx)
	ok(t, err)
	after, err := w.Now(ctx)
	ok(t, err)
	if before.IsZero() || after.Before(before) || time.Since(before).Abs() > time.Minute {
		t.Errorf("it was %v and then %v", before, after)
	}
}
