package main

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"time"

	"github.com/mattn/go-isatty"
	"github.com/spf13/cobra"

	"github.com/parley-chat/parley/internal/app"
	"github.com/parley-chat/parley/internal/config"
	"github.com/parley-chat/parley/internal/status"
)

// The statuses that parley status ends with; 0 is that all is well.
const (
	statusDegraded  = 1
	statusUnreached = 2
)

// watchEvery is how often --watch asks.
const watchEvery = 2 * time.Second

func statusCommand() *cobra.Command {
	var url string
	var asJSON, watch bool
	cmd := &cobra.Command{
		Use:   "status",
		Short: "Say whether the three-second promise is kept, and how each node is",
		Long: "Asks the node that these settings describe, at the address of its metrics, how it is and how the others on its database\n" +
			"are; every node writes that into the registry every 5 seconds. Where no node is here, DATABASE_URL alone is enough.\n" +
			"The figures are of the last minute, or since the start where that is less; times are upper bounds.\n\n" +
			"The status is 0 when all is well, 1 when the promise is broken or something is away, 2 when nothing can be reached.\n\n" +
			"  parley status --watch\n" +
			"  parley status --url http://10.0.0.5:9090 --json",
		Args: noArguments,
		RunE: func(cmd *cobra.Command, _ []string) error {
			c, err := settings(cmd)
			if err != nil {
				return err
			}
			show := showStatus
			if asJSON {
				show = writeStatus
			}
			if watch {
				return watchStatus(cmd, c, url, show)
			}
			return tellStatus(cmd, c, url, show)
		},
	}
	flags := cmd.Flags()
	flags.StringVar(&url, "url", "", "ask here and nowhere else: the address of a node's metrics, such as http://127.0.0.1:9090")
	flags.BoolVar(&asJSON, "json", false, "print it as JSON, one object a line")
	flags.BoolVar(&watch, "watch", false, "ask again every 2 seconds, until ctrl-c")
	return cmd
}

func showStatus(out io.Writer, r *status.Report) error { return r.Print(out) }

func writeStatus(out io.Writer, r *status.Report) error { return json.NewEncoder(out).Encode(r) }

// tellStatus asks once.
func tellStatus(cmd *cobra.Command, c *config.Loaded, url string, show func(io.Writer, *status.Report) error) error {
	r, err := app.AskStatus(cmd.Context(), c, url)
	if err != nil {
		return &withStatus{statusUnreached, err}
	}
	if err := show(cmd.OutOrStdout(), r); err != nil {
		return err
	}
	if r.Verdict.State != status.OK {
		return &withStatus{statusDegraded, errSaid}
	}
	return nil
}

// watchStatus asks until the command is interrupted, and ends as the last answer does.
func watchStatus(cmd *cobra.Command, c *config.Loaded, url string, show func(io.Writer, *status.Report) error) error {
	tick := time.NewTicker(watchEvery)
	defer tick.Stop()
	out := cmd.OutOrStdout()
	for {
		if onTerminal(out) {
			fmt.Fprint(out, "\x1b[H\x1b[2J")
		}
		err := tellStatus(cmd, c, url, show)
		var ended *withStatus
		switch {
		case cmd.Context().Err() != nil:
			return nil
		case err != nil && !errors.As(err, &ended):
			return err
		case err != nil && !errors.Is(err, errSaid):
			fmt.Fprintln(out, explain(err))
		}
		select {
		case <-tick.C:
		case <-cmd.Context().Done():
			return silently(err)
		}
	}
}

// silently keeps the status of an error whose text was shown.
func silently(err error) error {
	var ended *withStatus
	if errors.As(err, &ended) {
		return &withStatus{ended.status, errSaid}
	}
	return err
}

func onTerminal(out io.Writer) bool {
	f, ok := out.(*os.File)
	return ok && isatty.IsTerminal(f.Fd())
}
