package simulation

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"time"

	"github.com/parley-chat/parley/internal/auth"
	"github.com/parley-chat/parley/internal/chat"
	"github.com/parley-chat/parley/internal/store"
)

// names are the people of every run.
var names = []string{"ada", "bob", "cyd", "dan", "eve"}

// Template is the database that every run starts with: the schema and five people.
type Template struct {
	folder string
	file   []byte
	people []*person
}

// NewTemplate makes one below a folder. The folder should be in memory: a run waits for some two hundred commits.
func NewTemplate(ctx context.Context, folder string) (*Template, error) {
	t := &Template{folder: folder}
	dir, err := os.MkdirTemp(folder, "template")
	if err != nil {
		return nil, err
	}
	defer os.RemoveAll(dir)
	s, err := store.Open(ctx, store.Config{DataDir: dir})
	if err != nil {
		return nil, err
	}
	if err := s.Migrate(ctx); err != nil {
		return nil, err
	}
	for i, name := range names {
		p := &person{chat.UserID(fmt.Sprintf("00000000-0000-7000-8000-%012d", i+1)), name}
		t.people = append(t.people, p)
		err := s.CreateAccount(ctx, auth.Account{
			User:        chat.User{ID: p.id, Username: name, DisplayName: name, CreatedAt: time.Date(2000, 1, 1, 0, 0, 0, 0, time.UTC)},
			UsernameKey: name,
		}, false)
		if err != nil {
			return nil, err
		}
	}
	if err := s.Close(); err != nil {
		return nil, err
	}
	t.file, err = os.ReadFile(filepath.Join(dir, "parley.db"))
	return t, err
}

// open copies the template into a folder of its own and opens it.
func (t *Template) open(ctx context.Context) (s *store.Store, dir string, err error) {
	if dir, err = os.MkdirTemp(t.folder, "run"); err != nil {
		return nil, "", err
	}
	if err = os.WriteFile(filepath.Join(dir, "parley.db"), t.file, 0o600); err == nil {
		s, err = store.Open(ctx, store.Config{DataDir: dir, MaxConns: 4})
	}
	if err != nil {
		os.RemoveAll(dir)
	}
	return s, dir, err
}
