package chaos

import (
	"fmt"
	"time"

	"github.com/spf13/cobra"
)

func readersCommand() *cobra.Command {
	var t trial
	var calm bool
	cmd := &cobra.Command{
		Use:   "readers",
		Short: "Have 1,000 people read one message within a second while a node dies and Redis is emptied",
		Long: "Starts a cluster and connects everybody to one group. All but the sender read a message within a second; in the middle of\n" +
			"it a node is killed, and started again, and Redis gets FLUSHALL. In the end everybody has to see the exact number, and the\n" +
			"database, the lists of readers of every node and the checker have to agree. It prints what that cost.\n" +
			"The exit status is 1 when anything differs.",
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			if t.Clients < 10 {
				return fmt.Errorf("%d people are no large conversation: 10 or more", t.Clients)
			}
			t.keep("readers", time.Now().Unix())
			if err := t.choose(); err != nil {
				return err
			}
			t.Out = cmd.OutOrStdout()
			report, err := ReadTogether(cmd.Context(), t.Options, calm)
			if err != nil {
				return err
			}
			t.tell(report)
			return verdict(report)
		},
	}
	flags := cmd.Flags()
	flags.IntVar(&t.Clients, "people", 1000, "how many people, the sender too, 10 or more")
	t.smallFlags(flags)
	flags.BoolVar(&calm, "calm", false, "break nothing")
	t.reportFlag(flags)
	t.bugFlag(flags)
	return cmd
}
