package bench

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

// person is an account with a token to sign in with.
type person struct {
	id    chat.UserID
	token string
}

// talk is a conversation with its people.
type talk struct {
	id     string
	people []person
}

// world is what a run has seeded: accounts, and for each scenario conversations of its own.
type world struct {
	people []person
	talks  map[string][]talk // by scenario
}

func newID() string { return uuid.Must(uuid.NewV7()).String() }

func newKey() string { return rand.Text() + rand.Text() }

// tokenFor is how long tokens of a run live: longer than any run.
const tokenFor = 12 * time.Hour

// seed fills a database for the scenarios chosen, through the store and past every socket.
func seed(ctx context.Context, c serverConfig, chosen []*scenario) (*world, error) {
	s, err := store.Open(ctx, store.Config{DatabaseURL: c.databaseURL, DataDir: c.data})
	if err != nil {
		return nil, err
	}
	defer s.Close()
	if err := s.Migrate(ctx); err != nil {
		return nil, err
	}
	a, err := auth.New(auth.Config{Key: []byte(c.key), NewID: newID, AccessTTL: tokenFor}, s)
	if err != nil {
		return nil, err
	}
	w := &world{talks: map[string][]talk{}}
	for _, sc := range chosen {
		if w.people, err = addPeople(ctx, s, a, w.people, sc.people); err != nil {
			return nil, err
		}
	}
	for _, sc := range chosen {
		for i := range sc.talks {
			// Each conversation has people of its own, as far as they go round.
			first := i * sc.talkSize % len(w.people)
			t, err := addTalk(ctx, s, w.people[first:first+sc.talkSize])
			if err != nil {
				return nil, err
			}
			w.talks[sc.name] = append(w.talks[sc.name], t)
		}
	}
	return w, nil
}

// addPeople makes accounts until there are n.
func addPeople(ctx context.Context, s *store.Store, a *auth.Service, people []person, n int) ([]person, error) {
	have := len(people)
	if n <= have {
		return people, nil
	}
	people = append(people, make([]person, n-have)...)
	group, ctx := errgroup.WithContext(ctx)
	group.SetLimit(8)
	for i := have; i < n; i++ {
		group.Go(func() error {
			id, name := newID(), fmt.Sprintf("bench%d-%s", i, rand.Text()[:8])
			err := s.CreateAccount(ctx, auth.Account{
				User:        chat.User{ID: chat.UserID(id), Username: name, DisplayName: name, CreatedAt: time.Now().UTC()},
				UsernameKey: auth.UsernameKey(name),
			}, false)
			if err != nil {
				return err
			}
			token, _, err := a.Mint(ctx, chat.UserID(id), tokenFor)
			people[i] = person{chat.UserID(id), token}
			return err
		})
	}
	return people, group.Wait()
}

func addTalk(ctx context.Context, s *store.Store, people []person) (talk, error) {
	n := chat.NewConversation{ID: chat.ConversationID(newID()), Type: chat.Group, Title: "bench", Creator: people[0].id}
	for _, p := range people {
		n.Participants = append(n.Participants, p.id)
	}
	c, _, err := s.CreateConversation(ctx, n)
	return talk{id: string(c.ID), people: people}, err
}

// heads reads from the database how many messages each conversation has.
func heads(ctx context.Context, c serverConfig, talks []talk) (map[string]int64, error) {
	s, err := store.Open(ctx, store.Config{DatabaseURL: c.databaseURL, DataDir: c.data})
	if err != nil {
		return nil, err
	}
	defer s.Close()
	ids := make([]chat.ConversationID, 0, len(talks))
	for _, t := range talks {
		ids = append(ids, chat.ConversationID(t.id))
	}
	found, err := s.Heads(ctx, ids)
	if err != nil {
		return nil, err
	}
	out := make(map[string]int64, len(found))
	for id, head := range found {
		out[string(id)] = head.LastSeq
	}
	return out, nil
}
