package store

import "context"

// PartitionAll spreads the table conversations too, as Citus would.
func (s *Store) PartitionAll(ctx context.Context, count int) error {
	return s.db.(*postgresDB).partition(ctx, count, "conversations")
}
