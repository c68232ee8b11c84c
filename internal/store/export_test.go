package store

import (
	"context"
	"time"
)

// PartitionAll spreads the table conversations too, as Citus would.
func (s *Store) PartitionAll(ctx context.Context, count int) error {
	return s.db.(*postgresDB).partition(ctx, count, "conversations")
}

// SetReplicaPause shortens for how long a replica that failed is left alone.
func (s *Store) SetReplicaPause(d time.Duration) { s.replica.pause = d }

// InSmallBatches copies so few rows at a time that a move of little data has many steps.
func (m Move) InSmallBatches() Move {
	m.batch = 100
	return m
}

// Asked has the database do nothing, of which done is told; nil for nobody.
func Asked(ctx context.Context, done func(context.Context, Operation, time.Time, error)) error {
	return session{done: done}.asked(ctx, func(context.Context) error { return nil })
}
