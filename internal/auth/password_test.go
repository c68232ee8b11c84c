package auth

import (
	"context"
	"testing"
	"testing/synctest"

	"github.com/parley-chat/parley/internal/chat"
)

func TestAnUnknownNameCostsAsMuchAsAWrongPassword(t *testing.T) {
	h, err := newHasher(1)
	if err != nil {
		t.Fatal(err)
	}
	var compared []string
	real := h.compare
	h.compare = func(password, hash string) (bool, error) {
		compared = append(compared, hash)
		return real(password, hash)
	}
	if ok, err := h.matches(t.Context(), "some password", ""); ok || err != nil {
		t.Fatalf("nobody's password matches: %v, %v", ok, err)
	}
	if len(compared) != 1 || compared[0] != h.dummy {
		t.Errorf("compared with %q, want the dummy hash once", compared)
	}
}

func TestACrowdAtTheLoginWaitsInABoundedLine(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h, err := newHasher(1)
		if err != nil {
			t.Fatal(err)
		}
		ctx, leave := context.WithCancel(t.Context())
		if err := h.enter(ctx); err != nil {
			t.Fatal(err)
		}
		answers := make(chan error, waitersPerHasher)
		for range waitersPerHasher {
			go func() { answers <- h.enter(ctx) }()
		}
		synctest.Wait()
		e := chat.AsError(h.enter(ctx))
		if e.Code != chat.CodeRateLimited || e.RetryAfter == 0 {
			t.Errorf("one more gets %v after %v", e, e.RetryAfter)
		}
		h.leave()
		if err := <-answers; err != nil {
			t.Errorf("the next in line gets %v", err)
		}
		leave()
		for range waitersPerHasher - 1 {
			if chat.AsError(<-answers).Code != chat.CodeRateLimited {
				t.Error("who left the line was let in")
			}
		}
	})
}
