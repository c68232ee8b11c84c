package chaos

import (
	"fmt"
	"time"

	"github.com/spf13/cobra"
)

func presenceCommand() *cobra.Command {
	var t trial
	var p PresenceOptions
	cmd := &cobra.Command{
		Use:   "presence",
		Short: "Measure how long after each kind of departure everybody who watches is told, and that they are told once",
		Long: "Starts a cluster whose nodes have clocks that are minutes apart, and people who watch others come and go. These leave in every\n" +
			"way: they close, log out, lose their network; their node is killed, or stands still; others leave for a moment, or stay while\n" +
			"Redis is emptied. It prints the distribution of the times until those who watch are told, and sees that each is told once, and\n" +
			"nothing of whom nothing is to be told. The exit status is 1 when a bound is missed or a word too many comes.",
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			if p.People < 1 || p.Crowd < 2 {
				return fmt.Errorf("%d people and a crowd of %d prove nothing: 1 and 2 or more", p.People, p.Crowd)
			}
			t.draw()
			t.keep("presence", time.Now().Unix())
			if err := t.choose(); err != nil {
				return err
			}
			t.Out = cmd.OutOrStdout()
			report, err := Departures(cmd.Context(), t.Options, p)
			if err != nil {
				return err
			}
			t.tell(report)
			return verdict(report)
		},
	}
	flags := cmd.Flags()
	flags.IntVar(&p.People, "people", 50, "how many depart in each way")
	flags.IntVar(&p.Crowd, "crowd", 1000, "how many are at the node that is killed; half of them reconnect")
	flags.StringSliceVar(&p.Only, "only", nil, "play the scenes whose name has one of these in it, separated by commas")
	flags.BoolVar(&p.Clocks, "clocks", true, "set the nodes' clocks minutes apart; it needs Go and the source")
	t.smallFlags(flags)
	t.seedFlag(flags, "the clocks")
	t.reportFlag(flags)
	t.bugFlag(flags)
	return cmd
}
