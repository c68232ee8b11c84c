package auth_test

import (
	"bytes"
	"context"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/uuid"

	"github.com/parley-chat/parley/internal/auth"
	"github.com/parley-chat/parley/internal/chat"
)

var (
	signingKey = bytes.Repeat([]byte("k"), 32)
	otherKey   = bytes.Repeat([]byte("o"), 32)
)

func newID() string { return uuid.Must(uuid.NewV7()).String() }

func newService(t *testing.T, store auth.Store, change ...func(*auth.Config)) *auth.Service {
	t.Helper()
	cfg := auth.Config{Key: signingKey, NewID: newID}
	for _, f := range change {
		f(&cfg)
	}
	s, err := auth.New(cfg, store)
	if err != nil {
		t.Fatal(err)
	}
	return s
}

const password = "correct horse"

func register(t *testing.T, s *auth.Service, name string) auth.Grant {
	t.Helper()
	g, err := s.Register(context.Background(), auth.NewAccount{Username: name, Password: password}, "test")
	if err != nil {
		t.Fatal(err)
	}
	return g
}

func wantCode(t *testing.T, err error, want chat.Code) {
	t.Helper()
	if err == nil {
		t.Fatalf("no error, want %s", want)
	}
	if got := chat.AsError(err).Code; got != want {
		t.Fatalf("the error is %v, want %s", err, want)
	}
}

func TestWhoRegistersIsSignedInAndCanSignInAgain(t *testing.T) {
	s := newService(t, newMemoryStore())
	g := register(t, s, "Anna")
	who, err := s.Verify(g.Access)
	if err != nil || who.User != g.User || who.Login != g.Login {
		t.Fatalf("the access token speaks for %+v (%v), want %s", who, err, g.User)
	}
	if left := time.Until(who.ExpiresAt); left < 14*time.Minute || left > 15*time.Minute {
		t.Errorf("the access token lives %v, want 15 minutes", left)
	}
	again, err := s.Login(t.Context(), auth.Credentials{Username: "aNNa", Password: password})
	if err != nil {
		t.Fatal(err)
	}
	if again.User != g.User || again.Login == g.Login {
		t.Errorf("signing in again gave user %s and login %s", again.User, again.Login)
	}
}

func TestNamesAreOneWithoutRegardToCaseAndUnicodeForm(t *testing.T) {
	s := newService(t, newMemoryStore())
	register(t, s, "Zoë")
	for _, same := range []string{"zoë", "ZOË", "Zoe\u0308", "Ｚoë"} {
		_, err := s.Register(t.Context(), auth.NewAccount{Username: same, Password: password}, "")
		wantCode(t, err, chat.CodeConflict)
	}
	register(t, s, "zoe")
}

func TestUsernames(t *testing.T) {
	for name, ok := range map[string]bool{
		"abc": true, "ab": false, "": false, strings.Repeat("a", 32): true, strings.Repeat("a", 33): false,
		"a.b_c-9": true, "a b": false, "a@b": false, "абв": true, "日本語": true, "a\x00b": false, "ab\xff": false,
		"a\u200bbc": false, "😀😀😀": false, strings.Repeat("é", 32): true, strings.Repeat("x", 1<<20): false,
		"a/b": false, "<b>": false, "ﬃ": true, // one ligature, three letters
	} {
		if _, err := auth.CheckUsername(name); (err == nil) != ok {
			t.Errorf("%.40q: %v", name, err)
		}
	}
}

func TestPasswords(t *testing.T) {
	for word, ok := range map[string]bool{
		"1234567": false, "12345678": true, strings.Repeat("é", 256): true, strings.Repeat("é", 257): false,
		"пароль12": true, "1234567\xff": false,
	} {
		if _, err := auth.CheckPassword(word); (err == nil) != ok {
			t.Errorf("%.40q: %v", word, err)
		}
	}
	composed, _ := auth.CheckPassword("passw\u00f6rd")
	decomposed, _ := auth.CheckPassword("passwo\u0308rd")
	if composed != decomposed {
		t.Error("a password is another one when its ö is typed in two parts")
	}
}

