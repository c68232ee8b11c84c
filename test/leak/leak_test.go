package leak_test

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"maps"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/parley-chat/parley/client"
	"github.com/parley-chat/parley/internal/app"
	"github.com/parley-chat/parley/internal/config"
	"github.com/parley-chat/parley/internal/pgtest"
	"github.com/parley-chat/parley/internal/redistest"
)

// variant is a way to hide.
type variant struct {
	name     string
	stranger bool // shares no conversation with the watcher
	vanishes bool // the watcher is told that they are offline
	lastSeen bool // the watcher may know when they were seen last
	silent   bool // what they do is not told either
	stays    bool // they are there, and seen: only what they read is hidden
	before   func(context.Context, *world) error
	hide     func(context.Context, *world, *socket) error
}

func profile(e client.ProfileEdit) func(context.Context, *world, *socket) error {
	return func(ctx context.Context, w *world, _ *socket) error {
		_, err := w.hidden.UpdateMe(ctx, e)
		return err
	}
}

func befriend(ctx context.Context, w *world) error {
	if _, err := w.watcher.Befriend(ctx, w.hidden.id); err != nil {
		return err
	}
	_, err := w.hidden.AcceptFriend(ctx, w.watcher.id)
	return err
}

func blocks(by, whom func(*world) *person) func(context.Context, *world, *socket) error {
	return func(ctx context.Context, w *world, _ *socket) error {
		_, err := by(w).Block(ctx, whom(w).id)
		return err
	}
}

func theWatcher(w *world) *person { return w.watcher }
func theHidden(w *world) *person  { return w.hidden }

var (
	yes, no             = true, false
	toFriends, toNobody = "friends", "nobody"
)

var variants = []*variant{
	{name: "somebody invisible", vanishes: true, lastSeen: true, silent: true, hide: profile(client.ProfileEdit{PresenceInvisible: &yes})},
	{name: "a friend who is invisible", vanishes: true, lastSeen: true, silent: true, before: befriend,
		hide: func(_ context.Context, _ *world, s *socket) error {
			return s.write(frame{"type": "presence:set", "status": "invisible"})
		}},
	{name: "somebody who shares presence with nobody", vanishes: true, hide: profile(client.ProfileEdit{PresenceSharing: &toNobody})},
	{name: "somebody who has switched presence off", vanishes: true, hide: profile(client.ProfileEdit{PresenceEnabled: &no})},
	{name: "somebody who shares presence with friends", vanishes: true, hide: profile(client.ProfileEdit{PresenceSharing: &toFriends})},
	{name: "a friend who shares presence with nobody", vanishes: true, before: befriend, hide: profile(client.ProfileEdit{PresenceSharing: &toNobody})},
	{name: "somebody who has blocked the watcher", vanishes: true, hide: blocks(theHidden, theWatcher)},
	{name: "somebody whom the watcher has blocked", vanishes: true, hide: blocks(theWatcher, theHidden)},
	{name: "a stranger", stranger: true, hide: func(context.Context, *world, *socket) error { return nil }},
	{name: "somebody who lets nobody know what they read", stays: true, hide: profile(client.ProfileEdit{ReadReceiptsEnabled: &no})},
}

// play runs a world from the hiding to the end.
func (w *world) play(ctx context.Context, at func(int) string) (err error) {
	defer func() { err = errors.Join(err, w.end()) }()
	if err := w.begin(ctx, at); err != nil {
		return fmt.Errorf("begin: %w", err)
	}
	from := w.eyes.heard()
	laptop, phone := w.stayed, (*socket)(nil)
	for _, step := range []struct {
		name   string
		always bool // also of who is there and seen
		act    func() error
		mark   func() error
	}{
		{"while nobody does anything", false, nil, nil},
		{"when they have come", false, func() (err error) { laptop, err = w.come(ctx, "laptop", "desktop"); return err }, nil},
		{"when they have read and typed", true, func() error { return w.live(ctx, laptop) }, w.typing},
		{"when they have changed devices", false, func() (err error) {
			if phone, err = w.come(ctx, "phone", "mobile"); err == nil {
				laptop.close()
			}
			return err
		}, nil},
		{"when they have gone", false, func() error { phone.close(); return nil }, w.leave},
	} {
		if w.acts && step.act != nil && (step.always || !w.variant.stays) {
			if err := step.act(); err != nil {
				return fmt.Errorf("%s: they: %w", step.name, err)
			}
		}
		if step.mark != nil {
			if err := step.mark(); err != nil {
				return fmt.Errorf("%s: %w", step.name, err)
			}
		}
		if w.other != nil {
			if err := w.mark(ctx); err != nil {
				return fmt.Errorf("%s: %w", step.name, err)
			}
		}
		if err := w.look(ctx, step.name); err != nil {
			return fmt.Errorf("%s: %w", step.name, err)
		}
	}
	w.hear(w.eyes.since(from))
	return nil
}

