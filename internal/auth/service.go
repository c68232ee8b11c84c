package auth

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"runtime"
	"time"
)

// Registration says who may make an account (C8.8).
type Registration string

const (
	RegistrationOpen   Registration = "open"
	RegistrationClosed Registration = "closed"
)

const (
	// minKeyBytes is the shortest signing key: as long as what HMAC-SHA-256 puts out (RFC 7518 §3.2).
	minKeyBytes = 32
	// maxAccessTTL bounds access tokens, minted ones too, and so how long an ended login is remembered.
	maxAccessTTL = 24 * time.Hour
	// refreshGrace is how long a spent refresh token still gets its successor (C5.7).
	refreshGrace = 30 * time.Second
	// lookBack is how far before the last one each search for ended logins reaches: further than clocks of nodes
	// differ.
	lookBack = apart + time.Minute
	// pruneEvery is how often what has expired is deleted.
	pruneEvery = time.Hour
)

// Config is what the operator decides.
type Config struct {
	// Key signs tokens, at least 32 bytes. Required.
	Key []byte
	// PreviousKey still verifies, so that changing Key signs nobody out. May be empty.
	PreviousKey []byte
	// NewID makes a UUIDv7 in lower-case text. Required.
	NewID func() string
	// Registration is open (the default) or closed.
	Registration Registration
	// AccessTTL is how long an access token lives: 15 minutes by default, at most 24 hours.
	AccessTTL time.Duration
	// RefreshTTL is how long a refresh token lives unused: 7 days by default.
	RefreshTTL time.Duration
	// Hashers is how many passwords are hashed at once, each taking 19 MiB. Default: the cores.
	Hashers int
	// Watch is how often logins ended elsewhere are looked for: 1 second by default (C4.3).
	Watch time.Duration
	// Log is told when the store cannot be asked. Default: slog.Default().
	Log *slog.Logger
}

func (c *Config) complete() error {
	var problems []error
	if len(c.Key) < minKeyBytes {
		problems = append(problems, fmt.Errorf("the signing key has %d bytes, at least %d are needed", len(c.Key), minKeyBytes))
	}
	if n := len(c.PreviousKey); n > 0 && n < minKeyBytes {
		problems = append(problems, fmt.Errorf("the previous signing key has %d bytes, at least %d are needed", n, minKeyBytes))
	}
	if c.Registration == "" {
		c.Registration = RegistrationOpen
	}
	if c.Registration != RegistrationOpen && c.Registration != RegistrationClosed {
		problems = append(problems, fmt.Errorf("registration must be open or closed, not %q", c.Registration))
	}
	if c.AccessTTL == 0 {
		c.AccessTTL = 15 * time.Minute
	}
	if c.AccessTTL < time.Second || c.AccessTTL > maxAccessTTL {
		problems = append(problems, fmt.Errorf("access tokens live from 1 second to %v, not %v", maxAccessTTL, c.AccessTTL))
	}
	if c.RefreshTTL == 0 {
		c.RefreshTTL = 7 * 24 * time.Hour
	}
	if c.RefreshTTL < c.AccessTTL {
		problems = append(problems, fmt.Errorf("refresh tokens must live longer than access tokens, not %v", c.RefreshTTL))
	}
	if c.Hashers == 0 {
		c.Hashers = runtime.GOMAXPROCS(0)
	}
	if c.Watch == 0 {
		c.Watch = time.Second
	}
	if c.Log == nil {
		c.Log = slog.Default()
	}
	return errors.Join(problems...)
}

// Service knows who somebody is. Its methods may be called from any goroutine; their errors are
// *[chat.Error].
type Service struct {
	cfg    Config
	store  Store
	hasher *hasher
	keys   []key // the signing one first
	ended  *endedLogins
	looked time.Time // when ended logins were last looked for; Run has it alone

	counters counters
}

// New builds a Service over a store that is migrated, and reads which logins ended lately.
// [Service.Run] must run beside it.
func New(cfg Config, store Store) (*Service, error) {
	if err := cfg.complete(); err != nil {
		return nil, fmt.Errorf("auth: %w", err)
	}
	h, err := newHasher(cfg.Hashers)
	if err != nil {
		return nil, fmt.Errorf("auth: %w", err)
	}
	s := &Service{cfg: cfg, store: store, hasher: h, keys: []key{cfg.Key}, ended: newEndedLogins()}
	if len(cfg.PreviousKey) > 0 {
		s.keys = append(s.keys, cfg.PreviousKey)
	}
	ctx, cancel := context.WithTimeout(context.Background(), 10*time.Second)
	defer cancel()
	s.looked = now()
	past, err := store.EndedLogins(ctx, s.looked.Add(-maxAccessTTL-leeway-apart))
	if err != nil {
		return nil, fmt.Errorf("auth: reading ended logins: %w", err)
	}
	for _, e := range past {
		s.ended.add(e)
	}
	return s, nil
}

// OnEnd has f called for every login that ends from now on, on whichever node it was ended. The context is of whoever ended it,
// and has their trace, or of the look that found that another node did. f must not block.
func (s *Service) OnEnd(f func(context.Context, EndedLogin)) { s.ended.hook(f) }

// Run finds logins that others ended and deletes what has expired, until ctx ends.
func (s *Service) Run(ctx context.Context) error {
	watch, prune := time.NewTicker(s.cfg.Watch), time.NewTicker(pruneEvery)
	defer watch.Stop()
	defer prune.Stop()
	failing := false
	for {
		var err error
		select {
		case <-ctx.Done():
			return nil
		case <-watch.C:
			err = s.watch(ctx)
		case <-prune.C:
			err = s.prune(ctx)
		}
		if ctx.Err() != nil {
			return nil
		}
		if err != nil && !failing {
			s.cfg.Log.Warn("logins cannot be checked", "event", "auth.watch", "error", err)
		}
		failing = err != nil
	}
}

// watch finds the logins that ended since the last look, however long ago that is.
func (s *Service) watch(ctx context.Context) error {
	began := now()
	since := s.looked
	if began.Before(since) {
		// The clock was set back.
		since = began
	}
	ended, err := s.store.EndedLogins(ctx, since.Add(-lookBack))
	if err != nil {
		return err
	}
	s.looked = began
	for _, e := range ended {
		s.ended.end(ctx, e)
	}
	return nil
}

func (s *Service) prune(ctx context.Context) error {
	before := now().Add(-maxAccessTTL - leeway - apart)
	s.ended.forget(before)
	return s.store.PruneLogins(ctx, before)
}

// now is the time as stores keep it.
func now() time.Time { return time.Now().UTC().Truncate(time.Microsecond) }
