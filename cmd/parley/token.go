package main

import (
	"fmt"
	"time"

	"github.com/spf13/cobra"

	"github.com/parley-chat/parley/internal/app"
	"github.com/parley-chat/parley/internal/auth"
)

func tokenCommand() *cobra.Command {
	token := onlyGroup(&cobra.Command{Use: "token", Short: "Make access tokens for scripts"})
	var ttl time.Duration
	mint := &cobra.Command{
		Use:   "mint NAME",
		Short: "Print an access token that speaks for a person",
		Args:  oneName,
		RunE: withAccounts(func(cmd *cobra.Command, args []string, tools *app.Tools) error {
			if err := app.CheckKeys(cmd.Context(), &tools.Config.Config, tools.Store); err != nil {
				return err
			}
			person, err := tools.Store.AccountByName(cmd.Context(), auth.UsernameKey(args[0]))
			if err != nil {
				return err
			}
			minted, expires, err := tools.Auth.Mint(cmd.Context(), person.ID, ttl)
			if err != nil {
				return err
			}
			fmt.Fprintf(cmd.ErrOrStderr(), "Good until %s for %s.\n", expires.Format(time.RFC3339), person.Username)
			fmt.Fprintln(cmd.OutOrStdout(), minted)
			return nil
		}),
	}
	mint.Flags().DurationVar(&ttl, "ttl", time.Hour, "how long it lives, up to 24h")
	token.AddCommand(mint)
	return token
}
