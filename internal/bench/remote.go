package bench

import (
	"context"
	"crypto/rand"
	"fmt"
	"net/url"
	"sync"

	"golang.org/x/sync/errgroup"

	"github.com/parley-chat/parley/client"
	"github.com/parley-chat/parley/internal/chat"
	"github.com/parley-chat/parley/internal/crowd"
)

// hostOf is the host:port of a server's URL.
func hostOf(base string) string {
	u, err := url.Parse(base)
	if err != nil {
		return base
	}
	if u.Port() == "" {
		return u.Host + ":80"
	}
	return u.Host
}

// seedOver fills a running server over REST. Its limits must be off, and every account costs it one
// password hash, so that it is only for the scenarios with few people.
func seedOver(ctx context.Context, base string, chosen []*scenario) (*world, error) {
	most := 0
	for _, s := range chosen {
		most = max(most, s.people)
	}
	if most > 1000 {
		return nil, fmt.Errorf("P6 signs up %d people: it has to start the server itself", most)
	}
	w := &world{people: make([]crowd.Person, most), talks: map[string][]talk{}}
	clients := make(map[chat.UserID]*client.Client, most)
	var mu sync.Mutex
	group, groupCtx := errgroup.WithContext(ctx)
	group.SetLimit(2)
	for i := range most {
		group.Go(func() error {
			c, person, err := signUp(groupCtx, base)
			mu.Lock()
			defer mu.Unlock()
			w.people[i], clients[person.ID] = person, c
			return err
		})
	}
	if err := group.Wait(); err != nil {
		return nil, err
	}
	for _, s := range chosen {
		for _, people := range s.seats(w.people) {
			t := talk{people: people}
			n := client.NewConversation{Type: "group", Title: "bench"}
			for _, p := range t.people[1:] {
				n.ParticipantIDs = append(n.ParticipantIDs, string(p.ID))
			}
			c, err := clients[people[0].ID].CreateConversation(ctx, n)
			if err != nil {
				return nil, err
			}
			t.id = c.ID
			w.talks[s.name] = append(w.talks[s.name], t)
		}
	}
	return w, nil
}

func signUp(ctx context.Context, base string) (*client.Client, crowd.Person, error) {
	c, err := client.New(base, client.Options{})
	if err != nil {
		return nil, crowd.Person{}, err
	}
	u, err := c.Register(ctx, client.Registration{Username: "bench-" + rand.Text()[:12], Password: rand.Text()})
	if err != nil {
		return nil, crowd.Person{}, err
	}
	token, err := c.AccessToken(ctx)
	return c, crowd.Person{ID: chat.UserID(u.ID), Name: u.Username, Token: token}, err
}
