package chaos

import (
	"context"
	"fmt"
	"io"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/parley-chat/parley/internal/chaos/cluster"
	"github.com/parley-chat/parley/internal/chaos/faults"
	"github.com/parley-chat/parley/internal/chaos/program"
	"github.com/parley-chat/parley/internal/check"
	"github.com/parley-chat/parley/internal/planted"
)

// caughtWithin is how long a planted bug may go on unseen, from the moment when people begin to chat.
const caughtWithin = time.Minute

// hunting is what breaks while a bug is looked for: at first only what takes nothing from a live connection,
// so that every hole counts, and then what most other bugs need to show.
var hunting = [][]string{
	{"redis-cut", "redis-delayed", "redis-pubsub", "redis-kill"},
	{"kill", "drain", "clients-cut", "database-cut", "postgres-backends", "redis-kill"},
}

func bugsCommand() *cobra.Command {
	var only []string
	var folder string
	var seed uint64
	c := cluster.Config{Shape: cluster.Full, Nodes: 3, Balance: "least_conn"}
	cmd := &cobra.Command{
		Use:   "bugs",
		Short: "Plant known bugs in the server and see that each is caught within a minute",
		Long: "Builds the server with each of the bugs that real processes have to catch, one after the other, has people chat while\n" +
			"a few things break, and sees that the checker finds it within a minute. At first it sees that nothing is found without a\n" +
			"bug. It needs Go and the source. The exit status is 1 when a bug survives.",
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			out := cmd.OutOrStdout()
			if err := control(cmd.Context(), out, c, seed, folder); err != nil {
				return err
			}
			missed := 0
			for _, b := range planted.Bugs() {
				named := func(part string) bool { return strings.Contains(b.Name, part) }
				if len(only) == 0 && !b.Chaos && b.Scene == "" || len(only) > 0 && !slices.ContainsFunc(only, named) {
					continue
				}
				look := hunt
				if b.Scene != "" {
					look = huntInScene
				}
				verdict, caught, err := look(cmd.Context(), b, c, seed, folder)
				if err != nil {
					return fmt.Errorf("%s: %w", b.Name, err)
				}
				if !caught {
					missed++
				}
				fmt.Fprintf(out, "%-60s %s\n", b.Name, verdict)
			}
			if missed > 0 {
				return fmt.Errorf("%d bugs were not caught", missed)
			}
			return nil
		},
	}
	flags := cmd.Flags()
	flags.StringSliceVar(&only, "only", nil, "plant the bugs whose name has one of these in it, separated by commas, and no others")
	flags.StringVar(&folder, "report", filepath.Join("tmp", "chaos", "bugs"), "the folder of the reports")
	flags.StringVar((*string)(&c.Shape), "shape", string(cluster.Full), "where they are planted: sqlite, postgres or cluster; some show on a cluster only")
	flags.Uint64Var(&seed, "seed", 1, "draws what happens")
	return cmd
}

// control hunts in the server as it is, under all that bugs are hunted under: where something is found without a bug, what
// is found with one proves nothing.
func control(ctx context.Context, out io.Writer, c cluster.Config, seed uint64, folder string) error {
	var rounds []planted.Bug
	for _, kinds := range hunting {
		rounds = append(rounds, planted.Bug{Under: kinds})
	}
	for _, b := range planted.Bugs() {
		same := func(round planted.Bug) bool {
			return slices.Equal(round.Under, b.Under) && round.Visitors == b.Visitors
		}
		if b.Chaos && len(b.Under) > 0 && !slices.ContainsFunc(rounds, same) {
			rounds = append(rounds, planted.Bug{Under: b.Under, Visitors: b.Visitors})
		}
	}
	for _, none := range rounds {
		none.Name = "no bug"
		kinds := none.Under
		verdict, _, err := hunt(ctx, none, c, seed, folder)
		if err != nil {
			return fmt.Errorf("%s: %w", none.Name, err)
		}
		if !strings.HasPrefix(verdict, survived) {
			return fmt.Errorf("without any bug something was %s, while there was %s: this machine is too busy, or the server has a bug", verdict, strings.Join(kinds, ", "))
		}
		fmt.Fprintf(out, "%-60s %s\n", "no bug, "+strings.Join(kinds, ", "), "nothing found")
	}
	return nil
}

