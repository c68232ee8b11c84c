package main

import (
	"log/slog"
	"os"
	"os/signal"
	"syscall"
	"time"

	"github.com/spf13/cobra"

	"github.com/parley-chat/parley/internal/app"
)

// flushWithin is how long the end of the process waits for the last of its log.
const flushWithin = time.Second

func serveCommand() *cobra.Command {
	return &cobra.Command{
		Use:   "serve",
		Short: "Run the server",
		Long: "Runs the server until SIGTERM or ctrl-c, which drain it: clients are told to come back elsewhere, what is\n" +
			"being sent is finished, and it ends within 10 seconds. A second signal ends it at once.\n\n" +
			"  parley serve --demo                  with known people, conversations and a bot that answers\n" +
			"  parley serve --data /var/lib/parley\n" +
			"  DATABASE_URL=postgres://… parley serve",
		Args: noArguments,
		RunE: func(cmd *cobra.Command, _ []string) error {
			c, err := settings(cmd)
			if err != nil {
				return err
			}
			ctx := cmd.Context()
			// Without this the end of what reads the log is the end of the server.
			signal.Ignore(syscall.SIGPIPE)
			out := app.NewLogWriter(os.Stderr)
			defer out.Flush(flushWithin)
			log := app.NewLog(&c.Config, out)
			// What libraries say goes the same way.
			slog.SetDefault(log)
			node, err := app.New(ctx, c, version, log)
			if err != nil {
				return err
			}
			if err := node.Welcome(ctx, cmd.OutOrStdout()); err != nil {
				return err
			}
			return node.Run(ctx)
		},
	}
}
