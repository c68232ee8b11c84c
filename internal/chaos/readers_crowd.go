package chaos

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"
	"golang.org/x/sync/errgroup"

	"github.com/parley-chat/parley/client"
	"github.com/parley-chat/parley/internal/auth"
	"github.com/parley-chat/parley/internal/check"
	"github.com/parley-chat/parley/internal/crowd"
	"github.com/parley-chat/parley/internal/store"
)

// readersCrowd is everybody of the group, each with a live connection.
type readersCrowd struct {
	recorder *check.Recorder
	accounts []crowd.Person
	people   []*check.Person
	group    string

	mu      sync.Mutex
	states  []readerState
	message string // that is read now
	gaveUp  []string
	changed chan struct{} // closed and replaced when a state changed

	living    context.Context
	leave     context.CancelFunc
	connected sync.WaitGroup
}

// readerState is what one of them knows.
type readerState struct {
	node     string // where they are connected; "" while they are not
	caughtUp bool   // on this connection
	newest   string // the message that came last
	readBy   int64  // as they were told last on this connection; -1 before
}

// newReadersCrowd makes n accounts, past the sockets, and a client for each.
func newReadersCrowd(ctx context.Context, recorder *check.Recorder, url, databaseURL, key string, n int) (*readersCrowd, error) {
	s, err := store.Open(ctx, store.Config{DatabaseURL: databaseURL})
	if err != nil {
		return nil, err
	}
	defer s.Close()
	a, err := auth.New(auth.Config{Key: []byte(key), NewID: func() string { return uuid.Must(uuid.NewV7()).String() }}, s)
	if err != nil {
		return nil, err
	}
	c := &readersCrowd{recorder: recorder, states: make([]readerState, n), changed: make(chan struct{})}
	c.living, c.leave = context.WithCancel(context.WithoutCancel(ctx))
	if c.accounts, err = crowd.Make(ctx, s, a, "reader", n, time.Hour); err != nil {
		return nil, err
	}
	for i := range c.accounts {
		p, err := c.another(i, fmt.Sprintf("r%04d", i), url)
		if err != nil {
			return nil, err
		}
		p.Live = p.Client.Live(client.LiveOptions{Handle: func(e client.Event) { c.hear(i, e) }, Heard: p.Hear, DeviceID: p.Actor().Client})
		c.people = append(c.people, p)
	}
	return c, c.hide(ctx, databaseURL)
}

// hide has nobody share their presence: a thousand people of one group would be told a million times who is there, and what is
// measured is who reads.
func (c *readersCrowd) hide(ctx context.Context, databaseURL string) error {
	conn, err := pgx.Connect(ctx, databaseURL)
	if err != nil {
		return err
	}
	defer conn.Close(context.WithoutCancel(ctx))
	ids := make([]string, len(c.accounts))
	for i, account := range c.accounts {
		ids[i] = string(account.ID)
	}
	_, err = conn.Exec(ctx, `UPDATE users SET presence_enabled = false, presence_rev = presence_rev + 1 WHERE id = ANY($1::uuid[])`, ids)
	if err != nil {
		return fmt.Errorf("have nobody share their presence: %w", err)
	}
	return nil
}

// hear takes in an event of one of them. Of presence, which nobody shares, nothing is recorded.
func (c *readersCrowd) hear(i int, e client.Event) {
	switch e.(type) {
	case client.PresenceState, client.PresenceChanged:
	default:
		c.people[i].Handle(e)
		c.told(i, e)
	}
}

// another makes one more client of the i-th account, at the address given.
func (c *readersCrowd) another(i int, name, url string) (*check.Person, error) {
	account := c.accounts[i]
	own, err := client.New(url, client.Options{AccessToken: account.Token})
	if err != nil {
		return nil, err
	}
	return c.recorder.Person(name, "readers", client.User{ID: string(account.ID)}, own), nil
}

