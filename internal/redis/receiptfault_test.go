package redis_test

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/parley-chat/parley/internal/chat"
	"github.com/parley-chat/parley/internal/redis"
	"github.com/parley-chat/parley/internal/redistest"
)

const (
	secondsOfADay = 86400
	room          = chat.ConversationID("0190a000-0000-7000-8000-000000000001")
	otherRoom     = chat.ConversationID("0190a000-0000-7000-8000-000000000002")
)

func stepTo(u chat.UserID, seq int64) []chat.Step {
	return []chat.Step{{User: u, Seq: seq, Message: chat.MessageID(fmt.Sprint("message-", seq)), At: time.Unix(1_800_000_000, 0)}}
}

func seedReaders(t *testing.T, r *redis.Readers, c chat.ConversationID, positions map[chat.UserID]int64) {
	t.Helper()
	epoch, err := r.Epoch(t.Context(), c)
	if err == nil {
		err = r.Seed(t.Context(), c, positions, epoch)
	}
	if err != nil {
		t.Fatal(err)
	}
}

func counted(seqs ...int64) (of []chat.Counted) {
	for _, seq := range seqs {
		of = append(of, chat.Counted{Message: chat.MessageID(fmt.Sprint("message-", seq)), Seq: seq, Sender: "sender"})
	}
	return of
}

func TestCountsAndWhatWaitsStandInTheKeysOfThePlan(t *testing.T) {
	server := redistest.Start(t)
	r := redis.NewReaders(join(t, server.URL(), "a").Bus)
	seedReaders(t, r, room, map[chat.UserID]int64{"anna": 0, "ben": 2})
	if _, _, err := r.Counts(t.Context(), room, counted(1, 2, 3)); err != nil {
		t.Fatal(err)
	}
	expect := func(want ...string) {
		t.Helper()
		var got []string
		for seq := range 3 {
			key := fmt.Sprint("read_count:", room, ":message-", seq+1)
			got = append(got, do(t, server, "GET", key))
			if ttl, _ := strconv.Atoi(do(t, server, "TTL", key)); got[seq] != "" && (ttl <= secondsOfADay-60 || ttl > secondsOfADay) {
				t.Errorf("%s expires in %d s", key, ttl)
			}
		}
		if !slices.Equal(got, want) {
			t.Errorf("the keys hold %q, want %q", got, want)
		}
	}
	expect("1", "1", "0")
	for _, seq := range []int64{3, 3, 1} {
		if err := r.Advance(t.Context(), room, stepTo("anna", seq), chat.ByReading); err != nil {
			t.Fatal(err)
		}
	}
	expect("2", "2", "1")
	want := `{"conversationId":"` + string(room) + `","messageId":"message-3","seq":3,"userId":"anna","readAt":"2027-01-15T08:00:00Z"}`
	if got := do(t, server, "LRANGE", "read_receipts:pending", "0", "-1"); got != want {
		t.Errorf("what waits is %s, want %s", got, want)
	}
	if err := r.Unseed(t.Context(), room); err != nil {
		t.Fatal(err)
	}
	expect("", "", "")
	seedReaders(t, r, room, map[chat.UserID]int64{"ben": 3})
	expect("1", "1", "1")
}

func TestEveryKeyOfAConversationExpiresAndIsRenewedByUse(t *testing.T) {
	server := redistest.Start(t)
	r := redis.NewReaders(join(t, server.URL(), "a").Bus)
	seedReaders(t, r, room, map[chat.UserID]int64{"anna": 0})
	use := map[string]func() error{
		"counts":  func() error { _, _, err := r.Counts(t.Context(), room, counted(1)); return err },
		"advance": func() error { return r.Advance(t.Context(), room, stepTo("anna", 1), chat.ByReading) },
		"no news": func() error { return r.Advance(t.Context(), room, stepTo("anna", 1), chat.ByReading) },
	}
	for _, name := range []string{"counts", "advance", "no news"} {
		for _, key := range []string{"read_state:", "read_positions:", "read_tracked:"} {
			do(t, server, "EXPIRE", key+string(room), "60")
		}
		if err := use[name](); err != nil {
			t.Fatal(err)
		}
		for _, key := range strings.Fields(do(t, server, "KEYS", "read_*"+string(room)+"*")) {
			if ttl, _ := strconv.Atoi(do(t, server, "TTL", key)); ttl < secondsOfADay-60 {
				t.Errorf("after %s %s expires in %d s", name, key, ttl)
			}
		}
	}
	claim, err := r.Claim(t.Context(), 10, time.Minute)
	if err == nil {
		err = r.Settle(t.Context(), claim.ID, nil)
	}
	if err != nil {
		t.Fatal(err)
	}
	if keys := do(t, server, "KEYS", "*read_receipts:pending*"); keys != "{read_receipts:pending}:life" {
		t.Errorf("of an empty queue is left: %q", keys)
	}
}

