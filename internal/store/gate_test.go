package store_test

import (
	"context"
	"database/sql"
	"errors"
	"net/url"
	"testing"
	"time"

	"github.com/parley-chat/parley/internal/breaker"
	"github.com/parley-chat/parley/internal/chaos/proxy"
	"github.com/parley-chat/parley/internal/chat"
	"github.com/parley-chat/parley/internal/pgtest"
	"github.com/parley-chat/parley/internal/store"
)

// far is a store that reaches its PostgreSQL over a line that may be bad, and looks after it.
type far struct {
	*store.Store
	line    *proxy.Proxy
	raw     *sql.DB // past the line
	changes chan breaker.Change
}

func openFar(t *testing.T, connections int) *far {
	t.Helper()
	direct := pgtest.NewDatabase(t)
	u, err := url.Parse(direct)
	if err != nil {
		t.Fatal(err)
	}
	f := &far{changes: make(chan breaker.Change, 16)}
	if f.line, err = proxy.Listen(u.Host); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(f.line.Close)
	u.Host = f.line.Address()
	if f.raw, err = sql.Open("pgx", direct); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = f.raw.Close() })
	f.Store = opened(t, store.Config{DatabaseURL: u.String(), NodeID: "far", MaxConns: connections})
	f.Breakers()[0].OnChange(func(c breaker.Change) { f.changes <- c })
	ctx, stop := context.WithCancel(context.Background())
	over := make(chan error)
	go func() { over <- f.Watch(ctx) }()
	t.Cleanup(func() {
		f.line.Set(proxy.Weather{})
		stop()
		if err := <-over; err != nil {
			t.Error(err)
		}
	})
	return f
}

// await waits for the next opening or closing.
func (f *far) await(t *testing.T, opened bool) {
	t.Helper()
	began := time.Now()
	select {
	case c := <-f.changes:
		if c.Opened != opened {
			t.Fatalf("%+v came instead", c)
		}
		t.Logf("opened: %v after %v (%v)", opened, time.Since(began).Round(time.Millisecond), c.Err)
	case <-time.After(20 * time.Second):
		t.Fatalf("nothing changed in 20 s; it was to open: %v", opened)
	}
}

// refusedAtOnce asks several times, since the machine may be busy with others.
func (f *far) refusedAtOnce(t *testing.T, ask func() error) {
	t.Helper()
	quickest := time.Hour
	for range 10 {
		began := time.Now()
		err := ask()
		quickest = min(quickest, time.Since(began))
		if e := chat.AsError(err); e.Code != chat.CodeDBConnectionLost || e.Outcome != chat.OutcomeRejected || e.RetryAfter == 0 {
			t.Fatalf("refused with %+v", err)
		}
	}
	if quickest > 50*time.Millisecond {
		t.Errorf("the quickest refusal took %v", quickest)
	}
}

func TestADatabaseThatIsAwayRefusesAtOnceUntilItIsBack(t *testing.T) {
	for name, weather := range map[string]proxy.Weather{
		"it refuses connections": {Refuse: true},
		"it is silent":           {HoldUp: true, HoldDown: true},
		"it hears nothing":       {HoldUp: true},
	} {
		t.Run(name, func(t *testing.T) {
			f := openFar(t, 4)
			cs, ada := conversationsFor(t, f.Store)
			c := cs[0]
			read := func() error {
				_, err := f.Roster(t.Context(), c.ID)
				return err
			}
			write := func() error {
				_, err := f.HideConversation(t.Context(), c.ID, ada)
				return err
			}
			if err := errors.Join(read(), write()); err != nil {
				t.Fatal(err)
			}
			f.line.Set(weather)
			underWay := make(chan error, 2)
			go func() { underWay <- read() }()
			go func() { underWay <- write() }()
			f.await(t, true)
			for range cap(underWay) {
				if e := chat.AsError(<-underWay); e.Code != chat.CodeDBConnectionLost {
					t.Errorf("what was under way ended with %v", e)
				}
			}
			for _, ask := range []func() error{read, write, func() error {
				_, err := f.AppendMessages(t.Context(), []chat.Draft{draftFor(c, ada, "Hello")})
				return err
			}, func() error { return f.Ping(t.Context()) }} {
				f.refusedAtOnce(t, ask)
			}
			if !f.Away() {
				t.Error("it is not said to be away")
			}
			f.line.Set(proxy.Weather{})
			waited := make(chan error)
			go func() { waited <- f.Await(t.Context()) }()
			f.await(t, false)
			if err := errors.Join(<-waited, read(), write()); err != nil {
				t.Errorf("once it is back: %v", err)
			}
		})
	}
}

