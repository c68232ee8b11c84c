package store

import (
	"context"
	"errors"
	"fmt"
	"net"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"

	"github.com/parley-chat/parley/internal/chat"
)

// Move takes all data of a SQLite database to a PostgreSQL database as it is: ids, seq, rev, times, logins.
// Nothing is written into the source but, at the very end, a file that keeps it from being served again.
//
// It may be ended at any point, and run again with the same source and target it goes on where it was. Until it is
// done the target holds the table unfinished_move, and no program opens it.
type Move struct {
	From string // the data folder
	To   string // the postgres:// URL
	// Restart empties the target first, if what is in it is an unfinished move.
	Restart bool
	// Progress is told what is done of a table; nil for nobody.
	Progress func(MoveProgress)

	// batch is how many rows are copied in one transaction, where it is not moveBatch.
	batch int
}

// MoveProgress is how far a table is.
type MoveProgress struct {
	Table       string
	Verifying   bool // it is copied, and compared now
	Done, Total int64
}

// Moved is what was moved.
type Moved struct {
	Target  string // host:port/database
	Already bool   // an earlier run had done it
	Rows    int64
	Tables  int
}

// leftBehind are tables that are not data of the people here: what migrations note, and who serves now.
var leftBehind = []string{"goose_db_version", "schema_info", "nodes"}

// moveLock is the key of the advisory lock that keeps a second move out of the same database.
const moveLock = 0x7061726c6d6f7665

// moveWait is how long others may take to leave the target alone.
const moveWait = 3 * time.Second

// mover is a move under way.
type mover struct {
	Move
	source *Store
	from   session // inside a transaction that keeps everybody else from writing
	target *Store
	to     *pgx.Conn
	name   string // of the target, for people
	tables []movedTable
}

// Run moves, and compares every column of every row afterwards. CodeConflict says what stands in the way; then the
// target holds nothing that was not in it, or the part of an unfinished move.
func (m Move) Run(ctx context.Context) (moved Moved, err error) {
	if m.batch == 0 {
		m.batch = moveBatch
	}
	x := &mover{Move: m}
	defer func() { err = errors.Join(err, x.close()) }()
	if err := x.openSource(ctx); err != nil {
		return Moved{}, err
	}
	if err := x.connect(ctx); err != nil {
		return Moved{}, err
	}
	err = x.source.db.(*sqliteDB).hold(ctx, func(from session) error {
		x.from = from
		moved, err = x.run(ctx)
		return err
	})
	return moved, err
}

func (x *mover) run(ctx context.Context) (Moved, error) {
	moved := Moved{Target: x.name}
	if done, err := x.done(ctx); done || err != nil {
		moved.Already = done
		return moved, err
	}
	if err := x.prepare(ctx); err != nil {
		return moved, err
	}
	for i := range x.tables {
		if err := x.copy(ctx, &x.tables[i]); err != nil {
			return moved, err
		}
	}
	for i := range x.tables {
		if err := x.verify(ctx, &x.tables[i]); err != nil {
			return moved, err
		}
		moved.Rows += x.tables[i].rows
	}
	moved.Tables = len(x.tables)
	return moved, x.finish(ctx)
}

// openSource opens the folder, which no server may be using, at the schema of this program.
func (x *mover) openSource(ctx context.Context) error {
	if _, err := os.Stat(filepath.Join(x.From, "parley.db")); err != nil {
		return refusal("There is no database in %s: %v.", x.From, errors.Unwrap(err))
	}
	var err error
	if x.source, err = open(ctx, Config{DataDir: x.From}); err != nil {
		return err
	}
	return x.expectCurrent(ctx, x.source, "parley migrate up --data "+x.From)
}

// expectCurrent refuses a schema that is not exactly this program's.
func (x *mover) expectCurrent(ctx context.Context, s *Store, remedy string) error {
	known, err := newest(s.kind)
	if err != nil {
		return err
	}
	version, err := s.schemaVersion(ctx)
	switch {
	case err != nil:
		return err
	case version > known:
		return refusal("The %s database has schema version %d and this program knows %d; move it with a newer parley.", s.kind, version, known)
	case version < known:
		return refusal("The %s database has schema version %d and this program needs %d; run %s first.", s.kind, version, known, remedy)
	}
	return nil
}

