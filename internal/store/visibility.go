package store

import (
	"context"
	"slices"
	"time"

	"github.com/parley-chat/parley/internal/chat"
)

// SetVisibility makes people invisible, or visible again, in one transaction, and returns what became of each, not of who
// was erased. Who is named twice becomes what is named last. Of who is that already nothing is written. It is at most
// eight statements, however many people there are, who are locked in order of their ids.
func (s *Store) SetVisibility(ctx context.Context, asked []chat.Visibility) (out map[chat.UserID]chat.PrivacyChange, err error) {
	last := make(map[chat.UserID]chat.Visibility, len(asked))
	for _, a := range asked {
		if chat.ValidID(string(a.User)) {
			last[a.User] = a
		}
	}
	if len(last) == 0 {
		return nil, nil
	}
	err = s.db.write(ctx, func(x session) (err error) {
		out, err = s.setVisibility(ctx, x, last)
		return err
	})
	return out, named(err)
}

func (s *Store) setVisibility(ctx context.Context, x session, asked map[chat.UserID]chat.Visibility) (map[chat.UserID]chat.PrivacyChange, error) {
	users := make([]chat.UserID, 0, len(asked))
	for u := range asked {
		users = append(users, u)
	}
	was, err := s.lockPrivacies(ctx, x, users)
	if err != nil {
		return nil, err
	}
	now := s.now()
	change := changeVisibility(asked, was, now)
	if unseen := slices.Concat(change.hidden, change.left); len(unseen) > 0 {
		if err := s.goesOutOfView(ctx, x, unseen...); err != nil {
			return nil, err
		}
	}
	const set = "UPDATE users SET presence_rev = presence_rev + 1, updated_at = $2, presence_invisible = $3"
	for _, some := range []struct {
		users     []chat.UserID
		invisible bool
		set       string
	}{
		{change.hidden, true, set},
		{change.left, true, set + ", last_seen_at = {greatest}($2, COALESCE(last_seen_at, $2))"},
		{change.visible, false, set},
	} {
		if len(some.users) == 0 {
			continue
		}
		if _, err := x.exec(ctx, s.fill(some.set+" WHERE id {in $1}"), list(s.dialect, some.users), s.moment(now), some.invisible); err != nil {
			return nil, err
		}
	}
	if len(change.visible) == 0 {
		return change.of, nil
	}
	shown, err := s.comesIntoView(ctx, x, visibleAgain, change.visible...)
	for u, cs := range shown {
		is := change.of[u]
		is.Shown = cs
		change.of[u] = is
	}
	return change.of, err
}

// visibilityChange is what becomes of people, and who of them is to be written: who becomes invisible, who does so and
// was there, and who becomes visible.
type visibilityChange struct {
	of                    map[chat.UserID]chat.PrivacyChange
	hidden, left, visible []chat.UserID
}

func changeVisibility(asked map[chat.UserID]chat.Visibility, was map[chat.UserID]chat.Watched, now time.Time) visibilityChange {
	out := visibilityChange{of: make(map[chat.UserID]chat.PrivacyChange, len(was))}
	for u, w := range was {
		to, is := asked[u], chat.PrivacyChange{Privacy: w.Privacy, SeenAt: w.SeenAt}
		if to.Invisible != w.Privacy.Invisible {
			is.Presence, is.Visible = true, !to.Invisible
			is.Privacy.Rev++
			is.Privacy.Invisible = to.Invisible
			switch {
			case is.Visible:
				out.visible = append(out.visible, u)
			case to.There:
				is.SeenAt = notBefore(now, w.SeenAt)
				out.left = append(out.left, u)
			default:
				out.hidden = append(out.hidden, u)
			}
		}
		out.of[u] = is
	}
	return out
}

// lockPrivacies locks the accounts of those who exist and were not erased and says what is noted of them.
func (s *Store) lockPrivacies(ctx context.Context, x session, users []chat.UserID) (map[chat.UserID]chat.Watched, error) {
	return s.lastSeen(ctx, x, users, " ORDER BY u.id {lock}")
}
