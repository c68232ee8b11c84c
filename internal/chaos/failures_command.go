package chaos

import (
	"fmt"
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
	var t trial
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
		RunE: func(cmd *cobra.Command, _ []string) error {
			if t.Clients < fewestTalkers || t.Rate < leastRate {
				return fmt.Errorf("%d people and %g drafts a second prove nothing: %d and %d or more", t.Clients, t.Rate, fewestTalkers, leastRate)
			}
			if t.Cluster.Shape != cluster.Full && t.Cluster.Shape != cluster.SQLite {
				return fmt.Errorf("failures are played on the shapes cluster and sqlite, not on %q", t.Cluster.Shape)
			}
			t.draw()
			t.keep("failures", time.Now().Unix())
			if err := t.choose(); err != nil {
				return err
			}
			t.Out = cmd.OutOrStdout()
			report, err := PlayFailures(cmd.Context(), t.Options, f)
			if err != nil {
				return err
			}
			t.tell(report)
			if write != "" {
				if err := WriteFailures(write, report.Failures); err != nil {
					return err
				}
				fmt.Fprintf(t.Out, "The rows are in %s\n", write)
			}
			return verdict(report)
		},
	}
	flags := cmd.Flags()
	flags.StringVar((*string)(&t.Cluster.Shape), "shape", string(cluster.Full), "what to start: cluster (PostgreSQL, Redis, nginx) or sqlite (one node)")
	t.smallFlags(flags)
	flags.IntVar(&t.Clients, "people", 40, "how many write, 12 or more")
	flags.Float64Var(&t.Rate, "rate", 30, "drafts a second, of all together, 4 or more")
	flags.StringSliceVar(&f.Only, "only", nil, "play the scenes whose name has one of these in it, separated by commas")
	flags.BoolVar(&f.Short, "short", false, "leave out the scenes that take longer than some seconds")
	t.seedFlag(flags, "who writes when")
	flags.DurationVar(&t.Bounds.Slack, "slack", 0, "added to every bound, on a machine that has more to do")
	t.reportFlag(flags)
	flags.StringVar(&write, "write", "", "a document to write the measured rows into, between its marks")
	return cmd
}
