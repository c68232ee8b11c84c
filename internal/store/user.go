package store

import (
	"context"
	"strconv"
	"strings"

	"golang.org/x/text/cases"
	"golang.org/x/text/unicode/norm"

	"github.com/parley-chat/parley/internal/chat"
)

func userColumns(alias string) string {
	return columns(alias, "id, username, display_name, created_at, deleted_at")
}

func userInto(u *chat.User) []any {
	return []any{&u.ID, &u.Username, &u.DisplayName, at(&u.CreatedAt), at(&u.DeletedAt)}
}

// searchKey is how names are compared: NFKC and case folding, as internal/auth folds usernames.
func searchKey(name string) string {
	return cases.Fold().String(norm.NFKC.String(name))
}

// Users returns those that exist, erased ones included, in no order.
func (s *Store) Users(ctx context.Context, ids []chat.UserID) ([]chat.User, error) {
	out, err := s.users(ctx, s.fill("SELECT "+userColumns("u")+" FROM users u WHERE id {in $1}"), list(s.dialect, ids))
	return out, err
}

func (s *Store) users(ctx context.Context, query string, args ...any) ([]chat.User, error) {
	var out []chat.User
	err := s.db.reader().each(ctx, func(row scan) error {
		var u chat.User
		if err := row(userInto(&u)...); err != nil {
			return err
		}
		out = append(out, u)
		return nil
	}, query, args...)
	return out, named(err)
}

// Me returns a person's own account, or CodeNotFound when it does not exist or was erased.
func (s *Store) Me(ctx context.Context, id chat.UserID) (chat.Me, error) {
	return s.me(ctx, s.db.reader(), id)
}

func (s *Store) me(ctx context.Context, x session, id chat.UserID) (chat.Me, error) {
	var m chat.Me
	err := x.one(ctx, into(append(userInto(&m.User), text(&m.Email), &m.ReadReceiptsEnabled, &m.PresenceEnabled, &m.PresenceSharing, &m.PresenceInvisible)...),
		"SELECT "+userColumns("u")+", email, read_receipts_enabled, presence_enabled, presence_sharing, presence_invisible FROM users u WHERE id = $1 AND deleted_at IS NULL", string(id))
	return m, found(err, "person")
}

// UpdateMe applies the edit and returns what became of the account, or CodeNotFound when it was erased. there says that the
// person is connected: who becomes invisible was then seen last at that moment. What becomes shown of what they read is shown
// as read at that moment (C6.6).
func (s *Store) UpdateMe(ctx context.Context, id chat.UserID, e chat.ProfileEdit, there bool) (out chat.ProfileChange, err error) {
	set := newAssignments(string(id))
	if e.DisplayName != nil {
		set.to("display_name", *e.DisplayName)
		set.to("display_key", searchKey(*e.DisplayName))
	}
	if e.Email != nil {
		set.to("email", orNull(*e.Email))
	}
	err = s.db.write(ctx, func(x session) (err error) {
		out, err = s.updateMe(ctx, x, id, e, *set, there)
		return err
	})
	if err != nil {
		return chat.ProfileChange{}, named(err)
	}
	return out, nil
}

func (s *Store) updateMe(ctx context.Context, x session, id chat.UserID, e chat.ProfileEdit, set assignments, there bool) (out chat.ProfileChange, err error) {
	before, was, err := s.lockPrivacy(ctx, x, id)
	if err != nil {
		return out, err
	}
	is := was.Privacy
	assign(&is.Enabled, e.PresenceEnabled)
	assign(&is.Sharing, e.PresenceSharing)
	assign(&is.Invisible, e.PresenceInvisible)
	receipts := before
	assign(&receipts, e.ReadReceiptsEnabled)
	out.Receipts, out.Presence = receipts != before, is != was.Privacy
	out.Visible = was.Privacy.Invisible && !is.Invisible
	if out.Receipts {
		set.to("read_receipts_enabled", receipts)
	}
	if out.Presence {
		is.Rev++
		set.to("presence_enabled", is.Enabled)
		set.to("presence_sharing", string(is.Sharing))
		set.to("presence_invisible", is.Invisible)
		set.to("presence_rev", is.Rev)
	}
	out.Privacy, out.SeenAt = is, was.SeenAt
	if is.Invisible && !was.Privacy.Invisible {
		if there {
			out.SeenAt = notBefore(s.now(), was.SeenAt)
			set.to("last_seen_at", s.moment(out.SeenAt))
		}
		if err := s.goesOutOfView(ctx, x, id); err != nil {
			return out, err
		}
	}
	if len(set.columns) > 0 {
		set.to("updated_at", s.moment(s.now()))
		if _, err := x.exec(ctx, "UPDATE users SET "+strings.Join(set.columns, ", ")+" WHERE id = $1", set.args...); err != nil {
			return out, err
		}
	}
	var shown map[chat.UserID][]chat.ConversationID
	switch {
	case out.Visible:
		shown, err = s.comesIntoView(ctx, x, visibleAgain, id)
	case out.Receipts && !is.Invisible:
		shown, err = s.comesIntoView(ctx, x, receiptsAgain, id)
	}
	if err == nil {
		out.Shown = shown[id]
		out.Me, err = s.me(ctx, x, id)
	}
	return out, err
}

// assign changes a value where another is given.
func assign[T any](to *T, value *T) {
	if value != nil {
		*to = *value
	}
}

// lockPrivacy locks an account and says what its person lets others know.
func (s *Store) lockPrivacy(ctx context.Context, x session, id chat.UserID) (receipts bool, privacy chat.Watched, err error) {
	err = x.one(ctx, into(append([]any{&receipts}, privacyInto(&privacy)...)...),
		s.fill("SELECT read_receipts_enabled, "+privacyOf+" FROM users WHERE id = $1 AND deleted_at IS NULL {lock}"), string(id))
	return receipts, privacy, found(err, "person")
}

// assignments are the columns that an UPDATE changes, with its arguments.
type assignments struct {
	columns []string
	args    []any
}

// newAssignments begins with the argument that selects the row.
func newAssignments(key any) *assignments { return &assignments{args: []any{key}} }

func (a *assignments) to(column string, value any) {
	a.args = append(a.args, value)
	a.columns = append(a.columns, column+" = $"+strconv.Itoa(len(a.args)))
}

// lastRune is behind every name that begins with a given prefix, in the order of bytes.
const lastRune = "\U0010FFFF"

// SearchUsers finds by prefix of username or display name without regard to case, never by e-mail, the
// searcher, erased people and those with whom there is a block, either way, left out, in order of username.
func (s *Store) SearchUsers(ctx context.Context, searcher chat.UserID, prefix string, limit int) ([]chat.User, error) {
	key := searchKey(prefix)
	return s.users(ctx, "SELECT "+userColumns("u")+` FROM users u
WHERE (username_key >= $1 AND username_key < $2 OR display_key >= $1 AND display_key < $2) AND deleted_at IS NULL AND id <> $3
AND NOT EXISTS (SELECT 1 FROM blocks b WHERE b.blocker_id = $3 AND b.blocked_id = u.id)
AND NOT EXISTS (SELECT 1 FROM blocks b WHERE b.blocker_id = u.id AND b.blocked_id = $3)
ORDER BY username_key LIMIT $4`, key, key+lastRune, string(searcher), limit)
}