// come has the hidden person connect and be active.
func (w *world) come(ctx context.Context, device, kind string) (*socket, error) {
	s, err := w.open(ctx, w.hidden, device, kind)
	if err != nil {
		return nil, err
	}
	return s, s.write(frame{"type": "presence:heartbeat", "status": "online"})
}

// live has the hidden person do what the watcher may not be told: become away and active again, and, if they are silent,
// read and type; who is seen only reads.
func (w *world) live(ctx context.Context, s *socket) error {
	if !w.variant.stays {
		for _, status := range []string{"away", "online"} {
			if err := s.write(frame{"type": "presence:heartbeat", "status": status}); err != nil {
				return err
			}
		}
		if !w.variant.silent {
			return nil
		}
	}
	for _, c := range []string{w.small, w.large} {
		if w.variant.silent {
			for _, f := range []frame{
				{"type": "typing:start", "conversationId": c}, {"type": "message:ack", "conversationId": c, "seq": 1},
				{"type": "typing:stop", "conversationId": c}, {"type": "message:ack", "conversationId": c, "seq": 2},
			} {
				if err := s.write(f); err != nil {
					return err
				}
			}
		}
		if err := s.write(frame{"type": "receipt:sync", "conversationId": c, "lastReadMessageId": w.messages[c][0]}); err != nil {
			return err
		}
	}
	if err := w.read(s, w.hidden); err != nil {
		return err
	}
	for _, c := range []string{w.small, w.large} {
		if _, err := w.hidden.MarkRead(ctx, c, w.last(c)); err != nil {
			return err
		}
	}
	return nil
}

// leave has the one whom the watcher may see go after the hidden person, and waits until the watcher knows.
func (w *world) leave() error {
	n := w.eyes.heard()
	w.other.close()
	w.other = nil
	_, err := w.eyes.await(n, isPresence(w.seen.id, "offline"))
	return err
}

// shapes runs a test on one node with SQLite and on two with PostgreSQL and Redis (C8.1).
func shapes(t *testing.T, test func(t *testing.T, at func(i int) string)) {
	t.Run("one node on SQLite", func(t *testing.T) {
		t.Parallel()
		url := serve(t, "PARLEY_DATA="+filepath.Join(t.TempDir(), "data"))
		test(t, func(int) string { return url })
	})
	t.Run("two nodes on PostgreSQL and Redis", func(t *testing.T) {
		t.Parallel()
		env := []string{
			"DATABASE_URL=" + pgtest.NewDatabase(t), "REDIS_URL=" + redistest.Start(t).URL(),
			"PARLEY_SIGNING_KEY=the same signing key on every node, of 32 bytes or more",
		}
		urls := []string{serve(t, append(env, "PARLEY_NODE_ID=ws-server-1")...), serve(t, append(env, "PARLEY_NODE_ID=ws-server-2")...)}
		test(t, func(i int) string { return urls[i%2] })
	})
}

// serve runs a node until the test ends.
func serve(t *testing.T, env ...string) (url string) {
	t.Helper()
	c, err := config.Load(nil, append([]string{"PARLEY_HOST=127.0.0.1", "PARLEY_PORT=0", "PARLEY_METRICS_LISTEN=", "PARLEY_RATE_LIMITS=off"}, env...))
	if err != nil {
		t.Fatal(err)
	}
	node, err := app.New(t.Context(), c, "test", slog.New(slog.DiscardHandler))
	if err != nil {
		t.Fatal(err)
	}
	ctx, end := context.WithCancel(context.Background())
	ended := make(chan error, 1)
	go func() { ended <- node.Run(ctx) }()
	t.Cleanup(func() {
		end()
		if err := <-ended; err != nil {
			t.Errorf("the node ended with %v", err)
		}
	})
	return fmt.Sprintf("http://127.0.0.1:%d", node.Port())
}

