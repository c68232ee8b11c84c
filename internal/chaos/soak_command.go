package chaos

import (
	"fmt"
	"time"

	"github.com/spf13/cobra"
)

func soakCommand() *cobra.Command {
	var t trial
	var s SoakOptions
	cmd := &cobra.Command{
		Use:   "soak",
		Short: "Have people chat, come and go for a long time at half of the capacity, and see that no node grows",
		Long: "Starts a Parley, measures what its people can send, and has them send half of it while they come and go, read history, type,\n" +
			"mark what they have read and watch who is there. Every few seconds each node collects its garbage and is asked for its\n" +
			"goroutines, descriptors, heap and resident memory. In the end everybody leaves. The exit status is 1 when a figure grew,\n" +
			"by the regression line and by its quarters after a warm-up of a fifth of the time, or did not come back.",
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			if s.People < 3 || s.For < 20*s.Every {
				return fmt.Errorf("%d people and %v, looked at every %v, prove nothing: 3 people and 20 looks at least", s.People, s.For, s.Every)
			}
			t.keep("soak", time.Now().Unix())
			if err := t.choose(); err != nil {
				return err
			}
			t.Out = cmd.OutOrStdout()
			report, err := Soak(cmd.Context(), t.Options, s)
			if err != nil {
				return err
			}
			t.tell(report)
			return verdict(report)
		},
	}
	shapeFlags(cmd, &t.Cluster)
	flags := cmd.Flags()
	flags.DurationVar(&s.For, "for", 30*time.Minute, "how long people chat")
	flags.DurationVar(&s.Every, "every", 5*time.Second, "how often each node is looked at")
	flags.IntVar(&s.People, "people", 200, "how many people, 3 or more; each third stays, the others come and go")
	flags.Float64Var(&s.Rate, "rate", 0, "messages a second (default: half of what is measured first)")
	flags.DurationVar(&s.Capacity, "capacity", 10*time.Second, "how long it is measured what these people can send")
	flags.DurationVar(&s.Settle, "settle", 90*time.Second, "how long after the end everything may take to come back")
	t.reportFlag(flags)
	return cmd
}