// connect opens the target, which nobody else may be using.
func (x *mover) connect(ctx context.Context) error {
	config, err := pgx.ParseConfig(x.To)
	if err != nil {
		return fmt.Errorf("the target is not a PostgreSQL URL of the form postgres://user:password@host:port/database")
	}
	for name, value := range postgresSettings {
		config.RuntimeParams[name] = value
	}
	for name, value := range map[string]string{"application_name": "parley move", "lock_timeout": strconv.Itoa(int(moveWait.Milliseconds())), "statement_timeout": "0", "idle_in_transaction_session_timeout": "0"} {
		config.RuntimeParams[name] = value
	}
	x.name = net.JoinHostPort(config.Host, strconv.Itoa(int(config.Port))) + "/" + config.Database
	if x.to, err = pgx.ConnectConfig(ctx, config); err != nil {
		return err
	}
	// Waiting a moment, since the connection of a run that was killed may not have noticed yet.
	if _, err := x.to.Exec(ctx, "SELECT pg_advisory_lock($1)", int64(moveLock)); err != nil {
		if chat.AsError(named(err)).Reason == chat.ReasonLocked {
			return refusal("Another parley move into %s is under way.", x.name)
		}
		return err
	}
	if err := x.expectUnused(ctx); err != nil {
		return err
	}
	x.target, err = open(ctx, Config{DatabaseURL: x.To, MaxConns: 2, NodeID: "move"})
	return err
}

// expectUnused refuses a target that servers use. The connections of one that was stopped just now are given a moment
// to go.
func (x *mover) expectUnused(ctx context.Context) error {
	tick := time.NewTicker(100 * time.Millisecond)
	defer tick.Stop()
	for deadline := time.Now().Add(moveWait); ; {
		var others *string
		err := x.to.QueryRow(ctx, `SELECT string_agg(DISTINCT application_name || COALESCE(' at ' || host(client_addr), ''), ', ') FROM pg_stat_activity
WHERE datname = current_database() AND pid <> pg_backend_pid() AND application_name LIKE 'parley%'
AND application_name NOT IN ('parley move', 'parley pool move', 'parley migrate')`).Scan(&others)
		if err != nil || others == nil {
			return err
		}
		if time.Now().After(deadline) {
			return refusal("%s is in use (%s): stop the servers that use it.", x.name, *others)
		}
		<-tick.C
	}
}

func (x *mover) close() error {
	var errs []error
	if x.to != nil {
		ctx, cancel := context.WithTimeout(context.Background(), patience)
		defer cancel()
		errs = append(errs, x.to.Close(ctx))
	}
	for _, s := range []*Store{x.target, x.source} {
		if s != nil {
			errs = append(errs, s.Close())
		}
	}
	return errors.Join(errs...)
}

// done reports whether this very move was finished before. A source that went elsewhere is refused.
func (x *mover) done(ctx context.Context) (bool, error) {
	mark, err := readMoveMark(x.From)
	if mark == nil || err != nil {
		return false, err
	}
	unfinished, err := x.unfinished(ctx)
	if unfinished != "" || err != nil {
		return false, err
	}
	there, _, err := originOf(ctx, x.to)
	if err != nil {
		return false, err
	}
	if there.system != mark.System || there.database != mark.Database {
		return false, mark.refuse(x.From)
	}
	return true, nil
}

// unfinished is what the target says of a move that was not finished: the state of its source; "" for none.
func (x *mover) unfinished(ctx context.Context) (source string, err error) {
	var there bool
	if err := x.to.QueryRow(ctx, "SELECT to_regclass('unfinished_move') IS NOT NULL").Scan(&there); err != nil || !there {
		return "", err
	}
	err = x.to.QueryRow(ctx, "SELECT source FROM unfinished_move").Scan(&source)
	return source, err
}

// prepare makes the target ready to be copied into, or finds the part that is in it already.
func (x *mover) prepare(ctx context.Context) error {
	if err := x.migrateEmpty(ctx); err != nil {
		return err
	}
	var err error
	if x.tables, err = x.tablesToMove(ctx); err != nil {
		return err
	}
	state, err := x.sourceState(ctx)
	if err != nil {
		return err
	}
	before, err := x.unfinished(ctx)
	switch {
	case err != nil:
		return err
	case before == "":
		return x.begin(ctx, state)
	case x.Restart:
		return x.restart(ctx, state)
	case before != state:
		return refusal("%s holds an unfinished move from another state of the data: it was used in between. Start over with --restart, which empties %s first.", x.name, x.name)
	}
	return nil
}