func TestPasswordsThatDifferLateAreDifferent(t *testing.T) {
	s := newService(t, newMemoryStore())
	long := strings.Repeat("x", 100)
	if _, err := s.Register(t.Context(), auth.NewAccount{Username: "anna", Password: long + "a"}, ""); err != nil {
		t.Fatal(err)
	}
	_, err := s.Login(t.Context(), auth.Credentials{Username: "anna", Password: long + "b"})
	wantCode(t, err, chat.CodeAuthFailed)
}

func TestAnUnknownNameAndAWrongPasswordGetTheSameAnswer(t *testing.T) {
	s := newService(t, newMemoryStore())
	register(t, s, "anna")
	_, wrong := s.Login(t.Context(), auth.Credentials{Username: "anna", Password: "wrong password"})
	for _, c := range []auth.Credentials{
		{Username: "nobody", Password: password}, {Username: "", Password: password}, {Username: "anna", Password: ""},
		{Username: "\xff", Password: "\xff"}, {Username: "anna", Password: strings.Repeat("x", 100_000)},
	} {
		_, err := s.Login(t.Context(), c)
		if diff := cmp.Diff(chat.AsError(wrong), chat.AsError(err)); diff != "" {
			t.Errorf("%.20q: %s", c.Username, diff)
		}
	}
}

func TestRegistrationCanBeClosed(t *testing.T) {
	s := newService(t, newMemoryStore(), func(c *auth.Config) { c.Registration = auth.RegistrationClosed })
	_, err := s.Register(t.Context(), auth.NewAccount{Username: "anna", Password: password}, "")
	wantCode(t, err, chat.CodeForbidden)
	if _, err := s.CreateAccount(t.Context(), auth.NewAccount{Username: "anna", Password: password}); err != nil {
		t.Errorf("the operator cannot make an account: %v", err)
	}
}

func TestAnOwnerLinkMakesOneOwner(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		store := newMemoryStore()
		s := newService(t, store, func(c *auth.Config) { c.Registration = auth.RegistrationClosed })
		void, _, err := s.OwnerLink(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		link, expires, err := s.OwnerLink(t.Context())
		if err != nil || time.Until(expires) != 30*time.Minute {
			t.Fatalf("the link expires in %v: %v", time.Until(expires), err)
		}
		owner := auth.NewAccount{Username: "anna", Password: password}
		_, err = s.RegisterOwner(t.Context(), void, owner, "")
		wantCode(t, err, chat.CodeAuthFailed)
		_, err = s.RegisterOwner(t.Context(), link, auth.NewAccount{Username: "a", Password: password}, "")
		wantCode(t, err, chat.CodeValidation)
		g, err := s.RegisterOwner(t.Context(), link, owner, "")
		if err != nil {
			t.Fatal(err)
		}
		if a, _ := store.Account(t.Context(), g.User); !a.Owner {
			t.Error("the account is not the owner's")
		}
		_, err = s.RegisterOwner(t.Context(), link, auth.NewAccount{Username: "ben", Password: password}, "")
		wantCode(t, err, chat.CodeAuthFailed)

		late, _, err := s.OwnerLink(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		time.Sleep(30 * time.Minute)
		_, err = s.RegisterOwner(t.Context(), late, auth.NewAccount{Username: "ben", Password: password}, "")
		wantCode(t, err, chat.CodeAuthFailed)
	})
}

func TestANewPasswordEndsAllLogins(t *testing.T) {
	s := newService(t, newMemoryStore())
	g := register(t, s, "anna")
	var ended []chat.LoginID
	s.OnEnd(func(_ context.Context, e auth.EndedLogin) { ended = append(ended, e.ID) })
	if err := s.SetPassword(t.Context(), "ANNA", "another horse"); err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff([]chat.LoginID{g.Login}, ended); diff != "" {
		t.Error(diff)
	}
	_, err := s.Verify(g.Access)
	wantCode(t, err, chat.CodeAuthFailed)
	_, err = s.Refresh(t.Context(), g.Refresh)
	wantCode(t, err, chat.CodeAuthFailed)
	if _, err := s.Login(t.Context(), auth.Credentials{Username: "anna", Password: "another horse"}); err != nil {
		t.Error(err)
	}
}

