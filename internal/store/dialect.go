package store

import (
	"encoding/json"
	"fmt"
	"strings"
	"sync"
	"time"

	"github.com/parley-chat/parley/internal/chat"
)

// dialect holds every difference in SQL text and in arguments between the two databases. SQLite stores
// times as integers of microseconds since 1970, PostgreSQL as timestamptz; SQLite stores ids as text,
// PostgreSQL as uuid.
type dialect struct {
	kind string
	// greatest is the function of the largest of its arguments.
	greatest string
	// forUpdate locks the rows read against other writers; SQLite has one writer.
	forUpdate string
	// skipLocked locks the rows that nobody else holds and leaves the others out.
	skipLocked string
	// forShare keeps the rows read as they are against other writers; several may hold them so.
	forShare string
	// lockUsers keeps other transactions from adding users; "" where there is one writer.
	lockUsers string
	// selfCheck asks the database whether its file is whole; "" where only its own tools can.
	selfCheck string
	// hasSchema tells whether there is a schema at all.
	hasSchema string
	// hasUnfinishedMove tells whether a move into this database was begun and not finished; "" where none can be.
	hasUnfinishedMove string
	// firstParticipants reads the first 20 of each conversation in $1 in order of joining.
	firstParticipants string
	// interests reads every conversation of each person in $1. A node asks for many people every few seconds: it
	// goes from them to their conversations, however few conversations there are.
	interests string
	// draftsByKey reads the messages stored under the keys that draftKeys makes arguments of.
	draftsByKey string
	draftKeys   func([]draftKey) []any
	// steps reads the rows that stepRows makes arguments of, as a table k.
	steps    string
	stepRows func([]stepRow) []any
	// seen reads people with a time each, which moments makes arguments of, as a table s.
	seen    string
	moments func(users []chat.UserID, micros []int64) []any
	// pairs reads pairs of ids given as one argument, made by jsonText, as a table k of one and other.
	pairs func(param string) string
	// now is the database's clock, the same throughout a statement.
	now string
	// shared says that the database's clock is another than this node's, and the same for all nodes.
	shared bool
	// ago is the database's clock as many microseconds ago as param says.
	ago func(param string) string
	// in compares with a list of ids given as one argument, made by ids.
	in func(param string) string
	// ids is the argument for in.
	ids func([]string) any
	// numbers reads a list of numbers given as one argument, made by numberList, as rows of value.
	numbers    func(param string) string
	numberList func([]int64) any
	// moment is the argument for a time.
	moment func(time.Time) any

	filled sync.Map // text → text, see fill
}

const sqliteNow = "CAST(unixepoch('subsec') * 1000000 AS INTEGER)"

var sqliteDialect = &dialect{
	kind:      "sqlite",
	greatest:  "MAX",
	selfCheck: "PRAGMA quick_check",
	hasSchema: "SELECT EXISTS (SELECT 1 FROM sqlite_schema WHERE name = 'schema_info')",
	firstParticipants: `SELECT conversation_id, role, joined_at, ` + userColumns("u") + `
FROM (SELECT conversation_id, user_id, role, joined_at,
             row_number() OVER (PARTITION BY conversation_id ORDER BY joined_at, user_id) AS place
      FROM conversation_participants
      WHERE conversation_id IN (SELECT value FROM json_each($1)) AND left_at IS NULL) p
JOIN users u ON u.id = p.user_id
WHERE place <= 20
ORDER BY conversation_id, joined_at, user_id`,
	now: sqliteNow,
	ago: func(param string) string { return "(" + sqliteNow + " - " + param + ")" },
	interests: `SELECT p.user_id, c.id, c.last_seq, c.last_rev, c.roster_rev, c.updated_at, p.last_read_seq, p.hidden_seq
FROM conversation_participants p JOIN conversations c ON c.id = p.conversation_id
WHERE p.user_id IN (SELECT value FROM json_each($1)) AND p.left_at IS NULL AND c.ended_at IS NULL`,
	in:  func(param string) string { return "IN (SELECT value FROM json_each(" + param + "))" },
	ids: func(ids []string) any { return jsonText(ids) },

	numbers:    func(param string) string { return "json_each(" + param + ")" },
	numberList: func(numbers []int64) any { return jsonText(numbers) },
	draftsByKey: `SELECT ` + columns("m", messageColumns) + `
FROM json_each($1) k JOIN messages m ON m.conversation_id = k.value ->> 0 AND m.sender_id = k.value ->> 1 AND m.client_message_id = k.value ->> 2`,
	draftKeys: func(keys []draftKey) []any {
		rows := make([][3]string, len(keys))
		for i, k := range keys {
			rows[i] = [3]string{string(k.conversation), string(k.sender), k.clientID}
		}
		return []any{jsonText(rows)}
	},
	steps: `(SELECT key + 1 AS place, value ->> 0 AS conversation_id, value ->> 1 AS user_id, value ->> 2 AS message_id,
    value ->> 3 AS seq, value ->> 4 AS moment FROM json_each($1)) k`,
	stepRows: func(rows []stepRow) []any {
		out := make([][5]any, len(rows))
		for i, r := range rows {
			out[i] = [5]any{r.conversation, r.user, orNull(r.message), r.seq, r.at.UnixMicro()}
		}
		return []any{jsonText(out)}
	},
	seen: "(SELECT value ->> 0 AS id, value ->> 1 AS moment FROM json_each($1)) s",
	moments: func(users []chat.UserID, micros []int64) []any {
		out := make([][2]any, len(users))
		for i, u := range users {
			out[i] = [2]any{u, micros[i]}
		}
		return []any{jsonText(out)}
	},
	pairs: func(param string) string {
		return "(SELECT value ->> 0 AS one, value ->> 1 AS other FROM json_each(" + param + ")) k"
	},
	moment: func(t time.Time) any { return t.UnixMicro() },
}

