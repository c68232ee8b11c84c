package app

import (
	"context"
	"crypto/x509"
	"errors"
	"log/slog"
	"net"
	"os"
	"strconv"
	"strings"
	"time"

	"github.com/jackc/pgx/v5/pgconn"

	"github.com/parley-chat/parley/internal/chat"
	"github.com/parley-chat/parley/internal/config"
	"github.com/parley-chat/parley/internal/store"
)

// openWithin is how long the database may take to be there at the start. What is slower than that could not
// confirm a message in time either.
const openWithin = 10 * time.Second

// OpenStore opens the database that the settings name, for this process alone where it is SQLite. It does
// not migrate.
func OpenStore(ctx context.Context, c *config.Config) (*store.Store, error) {
	return openStore(ctx, c, store.Config{Locked: sayLocked(NewLog(c, os.Stderr))})
}

// OpenStoreBeside opens the database next to a node that may be using it. Where it is PostgreSQL the data folder is left
// alone.
func OpenStoreBeside(ctx context.Context, c *config.Config) (*store.Store, error) {
	return openStore(ctx, c, store.Config{Beside: true})
}

// sayLocked says loudly why a start or a command does not get on.
func sayLocked(log *slog.Logger) func(time.Duration) {
	return func(waited time.Duration) {
		log.Warn("a migration waits for a table that somebody's long transaction has in use, and tries again", "event", "migration.locked", "waited", waited.Round(time.Millisecond).String())
	}
}

// openStore fills in where the data is.
func openStore(ctx context.Context, c *config.Config, cfg store.Config) (*store.Store, error) {
	if c.DatabaseURL == "" || usesFolder(c) && !cfg.Beside {
		if err := prepareFolder(c.Data); err != nil {
			return nil, err
		}
	}
	ctx, cancel := context.WithTimeout(ctx, openWithin)
	defer cancel()
	cfg.DatabaseURL, cfg.DirectURL, cfg.ReplicaURL = string(c.DatabaseURL), string(c.DatabaseDirectURL), string(c.ReplicaURL)
	cfg.DataDir, cfg.MaxConns = c.Data, c.DatabaseConns
	s, err := store.Open(ctx, cfg)
	return s, databaseProblem(c, err)
}

// Migrate brings the database's schema to the version of this program.
func Migrate(ctx context.Context, c *config.Config, s *store.Store) error {
	err := s.Migrate(ctx)
	if c.DatabaseDirectURL != "" {
		// It goes past the pooler.
		return postgresProblem("PARLEY_DATABASE_DIRECT_URL", string(c.DatabaseDirectURL), err)
	}
	return databaseProblem(c, err)
}

// databaseProblem explains why the database that DATABASE_URL names cannot be used.
func databaseProblem(c *config.Config, err error) error {
	return postgresProblem("DATABASE_URL", string(c.DatabaseURL), err)
}

// postgresProblem explains why the PostgreSQL that a setting names cannot be used. What explains itself stays as it
// is.
func postgresProblem(setting, url string, err error) error {
	var start *StartError
	at, unreadable := pgconn.ParseConfig(url)
	switch {
	case err == nil || url == "" || unreadable != nil || errors.As(err, &start):
		return err
	}
	where := net.JoinHostPort(at.Host, strconv.Itoa(int(at.Port)))
	var refused *pgconn.PgError
	if errors.As(err, &refused) {
		return refusedByPostgres(setting, refused, err, where, at)
	}
	var unknown *net.DNSError
	var network *net.OpError
	var certificate *x509.UnknownAuthorityError
	var known *chat.Error
	switch {
	case errors.As(err, &unknown):
		return problem(err, "the host "+at.Host+" in "+setting+" is not known", "correct its name, or the name service of this machine")
	case errors.Is(err, context.DeadlineExceeded) || pgconn.Timeout(err):
		return problem(err, "PostgreSQL at "+where+" does not answer in time", "see whether it is well and whether a firewall is in between, or correct "+setting)
	case errors.As(err, &network):
		return problem(err, "nothing answers at "+where+", where "+setting+" says that PostgreSQL is", "start it, or correct "+setting)
	case strings.Contains(err.Error(), "refused TLS"):
		return problem(err, "PostgreSQL at "+where+" does not speak TLS, which "+setting+" asks for", "switch TLS on there, or, on a network that nobody else can read, put sslmode=disable into "+setting)
	case errors.As(err, &certificate):
		return problem(err, "nobody whom this machine trusts has signed the certificate of PostgreSQL at "+where, "name the authority in "+setting+": sslrootcert=/path/to/ca.pem")
	case errors.As(err, &known) && known.Err == nil:
		return err
	}
	return problem(err, "PostgreSQL at "+where+" cannot be used: "+err.Error(), "correct "+setting+", or what is wrong there")
}

// poolerIgnores are the settings of a connection that PgBouncer must let pass; the role has them then.
const poolerIgnores = "lock_timeout, statement_timeout, idle_in_transaction_session_timeout, synchronous_commit"

// refusedByPostgres goes by SQLSTATE (PostgreSQL 15, appendix A).
func refusedByPostgres(setting string, refused *pgconn.PgError, err error, where string, at *pgconn.Config) error {
	switch refused.Code {
	case "28P01", "28000":
		return problem(err, "PostgreSQL at "+where+" refuses the user "+at.User, "correct the user and the password in "+setting+", or let the user in by the server's pg_hba.conf")
	case "3D000":
		return problem(err, "PostgreSQL at "+where+" has no database "+at.Database, "make it (createdb "+at.Database+"), or correct "+setting)
	case "53300":
		return problem(err, "PostgreSQL at "+where+" has no connection left to give", "raise its max_connections, or lower PARLEY_DATABASE_CONNECTIONS, of which every node takes up to that many")
	case "57P03":
		return problem(err, "PostgreSQL at "+where+" is starting or stopping", "try again in a moment")
	case "08P01":
		if strings.Contains(refused.Message, "startup parameter") {
			return problem(err, "the pooler at "+where+" refuses what a node sets on its connections ("+refused.Message+")",
				"see \"Through PgBouncer\" in docs/configuration.md: ignore_startup_parameters = "+poolerIgnores)
		}
	case "42501":
		return problem(err, "the user "+at.User+" may not do what Parley needs to in the database "+at.Database+" ("+refused.Message+")",
			"as its owner run GRANT USAGE, CREATE ON SCHEMA public TO "+at.User+"; tables that somebody else made must be given to "+at.User+" too")
	}
	return problem(err, "PostgreSQL at "+where+" refuses: "+refused.Message+" (SQLSTATE "+refused.Code+")", "correct "+setting+", or what is wrong there")
}
