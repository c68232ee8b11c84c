package chat_test

import (
	"context"
	"database/sql"
	"fmt"
	"log/slog"
	"runtime"
	"slices"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/parley-chat/parley/internal/chat"
	"github.com/parley-chat/parley/internal/inmem"
	"github.com/parley-chat/parley/internal/pgtest"
	"github.com/parley-chat/parley/internal/redis"
	"github.com/parley-chat/parley/internal/redistest"
	"github.com/parley-chat/parley/internal/store"
)

// scythe counts the moments of a flush, before and after each call of the store and of the readers, and stops it at one
// of them.
type scythe struct {
	at     int // from 1; 0 never
	strike func()

	// The rules may also be counting anew meanwhile.
	mu     sync.Mutex
	passed []string
}

func (s *scythe) pass(moment string) {
	s.mu.Lock()
	s.passed = append(s.passed, moment)
	strikes := len(s.passed) == s.at
	s.mu.Unlock()
	if strikes {
		s.strike()
	}
}

// around makes a call between two moments.
func around[T any](s *scythe, what string, call func() (T, error)) (T, error) {
	s.pass("before " + what)
	out, err := call()
	s.pass("after " + what)
	return out, err
}

func (s *scythe) around(what string, call func() error) error {
	_, err := around(s, what, func() (struct{}, error) { return struct{}{}, call() })
	return err
}

// mortalStore and mortalReaders are those of a flusher that is stopped.
type mortalStore struct {
	chat.Store
	*scythe
}

func (m mortalStore) WriteSteps(ctx context.Context, steps []chat.Step) error {
	return m.around(fmt.Sprintf("WriteSteps of %d", len(steps)), func() error { return m.Store.WriteSteps(ctx, steps) })
}

func (m mortalStore) BuryStep(ctx context.Context, s chat.Step, reason string) error {
	return m.around("BuryStep", func() error { return m.Store.BuryStep(ctx, s, reason) })
}

func (m mortalStore) ReadPositions(ctx context.Context, c chat.ConversationID) (map[chat.UserID]int64, error) {
	return around(m.scythe, "ReadPositions", func() (map[chat.UserID]int64, error) { return m.Store.ReadPositions(ctx, c) })
}

type mortalReaders struct {
	chat.Readers
	*scythe
	// briefly has leases end at once, where their time is that of a server: nobody waits for it.
	briefly bool
}

func (m mortalReaders) Claim(ctx context.Context, limit int, lease time.Duration) (chat.Claim, error) {
	if m.briefly {
		lease = 0
	}
	return around(m.scythe, "Claim", func() (chat.Claim, error) { return m.Readers.Claim(ctx, limit, lease) })
}

func (m mortalReaders) Settle(ctx context.Context, id string, again []chat.Step) error {
	return m.around("Settle", func() error { return m.Readers.Settle(ctx, id, again) })
}

func (m mortalReaders) Epoch(ctx context.Context, c chat.ConversationID) (int64, error) {
	return around(m.scythe, "Epoch", func() (int64, error) { return m.Readers.Epoch(ctx, c) })
}

func (m mortalReaders) Pending(ctx context.Context, users []chat.UserID) ([]chat.Step, error) {
	return around(m.scythe, "Pending", func() ([]chat.Step, error) { return m.Readers.Pending(ctx, users) })
}

func (m mortalReaders) Seed(ctx context.Context, c chat.ConversationID, positions map[chat.UserID]int64, epoch int64) error {
	return m.around("Seed", func() error { return m.Readers.Seed(ctx, c, positions, epoch) })
}

// deaths stops flushers at every moment of a flush. Each has an heir: other rules, which share the store and what the
// readers know.
type deaths struct {
	*testing.T
	w            *world
	doomed, heir chat.Readers
	// leased waits until the leases of a flusher have ended.
	leased  func()
	briefly bool
}