func TestTheNewestHundredMessagesAreTracked(t *testing.T) {
	server := redistest.Start(t)
	r := redis.NewReaders(join(t, server.URL(), "a").Bus)
	seedReaders(t, r, room, map[chat.UserID]int64{"anna": 500})
	for seq := int64(150); seq > 0; seq-- {
		counts, _, err := r.Counts(t.Context(), room, counted(seq))
		if err != nil || counts[counted(seq)[0].Message] != 1 {
			t.Fatalf("message %d is read by %v (%v)", seq, counts, err)
		}
	}
	var all []int64
	for seq := range int64(300) {
		all = append(all, seq+1)
	}
	if counts, _, err := r.Counts(t.Context(), room, counted(all...)); err != nil || len(counts) != 300 {
		t.Fatalf("%d counts (%v)", len(counts), err)
	}
	keys := strings.Fields(do(t, server, "KEYS", "read_count:*"))
	if len(keys) != 100 || slices.ContainsFunc(keys, func(k string) bool {
		seq, _ := strconv.Atoi(k[strings.LastIndex(k, "-")+1:])
		return seq <= 200
	}) {
		t.Errorf("%d counts are kept: %q", len(keys), keys)
	}
}

func TestWhatIsMissingOrOldIsUnseededAndNeverAWrongCount(t *testing.T) {
	server := redistest.Start(t)
	r := redis.NewReaders(join(t, server.URL(), "a").Bus)
	for name, spoil := range map[string]func(){
		"a position is gone":     func() { do(t, server, "ZREM", "read_positions:"+string(room), "anna") },
		"the positions are gone": func() { do(t, server, "DEL", "read_positions:"+string(room)) },
		"the state is gone":      func() { do(t, server, "DEL", "read_state:"+string(room)) },
		"the seed is old":        func() { do(t, server, "HSET", "read_state:"+string(room), "since", "1") },
		"the clock was set back": func() { do(t, server, "HSET", "read_state:"+string(room), "since", "9007199254740000") },
		"everything is gone":     func() { do(t, server, "FLUSHALL") },
	} {
		for _, ask := range []string{"counts", "advance", "send"} {
			seedReaders(t, r, room, map[chat.UserID]int64{"anna": 4, "ben": 3})
			spoil()
			var err error
			switch ask {
			case "counts":
				_, _, err = r.Counts(t.Context(), room, counted(1))
			case "advance":
				err = r.Advance(t.Context(), room, stepTo("anna", 5), chat.ByReading)
			case "send":
				err = r.Advance(t.Context(), room, stepTo("anna", 5), chat.BySending)
			}
			if !errors.Is(err, chat.ErrUnseeded) {
				t.Errorf("%s: %s answers %v", name, ask, err)
			}
			if _, _, err := r.Counts(t.Context(), room, counted(1)); !errors.Is(err, chat.ErrUnseeded) {
				t.Errorf("%s: after %s counts are told (%v)", name, ask, err)
			}
		}
	}
}

