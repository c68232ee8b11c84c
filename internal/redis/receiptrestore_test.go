package redis_test

import (
	"context"
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/parley-chat/parley/internal/chat"
	"github.com/parley-chat/parley/internal/redis"
	"github.com/parley-chat/parley/internal/redistest"
)

// goingBack is a way for a Redis to have an older content than it told.
type goingBack struct{ fallBehind, goBack func() }

var goBack = map[string]func(t *testing.T, server *redistest.Server, n *node) goingBack{
	"killed, and started from a snapshot": func(t *testing.T, server *redistest.Server, n *node) goingBack {
		return goingBack{func() { do(t, server, "SAVE") }, func() {
			server.Kill()
			n.await(false)
			restart(t, server)
			n.await(true)
		}}
	},
	// The server becomes a replica of one that fell behind, and is promoted itself: nobody's connection breaks.
	"a replica that lagged is promoted": func(t *testing.T, server *redistest.Server, _ *node) goingBack {
		behind := redistest.Start(t)
		replicate := func(replica, of *redistest.Server) {
			host, port, _ := strings.Cut(of.Address(), ":")
			do(t, replica, "REPLICAOF", host, port)
			synced(t, replica)
		}
		replicate(behind, server)
		fall := func() {
			do(t, server, "WAIT", "1", "30000")
			do(t, behind, "REPLICAOF", "NO", "ONE")
		}
		return goingBack{fall, func() {
			replicate(server, behind)
			do(t, server, "REPLICAOF", "NO", "ONE")
		}}
	},
}

func synced(t *testing.T, replica *redistest.Server) {
	t.Helper()
	eventually(t, "the replica in step", func() bool {
		return strings.Contains(do(t, replica, "INFO", "replication"), "master_link_status:up")
	})
}

func TestARedisThatGoesBackIsUnseededAndNeverAWrongCount(t *testing.T) {
	for how, prepare := range goBack {
		t.Run(how, func(t *testing.T) {
			server := redistest.Start(t, "--save", "3600 1")
			n := join(t, server.URL(), "a")
			back := prepare(t, server, n)
			r := redis.NewReaders(n.Bus)
			seedReaders(t, r, room, map[chat.UserID]int64{"anna": 0, "ben": 0})
			epoch, err := r.Epoch(t.Context(), room)
			if err != nil {
				t.Fatal(err)
			}
			back.fallBehind()
			if err := r.Advance(t.Context(), room, stepTo("anna", 1), chat.ByReading); err != nil {
				t.Fatal(err)
			}
			counts, version, err := r.Counts(t.Context(), room, counted(1))
			if err != nil || counts["message-1"] != 1 {
				t.Fatalf("counts are %v (%v)", counts, err)
			}
			claim, err := r.Claim(t.Context(), 10, time.Minute)
			if err == nil {
				err = r.Settle(t.Context(), claim.ID, nil)
			}
			if err != nil || r.Remembered() != 0 {
				t.Fatalf("%d steps are remembered (%v)", r.Remembered(), err)
			}
			back.goBack()
			unseeded := func(when string) {
				t.Helper()
				eventually(t, "an answer", func() bool {
					_, _, err = r.Counts(t.Context(), room, counted(1))
					return !errors.Is(err, redis.ErrAway)
				})
				if !errors.Is(err, chat.ErrUnseeded) || errors.Is(err, chat.ErrSeedOld) {
					t.Errorf("%s the answer is %v", when, err)
				}
			}
			unseeded("at first")
			if err := r.Seed(t.Context(), room, map[chat.UserID]int64{"anna": 0, "ben": 0}, epoch); err != nil {
				t.Error(err)
			}
			unseeded("after a seed that rests on what was before")
			seedReaders(t, r, room, map[chat.UserID]int64{"anna": 1, "ben": 0})
			counts, now, err := r.Counts(t.Context(), room, counted(1))
			if err != nil || counts["message-1"] != 1 || now <= version {
				t.Errorf("counts are %v of version %d, after %d (%v)", counts, now, version, err)
			}
		})
	}
}

func TestARedisThatGoesBackLosesNothingThatALivingNodeRemembers(t *testing.T) {
	for how, prepare := range goBack {
		t.Run(how, func(t *testing.T) {
			server := redistest.Start(t, "--save", "3600 1")
			n := join(t, server.URL(), "a")
			back := prepare(t, server, n)
			r := redis.NewReaders(n.Bus)
			ctx, stop := context.WithCancel(t.Context())
			ended := make(chan error, 1)
			go func() { ended <- r.Run(ctx) }()
			seedReaders(t, r, room, map[chat.UserID]int64{"anna": 0, "ben": 0})
			read := func(u chat.UserID) {
				if err := r.Advance(t.Context(), room, stepTo(u, 1), chat.ByReading); err != nil {
					t.Fatal(err)
				}
			}
			read("ben") // so that the snapshot has the queue and its life
			back.fallBehind()
			read("anna")
			back.goBack()
			eventually(t, "both steps waiting", func() bool {
				return strings.Contains(do(t, server, "LRANGE", "read_receipts:pending", "0", "-1"), `"userId":"anna"`) &&
					strings.Contains(do(t, server, "LRANGE", "read_receipts:pending", "0", "-1"), `"userId":"ben"`)
			})
			seedReaders(t, r, room, map[chat.UserID]int64{"anna": 0, "ben": 0})
			if counts, _, err := r.Counts(t.Context(), room, counted(1)); err != nil || counts["message-1"] != 2 {
				t.Errorf("counts are %v (%v)", counts, err)
			}
			stop()
			if err := <-ended; err != nil {
				t.Error(err)
			}
		})
	}
}

