package chaos

import (
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"time"

	"github.com/spf13/cobra"

	"github.com/parley-chat/parley/internal/chaos/cluster"
)

// fewestTalkers and leastRate are what it takes to measure anything second by second.
const (
	fewestTalkers = 12
	leastRate     = 4
)

func failuresCommand() *cobra.Command {
	var o Options
	var f FailuresOptions
	var write string
	cmd := &cobra.Command{
		Use:   "failures",
		Short: "Play every failure that the plan lists while people write, measure what they get, and judge",
		Long: "Starts a cluster, or one node on SQLite, has people write steadily, and brings about one failure of the plan after the other:\n" +
			"PostgreSQL and Redis stopped for 2, 10 and 60 s and slowed by 2 s a question, connections cut, nodes killed, what people read\n" +
			"kept from being written, people who go in every way, and each code of DOC-008. Of each it measures how long it takes to be\n" +
			"noticed, what each client gets and when, and how long until everything is as before.\n" +
			"The exit status is 1 when a bound is missed or anything that was confirmed is lost or doubled.",
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) (err error) {
			if o.Clients < fewestTalkers || o.Rate < leastRate {
				return fmt.Errorf("%d people and %g drafts a second prove nothing: %d and %d or more", o.Clients, o.Rate, fewestTalkers, leastRate)
			}
			if o.Cluster.Shape != cluster.Full && o.Cluster.Shape != cluster.SQLite {
				return fmt.Errorf("failures are played on the shapes cluster and sqlite, not on %q", o.Cluster.Shape)
			}
			if o.Seed == 0 {
				o.Seed = rand.Uint64N(1 << 32)
			}
			if o.Folder == "" {
				o.Folder = filepath.Join(os.TempDir(), fmt.Sprintf("parley-chaos-failures-%d", time.Now().Unix()))
			}
			if o.Cluster.Program, err = binary(o.Cluster.Program); err != nil {
				return err
			}
			o.Out = cmd.OutOrStdout()
			report, err := PlayFailures(cmd.Context(), o, f)
			if err != nil {
				return err
			}
			report.Print(o.Out)
			fmt.Fprintf(o.Out, "The whole record is in %s\n", o.Folder)
			if write != "" {
				if err := WriteFailures(write, report.Failures); err != nil {
					return err
				}
				fmt.Fprintf(o.Out, "The rows are in %s\n", write)
			}
			if !report.OK() {
				return errBroken
			}
			return nil
		},
	}
	flags := cmd.Flags()
	flags.StringVar((*string)(&o.Cluster.Shape), "shape", string(cluster.Full), "what to start: cluster (PostgreSQL, Redis, nginx) or sqlite (one node)")
	flags.IntVar(&o.Cluster.Nodes, "nodes", 3, "how many nodes the cluster has, 2 or more")
	flags.StringVar(&o.Cluster.Program, "parley", "", "the program to run (default: parley beside this program)")
	flags.IntVar(&o.Clients, "people", 40, "how many write, 12 or more")
	flags.Float64Var(&o.Rate, "rate", 30, "drafts a second, of all together, 4 or more")
	flags.StringSliceVar(&f.Only, "only", nil, "play the scenes whose name has one of these in it, separated by commas")
	flags.BoolVar(&f.Short, "short", false, "leave out the scenes that take longer than some seconds")
	flags.Uint64Var(&o.Seed, "seed", 0, "draws who writes when; 0 draws a seed, which is printed")
	flags.DurationVar(&o.Bounds.Slack, "slack", 0, "added to every bound, on a machine that has more to do")
	flags.StringVar(&o.Folder, "report", "", "the folder of the report (default: one in the temp folder)")
	flags.StringVar(&write, "write", "", "a document to write the measured rows into, between its marks")
	return cmd
}