// readings is a large group whose people have read, and wait to be written.
type readings struct {
	of            chat.ConversationID
	first, second chat.Message
	at            time.Time // when the first was read
}

const (
	// both is how many of the twelve read both messages.
	both = 5
	// unlucky has a step that cannot be written.
	unlucky = 7
)

// readings of which the unlucky one was tried so often already.
func (d *deaths) readings(tries int) readings {
	d.Helper()
	r := readings{of: d.w.group(d.T, d.w.people...), at: time.Now().UTC().Truncate(time.Microsecond)}
	r.first, r.second = d.w.send(d.T, r.of, d.w.people[0], newID(), "Hello"), d.w.send(d.T, r.of, d.w.people[0], newID(), "Again")
	counts := d.counts(chat.New(chat.Config{NewID: newID, Readers: d.doomed}, d.w.store, newRecorder()), r)
	if counts != [2]int64{} {
		d.Fatalf("before anybody reads the counts are %v", counts)
	}
	read := func(people []chat.UserID, m chat.Message, at time.Time) {
		var steps []chat.Step
		for _, u := range people {
			step := chat.Step{Conversation: r.of, User: u, Message: m.ID, Seq: m.Seq, At: at}
			if u == d.w.people[unlucky] {
				step.Tries = tries
			}
			steps = append(steps, step)
		}
		if err := d.doomed.Advance(d.Context(), r.of, steps, chat.ByReading); err != nil {
			d.Fatal(err)
		}
	}
	read(d.w.people[1:], r.first, r.at)
	read(d.w.people[1:1+both], r.second, r.at.Add(time.Second))
	return r
}

// counts is how many have read either message, ahead of the store.
func (d *deaths) counts(rules *chat.Service, r readings) (of [2]int64) {
	d.Helper()
	receipts, err := rules.Receipts(d.Context(), []chat.ConversationID{r.of})
	if err != nil || receipts[r.of].Counts == nil {
		d.Fatalf("the counts are not known: %+v, %v", receipts, err)
	}
	for _, c := range receipts[r.of].Counts.Counts {
		switch c.Message {
		case r.first.ID:
			of[0] = c.Count
		case r.second.ID:
			of[1] = c.Count
		}
	}
	return of
}

// flush flushes with rules that are stopped at a moment, and returns the moments that there were. Being killed they go
// no further; else they are held up, and resume has them go on and waits for their end.
func (d *deaths) flush(at int, store chat.Store, killed bool) (s *scythe, resume func()) {
	stopped, going, ended := make(chan struct{}), make(chan struct{}), make(chan struct{})
	s = &scythe{at: at}
	s.strike = func() {
		if killed {
			runtime.Goexit()
		}
		close(stopped)
		<-going
	}
	rules := chat.New(chat.Config{NewID: newID, Readers: mortalReaders{d.doomed, s, d.briefly}}, mortalStore{store, s}, newRecorder())
	go func() {
		defer close(ended)
		rules.Flush(context.Background())
	}()
	select {
	case <-stopped:
	case <-ended:
	}
	return s, func() {
		close(going)
		<-ended
	}
}

// inherit has the heir flush until nothing waits any more.
func (d *deaths) inherit(when string, store chat.Store) *chat.Service {
	d.Helper()
	rules := chat.New(chat.Config{NewID: newID, Readers: d.heir}, store, newRecorder())
	d.leased()
	for range 6 {
		rules.Flush(d.Context())
		if waiting, err := d.heir.Waiting(d.Context()); err != nil {
			d.Fatal(err)
		} else if waiting == 0 {
			return rules
		}
	}
	d.Errorf("%s: something waits for ever", when)
	return rules
}

