package app

import (
	"context"
	"errors"

	"github.com/parley-chat/parley/internal/config"
	"github.com/parley-chat/parley/internal/store"
)

// Move takes the data of a folder to a PostgreSQL database ([store.Move]).
func Move(ctx context.Context, m store.Move) (store.Moved, error) {
	moved, err := m.Run(ctx)
	if errors.Is(err, store.ErrInUse) {
		return moved, err
	}
	return moved, databaseProblem(&config.Config{DatabaseURL: config.Secret(m.To)}, err)
}
