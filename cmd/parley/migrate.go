package main

import (
	"context"
	"errors"
	"fmt"

	"github.com/spf13/cobra"

	"github.com/parley-chat/parley/internal/app"
	"github.com/parley-chat/parley/internal/config"
	"github.com/parley-chat/parley/internal/store"
)

func migrateCommand() *cobra.Command {
	migrate := onlyGroup(&cobra.Command{
		Use:   "migrate",
		Short: "Migrate the database's schema by hand; serve does it by itself",
		Long: "Migrations are safe while the version before still serves, and never run twice at once. The data of SQLite\n" +
			"can be migrated while no server uses its folder.",
	})
	migrate.AddCommand(
		&cobra.Command{
			Use: "up", Short: "Bring the schema to the version of this program", Args: noArguments,
			RunE: withStore(app.OpenStore, func(cmd *cobra.Command, c *config.Config, s *store.Store) error {
				return app.Migrate(cmd.Context(), c, s)
			}),
		},
		&cobra.Command{
			Use: "down", Short: "Take the last migration back, with the data that only it could hold", Args: noArguments,
			RunE: withStore(app.OpenStore, func(cmd *cobra.Command, _ *config.Config, s *store.Store) error { return s.MigrateDown(cmd.Context()) }),
		},
		&cobra.Command{
			Use: "status", Short: "List the migrations and whether they are applied, and the partitions if there are some", Args: noArguments,
			RunE: withStore(app.OpenStoreBeside, func(*cobra.Command, *config.Config, *store.Store) error { return nil }),
		},
		migratePartitionCommand(),
	)
	return migrate
}

func migratePartitionCommand() *cobra.Command {
	var count int
	partition := &cobra.Command{
		Use:   "partition",
		Short: "Spread the messages and participants in PostgreSQL over hash partitions by conversation",
		Long: "Spreads what lives by conversation over hash partitions (PostgreSQL only), in one transaction: everything\n" +
			"else stays as it is, and later migrations work on both. It is for a database that is empty or has up to a\n" +
			"million messages; nodes may run meanwhile and wait a moment. There is no way back but a backup.\n\n" +
			"  parley migrate partition --count 16",
		Args: noArguments,
		RunE: withStore(app.OpenStore, func(cmd *cobra.Command, _ *config.Config, s *store.Store) error {
			return s.Partition(cmd.Context(), count)
		}),
	}
	partition.Flags().IntVar(&count, "count", 16, fmt.Sprintf("over how many partitions, %d to %d; a power of two can be split further", store.MinPartitions, store.MaxPartitions))
	return partition
}

// withStore runs a command on the database and prints where the schema is then.
func withStore(open func(context.Context, *config.Config) (*store.Store, error), run func(*cobra.Command, *config.Config, *store.Store) error) func(*cobra.Command, []string) error {
	return func(cmd *cobra.Command, _ []string) (err error) {
		c, err := settings(cmd)
		if err != nil {
			return err
		}
		s, err := open(cmd.Context(), &c.Config)
		if err != nil {
			return err
		}
		defer func() { err = errors.Join(err, s.Close()) }()
		if err := run(cmd, &c.Config, s); err != nil {
			return err
		}
		return printMigrations(cmd, s)
	}
}

func printMigrations(cmd *cobra.Command, s *store.Store) error {
	all, err := s.MigrationStatus(cmd.Context())
	if err != nil {
		return err
	}
	for _, m := range all {
		state := "pending"
		if m.Applied {
			state = "applied"
		}
		fmt.Fprintf(cmd.OutOrStdout(), "%-8s %s\n", state, m.Name)
	}
	partitions, err := s.Partitions(cmd.Context())
	if err != nil {
		return err
	}
	if partitions > 0 {
		fmt.Fprintf(cmd.OutOrStdout(), "The messages and participants are spread over %d partitions.\n", partitions)
	}
	return nil
}
