package demo

import (
	"context"
	"crypto/rand"
	"errors"
	"strings"

	"github.com/parley-chat/parley/internal/auth"
	"github.com/parley-chat/parley/internal/chat"
)

// person is somebody of the demo.
type person struct{ username, displayName string }

var people = []person{
	{"alice", "Alice Archer"},
	{"bob", "Bob Baker"},
	{"carla", "Carla Costa"},
	{"deniz", "Deniz Demir"},
	{"emi", "Emi Endo"},
	{"farid", "Farid Fahmi"},
}

var bot = person{"echo", "Echo"}

// mark ends the e-mail address of everybody whom the demo made; the bot has one once all of the demo
// is there. The name is reserved (RFC 2606 §2), so
// no real person has such an address.
const mark = "@demo.invalid"

// Password is the known password of a person of the demo. The bot has none that anybody knows.
func Password(username string) string { return username + "-demo" }

// ErrRealData means that people who are not the demo's are in the data, which the demo leaves alone.
var ErrRealData = errors.New("the data was not made by the demo")

// Made reports whether the data was made by the demo: whether people with known passwords are in it.
func Made(ctx context.Context, store auth.Store) (bool, error) {
	first, err := store.AccountByName(ctx, auth.UsernameKey(people[0].username))
	if err != nil {
		return false, ignoreNotFound(err)
	}
	return strings.HasSuffix(first.Email, mark), nil
}

func ignoreNotFound(err error) error {
	if chat.AsError(err).Code == chat.CodeNotFound {
		return nil
	}
	return err
}

// person finds somebody of the demo or makes them.
func (s *seeding) person(ctx context.Context, p person) (chat.UserID, error) {
	found, err := s.store.AccountByName(ctx, auth.UsernameKey(p.username))
	if err == nil {
		return found.ID, nil
	}
	if ignoreNotFound(err) != nil {
		return "", err
	}
	n := auth.NewAccount{
		Username: p.username, DisplayName: p.displayName, Password: Password(p.username), Email: p.username + mark,
	}
	if p == bot {
		n.Password, n.Email = rand.Text(), ""
	}
	made, err := s.accounts.CreateAccount(ctx, n)
	return made.ID, err
}
