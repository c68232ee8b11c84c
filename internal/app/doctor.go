package app

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"

	"github.com/parley-chat/parley/internal/config"
	"github.com/parley-chat/parley/internal/demo"
	"github.com/parley-chat/parley/internal/store"
)

// Advice is one thing that [Examine] looked at.
type Advice struct {
	Sound bool
	What  string
	Next  string // what to do about it; "" when it is sound
}

// Examine looks at the settings and the data and says what to do. It changes nothing and works beside a
// running node. The error means that it could not look.
func Examine(ctx context.Context, c *config.Loaded) ([]Advice, error) {
	var e examination
	e.settings(c)
	e.folder(c)
	e.storage(&c.Config)
	if err := e.redis(ctx, c); err != nil {
		return nil, err
	}
	if err := e.database(ctx, c); err != nil {
		return nil, err
	}
	return e.advice, nil
}

type examination struct{ advice []Advice }

func (e *examination) sound(format string, args ...any) {
	e.advice = append(e.advice, Advice{Sound: true, What: fmt.Sprintf(format, args...)})
}

func (e *examination) unsound(what, next string) {
	e.advice = append(e.advice, Advice{What: what, Next: next})
}

func (e *examination) settings(c *config.Loaded) {
	e.sound("The settings can be used.")
	if !c.RateLimits {
		e.unsound("The rate limits are off.", "Take PARLEY_RATE_LIMITS away, unless this is a load test.")
	}
	if plainHTTP(c.PublicURL) {
		e.unsound("People reach this server without TLS: others on the way can read along and sign in as them.", "Put a proxy with TLS in front and name its https:// address in PARLEY_PUBLIC_URL.")
	}
}

func (e *examination) folder(c *config.Loaded) {
	if !usesFolder(&c.Config) {
		return
	}
	info, err := os.Stat(c.Data)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		e.sound("The data folder %s is not there yet; serve makes it.", c.Data)
		return
	case err != nil:
		e.unsound("The data folder cannot be looked at: "+err.Error()+".", "Let this user read it, or name another one with --data.")
		return
	case !info.IsDir():
		e.unsound("The data folder "+c.Data+" is not a folder.", "Name another one with --data.")
		return
	case info.Mode().Perm()&0o077 != 0:
		e.unsound("Others on this machine can look into the data folder "+c.Data+".", "Run chmod 700 on it.")
	default:
		e.sound("The data folder %s is its owner's alone.", c.Data)
	}
	if c.SigningKey != "" {
		return
	}
	var problem *StartError
	switch _, err := readKey(filepath.Join(c.Data, keyFile)); {
	case err == nil:
		e.sound("The signing key is there and its owner's alone.")
	case errors.Is(err, fs.ErrNotExist):
		e.sound("There is no signing key yet; serve makes one.")
	case errors.As(err, &problem):
		e.unsound("The start would fail: "+problem.What+".", problem.Next+".")
	default:
		e.unsound("The start would fail: "+err.Error()+".", "Let this user read it.")
	}
}

// storage looks at the disk as a start would. A data folder that is not there yet has no disk to be seen.
func (e *examination) storage(c *config.Config) {
	s := storage{path: storagePath(c), reserve: uint64(c.StorageReserve) << 20}
	if s.path == "" {
		return
	}
	if _, err := os.Stat(s.path); c.StoragePath == "" && err != nil {
		return
	}
	var wrong *StartError
	if errors.As(s.fits(), &wrong) {
		e.unsound("The start would fail: "+wrong.What+".", wrong.Next+".")
		return
	}
	free, whole, err := room(s.path)
	switch reserve := s.reserveOf(whole); {
	case err != nil:
		e.unsound("The disk of "+s.path+" cannot be looked at: "+errno(err)+".", "Let this user enter that folder.")
	case free < reserve:
		e.unsound(fmt.Sprintf("The disk of the database is nearly full: %d MiB are free, and with less than %d nothing is written.", free>>20, reserve>>20),
			fmt.Sprintf("Make room: with %d MiB free everything is written again.", roomAgain*reserve>>20))
	default:
		e.sound("The disk of the database has %d MiB free, and below %d nothing is written (%s).", free>>20, reserve>>20, reserveFrom(c))
	}
}

// reserveFrom says whence the reserve is that was judged by: a node that runs may have been given another.
func reserveFrom(c *config.Config) string {
	if c.StorageReserve == 0 {
		return "by the size of the disk, unless the node was started with a storage_reserve, which is to be given to doctor too"
	}
	return "the storage_reserve that was given"
}

func (e *examination) database(ctx context.Context, c *config.Loaded) error {
	if c.DatabaseURL == "" {
		if _, err := os.Stat(filepath.Join(c.Data, "parley.db")); errors.Is(err, fs.ErrNotExist) {
			e.sound("There is no database yet; serve makes it.")
			return nil
		}
	}
	s, err := OpenStoreBeside(ctx, &c.Config)
	if err != nil {
		return err
	}
	return errors.Join(e.data(ctx, c, s), s.Close())
}

func (e *examination) data(ctx context.Context, c *config.Loaded, s *store.Store) error {
	partitions, err := s.Partitions(ctx)
	if err != nil {
		return err
	}
	if partitions > 0 {
		e.sound("The database (%s, spread over %d partitions) answers.", s.Kind(), partitions)
	} else {
		e.sound("The database (%s) answers.", s.Kind())
	}
	all, err := s.MigrationStatus(ctx)
	if err != nil {
		return err
	}
	var pending []string
	for _, m := range all {
		if !m.Applied {
			pending = append(pending, m.Name)
		}
	}
	if len(pending) > 0 {
		e.unsound("Migrations are pending: "+strings.Join(pending, ", ")+".", "Run parley migrate up, or start the server, which does it.")
		return nil
	}
	e.sound("The schema is this program's.")
	if err := e.nodes(ctx, c, s); err != nil {
		return err
	}
	made, err := demo.Made(ctx, s)
	if err != nil {
		return err
	}
	if made {
		e.unsound("The demo's people are in this data, and everybody knows their passwords.", "For real use start over with another --data.")
	}
	findings, err := s.Check(ctx)
	if err != nil {
		return err
	}
	for _, f := range findings {
		e.unsound("Broken in the data: "+f.String(), "Stop the server, keep a copy of the data, and restore a backup; please report it too.")
	}
	if len(findings) == 0 {
		e.sound("The data keeps every promise: seq and rev are dense, nothing dangles.")
	}
	return nil
}