func TestStepsThatAreWrittenAreRememberedNoLonger(t *testing.T) {
	server := redistest.Start(t)
	r := redis.NewReaders(join(t, server.URL(), "a").Bus)
	_ = r.Advance(t.Context(), room, stepTo("anna", 1), chat.ByReading)
	_ = r.Advance(t.Context(), room, stepTo("ben", 1), chat.ByReading)
	claim, err := r.Claim(t.Context(), 1, time.Hour)
	if err != nil || r.Remembered() != 2 {
		t.Fatalf("%d steps are remembered while one is leased (%v)", r.Remembered(), err)
	}
	if err := r.Settle(t.Context(), claim.ID, nil); err != nil || r.Remembered() != 1 {
		t.Errorf("%d steps are remembered when one is written (%v)", r.Remembered(), err)
	}
	do(t, server, "FLUSHALL")
	claim, err = r.Claim(t.Context(), 10, time.Hour)
	if err != nil || len(claim.Steps) != 1 || claim.Steps[0].User != "ben" {
		t.Errorf("after a loss there is %+v to write (%v)", claim.Steps, err)
	}
	failed := claim.Steps[0]
	failed.Tries++
	if err := r.Settle(t.Context(), claim.ID, []chat.Step{failed}); err != nil || r.Remembered() != 1 {
		t.Errorf("%d steps are remembered when it could not be written (%v)", r.Remembered(), err)
	}
}

func TestANodeMakesSureOfWhatItHasNotSeenWritten(t *testing.T) {
	server := redistest.Start(t)
	r, other := redis.NewReaders(join(t, server.URL(), "a").Bus).Impatient(), redis.NewReaders(join(t, server.URL(), "b").Bus)
	for what, goes := range map[string]func(){
		"another node says that it is written": func() {
			claim, err := other.Claim(t.Context(), 10, time.Hour)
			if err == nil {
				err = other.Settle(t.Context(), claim.ID, nil)
			}
			if err != nil || len(claim.Steps) != 1 {
				t.Errorf("the other has %+v (%v)", claim, err)
			}
		},
		"it is gone without a trace": func() {
			do(t, server, "DEL", "read_receipts:pending", "{read_receipts:pending}:user:anna")
		},
	} {
		if err := r.Advance(t.Context(), room, stepTo("anna", 1), chat.ByReading); !errors.Is(err, chat.ErrUnseeded) {
			t.Fatal(err)
		}
		goes()
		do(t, server, "DEL", "read_positions:"+string(room))
		for _, again := range []bool{true, false} {
			claim, err := r.Claim(t.Context(), 10, time.Hour)
			if err != nil || !claim.Known || len(claim.Steps) != 1 || claim.Steps[0].User != "anna" {
				t.Fatalf("%s: there is %+v to write (%v)", what, claim, err)
			}
			var back []chat.Step
			if again {
				back = claim.Steps
			}
			if err := r.Settle(t.Context(), claim.ID, back); err != nil {
				t.Error(err)
			}
		}
		if claim, err := r.Claim(t.Context(), 10, time.Hour); err != nil || len(claim.Steps) != 0 || r.Remembered() != 0 {
			t.Errorf("%s: at the end there is %+v to write (%v)", what, claim, err)
		}
	}
}

func TestARestartedRedisGetsBackWhatWasAcknowledged(t *testing.T) {
	server := redistest.Start(t)
	n := join(t, server.URL(), "a")
	r := redis.NewReaders(n.Bus)
	var mu sync.Mutex
	restored := make(map[chat.ConversationID]int)
	r.OnRestored(func(c chat.ConversationID) {
		mu.Lock()
		defer mu.Unlock()
		restored[c]++
	})
	for i := range 1500 {
		c := []chat.ConversationID{room, otherRoom}[i%3/2]
		if err := r.Advance(t.Context(), c, stepTo(chat.UserID(fmt.Sprint("reader-", i)), 1), chat.ByReading); !errors.Is(err, chat.ErrUnseeded) {
			t.Fatal(err)
		}
	}
	server.Kill()
	n.await(false)
	if _, err := r.Waiting(t.Context()); !errors.Is(err, redis.ErrAway) {
		t.Errorf("without Redis the answer is %v", err)
	}
	restart(t, server)
	n.await(true)
	eventually(t, "all steps waiting again", func() bool {
		n, err := r.Waiting(t.Context())
		return err == nil && n == 1500
	})
	mu.Lock()
	defer mu.Unlock()
	if restored[room] != 1 || restored[otherRoom] != 1 {
		t.Errorf("restored was told of %v", restored)
	}
	seedReaders(t, r, otherRoom, map[chat.UserID]int64{"reader-2": 0, "reader-5": 0, "reader-3": 0})
	if counts, _, err := r.Counts(t.Context(), otherRoom, counted(1)); err != nil || counts["message-1"] != 2 {
		t.Errorf("counts are %v (%v)", counts, err)
	}
}