// migrateEmpty brings a target with nothing in it to the schema of this program. Another one must have it.
func (x *mover) migrateEmpty(ctx context.Context) error {
	tables, err := x.targetTables(ctx)
	if err != nil {
		return err
	}
	empty := true
	for name := range tables {
		if slices.Contains(leftBehind, name) {
			continue
		}
		var some bool
		if err := x.to.QueryRow(ctx, "SELECT EXISTS (SELECT FROM "+pgx.Identifier{name}.Sanitize()+")").Scan(&some); err != nil {
			return err
		}
		empty = empty && !some
	}
	if empty {
		if err := x.target.Migrate(ctx); err != nil {
			return err
		}
	}
	return x.expectCurrent(ctx, x.target, "parley migrate up")
}

// begin marks an empty target.
func (x *mover) begin(ctx context.Context, state string) error {
	for _, t := range x.tables {
		var some bool
		if err := x.to.QueryRow(ctx, "SELECT EXISTS (SELECT FROM "+t.name+")").Scan(&some); err != nil {
			return err
		}
		if some {
			return refusal("%s is not empty: there are rows in %s. Name an empty database.", x.name, t.name)
		}
	}
	// Data that is broken already must not be taken for the mover's work.
	findings, err := x.source.Check(ctx)
	if err != nil {
		return err
	}
	if len(findings) > 0 {
		return refusal("The data in %s is broken, so it is not moved: %v. parley doctor says more.", x.From, findings[0])
	}
	return x.mark(ctx, "", state)
}

// restart empties the target of an unfinished move.
func (x *mover) restart(ctx context.Context, state string) error {
	var names []string
	for _, t := range x.tables {
		names = append(names, t.name)
	}
	return x.mark(ctx, "TRUNCATE "+strings.Join(names, ", ")+"; DROP TABLE unfinished_move;", state)
}

func (x *mover) mark(ctx context.Context, first, state string) error {
	return pgx.BeginFunc(ctx, x.to, func(tx pgx.Tx) error {
		if _, err := tx.Exec(ctx, first+"CREATE TABLE unfinished_move (source text NOT NULL, begun_at timestamptz NOT NULL DEFAULT now())"); err != nil {
			return err
		}
		_, err := tx.Exec(ctx, "INSERT INTO unfinished_move (source) VALUES ($1)", state)
		return err
	})
}

// sourceState tells two states of the source apart: how many rows there are, and how often conversations changed.
// What it cannot see, such as a read position, the comparison at the end does.
func (x *mover) sourceState(ctx context.Context) (string, error) {
	var out strings.Builder
	for i := range x.tables {
		t := &x.tables[i]
		if err := x.from.one(ctx, into(&t.rows), "SELECT count(*) FROM "+t.name); err != nil {
			return "", err
		}
		fmt.Fprintf(&out, "%s %d, ", t.name, t.rows)
	}
	var seqs, revs, changed int64
	err := x.from.one(ctx, into(&seqs, &revs, &changed), "SELECT COALESCE(sum(last_seq), 0), COALESCE(sum(last_rev), 0), COALESCE(max(updated_at), 0) FROM conversations")
	fmt.Fprintf(&out, "seq %d, rev %d, changed %d", seqs, revs, changed)
	return out.String(), err
}

// finish lets the target be served, and the source not any more: in this order, so that at no moment both are.
func (x *mover) finish(ctx context.Context) error {
	if _, err := x.to.Exec(ctx, "ANALYZE"); err != nil {
		return err
	}
	findings, err := x.target.Check(ctx)
	if err != nil {
		return err
	}
	if len(findings) > 0 {
		return fmt.Errorf("what was moved is broken: %v", findings[0])
	}
	there, _, err := originOf(ctx, x.to)
	if err != nil {
		return err
	}
	mark := moveMark{To: x.name, System: there.system, Database: there.database, At: time.Now().UTC().Truncate(time.Second)}
	if err := mark.write(x.From); err != nil {
		return err
	}
	_, err = x.to.Exec(ctx, "DROP TABLE unfinished_move")
	return err
}

func (x *mover) tell(t *movedTable, verifying bool, done int64) {
	if x.Progress != nil {
		x.Progress(MoveProgress{Table: t.name, Verifying: verifying, Done: done, Total: t.rows})
	}
}

// without is an error of the target without the values that PostgreSQL puts into it, which may be people's words.
func without(err error) error {
	var refused *pgconn.PgError
	if errors.As(err, &refused) {
		return &chat.Error{Code: chat.CodeConflict, Message: fmt.Sprintf("PostgreSQL refuses a row of %s: %s (SQLSTATE %s).", refused.TableName, refused.Message, refused.Code)}
	}
	return err
}
