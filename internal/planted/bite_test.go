package planted_test

import (
	"context"
	"flag"
	"fmt"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/parley-chat/parley/internal/planted"
)

var only = flag.String("bug", "", "plant only the bugs whose name has this in it")

// caughtWithin is how long a bug may go on unseen.
const caughtWithin = time.Minute

// catch is how a bug was caught.
type catch struct {
	bug    string
	rules  []string
	seeds  string
	after  time.Duration
	failed string // why it does not count; "" when it was caught
}

func (c catch) String() string {
	if c.failed != "" {
		return fmt.Sprintf("| %s | NOT CAUGHT: %s | | |", c.bug, c.failed)
	}
	return fmt.Sprintf("| %s | %s | %s | %.1f s |", c.bug, strings.Join(c.rules, ", "), c.seeds, c.after.Seconds())
}

func TestTheSimulatedClusterCatchesEveryPlantedBug(t *testing.T) {
	root, err := planted.Root()
	if err != nil {
		t.Fatal(err)
	}
	var bugs []planted.Bug
	for _, b := range planted.Bugs() {
		if b.Simulation && strings.Contains(b.Name, *only) {
			bugs = append(bugs, b)
		}
	}
	catches := make([]catch, len(bugs))
	var work sync.WaitGroup
	turns := make(chan struct{}, 2)
	for i := range bugs {
		work.Go(func() {
			turns <- struct{}{}
			defer func() { <-turns }()
			catches[i] = hunt(t, root, &bugs[i])
		})
	}
	work.Wait()
	t.Log("\n| bug | caught by | seeds | after |\n|---|---|---|---|")
	for _, c := range catches {
		t.Log(c)
		if c.failed != "" {
			t.Errorf("%q survives: %s", c.bug, c.failed)
		}
	}
}

var (
	violated = regexp.MustCompile(`(?m)^\s*violated: (.*)$`)
	playedIn = regexp.MustCompile(`(\d+) seeds, `)
)

// hunt builds the simulated cluster with a bug and plays seeds until one shows it.
func hunt(t *testing.T, root string, b *planted.Bug) catch {
	c := catch{bug: b.Name}
	overlay, cleanup, err := b.Overlay(root)
	if err != nil {
		c.failed = err.Error()
		return c
	}
	defer cleanup()
	binary := filepath.Join(t.TempDir(), "simulation.test")
	build := exec.Command("go", "test", "-c", "-vet=off", "-ldflags=-s -w", "-overlay", overlay, "-o", binary, "./internal/simulation")
	build.Dir = root
	if said, err := build.CombinedOutput(); err != nil {
		c.failed = fmt.Sprintf("it does not compile: %v\n%s", err, said)
		return c
	}
	ctx, cancel := context.WithTimeout(t.Context(), caughtWithin)
	defer cancel()
	run := exec.CommandContext(ctx, binary, "-test.run=TestWhateverHappensEveryPromiseIsKept", "-test.v", "-first", "-seeds=1000000", "-weather="+b.Weather)
	run.Dir = filepath.Join(root, "internal", "simulation")
	began := time.Now()
	said, err := run.CombinedOutput()
	c.after = time.Since(began)
	if ctx.Err() != nil {
		c.failed = fmt.Sprintf("nothing was violated within %v", caughtWithin)
		return c
	}
	if err == nil {
		c.failed = "it ended by itself and found nothing"
		return c
	}
	found := violated.FindSubmatch(said)
	if found == nil {
		c.failed = fmt.Sprintf("it broke down instead of finding something: %.2000s", said)
		return c
	}
	c.rules = strings.Fields(string(found[1]))
	if n := playedIn.FindSubmatch(said); n != nil {
		c.seeds = string(n[1])
	}
	if !slices.ContainsFunc(c.rules, func(r string) bool { return slices.Contains(b.Caught, r) }) {
		c.failed = fmt.Sprintf("%v were violated, and none of %v", c.rules, b.Caught)
	}
	return c
}
