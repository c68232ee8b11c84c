package main

import "github.com/spf13/cobra"

func configCommand() *cobra.Command {
	return &cobra.Command{
		Use:   "config",
		Short: "Print the settings in effect, what each does and where it came from",
		Long: "Prints the settings in effect as a TOML file, which --config takes. Every setting has its meaning, its\n" +
			"names and where its value came from. Secrets are not printed.",
		Args: noArguments,
		RunE: func(cmd *cobra.Command, _ []string) error {
			c, err := settings(cmd)
			if err != nil {
				return err
			}
			return c.Print(cmd.OutOrStdout())
		},
	}
}