func TestSigningOutEndsTheLoginAtOnce(t *testing.T) {
	s := newService(t, newMemoryStore())
	g := register(t, s, "anna")
	other, err := s.Login(t.Context(), auth.Credentials{Username: "anna", Password: password})
	if err != nil {
		t.Fatal(err)
	}
	var ended []chat.LoginID
	s.OnEnd(func(_ context.Context, e auth.EndedLogin) {
		ended = append(ended, e.ID)
		if e.User != g.User {
			t.Errorf("it is %s's", e.User)
		}
	})
	for range 2 {
		if err := s.Logout(t.Context(), g.Refresh); err != nil {
			t.Fatal(err)
		}
	}
	if err := s.Logout(t.Context(), "rubbish"); err != nil {
		t.Errorf("signing out with a broken token: %v", err)
	}
	if diff := cmp.Diff([]chat.LoginID{g.Login}, ended); diff != "" {
		t.Error(diff)
	}
	_, err = s.Verify(g.Access)
	wantCode(t, err, chat.CodeAuthFailed)
	if _, err := s.Verify(other.Access); err != nil {
		t.Errorf("the other device was signed out too: %v", err)
	}
}

func TestALoginEndedElsewhereIsNoticedWithinASecond(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		store := newMemoryStore()
		here, there := newService(t, store), newService(t, store)
		g := register(t, here, "anna")
		ended := make(chan chat.LoginID, 1)
		here.OnEnd(func(_ context.Context, e auth.EndedLogin) { ended <- e.ID })
		ctx, stop := context.WithCancel(t.Context())
		var running sync.WaitGroup
		running.Go(func() { _ = here.Run(ctx) })
		if err := there.Logout(ctx, g.Refresh); err != nil {
			t.Fatal(err)
		}
		before := time.Now()
		if id := <-ended; id != g.Login || time.Since(before) > time.Second {
			t.Errorf("login %s was noticed after %v", id, time.Since(before))
		}
		_, err := here.Verify(g.Access)
		wantCode(t, err, chat.CodeAuthFailed)

		restarted := newService(t, store)
		_, err = restarted.Verify(g.Access)
		wantCode(t, err, chat.CodeAuthFailed)
		stop()
		running.Wait()
	})
}

func TestAMintedTokenCanBeEnded(t *testing.T) {
	s := newService(t, newMemoryStore())
	g := register(t, s, "anna")
	token, expires, err := s.Mint(t.Context(), g.User, time.Hour)
	if err != nil || time.Until(expires) > time.Hour || time.Until(expires) < 59*time.Minute {
		t.Fatalf("it expires %v: %v", expires, err)
	}
	who, err := s.Verify(token)
	if err != nil || who.User != g.User {
		t.Fatalf("%+v: %v", who, err)
	}
	if err := s.EndLogins(t.Context(), g.User); err != nil {
		t.Fatal(err)
	}
	_, err = s.Verify(token)
	wantCode(t, err, chat.CodeAuthFailed)
	_, _, err = s.Mint(t.Context(), g.User, 25*time.Hour)
	wantCode(t, err, chat.CodeValidation)
	_, _, err = s.Mint(t.Context(), chat.UserID(newID()), time.Hour)
	wantCode(t, err, chat.CodeNotFound)
}

func TestABrokenConfigurationNamesAllProblems(t *testing.T) {
	_, err := auth.New(auth.Config{
		Key: []byte("short"), PreviousKey: []byte("short"), Registration: "invite", AccessTTL: 48 * time.Hour, NewID: newID,
	}, newMemoryStore())
	if err == nil {
		t.Fatal("it was accepted")
	}
	for _, part := range []string{"signing key has 5", "previous signing key has 5", `"invite"`, "48h"} {
		if !strings.Contains(err.Error(), part) {
			t.Errorf("%q is not in %q", part, err)
		}
	}
}
