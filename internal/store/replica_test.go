package store_test

import (
	"context"
	"database/sql"
	"fmt"
	"math/rand/v2"
	"net/url"
	"runtime"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/parley-chat/parley/internal/chaos/proxy"
	"github.com/parley-chat/parley/internal/chat"
	"github.com/parley-chat/parley/internal/pgtest"
	"github.com/parley-chat/parley/internal/store"
	"github.com/parley-chat/parley/internal/store/storetest"
)

// replicated is a store with a replica, and what belongs to it.
type replicated struct {
	*store.Store
	primary, standby *pgtest.Server
	url, replicaURL  string
	atStandby        *sql.DB
	line             *proxy.Proxy // between the store and the standby
}

func withReplica(t *testing.T) *replicated {
	t.Helper()
	primary := pgtest.Start(t)
	r := &replicated{primary: primary, url: primary.NewDatabase(t)}
	opened(t, store.Config{DatabaseURL: r.url}) // which migrates, before the standby is made
	r.standby = primary.StartStandby(t)
	u, err := url.Parse(r.url)
	if err != nil {
		t.Fatal(err)
	}
	direct := r.standby.URL(strings.TrimPrefix(u.Path, "/"))
	if u, err = url.Parse(direct); err != nil {
		t.Fatal(err)
	}
	if r.line, err = proxy.Listen(u.Host); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(r.line.Close)
	u.Host = r.line.Address()
	r.replicaURL = u.String()
	r.Store = opened(t, store.Config{DatabaseURL: r.url, ReplicaURL: r.replicaURL})
	if r.atStandby, err = sql.Open("pgx", direct); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = r.atStandby.Close() })
	r.caughtUp(t)
	return r
}

func (r *replicated) run(t *testing.T, statement string) {
	t.Helper()
	if _, err := r.atStandby.Exec(statement); err != nil {
		t.Fatalf("%s: %v", statement, err)
	}
}

// caughtUp returns when the standby has applied all that the primary has written.
func (r *replicated) caughtUp(t *testing.T) {
	t.Helper()
	db, err := sql.Open("pgx", r.url)
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	var written string
	if err := db.QueryRow("SELECT pg_current_wal_lsn()::text").Scan(&written); err != nil {
		t.Fatal(err)
	}
	for deadline, there := time.Now().Add(30*time.Second), false; !there; {
		if err := r.atStandby.QueryRow("SELECT pg_last_wal_replay_lsn() >= $1::text::pg_lsn", written).Scan(&there); err != nil {
			t.Fatal(err)
		}
		if time.Now().After(deadline) {
			t.Fatal("the standby does not catch up")
		}
	}
}

func (r *replicated) send(t *testing.T, c chat.Conversation, sender chat.UserID, content string) chat.Message {
	t.Helper()
	appended, err := r.AppendMessages(t.Context(), []chat.Draft{draftFor(c, sender, content)})
	if err != nil || appended[0].Err != nil {
		t.Fatal(err, appended)
	}
	return appended[0].Message
}

func (r *replicated) history(t *testing.T, c chat.Conversation) []chat.Message {
	t.Helper()
	page, _, err := r.Messages(t.Context(), chat.HistoryQuery{Conversation: c.ID, Limit: 100})
	if err != nil {
		t.Fatal(err)
	}
	return page
}

// expectReads says how many of the reads since then the replica served, and why not the others.
func (r *replicated) expectReads(t *testing.T, since store.ReplicaReads, served, behind int64) {
	t.Helper()
	now := r.ReplicaReads()
	if now.Served-since.Served != served || now.Behind-since.Behind != behind {
		t.Errorf("the replica served %d and was behind for %d, want %d and %d: %+v", now.Served-since.Served, now.Behind-since.Behind, served, behind, now)
	}
}

