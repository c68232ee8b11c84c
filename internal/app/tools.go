package app

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"os"
	"path/filepath"

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

// OpenMade opens a database that serve has made, beside a node that may be using it, for a command that must not make one.
// It migrates nothing; one that is not there, or whose schema is older than this program's, is refused. The store must be
// closed when there is no error.
func OpenMade(ctx context.Context, c *config.Config) (*store.Store, error) {
	if c.DatabaseURL == "" {
		if _, err := os.Stat(filepath.Join(c.Data, "parley.db")); errors.Is(err, fs.ErrNotExist) {
			return nil, problem(err, "there is no database in the data folder "+c.Data+" yet", "name the folder that the server uses with --data, or its database in DATABASE_URL; serve makes a new one")
		}
	}
	s, err := OpenStoreBeside(ctx, c)
	if err != nil {
		return nil, err
	}
	if err := expectSchema(ctx, s); err != nil {
		return nil, errors.Join(err, s.Close())
	}
	return s, nil
}

func expectSchema(ctx context.Context, s *store.Store) error {
	version, newest, err := s.SchemaVersion(ctx)
	switch {
	case err != nil:
		return err
	case version == 0:
		return problem(nil, "the database has no schema yet", "name the one that the server uses with --data or DATABASE_URL; serve makes the schema of a new one")
	case version < newest:
		return problem(nil, fmt.Sprintf("the database has schema version %d, and this program needs %d", version, newest), "run parley migrate up, or start the server, which does it")
	}
	return nil
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