var postgresDialect = &dialect{
	kind:       "postgres",
	greatest:   "GREATEST",
	forUpdate:  "FOR NO KEY UPDATE",
	skipLocked: "FOR UPDATE SKIP LOCKED",
	forShare:   "FOR SHARE",
	lockUsers:  "LOCK TABLE users IN SHARE ROW EXCLUSIVE MODE",
	hasSchema:  "SELECT to_regclass('schema_info') IS NOT NULL",

	hasUnfinishedMove: "SELECT to_regclass('unfinished_move') IS NOT NULL",

	firstParticipants: `SELECT c.id, p.role, p.joined_at, ` + userColumns("u") + `
FROM unnest($1::text[]::uuid[]) AS c (id)
CROSS JOIN LATERAL (SELECT user_id, role, joined_at FROM conversation_participants
      WHERE conversation_id = c.id AND left_at IS NULL ORDER BY joined_at, user_id LIMIT 20) p
JOIN users u ON u.id = p.user_id
ORDER BY c.id, p.joined_at, p.user_id`,
	now:    "statement_timestamp()",
	shared: true,
	ago: func(param string) string {
		return "(statement_timestamp() - " + param + "::bigint * interval '1 microsecond')"
	},
	interests: `SELECT p.user_id, c.id, c.last_seq, c.last_rev, c.roster_rev, c.updated_at, p.last_read_seq, p.hidden_seq
FROM conversation_participants p
CROSS JOIN LATERAL (SELECT * FROM conversations WHERE id = p.conversation_id AND ended_at IS NULL OFFSET 0) c
WHERE p.user_id = ANY ($1::text[]::uuid[]) AND p.left_at IS NULL`,
	in:  func(param string) string { return "= ANY (" + param + "::text[]::uuid[])" },
	ids: func(ids []string) any { return ids },

	numbers:    func(param string) string { return "unnest(" + param + "::bigint[]) AS n (value)" },
	numberList: func(numbers []int64) any { return numbers },
	draftsByKey: `SELECT ` + columns("m", messageColumns) + `
FROM unnest($1::text[]::uuid[], $2::text[]::uuid[], $3::text[]) AS k (conversation_id, sender_id, client_message_id)
JOIN messages m ON m.conversation_id = k.conversation_id AND m.sender_id = k.sender_id AND m.client_message_id = k.client_message_id`,
	draftKeys: func(keys []draftKey) []any {
		conversations, senders, clientIDs := make([]string, len(keys)), make([]string, len(keys)), make([]string, len(keys))
		for i, k := range keys {
			conversations[i], senders[i], clientIDs[i] = string(k.conversation), string(k.sender), k.clientID
		}
		return []any{conversations, senders, clientIDs}
	},
	steps: `unnest($1::text[]::uuid[], $2::text[]::uuid[], $3::text[]::uuid[], $4::bigint[], $5::timestamptz[])
    WITH ORDINALITY AS k (conversation_id, user_id, message_id, seq, moment, place)`,
	stepRows: func(rows []stepRow) []any {
		conversations, users, messages := make([]string, len(rows)), make([]string, len(rows)), make([]*string, len(rows))
		seqs, moments := make([]int64, len(rows)), make([]time.Time, len(rows))
		for i, r := range rows {
			conversations[i], users[i], seqs[i], moments[i] = string(r.conversation), string(r.user), r.seq, r.at
			if r.message != "" {
				messages[i] = (*string)(&r.message)
			}
		}
		return []any{conversations, users, messages, seqs, moments}
	},
	seen: "unnest($1::text[]::uuid[], $2::timestamptz[]) AS s (id, moment)",
	moments: func(users []chat.UserID, micros []int64) []any {
		ids, times := make([]string, len(users)), make([]time.Time, len(users))
		for i, u := range users {
			ids[i], times[i] = string(u), time.UnixMicro(micros[i])
		}
		return []any{ids, times}
	},
	pairs: func(param string) string {
		return "(SELECT (value ->> 0)::uuid AS one, (value ->> 1)::uuid AS other FROM jsonb_array_elements(" + param + "::text::jsonb)) k"
	},
	moment: func(t time.Time) any { return t },
}

