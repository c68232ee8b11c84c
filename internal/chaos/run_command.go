package chaos

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/parley-chat/parley/internal/chaos/cluster"
	"github.com/parley-chat/parley/internal/chaos/faults"
	"github.com/parley-chat/parley/internal/check"
	"github.com/parley-chat/parley/internal/planted"
)

// errBroken ends a command whose report has said why.
var errBroken = errors.New("something that was promised does not hold; the report says what")

func runCommand() *cobra.Command {
	var t trial
	cmd := &cobra.Command{
		Use:   "run",
		Short: "Break a cluster while people chat, and judge",
		Long: "Starts a cluster, has people chat, breaks things for a while, waits until everything is whole again and judges.\n" +
			"The exit status is 1 when something that was promised does not hold, or a fault could not be injected.\n\n" +
			"  parley-chaos run --shape sqlite --for 10m\n" +
			"  parley-chaos run --shape cluster --faults redis-kill,kill --number 20\n" +
			"  parley-chaos run --shape cluster --bug 'skip the gap repair'    see a known bug caught\n" +
			"  parley-chaos run --url https://chat.example.com    chat there, break nothing (registration must be open)",
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			t.draw()
			t.keep("report", t.Seed)
			// What is promised of single faults is promised of a cluster.
			if t.Apart = faults.Apart / 4; t.Cluster.Shape == cluster.Full || t.Alone {
				t.Apart = faults.Apart
			}
			if t.Number > 0 && !cmd.Flags().Changed("for") {
				t.For = time.Hour
			}
			if t.bug != "" || t.URL == "" {
				if err := t.choose(); err != nil {
					return err
				}
			}
			if t.Visitors > 0 {
				t.Linger = lingers
			}
			t.Out = cmd.OutOrStdout()
			report, err := Run(cmd.Context(), t.Options)
			if err != nil {
				return err
			}
			t.tell(report)
			return verdict(report)
		},
	}
	shapeFlags(cmd, &t.Cluster)
	flags := cmd.Flags()
	flags.DurationVar(&t.For, "for", time.Minute, "how long to go on")
	t.seedFlag(flags, "what happens")
	flags.StringSliceVar(&t.Faults, "faults", nil, "kinds of faults, separated by commas (default: all of the shape; parley-chaos faults lists them)")
	flags.BoolVar(&t.Alone, "alone", false, "never break two things at once, so that each can be measured by itself")
	flags.IntVar(&t.Number, "number", 0, "how many faults; 0 for as many as the time allows")
	flags.IntVar(&t.Clients, "clients", 40, "how many people, 8 or more")
	flags.IntVar(&t.Visitors, "visitors", visitors, "how many more come and go, hide, and change who may know of them; 0 for none")
	flags.Float64Var(&t.Rate, "rate", 60, "drafts a second, of all together")
	t.reportFlag(flags)
	t.bugFlag(flags)
	flags.StringVar(&t.URL, "url", "", "a deployment that runs already; nothing is broken there")
	flags.StringVar(&t.DatabaseURL, "database-url", "", "its database, to be read in the end")
	return cmd
}

// plant has the run made with a bug, and bounds what a bug may do and nothing else does.
func (o *Options) plant(name string) error {
	if o.URL != "" {
		return errors.New("--bug plants a bug in a server that is started here, and --url names one that runs already")
	}
	b, err := planted.Named(name)
	if err != nil {
		return err
	}
	o.Bug, o.Edits, o.Bounds.Delivery = b.Name, mutations(b), delivered(o.Faults)
	return nil
}

func checkCommand() *cobra.Command {
	return &cobra.Command{
		Use:   "check FOLDER",
		Short: "Judge a recorded history again",
		Args: func(_ *cobra.Command, args []string) error {
			if len(args) != 1 {
				return errors.New("name the folder of one report")
			}
			return nil
		},
		RunE: func(cmd *cobra.Command, args []string) error {
			path := args[0]
			if filepath.Base(path) != historyFile {
				path = filepath.Join(path, historyFile)
			}
			f, err := os.Open(path)
			if err != nil {
				return err
			}
			defer f.Close()
			history, err := check.Read(f)
			if err != nil {
				return err
			}
			report := &Report{Shape: history.Run.Name, Check: check.Check(history, bounds(check.Bounds{}, shapeOf(history.Run.Name)))}
			report.Print(cmd.OutOrStdout())
			return verdict(report)
		},
	}
}

func faultsCommand() *cobra.Command {
	return &cobra.Command{
		Use:   "faults",
		Short: "List the kinds of faults",
		Args:  cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			for _, k := range faults.Kinds() {
				var shapes []string
				for _, s := range k.Shapes {
					shapes = append(shapes, string(s))
				}
				fmt.Fprintf(cmd.OutOrStdout(), "%-20s %-24s %s\n", k.Name, strings.Join(shapes, " "), k.About)
			}
			return nil
		},
	}
}