func TestARunningNodePutsBackWhatRedisLostByItself(t *testing.T) {
	server := redistest.Start(t)
	n := join(t, server.URL(), "a")
	r := redis.NewReaders(n.Bus)
	back := make(chan struct{}, 10)
	r.OnBack(func() { back <- struct{}{} })
	ctx, stop := context.WithCancel(t.Context())
	ended := make(chan error, 1)
	go func() { ended <- r.Run(ctx) }()
	if err := r.Advance(t.Context(), room, stepTo("anna", 1), chat.ByReading); !errors.Is(err, chat.ErrUnseeded) {
		t.Fatal(err)
	}
	waits := func() bool { return do(t, server, "LLEN", "read_receipts:pending") == "1" }
	server.Kill()
	n.await(false)
	if err := r.Advance(t.Context(), room, stepTo("anna", 2), chat.ByReading); !errors.Is(err, redis.ErrAway) {
		t.Errorf("without Redis the answer is %v", err)
	}
	restart(t, server)
	<-back
	if !waits() {
		t.Error("when Redis is said to be back the step is not")
	}
	do(t, server, "FLUSHALL")
	eventually(t, "the step waiting again after Redis was emptied", waits)
	stop()
	if err := <-ended; err != nil {
		t.Error(err)
	}
	if len(back) > 0 {
		t.Error("Redis is said to be back though it was not away")
	}
}

func TestWhileRedisIsAwayANodeHandsOutWhatItRemembers(t *testing.T) {
	server := redistest.Start(t)
	n := run(t, server.URL(), "a")
	r := redis.NewReaders(n.Bus)
	away := make(chan struct{}, 10)
	r.OnAway(func() { away <- struct{}{} })
	n.await(true)
	for _, u := range []chat.UserID{"anna", "ben"} {
		if err := r.Advance(t.Context(), room, stepTo(u, 1), chat.ByReading); !errors.Is(err, chat.ErrUnseeded) {
			t.Fatal(err)
		}
	}
	server.Kill()
	<-away
	n.await(false)
	claim := func(want ...chat.UserID) chat.Claim {
		t.Helper()
		c, err := r.Claim(t.Context(), 10, time.Hour)
		var got []chat.UserID
		for _, s := range c.Steps {
			got = append(got, s.User)
		}
		if !slices.Equal(got, want) || (err != nil) != (len(want) == 0) {
			t.Fatalf("claimed are the steps of %v (%v), want %v", got, err, want)
		}
		return c
	}
	settle := func(id string, again ...chat.Step) {
		t.Helper()
		if err := r.Settle(t.Context(), id, again); err != nil {
			t.Fatal(err)
		}
	}
	claim("anna", "ben")
	c := claim("anna", "ben")
	failed := c.Steps[1]
	failed.Tries++
	settle(c.ID, failed)
	if c = claim("ben"); c.Steps[0].Tries != 1 {
		t.Errorf("what comes back was tried %d times", c.Steps[0].Tries)
	}
	settle(c.ID)
	claim()
	if kept := r.Remembered(); kept != 0 {
		t.Errorf("%d steps are still remembered", kept)
	}
	restart(t, server)
	n.await(true)
	eventually(t, "nothing waiting in the new Redis", func() bool {
		n, err := r.Waiting(t.Context())
		return err == nil && n == 0
	})
}

func TestTheNextStepBringsBackThoseBeforeALoss(t *testing.T) {
	server := redistest.Start(t)
	r := redis.NewReaders(join(t, server.URL(), "a").Bus)
	for i := range int64(3) {
		do(t, server, "FLUSHALL")
		if err := r.Advance(t.Context(), room, stepTo("anna", i+1), chat.ByReading); !errors.Is(err, chat.ErrUnseeded) {
			t.Fatal(err)
		}
		if n := do(t, server, "LLEN", "read_receipts:pending"); n != strconv.FormatInt(i+1, 10) {
			t.Errorf("%s steps wait after step %d", n, i+1)
		}
	}
}

