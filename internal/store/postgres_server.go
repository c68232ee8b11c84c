package store

import (
	"context"
	"fmt"
	"strings"

	"github.com/parley-chat/parley/internal/chat"
)

// OldestPostgres is the oldest major version of PostgreSQL that Parley is tested on, and so takes.
const OldestPostgres = 15

// suits refuses a server that answers and cannot be worked with: one too old, a standby, a database that cannot
// hold every text.
func (db *postgresDB) suits(ctx context.Context) error {
	var number int
	var version, encoding string
	var standby bool
	err := db.pool.QueryRow(ctx, `SELECT current_setting('server_version_num')::int, current_setting('server_version'),
current_setting('server_encoding'), pg_is_in_recovery()`).Scan(&number, &version, &encoding, &standby)
	if err != nil {
		return err
	}
	version, _, _ = strings.Cut(version, " ")
	switch {
	case number/10_000 < OldestPostgres:
		return &chat.Error{Code: chat.CodeConflict, Message: fmt.Sprintf(
			"PostgreSQL %s is too old: Parley needs %d or later. Upgrade it, or name another server in DATABASE_URL.", version, OldestPostgres)}
	case standby:
		return &chat.Error{Code: chat.CodeConflict, Message: "DATABASE_URL names a standby, which cannot be written to. Name the primary."}
	case encoding != "UTF8":
		return &chat.Error{Code: chat.CodeConflict, Message: fmt.Sprintf(
			"The database's encoding is %s, which cannot hold every message. Make one with CREATE DATABASE … ENCODING 'UTF8' TEMPLATE template0.", encoding)}
	}
	return nil
}
