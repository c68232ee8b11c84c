package chaos

import (
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"time"

	"github.com/spf13/cobra"
)

func presenceCommand() *cobra.Command {
	var o Options
	var p PresenceOptions
	var bug string
	cmd := &cobra.Command{
		Use:   "presence",
		Short: "Measure how long after each kind of departure everybody who watches is told, and that they are told once",
		Long: "Starts a cluster whose nodes have clocks that are minutes apart, and people who watch others come and go. These leave in every\n" +
			"way: they close, log out, lose their network; their node is killed, or stands still; others leave for a moment, or stay while\n" +
			"Redis is emptied. It prints the distribution of the times until those who watch are told, and sees that each is told once, and\n" +
			"nothing of whom nothing is to be told. The exit status is 1 when a bound is missed or a word too many comes.",
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) (err error) {
			if p.People < 1 || p.Crowd < 2 {
				return fmt.Errorf("%d people and a crowd of %d prove nothing: 1 and 2 or more", p.People, p.Crowd)
			}
			if o.Seed == 0 {
				o.Seed = rand.Uint64N(1 << 32)
			}
			if o.Folder == "" {
				o.Folder = filepath.Join(os.TempDir(), fmt.Sprintf("parley-chaos-presence-%d", time.Now().Unix()))
			}
			if bug != "" {
				err = o.plant(bug)
			} else {
				o.Cluster.Program, err = binary(o.Cluster.Program)
			}
			if err != nil {
				return err
			}
			o.Out = cmd.OutOrStdout()
			report, err := Departures(cmd.Context(), o, p)
			if err != nil {
				return err
			}
			report.Print(o.Out)
			fmt.Fprintf(o.Out, "The whole record is in %s\n", o.Folder)
			if !report.OK() {
				return errBroken
			}
			return nil
		},
	}
	flags := cmd.Flags()
	flags.IntVar(&p.People, "people", 50, "how many depart in each way")
	flags.IntVar(&p.Crowd, "crowd", 1000, "how many are at the node that is killed; half of them reconnect")
	flags.StringSliceVar(&p.Only, "only", nil, "play the scenes whose name has one of these in it, separated by commas")
	flags.BoolVar(&p.Clocks, "clocks", true, "set the nodes' clocks minutes apart; it needs Go and the source")
	flags.IntVar(&o.Cluster.Nodes, "nodes", 3, "how many nodes the cluster has, 2 or more")
	flags.StringVar(&o.Cluster.Program, "parley", "", "the program to run (default: parley beside this program)")
	flags.Uint64Var(&o.Seed, "seed", 0, "draws the clocks; 0 draws a seed, which is printed")
	flags.StringVar(&o.Folder, "report", "", "the folder of the report (default: one in the temp folder)")
	flags.StringVar(&bug, "bug", "", "plant one of the known bugs of parley-chaos bugs; it needs Go and the source")
	return cmd
}