// expect holds what the heir counts and what is stored against what was read. missing is whose step is buried, if any.
func (d *deaths) expect(when string, heir *chat.Service, r readings, missing ...chat.UserID) {
	d.Helper()
	if waiting, err := d.heir.Waiting(d.Context()); err != nil || waiting != 0 {
		d.Errorf("%s: %d wait, %v", when, waiting, err)
	}
	readers := int64(len(d.w.people) - 1)
	if got, want := d.counts(heir, r), [2]int64{readers, both}; got != want {
		d.Errorf("%s: counted ahead are %v, want %v", when, got, want)
	}
	stored, err := d.w.store.ReadCounts(d.Context(), r.of, []chat.Counted{{Message: r.first.ID, Seq: 1, Sender: r.first.Sender}, {Message: r.second.ID, Seq: 2, Sender: r.second.Sender}})
	if want := readers - int64(len(missing)); err != nil || stored[r.first.ID] != want || stored[r.second.ID] != both {
		d.Errorf("%s: stored are %v, want %d and %d (%v)", when, stored, want, both, err)
	}
	page, _, err := d.w.store.Readers(d.Context(), r.of, r.first.ID, chat.ReaderCursor{}, 100)
	if err != nil || len(page) != int(readers)-len(missing) {
		d.Errorf("%s: %d readers are listed, %v", when, len(page), err)
	}
	for _, reader := range page {
		if !reader.ReadAt.Equal(r.at) {
			d.Errorf("%s: %s read at %v, want %v", when, reader.User.ID, reader.ReadAt, r.at)
		}
	}
	buried, all, err := d.w.store.BuriedSteps(d.Context(), chat.Buried{}, 10)
	if err != nil || all != len(missing) || all == 1 && (buried[0].User != missing[0] || buried[0].Tries != 5 || buried[0].Message != r.first.ID) {
		d.Errorf("%s: buried are %+v, %v", when, buried, err)
	}
}

// atEveryMoment stops a flusher at each moment, and has it either be dead or go on when another has done its work.
func (d *deaths) atEveryMoment() {
	unluckyOne := d.w.people[unlucky]
	for name, flushed := range map[string]struct {
		store   chat.Store
		tries   int
		missing []chat.UserID
	}{
		"all can be written":          {d.w.store, 0, nil},
		"one cannot and goes back":    {poisoned{d.w.store, unluckyOne}, 2, []chat.UserID{unluckyOne}},
		"one cannot for a fifth time": {poisoned{d.w.store, unluckyOne}, 4, []chat.UserID{unluckyOne}},
	} {
		for _, killed := range []bool{true, false} {
			for at, through := 1, false; !through && !d.Failed(); at++ {
				r := d.readings(flushed.tries)
				s, resume := d.flush(at, flushed.store, killed)
				when := fmt.Sprintf("%s, stopped %s (%d), killed %v", name, s.passed[min(at, len(s.passed))-1], at, killed)
				if through = len(s.passed) < at; through {
					when = name + ", not stopped"
					d.Logf("%s: a flush has %d moments: %q", name, len(s.passed), s.passed)
				}
				heir := d.inherit(when, flushed.store)
				d.expect(when, heir, r, flushed.missing...)
				if !killed {
					resume()
					d.expect(when+", gone on", heir, r, flushed.missing...)
				}
				if written, err := chat.Replay(d.Context(), d.w.store, func(f chat.Fate) { d.Errorf("%s: %s stays: %v", when, f.User, f.Why) }); err != nil || written != len(flushed.missing) {
					d.Errorf("%s: %d replayed, %v", when, written, err)
				}
				d.expect(when+", replayed", heir, r)
			}
		}
	}
}

func TestAFlusherThatIsStoppedAtAnyMomentLosesNothingAndCountsNothingTwiceInMemory(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		readers := inmem.NewReaders()
		d := &deaths{T: t, w: newWorld(t, 12), doomed: readers, heir: readers}
		d.leased = func() { time.Sleep(30 * time.Second) }
		d.atEveryMoment()
	})
}

