package app

import (
	"context"

	"github.com/parley-chat/parley/internal/config"
	"github.com/parley-chat/parley/internal/store"
)

// Move takes the data of a folder to a PostgreSQL database ([store.Move]).
func Move(ctx context.Context, m store.Move) (store.Moved, error) {
	moved, err := m.Run(ctx)
	return moved, databaseProblem(&config.Config{DatabaseURL: config.Secret(m.To)}, err)
}
