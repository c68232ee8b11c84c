package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"strings"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"github.com/parley-chat/parley/internal/app"
	"github.com/parley-chat/parley/internal/bench"
	"github.com/parley-chat/parley/internal/config"
	"github.com/parley-chat/parley/internal/store"
)

func newRoot() *cobra.Command {
	root := &cobra.Command{
		Use:   "parley",
		Short: "Private team chat in one program",
		Long: "Parley is a chat server with its web client in one program.\n\n" +
			"  parley serve --demo    try it: people, conversations and a bot are there\n" +
			"  parley serve           run it",
		Version:       builtAs(),
		SilenceErrors: true,
		SilenceUsage:  true,
	}
	root.SetVersionTemplate("{{.Version}}\n")
	config.AddFlags(root.PersistentFlags())
	root.SetFlagErrorFunc(flagError)
	beside := []*cobra.Command{migrateCommand(), moveCommand(), userCommand(), tokenCommand(), announceCommand(), receiptsCommand(),
		bench.Command(), configCommand(), doctorCommand(), healthCommand(), statusCommand(), versionCommand()}
	for _, command := range beside {
		command.SetUsageTemplate(withoutSettings(root.UsageTemplate()))
	}
	root.AddCommand(serveCommand())
	root.AddCommand(beside...)
	return root
}

// withoutSettings keeps the settings, which every command takes as flags, from hiding a command's own flags in its help.
func withoutSettings(usage string) string {
	return strings.Replace(usage, "{{.InheritedFlags.FlagUsages | trimTrailingWhitespaces}}",
		"  The settings of the server, such as --data: parley serve --help lists them, parley config explains them.", 1)
}

// onlyGroup makes a command that does nothing but hold others: alone it shows its help, and what it does
// not hold is an error.
func onlyGroup(group *cobra.Command) *cobra.Command {
	group.Args = cobra.NoArgs
	group.RunE = func(cmd *cobra.Command, _ []string) error { return cmd.Help() }
	return group
}

// noArguments is for commands that are told everything by flags.
func noArguments(cmd *cobra.Command, args []string) error {
	if len(args) > 0 {
		return fmt.Errorf("%s takes no arguments, and %q is one; %s --help lists its flags", cmd.CommandPath(), args[0], cmd.CommandPath())
	}
	return nil
}

// oneName is the argument of a command that works on one person.
func oneName(cmd *cobra.Command, args []string) error {
	if len(args) != 1 {
		return fmt.Errorf("one name is needed: %s", cmd.UseLine())
	}
	return nil
}

// flagError names the flag that is nearest to one that does not exist.
func flagError(cmd *cobra.Command, err error) error {
	var missing *pflag.NotExistError
	if !errors.As(err, &missing) {
		return err
	}
	var known []string
	for _, set := range []*pflag.FlagSet{cmd.Flags(), cmd.InheritedFlags()} {
		set.VisitAll(func(f *pflag.Flag) { known = append(known, f.Name) })
	}
	if near, ok := config.Nearest(missing.GetSpecifiedName(), known); ok {
		return fmt.Errorf("--%s is not a flag; did you mean --%s?", missing.GetSpecifiedName(), near)
	}
	return fmt.Errorf("--%s is not a flag; %s --help lists them", missing.GetSpecifiedName(), cmd.CommandPath())
}

// settings reads what the command is to work with.
func settings(cmd *cobra.Command) (*config.Loaded, error) {
	return config.Load(cmd.Flags(), os.Environ())
}

// withData runs a command with the database at hand, beside a node that may be using it.
func withData(cmd *cobra.Command, run func(*store.Store) error) error {
	return withStoreOf(cmd, app.OpenData, run)
}

// withMadeData is withData for a command that makes and migrates nothing.
func withMadeData(cmd *cobra.Command, run func(*store.Store) error) error {
	return withStoreOf(cmd, app.OpenMade, run)
}

func withStoreOf(cmd *cobra.Command, open func(context.Context, *config.Config) (*store.Store, error), run func(*store.Store) error) (err error) {
	c, err := settings(cmd)
	if err != nil {
		return err
	}
	s, err := open(cmd.Context(), &c.Config)
	if s != nil {
		defer func() { err = errors.Join(err, s.Close()) }()
	}
	if err != nil {
		return err
	}
	return run(s)
}