// allCalls are one call of each method, and what each answers.
func allCalls(t *testing.T, r *redis.Readers) map[string]error {
	t.Helper()
	answers := make(map[string]error)
	answers["Advance"] = r.Advance(t.Context(), room, stepTo("anna", 9), chat.ByReading)
	answers["Advance by sending"] = r.Advance(t.Context(), room, stepTo("anna", 9), chat.BySending)
	_, _, answers["Counts"] = r.Counts(t.Context(), room, counted(9))
	answers["Seed"] = r.Seed(t.Context(), room, map[chat.UserID]int64{"anna": 1}, 1)
	answers["Unseed"] = r.Unseed(t.Context(), room)
	_, answers["Epoch"] = r.Epoch(t.Context(), room)
	_, answers["Claim"] = r.Claim(t.Context(), 10, time.Minute)
	return answers
}

func TestARedisThatCannotWriteIsAnErrorAndNoHalfTruth(t *testing.T) {
	for name, spoil := range map[string]func(*testing.T, *redistest.Server){
		"a read-only replica": func(t *testing.T, s *redistest.Server) { do(t, s, "REPLICAOF", "127.0.0.1", "1") },
		"no memory left":      func(t *testing.T, s *redistest.Server) { do(t, s, "CONFIG", "SET", "maxmemory", "1") },
		"no right":            func(t *testing.T, s *redistest.Server) { do(t, s, "ACL", "SETUSER", "default", "-@scripting") },
	} {
		t.Run(name, func(t *testing.T) {
			server := redistest.Start(t)
			r := redis.NewReaders(join(t, server.URL(), "a").Bus)
			seedReaders(t, r, room, map[chat.UserID]int64{"anna": 0, "ben": 3})
			spoil(t, server)
			err := r.Advance(t.Context(), room, stepTo("anna", 9), chat.ByReading)
			if !errors.Is(err, redis.ErrAway) || errors.Is(err, chat.ErrUnseeded) {
				t.Errorf("a step is answered by %v", err)
			}
			if n := r.Remembered(); n != 0 {
				t.Errorf("%d steps are remembered that nobody acknowledged", n)
			}
			if got := do(t, server, "LLEN", "read_receipts:pending") + do(t, server, "ZSCORE", "read_positions:"+string(room), "anna"); got != "00" {
				t.Errorf("half of it was done: %q", got)
			}
		})
	}
}

func TestAHungRedisIsAnErrorWithinASecond(t *testing.T) {
	server := redistest.Start(t)
	r := redis.NewReaders(join(t, server.URL(), "a").Bus)
	seedReaders(t, r, room, map[chat.UserID]int64{"anna": 0})
	server.Freeze()
	var crowd sync.WaitGroup
	for range 1000 {
		crowd.Go(func() {
			began := time.Now()
			if err := r.Advance(t.Context(), room, stepTo("anna", 1), chat.ByReading); !errors.Is(err, redis.ErrAway) {
				t.Errorf("a frozen Redis answers %v", err)
			}
			if took := time.Since(began); took > 2500*time.Millisecond {
				t.Errorf("it took %s", took)
			}
		})
	}
	crowd.Wait()
	began := time.Now()
	for name, err := range allCalls(t, r) {
		if !errors.Is(err, redis.ErrAway) {
			t.Errorf("%s answers %v", name, err)
		}
	}
	if took := time.Since(began); took > 2500*time.Millisecond {
		t.Errorf("all calls after the first took %s", took)
	}
	server.Thaw()
	eventually(t, "Redis answering again", func() bool {
		return r.Advance(t.Context(), room, stepTo("anna", 2), chat.ByReading) == nil
	})
}

func TestWhatStandsInTheWayIsAnErrorThatShowsNoSecret(t *testing.T) {
	server := redistest.Start(t, "--requirepass", "sesame")
	r := redis.NewReaders(join(t, server.URL(), "a").Bus)
	for _, key := range []string{"read_state:", "read_positions:", "read_tracked:"} {
		do(t, server, "SET", key+string(room), "rubbish")
	}
	for name, err := range allCalls(t, r) {
		if name == "Claim" {
			if err != nil {
				t.Errorf("one conversation spoils the queue: %v", err)
			}
			continue
		}
		if !errors.Is(err, redis.ErrAway) || strings.Contains(err.Error(), "sesame") || strings.Contains(err.Error(), "anna") {
			t.Errorf("%s answers %v", name, err)
		}
	}
	if got := do(t, server, "LLEN", "read_receipts:pending"); got != "0" {
		t.Errorf("%s steps wait that nobody acknowledged", got)
	}
	seedReaders(t, r, otherRoom, map[chat.UserID]int64{"anna": 0})
}

