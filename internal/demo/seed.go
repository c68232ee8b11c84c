// Package demo fills an empty server with people, conversations and a bot that answers, so that one
// person who has just started Parley sees it alive (C8.8). `parley serve --demo` uses it.
//
// Seeding writes through the store, as nobody is connected yet. Every step finds what an earlier start
// has made: people by their name, messages by their clientMessageId, and the whole of it by the bot's
// e-mail address, which is set last. So a seeding that was cut off is finished by the next start.
package demo

import (
	"context"
	"fmt"

	"github.com/parley-chat/parley/internal/auth"
	"github.com/parley-chat/parley/internal/chat"
)

// Store is what seeding writes to.
type Store interface {
	chat.Store
	auth.Store
}

// batch is how many messages one transaction of the seeding has.
const batch = 1000

// seeding is one run of [Seed].
type seeding struct {
	store    Store
	accounts *auth.Service
	newID    func() string
	ids      map[string]chat.UserID // by username
	long     int                    // messages of the long talk
}

// Seed puts the demo into the data unless it is there, and returns the bot's account. newID makes
// UUIDv7s. It answers [ErrRealData] when the data holds people that the demo did not make.
func Seed(ctx context.Context, store Store, accounts *auth.Service, newID func() string) (chat.UserID, error) {
	return seed(ctx, store, accounts, newID, long)
}

func seed(ctx context.Context, store Store, accounts *auth.Service, newID func() string, long int) (chat.UserID, error) {
	s := &seeding{store: store, accounts: accounts, newID: newID, ids: make(map[string]chat.UserID), long: long}
	made, err := Made(ctx, store)
	if err != nil {
		return "", err
	}
	if inhabited, err := store.HasAccounts(ctx); err != nil {
		return "", err
	} else if inhabited && !made {
		return "", ErrRealData
	}
	for _, p := range append(people[:len(people):len(people)], bot) {
		if s.ids[p.username], err = s.person(ctx, p); err != nil {
			return "", err
		}
	}
	echo := s.ids[bot.username]
	if done, err := store.Me(ctx, echo); err != nil || done.Email != "" {
		return echo, err
	}
	for _, c := range conversations {
		if err := s.conversation(ctx, c); err != nil {
			return "", fmt.Errorf("making the demo's conversation %q: %w", c.title, err)
		}
	}
	address := bot.username + mark
	_, err = store.UpdateMe(ctx, echo, chat.ProfileEdit{Email: &address}, false)
	return echo, err
}

// conversation makes one conversation with its history and moves the read positions.
func (s *seeding) conversation(ctx context.Context, c conversation) error {
	id, err := s.open(ctx, c)
	if err != nil {
		return err
	}
	var last chat.MessageID
	lines := c.lines
	if lines == nil {
		lines = longTalk(s.long)
	}
	for first := 0; first < len(lines); first += batch {
		last, err = s.write(ctx, id, first, lines[first:min(first+batch, len(lines))])
		if err != nil {
			return err
		}
	}
	for _, name := range c.read {
		if _, _, err := s.store.AdvanceRead(ctx, id, s.ids[name], last, false); err != nil {
			return err
		}
	}
	return nil
}

// open finds a conversation of the first person in it, or makes it.
func (s *seeding) open(ctx context.Context, c conversation) (chat.ConversationID, error) {
	creator := s.ids[c.people[0]]
	if c.title != "" {
		mine, _, err := s.store.Conversations(ctx, chat.ListQuery{Viewer: creator, Limit: 100})
		if err != nil {
			return "", err
		}
		for _, known := range mine {
			if known.Title == c.title {
				return known.ID, nil
			}
		}
	}
	n := chat.NewConversation{ID: chat.ConversationID(s.newID()), Type: chat.Group, Title: c.title, Creator: creator}
	if c.title == "" {
		n.Type = chat.Direct
	}
	for _, name := range c.people {
		n.Participants = append(n.Participants, s.ids[name])
	}
	made, _, err := s.store.CreateConversation(ctx, n)
	return made.ID, err
}

// write stores lines, the first of which has the number given, and returns the last message's id.
func (s *seeding) write(ctx context.Context, c chat.ConversationID, first int, lines []line) (chat.MessageID, error) {
	roster, err := s.store.Roster(ctx, c)
	if err != nil {
		return "", err
	}
	drafts := make([]chat.Draft, len(lines))
	for i, l := range lines {
		drafts[i] = chat.Draft{
			ID: chat.MessageID(s.newID()), Conversation: c, Sender: s.ids[l.sender], Content: l.text, ContentType: "text",
			ClientMessageID: fmt.Sprintf("demo-%d", first+i), RosterRev: roster.Rev,
		}
	}
	stored, err := s.store.AppendMessages(ctx, drafts)
	if err != nil {
		return "", err
	}
	for _, m := range stored {
		if m.Err != nil {
			return "", m.Err
		}
	}
	return stored[len(stored)-1].Message.ID, nil
}
