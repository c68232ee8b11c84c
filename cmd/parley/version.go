package main

import (
	"fmt"
	"runtime"

	"github.com/spf13/cobra"
)

// version is set by the build (make build).
var version = "unversioned"

func versionCommand() *cobra.Command {
	return &cobra.Command{
		Use:   "version",
		Short: "Print the version",
		Args:  noArguments,
		Run: func(cmd *cobra.Command, _ []string) {
			fmt.Fprintln(cmd.OutOrStdout(), builtAs())
		},
	}
}

// builtAs is the program's name, its version, and for and with what it was built.
func builtAs() string {
	return fmt.Sprintf("parley %s %s/%s %s", version, runtime.GOOS, runtime.GOARCH, runtime.Version())
}
