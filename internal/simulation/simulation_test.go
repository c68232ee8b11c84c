package simulation_test

import (
	"context"
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"runtime"
	"runtime/debug"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/parley-chat/parley/internal/simulation"
)

var (
	seed  = flag.Uint64("seed", 0, "play this seed alone, and show its journal")
	seeds = flag.Uint64("seeds", 0, "how many seeds to play; 0: as many as fit into a test run")
	from  = flag.Uint64("from", 1, "the first seed")
	into  = flag.String("journals", "", "a folder to write the journals of seeds with violations to")
	under = flag.String("weather", "", "play in this weather alone")
	first = flag.Bool("first", false, "stop at the first seed that shows a violation")
)

// template is made in memory where there is a folder for it: every run waits for some two hundred commits.
func template(t *testing.T) *simulation.Template {
	folder := t.TempDir()
	if memory, err := os.MkdirTemp("/dev/shm", "parley"); err == nil {
		folder = memory
		t.Cleanup(func() { os.RemoveAll(memory) })
	}
	made, err := simulation.NewTemplate(context.Background(), folder)
	if err != nil {
		t.Fatal(err)
	}
	return made
}

func TestWhateverHappensEveryPromiseIsKept(t *testing.T) {
	made := template(t)
	if *seed != 0 {
		// With one thread the scheduler has fewer ways to go.
		defer runtime.GOMAXPROCS(runtime.GOMAXPROCS(1))
		out := simulation.Run(t, made, simulation.Options{Seed: *seed, Weather: *under, Journal: true})
		fmt.Println(out.Journal)
		if len(out.Violations) > 0 {
			t.Error(out)
		}
		return
	}
	// A run makes much that it does not keep.
	defer debug.SetGCPercent(debug.SetGCPercent(400))
	began, n := time.Now(), *seeds
	if n == 0 {
		n = usual
	}
	var played, acts atomic.Int64
	var next atomic.Uint64
	var stop atomic.Bool
	next.Store(*from)
	var workers sync.WaitGroup
	for range runtime.GOMAXPROCS(0) {
		workers.Go(func() {
			for i := next.Add(1) - 1; i < *from+n && !stop.Load(); i = next.Add(1) - 1 {
				out := simulation.Run(t, made, simulation.Options{Seed: i, Weather: *under})
				played.Add(1)
				acts.Add(int64(out.Lasted))
				if len(out.Violations) > 0 {
					report(t, out)
					stop.Store(*first)
				}
			}
		})
	}
	workers.Wait()
	t.Logf("%d seeds, %v of simulated time, in %v", played.Load(), time.Duration(acts.Load()).Round(time.Minute), time.Since(began).Round(time.Millisecond))
}

func report(t *testing.T, out *simulation.Outcome) {
	var rules []string
	for _, v := range out.Violations {
		if !strings.Contains(" "+strings.Join(rules, " ")+" ", " "+v.Rule+" ") {
			rules = append(rules, v.Rule)
		}
	}
	if *into != "" {
		if err := os.WriteFile(filepath.Join(*into, fmt.Sprintf("seed-%d.txt", out.Seed)), []byte(out.Journal), 0o644); err != nil {
			t.Error(err)
		}
	}
	t.Errorf("%s\nviolated: %s\nto see it again: go test ./internal/simulation -run Whatever -seed=%d -weather=%q", out, strings.Join(rules, " "), out.Seed, *under)
}