func TestTheReplicaAnswersOnlyWhatItHasAsThePrimaryHasIt(t *testing.T) {
	r := withReplica(t)
	cs, ada := conversationsFor(t, r.Store)
	quiet, busy := cs[0], cs[1]
	r.send(t, quiet, ada, "before")
	m := r.send(t, busy, ada, "the text of a message")
	r.caughtUp(t)

	before := r.ReplicaReads()
	for range 3 {
		r.history(t, quiet)
		if _, err := r.Changes(t.Context(), busy.ID, 1, 10); err != nil {
			t.Fatal(err)
		}
	}
	r.expectReads(t, before, 6, 0)

	// The standby stands still, and the primary goes on.
	r.run(t, "SELECT pg_wal_replay_pause()")
	if _, _, err := r.DeleteMessage(t.Context(), chat.Deletion{Conversation: busy.ID, Message: m.ID, RosterRev: busy.RosterRev}); err != nil {
		t.Fatal(err)
	}
	before = r.ReplicaReads()
	if page := r.history(t, busy); len(page) != 1 || !page[0].Deleted() || page[0].Content != "" {
		t.Errorf("after the deletion: %+v", page)
	}
	changes, err := r.Changes(t.Context(), busy.ID, 2, 10)
	if err != nil || len(changes.Changes) != 1 || changes.Changes[0].Kind != chat.MessageDeleted || changes.Head.LastRev != 3 {
		t.Errorf("after the deletion: %+v, %v", changes, err)
	}
	r.expectReads(t, before, 0, 2)
	// What has not changed since is still read there.
	if page := r.history(t, quiet); len(page) != 1 {
		t.Errorf("the quiet conversation: %+v", page)
	}
	r.expectReads(t, before, 1, 2)

	r.run(t, "SELECT pg_wal_replay_resume()")
	r.caughtUp(t)
	before = r.ReplicaReads()
	if page := r.history(t, busy); !page[0].Deleted() {
		t.Errorf("once the standby has caught up: %+v", page)
	}
	r.expectReads(t, before, 1, 0)
	// Who is in a conversation, and under which name, is asked of the primary alone.
	if _, err := r.Changes(t.Context(), busy.ID, 0, 10); err != nil {
		t.Fatal(err)
	}
	r.expectReads(t, before, 1, 0)
	if _, err := r.Changes(t.Context(), newID[chat.ConversationID](), 0, 10); chat.AsError(err).Code != chat.CodeNotFound {
		t.Errorf("a conversation that is not there: %v", err)
	}
}

func TestAReplicaThatIsAwayOrStuckCostsNobodyMoreThanAMoment(t *testing.T) {
	r := withReplica(t)
	r.SetReplicaPause(200 * time.Millisecond)
	cs, ada := conversationsFor(t, r.Store)
	r.send(t, cs[0], ada, "x")
	r.caughtUp(t)
	expectPage := func(when string) {
		t.Helper()
		start := time.Now()
		if page := r.history(t, cs[0]); len(page) != 1 {
			t.Errorf("%s: %+v", when, page)
		}
		if took := time.Since(start); took > 2*time.Second {
			t.Errorf("%s a page took %v", when, took)
		}
	}
	backOnReplica := func() {
		t.Helper()
		served := r.ReplicaReads().Served
		for deadline := time.Now().Add(30 * time.Second); r.ReplicaReads().Served == served; {
			expectPage("on the way back")
			if time.Now().After(deadline) {
				t.Fatalf("nothing is read at the replica again: %+v", r.ReplicaReads())
			}
		}
		if !r.ReplicaReads().Well {
			t.Error("it serves and is not well")
		}
	}
	backOnReplica()

	r.standby.Stop()
	before := r.ReplicaReads()
	for range 50 {
		expectPage("with the standby down")
	}
	now := r.ReplicaReads()
	if failed := now.Failed - before.Failed; failed == 0 || failed > 10 || now.Served != before.Served || now.Well || now.LastError == "" {
		t.Errorf("50 reads: %+v, before %+v", now, before)
	}
	if err := r.standby.Restart(); err != nil {
		t.Fatal(err)
	}
	backOnReplica()

	for name, weather := range map[string]proxy.Weather{
		"silent": {HoldUp: true, HoldDown: true}, "slow": {Delay: time.Second}, "cut": {Refuse: true},
	} {
		before = r.ReplicaReads()
		r.line.Set(weather)
		expectPage("with a line that is " + name)
		r.line.Set(proxy.Weather{})
		if now := r.ReplicaReads(); now.Failed != before.Failed+1 || now.Served != before.Served {
			t.Errorf("a line that is %s: %+v, before %+v", name, now, before)
		}
		backOnReplica()
	}
}

func TestAReplicaThatWasPromotedIsNotBelieved(t *testing.T) {
	r := withReplica(t)
	cs, ada := conversationsFor(t, r.Store)
	r.send(t, cs[0], ada, "x")
	r.caughtUp(t)
	before := r.ReplicaReads()
	r.history(t, cs[0])
	r.expectReads(t, before, 1, 0)
	r.run(t, "SELECT pg_promote()")
	r.run(t, "UPDATE messages SET content = 'another history'")
	if page := r.history(t, cs[0]); page[0].Content != "x" {
		t.Errorf("got %q", page[0].Content)
	}
	if now := r.ReplicaReads(); now.Well || !strings.Contains(now.LastError, "standby") {
		t.Errorf("%+v", now)
	}
}

