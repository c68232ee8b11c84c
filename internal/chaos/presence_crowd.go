package chaos

import (
	"context"
	"fmt"
	"net"
	"net/http"
	"sync"
	"sync/atomic"
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

// guest is somebody whose coming and going is watched.
type guest struct {
	*check.Person
	id    string
	door  atomic.Pointer[string] // where the next connection goes, host:port
	leave context.CancelFunc
	ended chan struct{}
	left  time.Duration // when they left, by the recorder's clock
	back  atomic.Int64  // when they were connected last, in ns by the same
}

// presenceCrowd is watchers, who are everybody's friends, and guests, who know nobody else.
type presenceCrowd struct {
	recorder *check.Recorder
	url      string
	watchers []*guest
	guests   []*guest
	board    *board

	living    context.Context
	stop      context.CancelFunc
	connected sync.WaitGroup
}

// newPresenceCrowd makes the accounts and friendships, past the sockets.
func newPresenceCrowd(ctx context.Context, recorder *check.Recorder, url, databaseURL, key string, watchers, guests int) (*presenceCrowd, error) {
	s, err := store.Open(ctx, store.Config{DatabaseURL: databaseURL})
	if err != nil {
		return nil, err
	}
	defer s.Close()
	a, err := auth.New(auth.Config{Key: []byte(key), NewID: func() string { return uuid.Must(uuid.NewV7()).String() }}, s)
	if err != nil {
		return nil, err
	}
	accounts, err := crowd.Make(ctx, s, a, "guest", watchers+guests, time.Hour)
	if err != nil {
		return nil, err
	}
	c := &presenceCrowd{recorder: recorder, url: url, board: newBoard()}
	c.living, c.stop = context.WithCancel(context.WithoutCancel(ctx))
	for i, account := range accounts {
		name, group, all := fmt.Sprintf("g%04d", i-watchers), "guests", &c.guests
		if i < watchers {
			name, group, all = fmt.Sprintf("w%02d", i), "watchers", &c.watchers
		}
		g := &guest{id: string(account.ID)}
		own, err := client.New(url, client.Options{AccessToken: account.Token, HTTP: g.http()})
		if err != nil {
			return nil, err
		}
		g.Person = recorder.Person(name, group, client.User{ID: g.id}, own)
		*all = append(*all, g)
	}
	return c, c.befriend(ctx, databaseURL)
}

// http is a client whose connections go where the guest's door is.
func (g *guest) http() *http.Client {
	dial := func(ctx context.Context, network, _ string) (net.Conn, error) {
		return (&net.Dialer{Timeout: 5 * time.Second}).DialContext(ctx, network, *g.door.Load())
	}
	return &http.Client{Timeout: readersPatience, Transport: &http.Transport{DialContext: dial, MaxIdleConnsPerHost: 1, IdleConnTimeout: time.Second}}
}

// befriend makes all watchers friends of all guests.
func (c *presenceCrowd) befriend(ctx context.Context, databaseURL string) error {
	conn, err := pgx.Connect(ctx, databaseURL)
	if err != nil {
		return err
	}
	defer conn.Close(context.WithoutCancel(ctx))
	for _, w := range c.watchers {
		var calls []*check.Call
		var ids []string
		for _, g := range c.guests {
			calls = append(calls, w.Begin(check.Operation{Op: check.Befriend, People: []string{g.id}}))
			ids = append(ids, g.id)
		}
		_, err := conn.Exec(ctx, `INSERT INTO friendships (user_low, user_high, requester_id, created_at, accepted_at)
SELECT LEAST($1, g), GREATEST($1, g), $1, now(), now() FROM unnest($2::uuid[]) AS g`, w.id, ids)
		for _, call := range calls {
			call.Status = "friends"
			call.End(err)
		}
		if err != nil {
			return fmt.Errorf("make friends: %w", err)
		}
	}
	return nil
}

// watch connects the watchers, each at one of the doors.
func (c *presenceCrowd) watch(doors []string) {
	for i, w := range c.watchers {
		w.door.Store(&doors[i%len(doors)])
		c.connect(w, func(e client.Event) { c.board.told(c.recorder.Now(), i, e) })
	}
}

// connect connects somebody by their door. told may be nil.
func (c *presenceCrowd) connect(g *guest, told func(client.Event)) {
	g.Return(client.LiveOptions{
		Handle: func(e client.Event) {
			g.Handle(e)
			if _, is := e.(client.Online); is {
				g.back.Store(int64(c.recorder.Now()))
			}
			if told != nil {
				told(e)
			}
		},
		Heard: g.Hear, DeviceID: "one", DeviceType: "desktop",
	})
	living, leave := context.WithCancel(c.living)
	g.leave, g.ended = leave, make(chan struct{})
	c.connected.Go(func() {
		defer close(g.ended)
		// A connection whose login was ended gives up, and so it shall.
		_ = g.Run(living)
	})
}

// come connects guests and returns when all watchers were told so.
func (c *presenceCrowd) come(ctx context.Context, some []*guest, doors ...string) error {
	return c.comeOver(ctx, 0, some, doors...)
}

// comeOver is come, evenly spread over some time.
func (c *presenceCrowd) comeOver(ctx context.Context, during time.Duration, some []*guest, doors ...string) error {
	const together = 100
	began := time.Now()
	for i, g := range some {
		pause(ctx, time.Until(began.Add(during*time.Duration(i)/time.Duration(len(some)))))
		if i >= together && i%together == 0 {
			if err := c.board.await(ctx, len(c.watchers), some[:i-together/2], true); err != nil {
				return err
			}
		}
		g.door.Store(&doors[i%len(doors)])
		c.connect(g, nil)
	}
	return c.board.await(ctx, len(c.watchers), some, true)
}

// depart ends guests' connections.
func (c *presenceCrowd) depart(some []*guest) {
	for _, g := range some {
		g.leave()
		<-g.ended
		g.left = c.recorder.Now()
	}
}

// logOut ends guests' logins.
func (c *presenceCrowd) logOut(ctx context.Context, some []*guest) error {
	var working errgroup.Group
	working.SetLimit(8)
	for _, g := range some {
		working.Go(func() error {
			err := g.Logout(ctx)
			g.left = c.recorder.Now()
			return err
		})
	}
	return working.Wait()
}

func (c *presenceCrowd) end() {
	c.stop()
	c.connected.Wait()
}
