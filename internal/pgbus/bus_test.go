package pgbus_test

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/parley-chat/parley/internal/pgbus"
	"github.com/parley-chat/parley/internal/pgtest"
	"github.com/parley-chat/parley/internal/realtime"
	"github.com/parley-chat/parley/internal/realtime/bustest"
)

func TestTheBusKeepsItsContract(t *testing.T) {
	url := pgtest.NewDatabase(t)
	bustest.Run(t, func(t *testing.T) realtime.Bus { return connected(t, url, "node").Bus })
}

func TestANodeDoesNotHearItself(t *testing.T) {
	url := pgtest.NewDatabase(t)
	a, b := connected(t, url, "a"), connected(t, url, "b")
	e := a.listen(t, "topic")
	a.Publish("topic", []byte("from a"))
	witness := b.listen(t, "witness")
	a.Publish("witness", []byte("x"))
	witness.hears(t, "witness x")
	b.Publish("topic", []byte("from b"))
	if got := e.next(t); got != "topic from b" {
		t.Errorf("a is told %q", got)
	}
}

func TestWhatIsTooLongForANotificationIsToldAsLost(t *testing.T) {
	url := pgtest.NewDatabase(t)
	a, e := connected(t, url, "a"), connected(t, url, "b").listen(t, "topic", "other")
	fits := strings.Repeat("x", pgbus.MaxPayload-100)
	for _, c := range []struct{ envelope, told string }{
		{fits, "topic " + fits},
		{strings.Repeat("x", pgbus.MaxPayload), "lost [topic]"},
		{"not \xff text", "lost [topic]"},
		{"a NUL \x00", "lost [topic]"},
		{"", "topic "},
		{"två\nrader", "topic två\nrader"},
	} {
		a.Publish("topic", []byte(c.envelope))
		if got := e.next(t); got != c.told {
			t.Errorf("%.20q is told as %.100q", c.envelope, got)
		}
	}
	a.Publish("a topic\nof two lines", []byte("x"))
	if got := e.next(t); got != "lost anything" {
		t.Errorf("a topic that cannot be named is told as %q", got)
	}
	if s := a.Stats(); s.Oversize != 4 || s.Published != 7 || s.Failed != 0 {
		t.Errorf("it counts %+v", s)
	}
}

func TestLossesOfManyTopicsAreToldInSeveralNotifications(t *testing.T) {
	url := pgtest.NewDatabase(t)
	var topics []string
	for i := range 600 {
		topics = append(topics, fmt.Sprintf("chat:conversation:%036d", i))
	}
	a, e := connected(t, url, "a"), connected(t, url, "b").listen(t, topics...)
	for _, topic := range topics {
		a.Publish(topic, make([]byte, pgbus.MaxPayload))
	}
	missing := make(map[string]bool)
	for _, topic := range topics {
		missing[topic] = true
	}
	for len(missing) > 0 {
		for _, topic := range strings.Fields(strings.Trim(strings.TrimPrefix(e.next(t), "lost "), "[]")) {
			delete(missing, topic)
		}
	}
}

func TestWhatForeignersSayOnTheChannelIsCountedAndNothingElse(t *testing.T) {
	url := pgtest.NewDatabase(t)
	a, b := connected(t, url, "a"), connected(t, url, "b")
	e := b.listen(t, "topic")
	foreign := []string{"x", "", "{}", "parley", strings.Repeat("ü", 3_000), "\n\n\n", "lost"}
	for _, payload := range foreign {
		administer(t, url, "SELECT pg_notify('parley', $1)::text", payload)
	}
	a.Publish("topic", []byte("x"))
	if got := e.next(t); got != "topic x" {
		t.Errorf("told %.100q", got)
	}
	if s := b.Stats(); s.Foreign != uint64(len(foreign)) || s.Unknown != 0 {
		t.Errorf("it counts %+v", s)
	}
}

func TestWhatOnlyANewerVersionUnderstandsIsToldAsLost(t *testing.T) {
	url := pgtest.NewDatabase(t)
	b := connected(t, url, "b")
	e := b.listen(t, "topic")
	newer := []string{"parley/2 envelope", "parley/2 envelope s 1\ntopic\nx", "parley/1 news s 1\n", "parley/1 envelope s 1\nno envelope", "parley/1 envelope"}
	for _, payload := range newer {
		administer(t, url, "SELECT pg_notify('parley', $1)::text", payload)
		if got := e.next(t); got != "lost anything" {
			t.Errorf("%q is told as %q", payload, got)
		}
	}
	if s := b.Stats(); s.Unknown != uint64(len(newer)) {
		t.Errorf("it counts %+v", s)
	}
}

func TestABurstGoesOutInFewStatements(t *testing.T) {
	const burst = 10_000
	url := pgtest.NewDatabase(t)
	a, b := connected(t, url, "a"), connected(t, url, "b")
	e := b.listen(t, "topic")
	before := a.Stats().Statements
	for i := range burst {
		a.Publish("topic", fmt.Append(nil, i))
	}
	told := 0
	for i := range burst {
		// What the listener has no room for is told as lost, at the end of what it had room for.
		got := e.next(t)
		if got == "lost [topic]" {
			break
		}
		if got != fmt.Sprint("topic ", i) {
			t.Fatalf("after %d comes %q", i, got)
		}
		told++
	}
	if s := b.Stats(); told != burst && s.Overflowed == 0 {
		t.Errorf("%d were told, and it counts %+v", told, s)
	}
	if n := a.Stats().Statements - before; n > burst/50 {
		t.Errorf("%d statements for %d envelopes", n, burst)
	}
}

func TestAnOperatorSeesWhatEachConnectionIsFor(t *testing.T) {
	url := pgtest.NewDatabase(t)
	id := "0192d3c4-5e6f-7a8b-9c0d-1e2f3a4b5c6d"
	connected(t, url, id)
	names := administer(t, url, "SELECT application_name FROM pg_stat_activity WHERE datname = current_database() AND pid <> pg_backend_pid() ORDER BY 1")
	if want := []string{"parley listen " + id, "parley publish " + id}; !slices.Equal(names, want) {
		t.Errorf("the connections are called %q", names)
	}
}

func TestAWrongURLIsAnErrorWithoutItsPassword(t *testing.T) {
	for _, url := range []string{"", "postgres://parley:secret@host:port/x", "redis://:secret@localhost", "postgres://x:secret@h/db?sslmode=perhaps"} {
		_, err := pgbus.New(pgbus.Config{URL: url})
		if url == "" && err == nil {
			continue // PostgreSQL's own defaults
		}
		if err == nil || strings.Contains(err.Error(), "secret") || !strings.Contains(err.Error(), "postgres://") {
			t.Errorf("%s: %v", url, err)
		}
	}
}
