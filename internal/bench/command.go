package bench

import (
	"errors"
	"os"
	"os/signal"
	"runtime/pprof"
	"syscall"
	"time"

	"github.com/spf13/cobra"
)

// Command is "parley bench". It must stand beside "serve" under one root: the server that it measures is
// this same program.
func Command() *cobra.Command {
	var o options
	cmd := &cobra.Command{
		Use:   "bench",
		Short: "Measure this program against the bare work of the same machine",
		Long: `Measures the scenarios P1 to P8 and P11 with a server in a process of its own, SQLite by default, and prints every figure beside a probe
taken in the same run: what the database, the disk and the sockets of this machine give when nothing is in between.
A goal is a ratio of the two. The exit code is 1 when a message was lost, doubled or out of order, or when a goal was missed
with --strict.`,
		Args:          cobra.NoArgs,
		SilenceUsage:  true,
		SilenceErrors: true,
	}
	o.steady = steadyFor
	strict := false
	f := cmd.Flags()
	f.StringVar(&o.databaseURL, "database-url", "", "measure on this PostgreSQL, in an empty database: it is filled and left so")
	f.BoolVar(&o.startPostgres, "start-postgres", false, "measure on a PostgreSQL started for this run and deleted after it")
	f.IntVar(&o.nodes, "nodes", 1, "how many servers form the chat, 1 to 8, on PostgreSQL and Redis; clients go round")
	f.StringVar(&o.redisURL, "redis-url", "", "join several nodes by this Redis (default: one started for this run)")
	f.StringVar(&o.url, "url", "", "measure a running server (http://host:port) with its limits off, without P4 and P6")
	f.IntVar(&o.serverPID, "server-pid", 0, "with --url on this machine: the server's process, for its processor time")
	f.StringSliceVar(&o.scenarios, "scenario", nil, "P1 to P8, P11, fan-out, receipts, sync, overload, observability and presence (or one of it: presence-cost, presence-storm, presence-leaving), separated by commas (default: all that apply but the last three)")
	f.DurationVar(&o.during, "for", 10*time.Second, "how long each load is measured")
	f.IntVar(&o.idle, "connections", 10000, "sockets of P6; each takes a file descriptor here and one in the server")
	f.IntVar(&o.people, "people", 5000, "sockets of presence-cost; a fifth of them in the others of presence")
	f.StringVar(&o.json, "json", "", "also write the report to this file")
	f.StringVar(&o.profile, "cpuprofile", "", "write CPU profiles of the server to files that start so, one each time it runs")
	f.BoolVar(&strict, "strict", false, "a missed goal is an error")
	cmd.MarkFlagsMutuallyExclusive("database-url", "start-postgres")
	cmd.MarkFlagsMutuallyExclusive("url", "start-postgres")
	cmd.RunE = func(cmd *cobra.Command, _ []string) error {
		ctx, stop := signal.NotifyContext(cmd.Context(), os.Interrupt, syscall.SIGTERM)
		defer stop()
		report, err := measure(ctx, o)
		if report != nil {
			err = errors.Join(err, report.print(cmd.OutOrStdout()))
			if o.json != "" {
				err = errors.Join(err, report.save(o.json))
			}
		}
		switch {
		case err != nil:
			return err
		case report.failed():
			return errors.New("a scenario failed")
		case strict && report.missed():
			return errors.New("a goal was missed")
		}
		return nil
	}
	cmd.AddCommand(bareCommand(), profiledCommand())
	return cmd
}

func bareCommand() *cobra.Command {
	return &cobra.Command{
		Use: "bare", Hidden: true, Args: cobra.NoArgs, Short: "The probe's half of a socket, for bench itself",
		RunE: func(cmd *cobra.Command, _ []string) error { return serveBare(cmd.InOrStdin(), cmd.OutOrStdout()) },
	}
}

// profiledCommand runs "serve" with a CPU profile, so that the server needs no switch for it.
func profiledCommand() *cobra.Command {
	return &cobra.Command{
		Use: "profiled FILE", Hidden: true, Args: cobra.ExactArgs(1), Short: "Serve with a CPU profile, for bench itself",
		RunE: func(cmd *cobra.Command, args []string) error {
			file, err := os.Create(args[0])
			if err != nil {
				return err
			}
			if err := pprof.StartCPUProfile(file); err != nil {
				return err
			}
			root := cmd.Root()
			root.SetArgs([]string{"serve"})
			err = root.ExecuteContext(cmd.Context())
			pprof.StopCPUProfile()
			return errors.Join(err, file.Close())
		},
	}
}

// missed reports whether a goal was missed.
func (r *Report) missed() bool {
	for _, s := range r.Scenarios {
		for _, row := range s.Rows {
			if !row.Pass {
				return true
			}
		}
	}
	return false
}
