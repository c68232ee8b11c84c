package redis_test

import (
	"fmt"
	"regexp"
	"strconv"
	"testing"
	"time"

	"github.com/parley-chat/parley/internal/chat"
	"github.com/parley-chat/parley/internal/chat/readerstest"
	"github.com/parley-chat/parley/internal/redis"
	"github.com/parley-chat/parley/internal/redistest"
)

// readersOver are two nodes that share a Redis, or a cluster of several servers. Where they make sure, they do so with every
// claim.
func readersOver(t *testing.T, sure bool, url string, servers ...*redistest.Server) readerstest.World {
	a, b := join(t, url, "a"), join(t, url, "b")
	empty := func() {
		for _, server := range servers {
			do(t, server, "FLUSHALL")
		}
	}
	return readerstest.World{
		Empty: empty,
		New: func() []chat.Readers {
			empty()
			nodes := []*redis.Readers{redis.NewReaders(a.Bus), redis.NewReaders(b.Bus)}
			if sure {
				nodes[0].Impatient()
			}
			return []chat.Readers{nodes[0], nodes[1]}
		},
		Age: func(c chat.ConversationID, by time.Duration) {
			key := "read_state:" + string(c)
			if len(servers) > 1 {
				key = "read_state:{" + string(c) + "}"
			}
			for _, server := range servers {
				for _, field := range []string{"since", "asked"} {
					// In a cluster the other servers refuse.
					if has, err := server.Do("HEXISTS", key, field); err == nil && has == "1" {
						do(t, server, "HINCRBY", key, field, strconv.FormatInt(-by.Microseconds(), 10))
					}
				}
			}
		},
	}
}

func TestReadersInRedisKeepTheContract(t *testing.T) {
	server := redistest.Start(t)
	readerstest.Run(t, readersOver(t, false, server.URL(), server))
}

func TestReadersThatMakeSureKeepTheContract(t *testing.T) {
	server := redistest.Start(t)
	readerstest.RunMakingSure(t, readersOver(t, true, server.URL(), server))
}

func TestReadersInAClusterKeepTheContract(t *testing.T) {
	cluster := redistest.StartCluster(t)
	readerstest.Run(t, readersOver(t, false, cluster.URL(), cluster.Nodes...))
}

func TestAThousandReadersAreOneScript(t *testing.T) {
	server := redistest.Start(t)
	r := redis.NewReaders(join(t, server.URL(), "a").Bus)
	var steps []chat.Step
	positions := make(map[chat.UserID]int64)
	for i := range 1000 {
		steps = append(steps, stepTo(chat.UserID(fmt.Sprint("reader-", i)), 1)...)
		positions[steps[i].User] = 0
	}
	seedReaders(t, r, room, positions)
	calls := func(command string) int {
		found := regexp.MustCompile("cmdstat_" + command + ":calls=([0-9]+)").FindStringSubmatch(do(t, server, "INFO", "commandstats"))
		if found == nil {
			return 0
		}
		n, _ := strconv.Atoi(found[1])
		return n
	}
	before := calls("evalsha")
	if err := r.Advance(t.Context(), room, steps, chat.ByReading); err != nil {
		t.Fatal(err)
	}
	counts, _, err := r.Counts(t.Context(), room, counted(1))
	if err != nil || counts["message-1"] != 1000 {
		t.Errorf("counts are %v (%v)", counts, err)
	}
	claim, err := r.Claim(t.Context(), 1000, time.Hour)
	if err == nil {
		err = r.Settle(t.Context(), claim.ID, nil)
	}
	if err != nil || len(claim.Steps) != 1000 {
		t.Errorf("%d steps were claimed (%v)", len(claim.Steps), err)
	}
	if n := calls("evalsha") - before; n != 4 {
		t.Errorf("it took %d scripts, want one each to advance, count, claim and settle", n)
	}
}