func TestACommitThatWasUnderWayWhenTheDatabaseFellSilentIsUnknown(t *testing.T) {
	f := openFar(t, 1)
	cs, ada := conversationsFor(t, f.Store)
	c := cs[0]
	d := draftFor(c, ada, "Hello")
	// The first one has the statement prepared, so that the second is sent as a whole.
	if _, err := f.AppendMessages(t.Context(), []chat.Draft{draftFor(c, ada, "Hello?")}); err != nil {
		t.Fatal(err)
	}
	f.line.Set(proxy.Weather{HoldDown: true})
	_, err := f.AppendMessages(t.Context(), []chat.Draft{d})
	if e := chat.AsError(err); e.Outcome != chat.OutcomeUnknown {
		t.Fatalf("got %+v", err)
	}
	f.await(t, true)
	f.line.Set(proxy.Weather{})
	f.await(t, false)
	appended, err := f.AppendMessages(t.Context(), []chat.Draft{d})
	if err != nil || !appended[0].Duplicate || appended[0].Message.Seq != 2 {
		t.Errorf("the retry found %+v, %v", appended, err)
	}
}

// probed returns when the database has been asked for a sign of life since.
func (f *far) probed(t *testing.T) {
	t.Helper()
	var since time.Time
	if err := f.raw.QueryRow("SELECT clock_timestamp()").Scan(&since); err != nil {
		t.Fatal(err)
	}
	tick := time.NewTicker(20 * time.Millisecond)
	defer tick.Stop()
	for deadline, asked := time.Now().Add(20*time.Second), false; !asked; <-tick.C {
		err := f.raw.QueryRow(`SELECT EXISTS (SELECT FROM pg_stat_activity
WHERE application_name = 'parley probe far' AND query = 'SELECT 1' AND query_start > $1)`, since).Scan(&asked)
		if err != nil {
			t.Fatal(err)
		}
		if time.Now().After(deadline) {
			t.Fatal("nobody asks the database for a sign of life")
		}
	}
}

func TestWhatConcernsOneRequestAloneKeepsNobodyElseFromTheDatabase(t *testing.T) {
	f := openFar(t, 4)
	cs, sender := conversationsFor(t, f.Store)
	c := cs[0]
	for name, spoil := range map[string]func(t *testing.T){
		"a row that somebody keeps locked": func(t *testing.T) {
			tx, err := f.raw.Begin()
			if err != nil {
				t.Fatal(err)
			}
			defer func() { _ = tx.Rollback() }()
			if _, err := tx.Exec("SELECT FROM conversations WHERE id = $1 FOR UPDATE", string(c.ID)); err != nil {
				t.Fatal(err)
			}
			_, err = f.AppendMessages(t.Context(), []chat.Draft{draftFor(c, sender, "Hello")})
			if chat.AsError(err).Reason != chat.ReasonLocked {
				t.Errorf("got %v", err)
			}
		},
		"a caller whose time is short": func(t *testing.T) {
			tx, err := f.raw.Begin()
			if err != nil {
				t.Fatal(err)
			}
			defer func() { _ = tx.Rollback() }()
			if _, err := tx.Exec("LOCK TABLE messages"); err != nil {
				t.Fatal(err)
			}
			ctx, cancel := context.WithTimeout(t.Context(), 50*time.Millisecond)
			defer cancel()
			if _, err = f.AppendMessages(ctx, []chat.Draft{draftFor(c, sender, "Hello")}); err == nil {
				t.Error("it was in time")
			}
		},
		"a caller who has gone": func(t *testing.T) {
			ctx, cancel := context.WithCancel(t.Context())
			cancel()
			if _, err := f.Roster(ctx, c.ID); err == nil {
				t.Error("somebody who has gone was answered")
			}
		},
		"connections that an administrator ends": func(t *testing.T) {
			if _, err := f.raw.Exec("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE application_name LIKE 'parley%'"); err != nil {
				t.Fatal(err)
			}
			_, _ = f.AppendMessages(t.Context(), []chat.Draft{draftFor(c, sender, "Hello")})
		},
		"what the database refuses": func(t *testing.T) {
			if _, err := f.Roster(t.Context(), "no id"); err == nil {
				t.Error("it was not refused")
			}
		},
	} {
		t.Run(name, func(t *testing.T) {
			spoil(t)
			f.probed(t)
			if n := f.Breakers()[0].Opened(); n != 0 || f.Away() {
				t.Errorf("it was found to be away %d times", n)
			}
			if _, err := f.Roster(t.Context(), c.ID); err != nil {
				t.Errorf("the next request: %v", err)
			}
		})
	}
}

func TestNobodyIsRefusedBeforeTheDatabaseIsLookedAfter(t *testing.T) {
	for _, s := range []*store.Store{openSQLite(t), openPostgres(t)} {
		if err := s.Await(t.Context()); err != nil || s.Away() {
			t.Errorf("%s is away: %v", s.Kind(), err)
		}
	}
}
