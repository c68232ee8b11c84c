package chaos

import (
	"fmt"
	"os"
	"path/filepath"
	"time"

	"github.com/spf13/cobra"
)

func readersCommand() *cobra.Command {
	var o Options
	var bug string
	var calm bool
	cmd := &cobra.Command{
		Use:   "readers",
		Short: "Have 1,000 people read one message within a second while a node dies and Redis is emptied",
		Long: "Starts a cluster and connects everybody to one group. All but the sender read a message within a second; in the middle of\n" +
			"it a node is killed, and started again, and Redis gets FLUSHALL. In the end everybody has to see the exact number, and the\n" +
			"database, the lists of readers of every node and the checker have to agree. It prints what that cost.\n" +
			"The exit status is 1 when anything differs.",
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) (err error) {
			if o.Clients < 10 {
				return fmt.Errorf("%d people are no large conversation: 10 or more", o.Clients)
			}
			if o.Folder == "" {
				o.Folder = filepath.Join(os.TempDir(), fmt.Sprintf("parley-chaos-readers-%d", time.Now().Unix()))
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
			report, err := ReadTogether(cmd.Context(), o, calm)
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
	flags.IntVar(&o.Clients, "people", 1000, "how many people, the sender too, 10 or more")
	flags.IntVar(&o.Cluster.Nodes, "nodes", 3, "how many nodes the cluster has, 2 or more")
	flags.StringVar(&o.Cluster.Program, "parley", "", "the program to run (default: parley beside this program)")
	flags.BoolVar(&calm, "calm", false, "break nothing")
	flags.StringVar(&o.Folder, "report", "", "the folder of the report (default: one in the temp folder)")
	flags.StringVar(&bug, "bug", "", "plant one of the known bugs of parley-chaos bugs; it needs Go and the source")
	return cmd
}
