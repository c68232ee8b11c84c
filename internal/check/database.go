package check

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"net/url"
	"strings"

	_ "github.com/jackc/pgx/v5/stdlib" // the driver "pgx"
	_ "modernc.org/sqlite"             // the driver "sqlite"
)

// Database is what was stored in the end, as far as clients could see it.
type Database struct {
	Conversations []StoredConversation
	Messages      []StoredMessage // by conversation and seq
	Participants  []StoredParticipant
}

// StoredConversation is one row of conversations.
type StoredConversation struct {
	ID        string  `json:"id"`
	Type      string  `json:"type"`
	LastSeq   int64   `json:"lastSeq"`
	LastRev   int64   `json:"lastRev"`
	RosterRev int64   `json:"rosterRev"`
	Ended     bool    `json:"ended,omitempty"`
	Roster    *Roster `json:"roster"`
}

// StoredMessage is one row of messages.
type StoredMessage struct {
	Conversation string `json:"conversation"`
	Entry
}

// StoredParticipant is one row of conversation_participants.
type StoredParticipant struct {
	Conversation string `json:"conversation"`
	User         string `json:"user"`
	Role         string `json:"role"`
	Rev          int64  `json:"rev"`
	JoinedAt     int64  `json:"joinedAt"`
	LeftAt       int64  `json:"leftAt,omitempty"` // 0 for who is in it
	ReadMessage  string `json:"readMessage,omitempty"`
	ReadSeq      int64  `json:"readSeq"`
	HiddenSeq    int64  `json:"hiddenSeq"`
	StepSeq      int64  `json:"stepSeq,omitempty"` // of the furthest row in read_receipts
	Shows        bool   `json:"shows,omitempty"`   // lets others know what they read
}

// ReadDatabase reads what is stored, from one snapshot. where is a PostgreSQL URL or the path of a SQLite
// file. Errors do not repeat it: it may hold a password.
func ReadDatabase(ctx context.Context, where string) (*Database, error) {
	r := &reader{}
	driver, source := "sqlite", "file:"+(&url.URL{Path: where}).EscapedPath()+"?_pragma=busy_timeout(5000)&_pragma=query_only(1)"
	if strings.HasPrefix(where, "postgres://") || strings.HasPrefix(where, "postgresql://") {
		driver, source, r.postgres = "pgx", where, true
	}
	db, err := sql.Open(driver, source)
	if err != nil {
		return nil, errors.New("the database's URL cannot be read")
	}
	defer db.Close()
	tx, err := db.BeginTx(ctx, &sql.TxOptions{Isolation: r.isolation(), ReadOnly: true})
	if err != nil {
		return nil, fmt.Errorf("the database cannot be opened: %w", hideURL(err, where))
	}
	defer func() { _ = tx.Rollback() }()
	r.ctx, r.tx = ctx, tx
	return r.read()
}

func hideURL(err error, where string) error {
	if strings.Contains(err.Error(), where) {
		return errors.New("it does not answer")
	}
	return err
}

// reader reads one snapshot.
type reader struct {
	ctx      context.Context
	tx       *sql.Tx
	postgres bool
}

func (r *reader) isolation() sql.IsolationLevel {
	if r.postgres {
		return sql.LevelRepeatableRead
	}
	return sql.LevelDefault
}

func (r *reader) read() (*Database, error) {
	out := &Database{}
	seats, err := r.participants(out)
	if err == nil {
		err = r.conversations(out, seats)
	}
	if err == nil {
		err = r.messages(out)
	}
	if err != nil {
		return nil, fmt.Errorf("the database cannot be read: %w", err)
	}
	return out, nil
}

// micro is the SQL for a column's time in µs since 1970, 0 for none.
func (r *reader) micro(column string) string {
	if r.postgres {
		return "COALESCE((extract(epoch FROM " + column + ") * 1000000)::bigint, 0)"
	}
	return "COALESCE(" + column + ", 0)"
}

// text is the SQL for a column's text, "" for none.
func (r *reader) text(column string) string { return "COALESCE(CAST(" + column + " AS text), '')" }

// participants reads everybody, in order of joining, and returns who is in each conversation.
func (r *reader) participants(out *Database) (map[string][]seat, error) {
	seats := make(map[string][]seat)
	query := "SELECT " + r.text("p.conversation_id") + ", " + r.text("p.user_id") + ", p.role, p.rev, " + r.micro("p.joined_at") + ", " + r.micro("p.left_at") + ", " +
		r.text("p.last_read_message_id") + ", p.last_read_seq, p.hidden_seq, " +
		"COALESCE((SELECT max(s.seq) FROM read_receipts s WHERE s.conversation_id = p.conversation_id AND s.user_id = p.user_id), 0), " +
		"u.deleted_at IS NULL AND COALESCE(p.read_receipts_enabled, u.read_receipts_enabled) " +
		"FROM conversation_participants p JOIN users u ON u.id = p.user_id ORDER BY p.conversation_id, p.joined_at, p.user_id"
	return seats, r.each(query, func(row *sql.Rows) error {
		var p StoredParticipant
		if err := row.Scan(&p.Conversation, &p.User, &p.Role, &p.Rev, &p.JoinedAt, &p.LeftAt, &p.ReadMessage, &p.ReadSeq, &p.HiddenSeq, &p.StepSeq, &p.Shows); err != nil {
			return err
		}
		out.Participants = append(out.Participants, p)
		if p.LeftAt == 0 {
			seats[p.Conversation] = append(seats[p.Conversation], seat{p.User, p.Role})
		}
		return nil
	})
}

func (r *reader) conversations(out *Database, seats map[string][]seat) error {
	query := "SELECT " + r.text("id") + ", type, title, " + r.text("owner_id") + ", last_seq, last_rev, roster_rev, " + r.micro("ended_at") + " FROM conversations ORDER BY id"
	return r.each(query, func(row *sql.Rows) error {
		var c StoredConversation
		var title, owner string
		var ended int64
		if err := row.Scan(&c.ID, &c.Type, &title, &owner, &c.LastSeq, &c.LastRev, &c.RosterRev, &ended); err != nil {
			return err
		}
		in := seats[c.ID]
		c.Ended, c.Roster = ended != 0, roster(c.Type, title, owner, in, len(in))
		c.Roster.Rev = c.RosterRev
		out.Conversations = append(out.Conversations, c)
		return nil
	})
}

func (r *reader) messages(out *Database) error {
	query := "SELECT " + r.text("conversation_id") + ", " + r.text("id") + ", " + r.text("sender_id") + ", seq, rev, content, content_type, client_message_id, " +
		r.micro("created_at") + ", " + r.micro("updated_at") + ", " + r.micro("edited_at") + ", " + r.micro("deleted_at") + " FROM messages ORDER BY conversation_id, seq"
	return r.each(query, func(row *sql.Rows) error {
		var m StoredMessage
		var content, contentType string
		var updated, edited, deleted int64
		err := row.Scan(&m.Conversation, &m.Message, &m.Sender, &m.Seq, &m.Rev, &content, &contentType, &m.Key, &m.CreatedAt, &updated, &edited, &deleted)
		if err != nil {
			return err
		}
		m.Entry = entry(m.Conversation, contentType, content, updated, edited, deleted, m.Entry)
		out.Messages = append(out.Messages, m)
		return nil
	})
}

func (r *reader) each(query string, row func(*sql.Rows) error) error {
	rows, err := r.tx.QueryContext(r.ctx, query)
	if err != nil {
		return err
	}
	defer rows.Close()
	for rows.Next() {
		if err := row(rows); err != nil {
			return err
		}
	}
	return rows.Err()
}