func TestAFlusherThatIsStoppedAtAnyMomentLosesNothingAndCountsNothingTwiceInRedis(t *testing.T) {
	server := redistest.Start(t)
	w := newWorldOn(t, store.Config{DatabaseURL: pgtest.NewDatabase(t)}, 12, chat.Config{NewID: newID})
	d := &deaths{T: t, w: w, doomed: readersOver(t, server, "doomed"), heir: readersOver(t, server, "heir"), leased: func() {}, briefly: true}
	d.atEveryMoment()
}

// readersOver are those of a node on a Redis.
func readersOver(t *testing.T, server *redistest.Server, id string) *redis.Readers {
	t.Helper()
	bus, err := redis.Open(redis.Config{URL: server.URL(), NodeID: id, Log: slog.New(slog.DiscardHandler)})
	if err != nil {
		t.Fatal(err)
	}
	up := make(chan bool, 10)
	bus.OnChange(func(is bool) { up <- is })
	ctx, stop := context.WithCancel(context.Background())
	ended := make(chan error, 1)
	go func() { ended <- bus.Run(ctx) }()
	t.Cleanup(func() {
		stop()
		if err := <-ended; err != nil {
			t.Error(err)
		}
	})
	if !<-up {
		t.Fatal("the first that is told of Redis is that it is away")
	}
	return redis.NewReaders(bus)
}

func TestWhileRedisIsAwayANodeWritesWhatItRemembers(t *testing.T) {
	server := redistest.Start(t)
	w := newWorldOn(t, store.Config{DatabaseURL: pgtest.NewDatabase(t)}, 12, chat.Config{NewID: newID})
	d := &deaths{T: t, w: w, doomed: readersOver(t, server, "a")}
	r := d.readings(0)
	server.Kill()
	reports := make(chan chat.FlushReport, 1)
	rules := chat.New(chat.Config{NewID: newID, Readers: d.doomed, Flushed: func(f chat.FlushReport) { reports <- f }}, w.store, newRecorder())
	for _, want := range []int{11 + both, 0} {
		rules.Flush(t.Context())
		if got := <-reports; got.Written != want || got.Err == nil || got.Waiting != -1 {
			t.Errorf("%+v, want %d written and that Redis is away", got, want)
		}
	}
	if got, want := d.counts(rules, r), [2]int64{11, both}; got != want {
		t.Errorf("counted are %v, want %v", got, want)
	}
}

func TestWhatADeadFlusherTookIsNobodyElsesUntilItsLeaseEnds(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		readers := inmem.NewReaders()
		d := &deaths{T: t, w: newWorld(t, 12), doomed: readers, heir: readers}
		r := d.readings(0)
		s, _ := d.flush(2, d.w.store, true)
		if !slices.Equal(s.passed, []string{"before Claim", "after Claim"}) {
			t.Fatalf("it was stopped %q", s.passed)
		}
		written := make(chan int, 10)
		heir := chat.New(chat.Config{NewID: newID, Readers: readers, Flushed: func(f chat.FlushReport) { written <- f.Written }}, d.w.store, newRecorder())
		for _, row := range []struct {
			after time.Duration
			want  int
		}{{0, 0}, {30*time.Second - time.Nanosecond, 0}, {time.Nanosecond, 11 + both}, {time.Minute, 0}} {
			time.Sleep(row.after)
			heir.Flush(t.Context())
			if got := <-written; got != row.want {
				t.Errorf("%v later %d are written, want %d", row.after, got, row.want)
			}
		}
		d.expect("after the lease", heir, r)
	})
}

