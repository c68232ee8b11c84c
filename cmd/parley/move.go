package main

import (
	"errors"
	"fmt"
	"io"
	"net/url"
	"os"
	"strings"
	"time"

	"github.com/mattn/go-isatty"
	"github.com/spf13/cobra"

	"github.com/parley-chat/parley/internal/app"
	"github.com/parley-chat/parley/internal/config"
	"github.com/parley-chat/parley/internal/store"
)

func moveCommand() *cobra.Command {
	var m store.Move
	move := &cobra.Command{
		Use:   "move",
		Short: "Move everything from SQLite to an empty PostgreSQL database",
		Long: "Copies all data as it is, compares every column of every row, and marks the folder as moved, so that no server\n" +
			"serves it any more. Stop the server first. When it is interrupted, run it again: it goes on where it was.\n\n" +
			"  parley move --from ./data --to postgres://parley@db.example.com/parley\n" +
			"  DATABASE_URL=postgres://… parley move --from ./data",
		Args: noArguments,
		RunE: func(cmd *cobra.Command, _ []string) error {
			c, err := settings(cmd)
			if err != nil {
				return err
			}
			if err := aim(cmd, &c.Config, &m); err != nil {
				return err
			}
			out := cmd.OutOrStdout()
			p := &progress{out: out, began: time.Now(), terminal: isTerminal(out)}
			m.Progress = p.show
			moved, err := app.Move(cmd.Context(), m)
			p.end()
			if err != nil {
				return err
			}
			sayMoved(out, &m, moved, time.Since(p.began))
			return nil
		},
	}
	move.Flags().StringVar(&m.From, "from", "", "the data folder to move from (default: the one of --data)")
	move.Flags().StringVar(&m.To, "to", "", "the PostgreSQL database to move to (default: DATABASE_URL); a password is better kept in DATABASE_URL or a password file")
	move.Flags().BoolVar(&m.Restart, "restart", false, "empty the target of an unfinished move and start over")
	return move
}

// aim fills in the source and the target from the settings where the flags do not name them.
func aim(cmd *cobra.Command, c *config.Config, m *store.Move) error {
	if m.From == "" {
		m.From = c.Data
	}
	if m.To == "" {
		m.To = string(c.DatabaseURL)
	}
	if m.To == "" {
		return errors.New("where to? Name the PostgreSQL database with --to or in DATABASE_URL")
	}
	u, err := url.Parse(m.To)
	if err != nil || u.Scheme != "postgres" && u.Scheme != "postgresql" {
		return errors.New("--to must be like postgres://user@host:5432/name")
	}
	if _, secret := u.User.Password(); secret && cmd.Flags().Changed("to") {
		fmt.Fprintln(cmd.ErrOrStderr(), "A password on the command line can be read by every process of this machine: DATABASE_URL keeps it to yourself.")
	}
	return nil
}

func sayMoved(out io.Writer, m *store.Move, moved store.Moved, took time.Duration) {
	if moved.Already {
		fmt.Fprintf(out, "The data in %s was moved to %s before; there is nothing to do.\n", m.From, moved.Target)
		return
	}
	fmt.Fprintf(out, "Moved %d rows of %d tables from %s to %s in %s, and compared every column of every row.\n\n",
		moved.Rows, moved.Tables, m.From, moved.Target, took.Round(time.Second/10))
	fmt.Fprintf(out, "Set DATABASE_URL to go on there. Everybody stays signed in where the servers have the signing key of before: start\n"+
		"them with --data %s, or copy %s/signing.key (mode 600) into the data folder of each.\n"+
		"%s itself is not served any more and is unchanged: keep it until there is a backup of the new database.\n",
		m.From, strings.TrimRight(m.From, "/"), m.From)
}

// progress shows how far a move is: on a terminal in one line that changes, elsewhere a line for each step.
type progress struct {
	out      io.Writer
	terminal bool
	began    time.Time
	open     bool // a line is to be ended
}

func (p *progress) show(m store.MoveProgress) {
	doing := "copying"
	if m.Verifying {
		doing = "comparing"
	}
	share := 100
	if m.Total > 0 {
		share = int(100 * m.Done / m.Total)
	}
	line := fmt.Sprintf("%-9s %-26s %3d %%  %d of %d rows, %s", doing, m.Table, share, m.Done, m.Total, time.Since(p.began).Round(time.Second))
	if p.terminal {
		// The line is cleared before it is written anew.
		fmt.Fprintf(p.out, "\r\x1b[K%s", line)
		p.open = true
		return
	}
	fmt.Fprintln(p.out, line)
}

func (p *progress) end() {
	if p.open {
		fmt.Fprintln(p.out)
	}
}

func isTerminal(w io.Writer) bool {
	f, is := w.(*os.File)
	return is && isatty.IsTerminal(f.Fd())
}
