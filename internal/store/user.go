package store

import (
	"context"
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
	err := x.one(ctx, into(append(userInto(&m.User), text(&m.Email), &m.ReadReceiptsEnabled, &m.PresenceEnabled, &m.PresenceSharing)...),
		"SELECT "+userColumns("u")+", email, read_receipts_enabled, presence_enabled, presence_sharing FROM users u WHERE id = $1 AND deleted_at IS NULL", string(id))
	return m, found(err, "person")
}

// UpdateMe applies the edit and returns the account after it, and whether read receipts are another way than before, or
// CodeNotFound when it was erased. Switching them on again shows what was read meanwhile as read at that moment (C6.6).
func (s *Store) UpdateMe(ctx context.Context, id chat.UserID, e chat.ProfileEdit) (after chat.Me, switched bool, err error) {
	var set []string
	args := []any{string(id)}
	assign := func(column string, value any) {
		args = append(args, value)
		set = append(set, column+" = $"+string(rune('0'+len(args))))
	}
	if e.DisplayName != nil {
		assign("display_name", *e.DisplayName)
		assign("display_key", searchKey(*e.DisplayName))
	}
	if e.Email != nil {
		assign("email", orNull(*e.Email))
	}
	if e.ReadReceiptsEnabled != nil {
		assign("read_receipts_enabled", *e.ReadReceiptsEnabled)
	}
	if e.PresenceEnabled != nil {
		assign("presence_enabled", *e.PresenceEnabled)
	}
	if e.PresenceSharing != nil {
		assign("presence_sharing", string(*e.PresenceSharing))
	}
	if len(set) == 0 {
		after, err = s.Me(ctx, id)
		return after, false, err
	}
	assign("updated_at", s.moment(s.now()))
	err = s.db.write(ctx, func(x session) error {
		switched = false
		if e.ReadReceiptsEnabled != nil {
			var before bool
			err := x.one(ctx, into(&before), s.fill("SELECT read_receipts_enabled FROM users WHERE id = $1 AND deleted_at IS NULL {lock}"), string(id))
			if err != nil {
				return found(err, "person")
			}
			switched = before != *e.ReadReceiptsEnabled
		}
		if _, err := x.exec(ctx, "UPDATE users SET "+strings.Join(set, ", ")+" WHERE id = $1 AND deleted_at IS NULL", args...); err != nil {
			return err
		}
		if switched && *e.ReadReceiptsEnabled {
			if err := s.comesIntoView(ctx, x, id); err != nil {
				return err
			}
		}
		var err error
		after, err = s.me(ctx, x, id)
		return err
	})
	if err != nil {
		return chat.Me{}, false, named(err)
	}
	return after, switched, nil
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