func jsonText(v any) string {
	text, err := json.Marshal(v)
	if err != nil {
		panic("store: strings do not encode: " + err.Error())
	}
	return string(text)
}

// fill puts the dialect's words into a text: {lock}, {free}, {share}, {greatest}, {now}, {steps}, {seen}, {in $n} for a list
// of ids, {pairs $n} for the rows of a list of pairs of them, {numbers $n} for those of a list of numbers, and {ago $n} for
// the time of so many microseconds ago.
func (d *dialect) fill(query string) string {
	if text, known := d.filled.Load(query); known {
		return text.(string)
	}
	text := strings.NewReplacer("{lock}", d.forUpdate, "{free}", d.skipLocked, "{share}", d.forShare, "{greatest}", d.greatest, "{now}", d.now, "{steps}", d.steps, "{seen}", d.seen).Replace(query)
	text = fillParam(fillParam(fillParam(fillParam(text, "{in ", d.in), "{ago ", d.ago), "{numbers ", d.numbers), "{pairs ", d.pairs)
	d.filled.Store(query, text)
	return text
}

// fillParam replaces every word with a parameter.
func fillParam(text, word string, with func(param string) string) string {
	for {
		before, rest, more := strings.Cut(text, word)
		if !more {
			return text
		}
		param, after, _ := strings.Cut(rest, "}")
		text = before + with(param) + after
	}
}

// momentOrNull is the argument for a time that may be unknown.
func (d *dialect) momentOrNull(t time.Time) any {
	if t.IsZero() {
		return nil
	}
	return d.moment(t)
}

// orNull is the argument for a text that may be absent.
func orNull[S ~string](s S) any {
	if s == "" {
		return nil
	}
	return string(s)
}

// list is the argument for dialect.in.
func list[S ~string](d *dialect, ids []S) any {
	plain := make([]string, len(ids))
	for i, id := range ids {
		plain[i] = string(id)
	}
	return d.ids(plain)
}

// at scans a time of either database; NULL leaves it zero.
func at(t *time.Time) momentScanner { return momentScanner{t} }

type momentScanner struct{ t *time.Time }

func (m momentScanner) Scan(src any) error {
	switch v := src.(type) {
	case nil:
		*m.t = time.Time{}
	case int64:
		*m.t = time.UnixMicro(v).UTC()
	case time.Time:
		*m.t = v.UTC()
	default:
		return fmt.Errorf("a time came back as %T", src)
	}
	return nil
}

// text scans a text or an id that may be NULL, which becomes "".
func text[S ~string](s *S) textScanner[S] { return textScanner[S]{s} }

type textScanner[S ~string] struct{ s *S }

func (t textScanner[S]) Scan(src any) error {
	switch v := src.(type) {
	case nil:
		*t.s = ""
	case string:
		*t.s = S(v)
	case []byte:
		*t.s = S(v)
	default:
		return fmt.Errorf("a text came back as %T", src)
	}
	return nil
}

// columns names columns of the table called alias.
func columns(alias, names string) string {
	return alias + "." + strings.ReplaceAll(names, ", ", ", "+alias+".")
}