// connect connects everybody, a few at a time, and returns when all follow the group.
func (c *readersCrowd) connect(ctx context.Context, group string) error {
	c.group = group
	const together = 64
	for i, p := range c.people {
		if i >= together {
			err := c.await(ctx, "are connected", func(s *readerState) bool { return s.caughtUp }, i-together)
			if err != nil {
				return err
			}
		}
		p.Subscribe(group, 0)
		c.connected.Go(func() {
			if err := p.Run(c.living); err != nil {
				c.change(func() {
					c.gaveUp = append(c.gaveUp, fmt.Sprintf("the connection of %s gave up: %v", p.Actor().Client, err))
				})
			}
		})
	}
	return c.await(ctx, "are connected", func(s *readerState) bool { return s.caughtUp })
}

// told takes in what one of them is told.
func (c *readersCrowd) told(i int, e client.Event) {
	s := &c.states[i]
	switch e := e.(type) {
	case client.Online:
		c.change(func() { *s = readerState{node: e.ServerID, newest: s.newest, readBy: -1} })
	case client.Offline:
		c.change(func() { *s = readerState{newest: s.newest, readBy: -1} })
	case client.CaughtUp:
		c.change(func() { s.caughtUp = true })
	case client.MessageReceived:
		c.change(func() { s.newest = e.Message.ID })
	case client.ReceiptCount:
		c.change(func() {
			for _, count := range e.Counts {
				if count.MessageID == c.message {
					s.readBy = count.ReadCount
				}
			}
		})
	}
}

func (c *readersCrowd) change(how func()) {
	c.mu.Lock()
	defer c.mu.Unlock()
	how()
	close(c.changed)
	c.changed = make(chan struct{})
}

// expect says which message is read from now on.
func (c *readersCrowd) expect(message string) {
	c.change(func() {
		c.message = message
		for i := range c.states {
			c.states[i].readBy = -1
		}
	})
}

// exact reports whether somebody is connected and was told last that all but the sender have read the message.
func (c *readersCrowd) exact(s *readerState) bool {
	return s.caughtUp && s.readBy == int64(len(c.people)-1)
}

// at is how many are connected to a node.
func (c *readersCrowd) at(node string) (n int) {
	c.mu.Lock()
	defer c.mu.Unlock()
	for i := range c.states {
		if c.states[i].node == node {
			n++
		}
	}
	return n
}

// await returns when something holds of everybody, or of the first n.
func (c *readersCrowd) await(ctx context.Context, what string, holds func(*readerState) bool, n ...int) error {
	all := len(c.people)
	if len(n) > 0 {
		all = n[0]
	}
	deadline := time.NewTimer(readersPatience)
	defer deadline.Stop()
	for {
		c.mu.Lock()
		done := 0
		for i := range c.states[:all] {
			if holds(&c.states[i]) {
				done++
			}
		}
		changed, first := c.changed, ""
		if len(c.gaveUp) > 0 {
			first = c.gaveUp[0]
		}
		c.mu.Unlock()
		if done == all {
			return nil
		}
		if first != "" {
			return errors.New(first)
		}
		select {
		case <-changed:
		case <-deadline.C:
			return fmt.Errorf("%w: after %v %d of %d %s", errLate, readersPatience, done, all, what)
		case <-ctx.Done():
			return context.Cause(ctx)
		}
	}
}

// listAll has everybody read their own list, a few at a time.
func (c *readersCrowd) listAll(ctx context.Context) error {
	var reading errgroup.Group
	reading.SetLimit(16)
	for _, p := range c.people {
		reading.Go(func() error {
			list, err := p.List(ctx)
			if err == nil && len(list) != 1 {
				err = errors.New("it has not the one conversation that there is")
			}
			return err
		})
	}
	return reading.Wait()
}

func (c *readersCrowd) faults() []string {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.gaveUp
}

// stop ends every connection.
func (c *readersCrowd) stop() {
	c.leave()
	c.connected.Wait()
}
