// Package chaos is the program parley-chaos. [cluster] starts real processes with proxies between them,
// [workload] has many clients chat, [faults] breaks things by a seed, and internal/check judges what was
// recorded. This package puts them together into a run and its report.
package chaos

import (
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"github.com/parley-chat/parley/internal/chaos/cluster"
)

// Command is the command line of parley-chaos.
func Command(version string) *cobra.Command {
	root := &cobra.Command{
		Use:   "parley-chaos",
		Short: "Break a Parley on purpose and prove that it keeps its promises",
		Long: "Starts a Parley of real processes, has many clients chat, breaks things on purpose, and proves from what the\n" +
			"clients did and saw, and from the database, that nothing was lost, doubled, reordered or shown to the wrong people.\n\n" +
			"  parley-chaos cluster                    three nodes behind nginx, to look at\n" +
			"  parley-chaos run --shape cluster        break them for a minute and judge",
		Version:       version,
		SilenceErrors: true,
		SilenceUsage:  true,
		Args:          cobra.NoArgs,
		RunE:          func(cmd *cobra.Command, _ []string) error { return cmd.Help() },
	}
	root.AddCommand(clusterCommand(), runCommand(), checkCommand(), faultsCommand(), bugsCommand(), readersCommand(), presenceCommand(), soakCommand(), failuresCommand())
	return root
}

// shapeFlags are the flags that say what is started.
func shapeFlags(cmd *cobra.Command, c *cluster.Config) {
	flags := cmd.Flags()
	flags.StringVar((*string)(&c.Shape), "shape", string(cluster.Full), "what to start: sqlite, postgres (one node each) or cluster (PostgreSQL, Redis, nginx)")
	flags.IntVar(&c.Nodes, "nodes", 3, "how many nodes a cluster has")
	programFlag(flags, c)
	flags.StringVar(&c.Balance, "balance", "least_conn", "nginx in its form ip_hash or least_conn")
}

func programFlag(flags *pflag.FlagSet, c *cluster.Config) {
	flags.StringVar(&c.Program, "parley", "", "the program to run (default: parley beside this program)")
}

func clusterCommand() *cobra.Command {
	var c cluster.Config
	cmd := &cobra.Command{
		Use:   "cluster",
		Short: "Start a cluster to look at, until ctrl-c",
		Long:  "Starts a cluster to look at, until ctrl-c, and breaks it as you type.\n\n" + consoleHelp,
		Args:  cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) (err error) {
			if c.Program, err = binary(c.Program); err != nil {
				return err
			}
			k, err := cluster.Start(cmd.Context(), c)
			if err != nil {
				return err
			}
			defer func() { err = errors.Join(err, k.Stop()) }()
			introduce(cmd.OutOrStdout(), k)
			go (&console{k, cmd.OutOrStdout()}).run(cmd.Context(), cmd.InOrStdin())
			<-cmd.Context().Done()
			return nil
		},
	}
	shapeFlags(cmd, &c)
	cmd.Flags().IntVar(&c.Port, "port", 0, "the port to open (default: a free one)")
	cmd.Flags().StringVar(&c.Logs, "logs", "", "a folder that keeps what the processes print")
	return cmd
}

// binary is the parley to run: the one named, or the one beside this program.
func binary(named string) (string, error) {
	if named == "" {
		self, err := os.Executable()
		if err != nil {
			return "", err
		}
		named = filepath.Join(filepath.Dir(self), "parley")
	}
	if info, err := os.Stat(named); err != nil || info.IsDir() {
		return "", fmt.Errorf("there is no program %s; `make build` makes it, --parley names another", named)
	}
	return filepath.Abs(named)
}

// introduce says what was started and where it is.
func introduce(out io.Writer, k *cluster.Cluster) {
	fmt.Fprintf(out, "Open %s\n\n", k.URL())
	for _, n := range k.Nodes {
		fmt.Fprintf(out, "  %-10s %s, metrics on http://%s/metrics, process %d\n", n.Name, n.URL(), n.Metrics, n.PID())
	}
	if k.Postgres != nil {
		fmt.Fprintf(out, "  %-10s %s\n", "PostgreSQL", k.DatabaseURL())
	}
	if k.Redis != nil {
		fmt.Fprintf(out, "  %-10s %s\n", "Redis", k.Redis.URL())
	}
	fmt.Fprintln(out, "\nEverything is in a temp folder and ends with ctrl-c. Anybody may make an account; rate limits are off.")
	fmt.Fprintln(out, consoleHelp)
}