func TestWhatTheOnlyNodeLostWithItsMemoryComesBackWithTheNextSyncs(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		readers := inmem.NewReaders()
		d := &deaths{T: t, w: newWorld(t, 12), doomed: readers}
		r := d.readings(0)
		again := inmem.NewReaders()
		d.heir = again
		heir := chat.New(chat.Config{NewID: newID, Readers: again}, d.w.store, newRecorder())
		if got := d.counts(heir, r); got != [2]int64{} {
			t.Errorf("of what nobody has written is known %v", got)
		}
		for i, u := range d.w.people[1:] {
			m := r.first
			if i < both {
				m = r.second
			}
			for range 2 {
				if state, err := heir.AdvanceRead(t.Context(), u, r.of, m.ID); err != nil || state.LastReadSeq != m.Seq || state.UnreadCount != r.second.Seq-m.Seq {
					t.Errorf("%s is at %+v, %v", u, state, err)
				}
			}
		}
		heir.Flush(t.Context())
		if got, want := d.counts(heir, r), [2]int64{11, both}; got != want {
			t.Errorf("counted are %v, want %v", got, want)
		}
		stored, err := d.w.store.ReadCounts(t.Context(), r.of, []chat.Counted{{Message: r.first.ID, Seq: 1, Sender: r.first.Sender}})
		if err != nil || stored[r.first.ID] != 11 {
			t.Errorf("stored are %v, %v", stored, err)
		}
	})
}

func TestOneStepThatCannotBeWrittenDoesNotHoldUpALongQueue(t *testing.T) {
	w := newWorld(t, 12)
	c := w.group(t, w.people...)
	var messages []chat.Message
	for i := range 300 {
		messages = append(messages, w.send(t, c, w.people[0], fmt.Sprint(i), "Hello"))
	}
	readers := inmem.NewReaders()
	reports := make(chan chat.FlushReport, 1)
	rules := chat.New(chat.Config{NewID: newID, Readers: readers, Flushed: func(r chat.FlushReport) { reports <- r }}, poisoned{w.store, w.people[7]}, w.heard)
	for _, m := range messages {
		var steps []chat.Step
		for i, u := range w.people[1:] {
			if i != 6 || m.Seq == 1 {
				steps = append(steps, chat.Step{Conversation: c, User: u, Message: m.ID, Seq: m.Seq, At: time.Now()})
			}
		}
		_ = readers.Advance(t.Context(), c, steps, chat.ByReading)
	}
	rules.Flush(t.Context())
	if got := <-reports; got.Written != 3000 || got.Waiting != 1 || len(got.Buried) != 0 {
		t.Errorf("a flush of 3,001 steps: %+v", got)
	}
}

func TestARowThatSomebodyKeepsLockedHoldsUpNoOtherAndUsesUpNoTry(t *testing.T) {
	url := pgtest.NewDatabase(t)
	w := newWorldOn(t, store.Config{DatabaseURL: url}, 12, chat.Config{NewID: newID})
	readers := inmem.NewReaders()
	d := &deaths{T: t, w: w, doomed: readers, heir: readers}
	r := d.readings(4)
	db, err := sql.Open("pgx", url)
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	tx, err := db.BeginTx(t.Context(), nil)
	if err != nil {
		t.Fatal(err)
	}
	defer tx.Rollback()
	if _, err := tx.ExecContext(t.Context(), "SELECT FROM conversation_participants WHERE conversation_id = $1 AND user_id = $2 FOR UPDATE", string(r.of), string(w.people[unlucky])); err != nil {
		t.Fatal(err)
	}
	reports := make(chan chat.FlushReport, 1)
	rules := chat.New(chat.Config{NewID: newID, Readers: readers, Flushed: func(f chat.FlushReport) { reports <- f }}, w.store, newRecorder())
	rules.Flush(t.Context())
	if got := <-reports; got.Written != 10+both || got.Again != 1 || len(got.Buried) != 0 || got.Err != nil {
		t.Errorf("while it is locked: %+v", got)
	}
	if err := tx.Rollback(); err != nil {
		t.Fatal(err)
	}
	rules.Flush(t.Context())
	if got := <-reports; got.Written != 1 || got.Again != 0 {
		t.Errorf("when it is not any more: %+v", got)
	}
	d.expect("in the end", rules, r)
}
