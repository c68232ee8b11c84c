package main

import (
	"fmt"

	"github.com/spf13/cobra"

	"github.com/parley-chat/parley/internal/app"
)

func doctorCommand() *cobra.Command {
	return &cobra.Command{
		Use:   "doctor",
		Short: "Check the settings and the data, and say what to do",
		Long: "Looks at the settings, the data folder, the schema and all of the data; the status is 1 when something is to\n" +
			"be done. It changes nothing and works beside a running server. On much data it takes a while.",
		Args: noArguments,
		RunE: func(cmd *cobra.Command, _ []string) error {
			c, err := settings(cmd)
			if err != nil {
				return err
			}
			advice, err := app.Examine(cmd.Context(), c)
			if err != nil {
				return err
			}
			for _, a := range advice {
				if a.Sound {
					fmt.Fprintf(cmd.OutOrStdout(), "ok   %s\n", a.What)
					continue
				}
				fmt.Fprintf(cmd.OutOrStdout(), "!    %s\n     → %s\n", a.What, a.Next)
				err = errSaid
			}
			return err
		},
	}
}
