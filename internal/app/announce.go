package app

import (
	"context"
	"time"

	"github.com/parley-chat/parley/internal/protocol"
)

const (
	// announceEvery is how often announcements are looked for: half of the second in which they are heard.
	announceEvery = 500 * time.Millisecond
	// announceWithin is how old an announcement may be that is still said: one that became visible late, or
	// was made while the database could not be asked.
	announceWithin = time.Minute
)

// announcer says what the operator has stored for everybody to hear, once on each node.
type announcer struct {
	node *Node
	said map[string]bool // by ID, of those within announceWithin
}

// run looks until ctx ends. What is there at its beginning was said by others.
func (a *announcer) run(ctx context.Context) error {
	tick := time.NewTicker(announceEvery)
	defer tick.Stop()
	failing := false
	for {
		err := a.look(ctx)
		if ctx.Err() != nil {
			return nil
		}
		if err != nil && !failing {
			a.node.log.Warn("announcements cannot be looked for", "event", "announcement.failed", "error", err)
		}
		failing = err != nil
		select {
		case <-tick.C:
		case <-ctx.Done():
			return nil
		}
	}
}

func (a *announcer) look(ctx context.Context) error {
	recent, err := a.node.store.RecentAnnouncements(ctx, announceWithin)
	if err != nil {
		return err
	}
	said := make(map[string]bool, len(recent))
	for _, r := range recent {
		if a.said != nil && !a.said[r.ID] {
			a.node.hub.Tell(protocol.Announcement{Text: r.Text})
			a.node.log.Info("announcement.said", "announcementId", r.ID, "author", r.Author)
		}
		said[r.ID] = true
	}
	a.said = said
	return nil
}
