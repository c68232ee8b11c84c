package app

import (
	"context"
	"errors"
	"log/slog"

	"github.com/parley-chat/parley/internal/auth"
	"github.com/parley-chat/parley/internal/config"
	"github.com/parley-chat/parley/internal/store"
)

// Tools are what commands need beside a running node: the accounts and their tokens.
type Tools struct {
	Config *config.Loaded
	Store  *store.Store
	Auth   *auth.Service
}

// OpenTools opens the database and the accounts in it, as [OpenData] does.
func OpenTools(ctx context.Context, c *config.Loaded) (*Tools, error) {
	s, err := OpenData(ctx, &c.Config)
	t := &Tools{Config: c, Store: s}
	if err == nil {
		t.Auth, err = OpenAuth(&c.Config, s, slog.New(slog.DiscardHandler))
	}
	if err != nil {
		return nil, errors.Join(err, t.Close())
	}
	return t, nil
}

// OpenData opens the database for a command. While a node uses the data folder it works beside it; else it
// migrates first. The store must be closed, also after an error when there is one.
func OpenData(ctx context.Context, c *config.Config) (*store.Store, error) {
	s, err := OpenStore(ctx, c)
	switch {
	case errors.Is(err, store.ErrInUse):
		return OpenStoreBeside(ctx, c)
	case err == nil:
		err = Migrate(ctx, c, s)
	}
	return s, err
}

// Close closes the database.
func (t *Tools) Close() error {
	if t.Store == nil {
		return nil
	}
	return t.Store.Close()
}

// NewOwnerLink makes a link that makes an owner's account in the browser, good once and for 30 minutes.
// The token stands behind the #, which browsers keep to themselves.
func NewOwnerLink(ctx context.Context, accounts *auth.Service, url string) (string, error) {
	token, _, err := accounts.OwnerLink(ctx)
	return url + "/#owner=" + token, err
}
