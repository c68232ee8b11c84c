// Package crowd makes many accounts at once, past every socket: hashing a thousand passwords measures and proves nothing.
// The benchmark and the crash test fill databases of their own with it.
package crowd

import (
	"context"
	"crypto/rand"
	"fmt"
	"time"

	"github.com/google/uuid"
	"golang.org/x/sync/errgroup"

	"github.com/parley-chat/parley/internal/auth"
	"github.com/parley-chat/parley/internal/chat"
	"github.com/parley-chat/parley/internal/store"
)

// Person is an account with a token to sign in with.
type Person struct {
	ID    chat.UserID
	Name  string
	Token string
}

// Make makes n accounts whose names begin with prefix and are nobody else's. Their tokens live for the time given, and are
// good for the servers that share the key of a.
func Make(ctx context.Context, s *store.Store, a *auth.Service, prefix string, n int, live time.Duration) ([]Person, error) {
	people := make([]Person, n)
	group, ctx := errgroup.WithContext(ctx)
	group.SetLimit(8)
	for i := range people {
		group.Go(func() (err error) {
			people[i], err = makeOne(ctx, s, a, fmt.Sprintf("%s%d-%s", prefix, i, rand.Text()[:8]), live)
			return err
		})
	}
	return people, group.Wait()
}

func makeOne(ctx context.Context, s *store.Store, a *auth.Service, name string, live time.Duration) (Person, error) {
	id, err := uuid.NewV7()
	if err != nil {
		return Person{}, err
	}
	p := Person{ID: chat.UserID(id.String()), Name: name}
	err = s.CreateAccount(ctx, auth.Account{
		User:        chat.User{ID: p.ID, Username: name, DisplayName: name, CreatedAt: time.Now().UTC()},
		UsernameKey: auth.UsernameKey(name),
	}, false)
	if err != nil {
		return Person{}, err
	}
	p.Token, _, err = a.Mint(ctx, p.ID, live)
	return p, err
}
