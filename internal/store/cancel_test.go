package store_test

import (
	"context"
	"math/rand/v2"
	"testing"
	"time"

	"github.com/google/uuid"

	"github.com/parley-chat/parley/internal/auth"
	"github.com/parley-chat/parley/internal/chat"
)

func TestAWriteCalledOffAtAnyMomentLeavesTheWriterFreeOnSQLite(t *testing.T) {
	s := openSQLite(t)
	write := func(ctx context.Context) error {
		id := uuid.Must(uuid.NewV7()).String()
		return s.CreateAccount(ctx, auth.Account{
			User:        chat.User{ID: chat.UserID(id), Username: id, DisplayName: id, CreatedAt: time.Now()},
			UsernameKey: id,
		}, false)
	}
	began := time.Now()
	if err := write(t.Context()); err != nil {
		t.Fatal(err)
	}
	usual := time.Since(began)
	for range 300 {
		ctx, cancel := context.WithTimeout(t.Context(), rand.N(usual))
		_ = write(ctx)
		cancel()
		if err := write(t.Context()); err != nil {
			t.Fatalf("the write after one that was called off: %v", err)
		}
	}
}
