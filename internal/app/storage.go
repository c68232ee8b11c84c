package app

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"path/filepath"
	"sync/atomic"
	"syscall"
	"time"

	"github.com/parley-chat/parley/internal/chat"
	"github.com/parley-chat/parley/internal/config"
	"github.com/parley-chat/parley/internal/httpapi"
	"github.com/parley-chat/parley/internal/obs"
)

const (
	// lookAtStorage is how often it is looked how much of the disk is free, and lookOften how often when that is less than
	// nearlyFull times the reserve: a node writes a few dozen MB a second at most.
	lookAtStorage = time.Second
	lookOften     = 100 * time.Millisecond
	nearlyFull    = 4
	// mostReserve and reserveShare are the reserve where none is named: a part of the disk, but not more than so much.
	mostReserve  = 256 << 20
	reserveShare = 20
	// roomAgain is how many times the reserve must be free until everything is written again.
	roomAgain = 2
)

// storage watches the disk of the database and has the store only read before it is full: a full one can make PostgreSQL
// stop for good, and leaves SQLite without room to be repaired.
type storage struct {
	path     string // "" when nobody looks
	reserve  uint64 // 0: by the size of the disk
	log      *slog.Logger
	readOnly func(bool)

	free atomic.Uint64 // by the last look
	is   atomic.Bool   // read-only
}

// newStorage looks for the first time. A folder that cannot be looked at refuses the start.
func newStorage(c *config.Config, readOnly func(bool), log *slog.Logger) (*storage, error) {
	s := &storage{path: storagePath(c), reserve: uint64(c.StorageReserve) << 20, log: log, readOnly: readOnly}
	if s.path == "" {
		return s, nil
	}
	if err := s.fits(); err != nil {
		return nil, err
	}
	if _, err := s.look(); err != nil {
		return nil, unseen(s.path, err)
	}
	return s, nil
}

// fits refuses a reserve with which the disk, were it empty, would never be written to again.
func (s *storage) fits() error {
	_, whole, err := room(s.path)
	if err != nil {
		return unseen(s.path, err)
	}
	if roomAgain*s.reserve > whole {
		return problem(nil, fmt.Sprintf("PARLEY_STORAGE_RESERVE is %d MiB, and the disk of %s has %d: there must be room for twice as much", s.reserve>>20, s.path, whole>>20),
			"take less, or 0 for a reserve by the size of the disk")
	}
	return nil
}

func unseen(path string, err error) error {
	return problem(err, "it cannot be seen how much of the disk of "+path+" is free: "+errno(err), "name a folder on the disk of the database in PARLEY_STORAGE_PATH, which this user may enter")
}

// room is how many bytes of the disk of a folder are free, and how many there are.
func room(path string) (free, whole uint64, err error) {
	var disk syscall.Statfs_t
	if err := syscall.Statfs(filepath.Clean(path)+"/", &disk); err != nil {
		return 0, 0, err
	}
	return disk.Bavail * uint64(disk.Bsize), disk.Blocks * uint64(disk.Bsize), nil
}

// reserveOf is how much of a disk of that size is kept free.
func (s *storage) reserveOf(whole uint64) uint64 {
	if s.reserve == 0 {
		return min(mostReserve, whole/reserveShare)
	}
	return s.reserve
}

// storagePath is a folder on the disk of the database, or "".
func storagePath(c *config.Config) string {
	if c.StoragePath == "" && c.DatabaseURL == "" {
		return c.Data
	}
	return c.StoragePath
}

func errno(err error) string {
	var no syscall.Errno
	if errors.As(err, &no) {
		return no.Error()
	}
	return "no reason given"
}

// run looks until ctx ends.
func (s *storage) run(ctx context.Context) error {
	if s.path == "" {
		return nil
	}
	next := time.NewTimer(0)
	defer next.Stop()
	for {
		select {
		case <-next.C:
		case <-ctx.Done():
			return nil
		}
		wait, err := s.look()
		if err != nil {
			s.log.Warn("it cannot be seen how much of the disk is free", "event", "storage.unseen", "path", s.path, "error", err)
			wait = time.Minute
		}
		next.Reset(wait)
	}
}

// look decides by what is free now, and says when to look again.
func (s *storage) look() (next time.Duration, err error) {
	free, whole, err := room(s.path)
	if err != nil {
		return 0, err
	}
	reserve := s.reserveOf(whole)
	s.free.Store(free)
	switch is := s.is.Load(); {
	case !is && free < reserve:
		s.set(true)
		s.log.Error("the disk of the database is nearly full, and nothing is written until there is room", "event", "storage.read_only",
			"path", s.path, "freeMiB", free>>20, "reserveMiB", reserve>>20)
	case is && free >= roomAgain*reserve:
		s.set(false)
		s.log.Info("there is room again, and everything is written", "event", "storage.back", "path", s.path, "freeMiB", free>>20)
	}
	if free < nearlyFull*reserve {
		return lookOften, nil
	}
	return lookAtStorage, nil
}

func (s *storage) set(is bool) {
	s.is.Store(is)
	s.readOnly(is)
}

// report says in the node's health that it only reads.
func (s *storage) report(h *httpapi.Health) {
	if s.is.Load() {
		h.Degrade("storage", string(chat.ReasonReadOnly))
	}
}

// read emits how much is free.
func (s *storage) read(emit obs.Emit) {
	if s.path == "" {
		return
	}
	emit(obs.StorageFree, float64(s.free.Load()))
	emit(obs.ReadOnly, one(s.is.Load()))
}
