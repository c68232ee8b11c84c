package pgbus_test

import (
	"fmt"
	"net/url"
	"strings"
	"testing"

	"github.com/parley-chat/parley/internal/chaos/proxy"
	"github.com/parley-chat/parley/internal/pgtest"
)

// kill ends the connections of a node that serve a purpose.
func kill(t *testing.T, url, purpose, id string) {
	t.Helper()
	killed := administer(t, url, "SELECT pg_terminate_backend(pid)::text FROM pg_stat_activity WHERE datname = current_database() AND application_name = $1", "parley "+purpose+" "+id)
	if len(killed) != 1 {
		t.Fatalf("%d connections %s", len(killed), purpose)
	}
}

func TestAListeningConnectionThatIsKilledIsMadeAgainAndItsLossesTold(t *testing.T) {
	t.Parallel()
	url := pgtest.NewDatabase(t)
	a, b := connected(t, url, "a"), connected(t, url, "b")
	e := b.listen(t, "topic")
	for i := range 3 {
		kill(t, url, "listen", "b")
		b.awaits(t, false)
		a.Publish("topic", []byte("meanwhile"))
		b.awaits(t, true)
		e.hears(t, "lost anything")
		a.Publish("topic", fmt.Append(nil, i))
		e.hears(t, fmt.Sprint("topic ", i))
	}
	if s := b.Stats(); s.Connected != 4 {
		t.Errorf("it counts %+v", s)
	}
}

func TestWhatAKilledPublisherCouldNotSayIsToldAsLost(t *testing.T) {
	t.Parallel()
	url := pgtest.NewDatabase(t)
	a, b := connected(t, url, "a"), connected(t, url, "b")
	e := b.listen(t, "topic")
	for i := range 3 {
		kill(t, url, "publish", "a")
		a.Publish("topic", fmt.Append(nil, i))
		// The connection may have been closed before or within the statement.
		e.hears(t, "lost [topic]", fmt.Sprint("topic ", i))
		a.Publish("topic", []byte("after"))
		e.hears(t, "topic after")
	}
}

func TestFollowingWhileTheDatabaseIsAwayIsInForceWhenItIsBack(t *testing.T) {
	t.Parallel()
	server := pgtest.Start(t)
	url := server.NewDatabase(t)
	server.Crash()
	a, b := start(t, url, "a"), start(t, url, "b")
	e := b.listen(t)
	e.Follow("topic", "given up")
	e.Unfollow("given up")
	if a.Up() || b.Up() {
		t.Error("up without a database")
	}
	if err := server.Restart(); err != nil {
		t.Fatal(err)
	}
	e.hears(t, "lost [topic given up]", "lost anything")
	a.Publish("topic", []byte("x"))
	a.Publish("given up", []byte("x"))
	a.Publish("topic", []byte("y"))
	e.hears(t, "topic x")
	if got := e.next(t); got != "topic y" {
		t.Errorf("told %q", got)
	}
}

func TestAServerThatCrashesLosesNothingUntold(t *testing.T) {
	t.Parallel()
	server := pgtest.Start(t)
	url := server.NewDatabase(t)
	a, b := connected(t, url, "a"), connected(t, url, "b")
	e := b.listen(t, "topic")
	for i, stop := range []func(){server.Crash, server.Stop} {
		stop()
		a.awaits(t, false)
		b.awaits(t, false)
		a.Publish("topic", []byte("meanwhile"))
		if err := server.Restart(); err != nil {
			t.Fatal(err)
		}
		a.awaits(t, true)
		b.awaits(t, true)
		e.hears(t, "lost anything")
		a.Publish("topic", fmt.Append(nil, i))
		e.hears(t, fmt.Sprint("topic ", i))
	}
}

func TestWhatTheQueueHasNoRoomForIsToldAsLost(t *testing.T) {
	t.Parallel()
	server := pgtest.Start(t)
	url := server.NewDatabase(t)
	a, b := connected(t, url, "a"), connected(t, url, "b")
	e := b.listen(t, "topic")
	server.Crash()
	a.awaits(t, false)
	b.awaits(t, false)
	for i := range 30_000 {
		a.Publish(fmt.Sprint("topic ", i), []byte("x"))
	}
	if err := server.Restart(); err != nil {
		t.Fatal(err)
	}
	a.awaits(t, true)
	b.awaits(t, true)
	e.hears(t, "lost anything")
	a.Publish("topic", []byte("x"))
	e.hears(t, "topic x")
	if s := a.Stats(); s.Dropped == 0 {
		t.Errorf("it counts %+v", s)
	}
}

// through puts a proxy between a node and the server of a URL.
func through(t *testing.T, databaseURL string) (*proxy.Proxy, string) {
	t.Helper()
	u, err := url.Parse(databaseURL)
	if err != nil {
		t.Fatal(err)
	}
	p, err := proxy.Listen(u.Host)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(p.Close)
	u.Host = p.Address()
	return p, u.String()
}

func TestAConnectionThatDiesWithoutAWordIsNoticed(t *testing.T) {
	t.Parallel()
	direct := pgtest.NewDatabase(t)
	p, url := through(t, direct)
	a, b := connected(t, direct, "a"), connected(t, url, "b")
	e := b.listen(t, "topic")
	p.Set(proxy.Weather{HoldUp: true, HoldDown: true})
	a.Publish("topic", []byte("into the dark"))
	b.awaits(t, false)
	p.Set(proxy.Weather{})
	b.awaits(t, true)
	e.hears(t, "lost anything")
	a.Publish("topic", []byte("x"))
	e.hears(t, "topic x")
}

func TestAPublisherThatDiesWithoutAWordTellsItsLosses(t *testing.T) {
	t.Parallel()
	direct := pgtest.NewDatabase(t)
	p, url := through(t, direct)
	a, b := connected(t, url, "a"), connected(t, direct, "b")
	e := b.listen(t, "topic")
	p.Set(proxy.Weather{HoldUp: true, HoldDown: true})
	a.Publish("topic", []byte("from the dark"))
	a.awaits(t, false)
	p.Set(proxy.Weather{})
	e.hears(t, "lost [topic]")
	a.Publish("topic", []byte("x"))
	e.hears(t, "topic x")
}

func TestARefusedConnectionIsTriedAgainUntilItIsLetIn(t *testing.T) {
	t.Parallel()
	p, url := through(t, pgtest.NewDatabase(t))
	p.Set(proxy.Weather{Refuse: true})
	n := start(t, url, "a")
	p.Set(proxy.Weather{})
	n.awaits(t, true)
}

func TestTheEndOfANodePublishesWhatIsQueued(t *testing.T) {
	t.Parallel()
	url := pgtest.NewDatabase(t)
	e := connected(t, url, "b").listen(t, "topic")
	t.Run("a node that ends", func(t *testing.T) {
		a := connected(t, url, "a")
		for i := range 1_000 {
			a.Publish("topic", fmt.Append(nil, i))
		}
	})
	e.hears(t, "topic 999")
	left := administer(t, url, "SELECT application_name FROM pg_stat_activity WHERE datname = current_database() AND application_name LIKE 'parley % a'")
	if len(left) > 0 {
		t.Errorf("left behind: %s", strings.Join(left, ", "))
	}
}