func TestNobodyCanTellThatSomebodyWhoHidesIsThere(t *testing.T) {
	s := readSchema(t)
	shapes(t, func(t *testing.T, at func(int) string) {
		ctx, cancel := context.WithTimeout(t.Context(), 3*time.Minute)
		defer cancel()
		people, err := newPublic(ctx, at)
		if err == nil {
			err = people.settle(ctx)
		}
		if err != nil {
			t.Fatal(err)
		}
		var playing sync.WaitGroup
		plays := map[*variant][2]*world{}
		for _, v := range variants {
			pair := [2]*world{{variant: v, schema: s, public: people}, {variant: v, schema: s, public: people, acts: true}}
			plays[v] = pair
			for _, w := range pair {
				playing.Go(func() {
					if err := w.play(ctx, at); err != nil {
						w.failed = fmt.Errorf("who acts: %t: %w", w.acts, err)
					}
				})
			}
		}
		playing.Wait()
		for _, v := range variants {
			t.Run(v.name, func(t *testing.T) { compare(t, plays[v][0], plays[v][1]) })
		}
	})
}

func newPublic(ctx context.Context, at func(int) string) (*public, error) {
	out := &public{}
	for i := range 9 {
		p, err := signUp(ctx, at(i), fmt.Sprint("public", i, "-"))
		if err != nil {
			return nil, err
		}
		out.others = append(out.others, p)
	}
	var err error
	out.writer, err = signUp(ctx, at(0), "writer")
	return out, err
}

// settle waits until the nodes are sure of who is not there, which they are half a minute after Redis has begun. Until then they
// say of nobody when they were seen last, and the plays would differ by when they ask.
func (p *public) settle(ctx context.Context) error {
	hidden, friend := p.others[0], p.others[1]
	s, err := connect(ctx, hidden.url, hidden.token, "settles", "desktop")
	if err != nil {
		return err
	}
	defer s.close()
	if _, err := s.await(0, isPresence(hidden.id, "online")); err != nil {
		return err
	}
	if _, err := friend.Befriend(ctx, hidden.id); err != nil {
		return err
	}
	if _, err := hidden.AcceptFriend(ctx, friend.id); err != nil {
		return err
	}
	invisible := true
	if _, err := hidden.UpdateMe(ctx, client.ProfileEdit{PresenceInvisible: &invisible}); err != nil {
		return err
	}
	again := time.NewTicker(time.Second)
	defer again.Stop()
	for {
		seen, err := friend.Presences(ctx, hidden.id)
		if err != nil || seen[0].LastSeenAt != nil {
			return err
		}
		select {
		case <-again.C:
		case <-ctx.Done():
			return ctx.Err()
		}
	}
}

// compare finds what the watcher was told only when the hidden person acted, or only when they did not.
func compare(t *testing.T, idle, acting *world) {
	if err := errors.Join(idle.failed, acting.failed); err != nil {
		t.Fatal(err)
	}
	for _, w := range []*world{idle, acting} {
		for _, what := range slices.Sorted(maps.Keys(w.found)) {
			t.Errorf("%s (who acts: %t)", what, w.acts)
		}
	}
	differ(t, "only of who acts", acting.lines, idle.lines)
	differ(t, "only of who does nothing", idle.lines, acting.lines)
	if len(idle.answers) < 5*len(recipes) {
		t.Errorf("only %d answers were compared", len(idle.answers))
	}
	for _, route := range slices.Sorted(maps.Keys(idle.answers)) {
		if a, b := idle.answers[route], acting.answers[route]; a != b {
			t.Errorf("%s\n  of who does nothing: %s\n  of who acts:         %s", route, a, b)
		}
	}
}

// differ tells which lines only one of two worlds has, with what the other one has of the same kind.
func differ(t *testing.T, what string, one, other map[string]bool) {
	t.Helper()
	for _, line := range slices.Sorted(maps.Keys(one)) {
		if other[line] {
			continue
		}
		t.Errorf("%s: %s", what, line)
		kind, _, _ := strings.Cut(line, "{")
		for _, like := range slices.Sorted(maps.Keys(other)) {
			if strings.HasPrefix(like, kind) {
				t.Logf("  the other has: %s", like)
			}
		}
	}
}
