package store

import (
	"context"
	"time"

	"github.com/parley-chat/parley/internal/chat"
)

// announcementRecord is how long an announcement is kept.
const announcementRecord = 24 * time.Hour

// AddAnnouncement stores an announcement and returns it with its time, which is the database's. Adding it
// again under the same ID changes nothing. What is a day old goes.
func (s *Store) AddAnnouncement(ctx context.Context, a chat.Announcement) (chat.Announcement, error) {
	if err := s.writable(); err != nil {
		return chat.Announcement{}, err
	}
	if err := chat.CheckAnnouncement(a.Text); err != nil {
		return chat.Announcement{}, err
	}
	err := s.db.write(ctx, func(x session) error {
		if _, err := x.exec(ctx, s.fill("DELETE FROM announcements WHERE created_at < {ago $1}"), announcementRecord.Microseconds()); err != nil {
			return err
		}
		_, err := x.exec(ctx, s.fill("INSERT INTO announcements (id, text, author, created_at) VALUES ($1, $2, $3, {now}) ON CONFLICT (id) DO NOTHING"),
			a.ID, a.Text, a.Author)
		if err != nil {
			return err
		}
		return x.one(ctx, announcementInto(&a), "SELECT id, text, author, created_at FROM announcements WHERE id = $1", a.ID)
	})
	return a, named(err)
}

// RecentAnnouncements returns those made within the time given, by the database's clock, the oldest first. One
// may become visible up to a few seconds after its time, when its transaction commits.
func (s *Store) RecentAnnouncements(ctx context.Context, within time.Duration) ([]chat.Announcement, error) {
	var out []chat.Announcement
	err := s.db.reader().each(ctx, func(row scan) error {
		var a chat.Announcement
		if err := announcementInto(&a)(row); err != nil {
			return err
		}
		out = append(out, a)
		return nil
	}, s.fill("SELECT id, text, author, created_at FROM announcements WHERE created_at >= {ago $1} ORDER BY created_at, id"), within.Microseconds())
	return out, named(err)
}

func announcementInto(a *chat.Announcement) func(scan) error {
	return into(&a.ID, &a.Text, &a.Author, at(&a.CreatedAt))
}
