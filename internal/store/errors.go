package store

import (
	"context"
	"database/sql"
	"database/sql/driver"
	"errors"
	"io"
	"net"
	"strings"

	"github.com/jackc/pgx/v5/pgconn"
	"modernc.org/sqlite"
	sqlitelib "modernc.org/sqlite/lib"

	"github.com/parley-chat/parley/internal/chat"
)

// errDuplicate means that a unique key of messages refused a batch.
var errDuplicate = errors.New("a draft of the batch was stored before")

const (
	saidTimeout  = "The database did not answer in time."
	saidLost     = "The database cannot be reached."
	saidDiskFull = "The disk of the database is full."
)

// named gives an error of a driver its place in the one table of codes. What it does not know stays a
// fault, which shows nothing of itself.
func named(err error) error {
	var known *chat.Error
	switch {
	case err == nil || errors.As(err, &known) || errors.Is(err, chat.ErrStale):
		return err
	case errors.Is(err, context.DeadlineExceeded) || errors.Is(err, context.Canceled) || pgconn.Timeout(err):
		return &chat.Error{Code: chat.CodeDBTimeout, Message: saidTimeout, Err: err}
	}
	var pg *pgconn.PgError
	if errors.As(err, &pg) {
		return namedPostgres(pg, err)
	}
	var lite *sqlite.Error
	if errors.As(err, &lite) {
		return namedSQLite(lite, err)
	}
	if connectionLost(err) {
		return &chat.Error{Code: chat.CodeDBConnectionLost, Message: saidLost, Err: err}
	}
	return err
}

// namedPostgres goes by SQLSTATE (PostgreSQL 15, appendix A).
func namedPostgres(pg *pgconn.PgError, err error) error {
	switch {
	case pg.Code == "55P03":
		return &chat.Error{Code: chat.CodeDBTimeout, Reason: chat.ReasonLocked, Message: saidTimeout, Err: err}
	case pg.Code == "57014" || pg.Code == "40001" || pg.Code == "40P01" || pg.Code == "25P03":
		// statement_timeout, serialization, deadlock, idle in transaction
		return &chat.Error{Code: chat.CodeDBTimeout, Message: saidTimeout, Err: err}
	case pg.Code == "53100":
		return &chat.Error{Code: chat.CodeDBConnectionLost, Message: saidDiskFull, Err: err}
	case strings.HasPrefix(pg.Code, "53"), strings.HasPrefix(pg.Code, "57P"), strings.HasPrefix(pg.Code, "08"), strings.HasPrefix(pg.Code, "58"), pg.Code == "25006":
		// out of resources (53300: too many connections), shutdown, connection, the server's system, a standby
		return &chat.Error{Code: chat.CodeDBConnectionLost, Message: saidLost, Err: err}
	}
	return err
}

// namedSQLite goes by the primary result code (sqlite.org/rescode.html).
func namedSQLite(lite *sqlite.Error, err error) error {
	switch lite.Code() & 0xff {
	case sqlitelib.SQLITE_BUSY, sqlitelib.SQLITE_LOCKED, sqlitelib.SQLITE_INTERRUPT:
		return &chat.Error{Code: chat.CodeDBTimeout, Message: saidTimeout, Err: err}
	case sqlitelib.SQLITE_FULL:
		return &chat.Error{Code: chat.CodeDBConnectionLost, Message: saidDiskFull, Err: err}
	case sqlitelib.SQLITE_IOERR, sqlitelib.SQLITE_CANTOPEN, sqlitelib.SQLITE_READONLY:
		return &chat.Error{Code: chat.CodeDBConnectionLost, Message: saidLost, Err: err}
	}
	return err
}

func connectionLost(err error) bool {
	var connect *pgconn.ConnectError
	var network net.Error
	return errors.As(err, &connect) || errors.As(err, &network) ||
		errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF) || errors.Is(err, net.ErrClosed) ||
		errors.Is(err, driver.ErrBadConn) || errors.Is(err, sql.ErrConnDone) ||
		// pgx has no value for these two.
		strings.Contains(err.Error(), "conn closed") || strings.Contains(err.Error(), "closed pool")
}

// unknown names the error of a commit whose answer did not come: it may have happened. A refusal that
// the server itself sent is one, except while it shuts down; on a connection that was never made nothing was
// sent.
func unknown(err error) error {
	var pg *pgconn.PgError
	var connect *pgconn.ConnectError
	if errors.As(err, &pg) && !strings.HasPrefix(pg.Code, "57P") || errors.As(err, &connect) || pgconn.SafeToRetry(err) {
		return named(err)
	}
	return unsure(err)
}

// unsure names an error after which something may have happened.
func unsure(err error) error {
	e := *chat.AsError(named(err))
	e.Outcome = chat.OutcomeUnknown
	return &e
}

// lostToAnother reports that a transaction was rolled back in favour of another one and may run again.
func lostToAnother(err error) bool {
	var pg *pgconn.PgError
	return errors.As(err, &pg) && (pg.Code == "40001" || pg.Code == "40P01")
}

// duplicate reports that a unique key refused a row.
func duplicate(err error) bool {
	var pg *pgconn.PgError
	if errors.As(err, &pg) {
		return pg.Code == "23505"
	}
	var lite *sqlite.Error
	return errors.As(err, &lite) &&
		(lite.Code() == sqlitelib.SQLITE_CONSTRAINT_UNIQUE || lite.Code() == sqlitelib.SQLITE_CONSTRAINT_PRIMARYKEY)
}

// found turns "no row" into the protocol's word for it.
func found(err error, noun string) error {
	if errors.Is(err, sql.ErrNoRows) {
		return chat.NotFound(noun)
	}
	return named(err)
}
