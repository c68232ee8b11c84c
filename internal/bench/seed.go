package bench

import (
	"context"
	"crypto/rand"
	"time"

	"github.com/google/uuid"

	"github.com/parley-chat/parley/internal/auth"
	"github.com/parley-chat/parley/internal/chat"
	"github.com/parley-chat/parley/internal/crowd"
	"github.com/parley-chat/parley/internal/store"
)

// talk is a conversation with its people.
type talk struct {
	id     string
	people []crowd.Person
}

// world is what a run has seeded: accounts, and for each scenario conversations of its own.
type world struct {
	people []crowd.Person
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
		more, err := crowd.Make(ctx, s, a, "bench", max(0, sc.people-len(w.people)), tokenFor)
		if err != nil {
			return nil, err
		}
		w.people = append(w.people, more...)
	}
	for _, sc := range chosen {
		for _, people := range sc.seats(w.people) {
			t, err := addTalk(ctx, s, people)
			if err != nil {
				return nil, err
			}
			w.talks[sc.name] = append(w.talks[sc.name], t)
		}
	}
	return w, nil
}

func addTalk(ctx context.Context, s *store.Store, people []crowd.Person) (talk, error) {
	n := chat.NewConversation{ID: chat.ConversationID(newID()), Type: chat.Group, Title: "bench", Creator: people[0].ID}
	for _, p := range people {
		n.Participants = append(n.Participants, p.ID)
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