func TestAFullQueueTakesNothingMore(t *testing.T) {
	server := redistest.Start(t)
	r := redis.NewReaders(join(t, server.URL(), "a").Bus).AtMost(3)
	seedReaders(t, r, room, map[chat.UserID]int64{"anna": 0})
	for seq := range int64(3) {
		if err := r.Advance(t.Context(), room, stepTo("anna", seq+1), chat.ByReading); err != nil {
			t.Fatal(err)
		}
	}
	if err := r.Advance(t.Context(), room, stepTo("anna", 4), chat.ByReading); !errors.Is(err, redis.ErrAway) {
		t.Errorf("a full queue answers %v", err)
	}
	counts, _, err := r.Counts(t.Context(), room, counted(3, 4))
	if err != nil || counts["message-3"] != 1 || counts["message-4"] != 0 {
		t.Errorf("counts are %v (%v)", counts, err)
	}
}

func TestWhatIsNoStepLeavesTheQueueWithTheRest(t *testing.T) {
	server := redistest.Start(t)
	r := redis.NewReaders(join(t, server.URL(), "a").Bus)
	junk := []string{"", "{}", "null", "[1]", `{"userId":"anna"}`, `{"userId":"anna","conversationId":1}`, "\x00\xff", strings.Repeat("x", 1<<20)}
	do(t, server, append([]string{"RPUSH", "read_receipts:pending"}, junk...)...)
	_ = r.Advance(t.Context(), room, stepTo("anna", 1), chat.ByReading)
	claim, err := r.Claim(t.Context(), 3, time.Minute)
	if err != nil || len(claim.Steps) != 1 {
		t.Fatalf("%d steps were claimed (%v)", len(claim.Steps), err)
	}
	if err := r.Settle(t.Context(), claim.ID, nil); err != nil {
		t.Fatal(err)
	}
	if n, err := r.Waiting(t.Context()); err != nil || n != 0 {
		t.Errorf("%d things wait (%v)", n, err)
	}
}

func TestReadersSurviveThatScriptsAreForgotten(t *testing.T) {
	server := redistest.Start(t)
	r := redis.NewReaders(join(t, server.URL(), "a").Bus)
	seedReaders(t, r, room, map[chat.UserID]int64{"anna": 0})
	do(t, server, "SCRIPT", "FLUSH")
	if err := r.Advance(t.Context(), room, stepTo("anna", 1), chat.ByReading); err != nil {
		t.Fatal(err)
	}
}

func TestInAClusterAConversationHasOneSlotAndTheQueueAnother(t *testing.T) {
	cluster := redistest.StartCluster(t)
	r := redis.NewReaders(join(t, cluster.URL(), "a").Bus)
	for i := range 30 {
		c := chat.ConversationID(fmt.Sprint("conversation-", i))
		seedReaders(t, r, c, map[chat.UserID]int64{"anna": 0})
		if err := r.Advance(t.Context(), c, stepTo("anna", 1), chat.ByReading); err != nil {
			t.Fatal(err)
		}
		if counts, _, err := r.Counts(t.Context(), c, counted(1)); err != nil || counts["message-1"] != 1 {
			t.Fatalf("counts are %v (%v)", counts, err)
		}
	}
	holding := 0
	for _, server := range cluster.Nodes {
		if do(t, server, "KEYS", "read_count:{conversation-*}:message-1") != "" {
			holding++
		}
	}
	if holding != len(cluster.Nodes) {
		t.Errorf("%d servers hold counts, want all", holding)
	}
	// The server of the queue alone is emptied: what was acknowledged comes back.
	for _, server := range cluster.Nodes {
		if do(t, server, "KEYS", "read_receipts:pending") != "" {
			do(t, server, "FLUSHALL")
		}
	}
	if n, err := r.Waiting(t.Context()); err != nil || n != 30 {
		t.Errorf("%d steps wait (%v)", n, err)
	}
}