func TestAVersionIsAfterAllThatANodeHasSeenThoughTheClockOfANewRedisIsBehind(t *testing.T) {
	server := redistest.Start(t)
	r := redis.NewReaders(join(t, server.URL(), "a").Bus)
	people := map[chat.UserID]int64{"anna": 0}
	seedReaders(t, r, room, people)
	do(t, server, "HINCRBY", "read_state:"+string(room), "version", "3600000000")
	_, ahead, err := r.Counts(t.Context(), room, nil)
	if err != nil {
		t.Fatal(err)
	}
	do(t, server, "FLUSHALL")
	seedReaders(t, r, room, people)
	if _, version, err := r.Counts(t.Context(), room, nil); err != nil || version <= ahead {
		t.Errorf("version %d comes after %d (%v)", version, ahead, err)
	}
}

func TestARedisThatTellsNothingOfItselfKeepsPositionsAllTheSame(t *testing.T) {
	server := redistest.Start(t)
	r := redis.NewReaders(join(t, server.URL(), "a").Bus)
	do(t, server, "ACL", "SETUSER", "default", "-info")
	seedReaders(t, r, room, map[chat.UserID]int64{"anna": 0, "ben": 0})
	if err := r.Advance(t.Context(), room, stepTo("anna", 1), chat.ByReading); err != nil {
		t.Fatal(err)
	}
	counts, _, err := r.Counts(t.Context(), room, counted(1))
	if err != nil || counts["message-1"] != 1 {
		t.Errorf("counts are %v (%v)", counts, err)
	}
}

func TestWhatWaitsInAFullRedisIsWritten(t *testing.T) {
	server := redistest.Start(t)
	r, other := redis.NewReaders(join(t, server.URL(), "a").Bus), redis.NewReaders(join(t, server.URL(), "b").Bus)
	seedReaders(t, r, room, map[chat.UserID]int64{"anna": 0, "ben": 0})
	if err := r.Advance(t.Context(), room, append(stepTo("anna", 1), stepTo("ben", 2)...), chat.ByReading); err != nil {
		t.Fatal(err)
	}
	do(t, server, "CONFIG", "SET", "maxmemory", "1")
	if err := r.Advance(t.Context(), room, stepTo("anna", 3), chat.ByReading); !errors.Is(err, redis.ErrAway) {
		t.Errorf("a full Redis answers a step by %v", err)
	}
	steps, err := other.Pending(t.Context(), []chat.UserID{"anna", "ben"})
	if err != nil || len(steps) != 2 {
		t.Errorf("of two steps %d are told (%v)", len(steps), err)
	}
	late, err := other.Claim(t.Context(), 10, 0)
	if err != nil || len(late.Steps) != 2 {
		t.Fatalf("of two steps %d are claimed (%v)", len(late.Steps), err)
	}
	claim, err := other.Claim(t.Context(), 10, time.Minute)
	if err != nil || len(claim.Steps) != 2 {
		t.Fatalf("of two steps whose lease ended %d are claimed (%v)", len(claim.Steps), err)
	}
	if err := other.Settle(t.Context(), claim.ID, claim.Steps[1:]); err != nil {
		t.Error(err)
	}
	if n, err := other.Waiting(t.Context()); err != nil || n != 1 {
		t.Errorf("%d steps wait, want the one that goes back (%v)", n, err)
	}
	if err := other.Unseed(t.Context(), room); err != nil {
		t.Errorf("who is counted cannot be unseeded: %v", err)
	}
}

func TestWhereRedisTellsNothingOfItselfEveryReconnectQueuesAgain(t *testing.T) {
	server := redistest.Start(t, "--save", "3600 1", "--user", "default", "on", "nopass", "~*", "&*", "+@all", "-info")
	n := run(t, server.URL(), "a")
	n.await(true)
	r := redis.NewReaders(n.Bus)
	ctx, stop := context.WithCancel(t.Context())
	ended := make(chan error, 1)
	go func() { ended <- r.Run(ctx) }()
	for _, u := range []chat.UserID{"ben", "anna"} {
		if err := r.Advance(t.Context(), room, stepTo(u, 1), chat.ByReading); !errors.Is(err, chat.ErrUnseeded) {
			t.Fatal(err)
		}
		if u == "ben" {
			do(t, server, "SAVE")
		}
	}
	server.Kill()
	n.await(false)
	restart(t, server)
	n.await(true)
	eventually(t, "the step that the snapshot has not", func() bool {
		return strings.Contains(do(t, server, "LRANGE", "read_receipts:pending", "0", "-1"), `"userId":"anna"`)
	})
	stop()
	if err := <-ended; err != nil {
		t.Error(err)
	}
}