// survived begins the verdict on a bug of which nothing was found.
const survived = "SURVIVED"

// hunt plants one bug and lets people chat, in rounds, until it is caught.
func hunt(ctx context.Context, b planted.Bug, c cluster.Config, seed uint64, folder string) (verdict string, caught bool, err error) {
	verdict = survived + "; the shape has none of the faults under which it shows"
	rounds := hunting
	if len(b.Under) > 0 {
		rounds = [][]string{b.Under}
	}
	for _, kinds := range rounds {
		if kinds = faults.Among(c.Shape, kinds); len(kinds) == 0 {
			continue
		}
		report, err := Run(ctx, Options{
			Cluster: c, Edits: mutations(b), FromSource: true, For: 2 * caughtWithin / 5, Faults: kinds, Apart: time.Second, Longest: 3 * time.Second,
			Seed: seed, Clients: 24, Rate: rate(kinds), Visitors: visitorsOf(b), SettledWithin: caughtWithin / 6, Bounds: check.Bounds{Delivery: delivered(kinds)},
			Folder: filepath.Join(folder, strings.ReplaceAll(b.Name, " ", "-")), Out: io.Discard,
		})
		if err != nil {
			return "", false, err
		}
		if verdict, caught = judged(b, report, caughtWithin); caught {
			return verdict, true, nil
		}
	}
	return verdict, false, nil
}

// judged says whether a bug was caught, in time and by a rule that has to.
func judged(b planted.Bug, report *Report, within time.Duration) (verdict string, caught bool) {
	rules := report.Check.Violated()
	took := report.Took.Round(100 * time.Millisecond)
	switch {
	case len(rules) == 0:
		return fmt.Sprintf("%s; problems: %q", survived, report.Problems), false
	case !slices.ContainsFunc(rules, func(r string) bool { return slices.Contains(b.Caught, r) }):
		return fmt.Sprintf("found by %s, and by none of %s", strings.Join(rules, " "), strings.Join(b.Caught, " ")), false
	case report.Took > within:
		return fmt.Sprintf("caught by %s, and only after %v", strings.Join(rules, " "), took), false
	}
	return fmt.Sprintf("caught by %s within %v", strings.Join(rules, " "), took), true
}

// huntInScene plants one bug and has people depart in the one scene in which it shows. Leases have to end in it.
func huntInScene(ctx context.Context, b planted.Bug, c cluster.Config, seed uint64, folder string) (verdict string, caught bool, err error) {
	if c.Shape != cluster.Full {
		return survived + "; it is looked for on a cluster", false, nil
	}
	report, err := Departures(ctx, Options{
		Cluster: c, Edits: mutations(b), Seed: seed, Folder: filepath.Join(folder, strings.ReplaceAll(b.Name, " ", "-")), Out: io.Discard,
	}, PresenceOptions{People: 8, Crowd: 8, Only: []string{b.Scene}})
	if err != nil {
		return "", false, err
	}
	verdict, caught = judged(b, report, 2*caughtWithin)
	return verdict, caught, nil
}

// crossesInCalm bounds how long messages and read positions take while a cluster is whole: several times what they
// do, and well below what a comparison with the database takes.
const crossesInCalm = 200 * time.Millisecond

// delivered bounds how long messages and read positions take, outside of faults and while Redis is in trouble.
func delivered(kinds []string) map[string]time.Duration {
	out := map[string]time.Duration{"": 2 * crossesWithin}
	for _, k := range kinds {
		if strings.HasPrefix(k, "redis-") {
			out[k] = 2 * crossesWithin
		}
		if k == "redis-flush" {
			// Nothing is in Redis that a flush could take.
			out[k] = crossesInCalm
		}
	}
	return out
}

// visitorsOf is how many people come and go while a bug is looked for.
func visitorsOf(b planted.Bug) int {
	if b.Visitors {
		return 2 * visitors
	}
	return 0
}

// rate is how many drafts a second there are. Where delays are to show there are fewer: the next message is what
// shows that something was not told.
func rate(kinds []string) float64 {
	if slices.Contains(kinds, "redis-flush") {
		return 40
	}
	return 60
}

// mutations are the edits of a bug.
func mutations(b planted.Bug) (out []program.Edit) {
	for _, e := range b.Edits {
		out = append(out, program.Edit{File: e.File, Old: e.Old, New: e.New})
	}
	return out
}