func TestWhatIsNoReplicaOfThePrimaryIsRefusedAtTheStart(t *testing.T) {
	r := withReplica(t)
	for name, replica := range map[string]string{
		"another server": pgtest.NewDatabase(t), "the primary itself": r.url, "another database": r.standby.URL("postgres"),
	} {
		s, err := store.Open(t.Context(), store.Config{DatabaseURL: r.url, ReplicaURL: replica})
		if err == nil {
			_ = s.Close()
		}
		if err == nil || !contains(err.Error(), "DATABASE_REPLICA_URL", "standby") {
			t.Errorf("%s: %v", name, err)
		}
	}
	if _, err := store.Open(t.Context(), store.Config{DatabaseURL: r.url, ReplicaURL: "postgres://ada:secret@[::1"}); err == nil || contains(err.Error(), "secret") {
		t.Errorf("no URL: %v", err)
	}
	r.standby.Stop()
	s, err := store.Open(t.Context(), store.Config{DatabaseURL: r.url, ReplicaURL: r.replicaURL})
	if err != nil {
		t.Fatalf("a standby that is down: %v", err)
	}
	defer s.Close()
	if reads := s.ReplicaReads(); !reads.Configured || reads.Well {
		t.Errorf("a standby that is down: %+v", reads)
	}
}

func TestNobodyReadsAnythingOlderThanWhatWasConfirmed(t *testing.T) {
	r := withReplica(t)
	r.SetReplicaPause(50 * time.Millisecond)
	// The standby is a little behind, as over a slow line.
	r.run(t, "ALTER SYSTEM SET recovery_min_apply_delay = '20ms'")
	r.run(t, "SELECT pg_reload_conf()")
	cs, ada := conversationsFor(t, r.Store)
	done := make(chan struct{})
	var wg sync.WaitGroup
	for _, c := range cs[:4] {
		wg.Go(func() { r.writeAndRead(t, c, ada, done) })
	}
	for range 2 {
		r.awaitServed(t, 200)
		r.standby.Crash()
		if err := r.standby.Restart(); err != nil {
			t.Fatal(err)
		}
	}
	r.awaitServed(t, 200)
	close(done)
	wg.Wait()
	reads := r.ReplicaReads()
	t.Logf("%d reads were served by the replica, %d by the primary because it was behind, %d after it failed, %d while it was left alone",
		reads.Served, reads.Behind, reads.Failed, reads.Passed)
	if reads.Served == 0 || reads.Behind == 0 || reads.Failed == 0 {
		t.Errorf("not all was met: %+v", reads)
	}
}

// awaitServed returns when the replica has served n reads more.
func (r *replicated) awaitServed(t *testing.T, n int64) {
	t.Helper()
	served := r.ReplicaReads().Served
	for deadline := time.Now().Add(time.Minute); r.ReplicaReads().Served < served+n; runtime.Gosched() {
		if time.Now().After(deadline) {
			t.Fatalf("the replica serves too little: %+v", r.ReplicaReads())
		}
	}
}

// writeAndRead changes a conversation and reads it after each change and in between, as one person does, until done.
// What was confirmed must be in what is read.
func (r *replicated) writeAndRead(t *testing.T, c chat.Conversation, ada chat.UserID, done chan struct{}) {
	deleted := map[chat.MessageID]bool{}
	var mine []chat.Message
	for step := 0; ; step++ {
		select {
		case <-done:
			return
		default:
		}
		switch {
		case step%8 == 0:
			mine = append(mine, r.send(t, c, ada, fmt.Sprint("text ", step)))
		case step%40 == 3:
			m := mine[rand.IntN(len(mine))]
			if _, _, err := r.DeleteMessage(context.Background(), chat.Deletion{Conversation: c.ID, Message: m.ID, RosterRev: c.RosterRev}); err != nil {
				t.Error(err)
			}
			deleted[m.ID] = true
		}
		page := r.history(t, c)
		if len(page) != min(100, len(mine)) || page[0].ID != mine[len(mine)-1].ID {
			t.Errorf("step %d: %d of %d messages", step, len(page), len(mine))
			return
		}
		for _, m := range page {
			if m.Deleted() != deleted[m.ID] || m.Deleted() && m.Content != "" {
				t.Errorf("step %d: seq %d is deleted %v, want %v, with %q", step, m.Seq, m.Deleted(), deleted[m.ID], m.Content)
				return
			}
		}
	}
}

func TestTheStoreKeepsItsPromisesWithAReplica(t *testing.T) {
	primary := pgtest.Start(t)
	standby := primary.StartStandby(t)
	storetest.Run(t, func(t *testing.T) *store.Store {
		u := primary.NewDatabase(t)
		at, err := url.Parse(u)
		if err != nil {
			t.Fatal(err)
		}
		return opened(t, store.Config{DatabaseURL: u, ReplicaURL: standby.URL(strings.TrimPrefix(at.Path, "/"))})
	})
}
