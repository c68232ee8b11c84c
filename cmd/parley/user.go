package main

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"os"
	"strings"

	"github.com/spf13/cobra"
	"golang.org/x/term"

	"github.com/parley-chat/parley/internal/app"
	"github.com/parley-chat/parley/internal/auth"
)

func userCommand() *cobra.Command {
	user := onlyGroup(&cobra.Command{
		Use:   "user",
		Short: "Make accounts, set passwords, make an owner link",
		Long: "These commands work beside a running server. A password is asked for on a terminal and else read from the\n" +
			"first line of the standard input; it never stands on the command line.",
	})
	user.AddCommand(userCreateCommand(), userPasswdCommand(), userOwnerLinkCommand())
	return user
}

func userCreateCommand() *cobra.Command {
	var n auth.NewAccount
	create := &cobra.Command{
		Use:   "create NAME",
		Short: "Make an account, whether registration is open or not",
		Args:  oneName,
		RunE: withAccounts(func(cmd *cobra.Command, args []string, tools *app.Tools) error {
			var err error
			n.Username = args[0]
			if n.Password, err = readPassword(cmd); err != nil {
				return err
			}
			made, err := tools.Auth.CreateAccount(cmd.Context(), n)
			if err != nil {
				return err
			}
			fmt.Fprintf(cmd.OutOrStdout(), "%s has an account now (%s).\n", made.Username, made.ID)
			return nil
		}),
	}
	create.Flags().StringVar(&n.DisplayName, "display-name", "", "the name that others see; the username when empty")
	create.Flags().StringVar(&n.Email, "email", "", "e-mail address")
	create.Flags().BoolVar(&n.Owner, "owner", false, "make it an owner of this server")
	return create
}

func userPasswdCommand() *cobra.Command {
	return &cobra.Command{
		Use:   "passwd NAME",
		Short: "Set a new password and sign the person out everywhere",
		Args:  oneName,
		RunE: withAccounts(func(cmd *cobra.Command, args []string, tools *app.Tools) error {
			password, err := readPassword(cmd)
			if err != nil {
				return err
			}
			if err := tools.Auth.SetPassword(cmd.Context(), args[0], password); err != nil {
				return err
			}
			fmt.Fprintf(cmd.OutOrStdout(), "%s has a new password and is signed out everywhere.\n", args[0])
			return nil
		}),
	}
}

func userOwnerLinkCommand() *cobra.Command {
	return &cobra.Command{
		Use:   "owner-link",
		Short: "Print a link, good once and for 30 minutes, that makes an owner's account",
		Args:  noArguments,
		RunE: withAccounts(func(cmd *cobra.Command, _ []string, tools *app.Tools) error {
			link, err := app.NewOwnerLink(cmd.Context(), tools.Auth, app.URL(&tools.Config.Config, tools.Config.Port))
			if err != nil {
				return err
			}
			fmt.Fprintln(cmd.OutOrStdout(), link)
			return nil
		}),
	}
}

// withAccounts runs a command with accounts and tokens at hand.
func withAccounts(run func(cmd *cobra.Command, args []string, tools *app.Tools) error) func(*cobra.Command, []string) error {
	return func(cmd *cobra.Command, args []string) (err error) {
		c, err := settings(cmd)
		if err != nil {
			return err
		}
		tools, err := app.OpenTools(cmd.Context(), c)
		if err != nil {
			return err
		}
		defer func() { err = errors.Join(err, tools.Close()) }()
		return run(cmd, args, tools)
	}
}

// readPassword asks for a password, twice and unseen, on a terminal; elsewhere it reads one line.
func readPassword(cmd *cobra.Command) (string, error) {
	in, ok := cmd.InOrStdin().(*os.File)
	if !ok || !term.IsTerminal(int(in.Fd())) {
		line, err := bufio.NewReader(cmd.InOrStdin()).ReadString('\n')
		if err != nil && !errors.Is(err, io.EOF) {
			return "", fmt.Errorf("the password cannot be read: %w", err)
		}
		return strings.TrimRight(line, "\r\n"), nil
	}
	first, err := askUnseen(cmd, in, "Password: ")
	if err != nil {
		return "", err
	}
	again, err := askUnseen(cmd, in, "Again: ")
	if err != nil {
		return "", err
	}
	if first != again {
		return "", errors.New("the two passwords are not the same")
	}
	return first, nil
}

func askUnseen(cmd *cobra.Command, in *os.File, question string) (string, error) {
	fmt.Fprint(cmd.ErrOrStderr(), question)
	answer, err := term.ReadPassword(int(in.Fd()))
	fmt.Fprintln(cmd.ErrOrStderr())
	return string(answer), err
}
