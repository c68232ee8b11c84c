package chat

import (
	"context"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"
)

// ConversationType is direct (two people, for ever) or group (C5.4).
type ConversationType string

const (
	Direct ConversationType = "direct"
	Group  ConversationType = "group"
)

// Conversation is a conversation as one participant sees it, or, with Viewer "", as all see it.
type Conversation struct {
	ID      ConversationID
	Type    ConversationType
	Title   string // "" for none
	OwnerID UserID // "" for direct

	Participants     []Participant // the first 20 in order of joining
	ParticipantCount int

	LastMessage *Message // nil before the first message; may be a tombstone
	LastSeq     int64
	LastRev     int64
	// RosterRev is the rev of the last change to the conversation itself or to who is in it.
	RosterRev int64

	// Viewer is whom the members below belong to; "" when they are not set.
	Viewer            UserID
	UnreadCount       int64
	MentionCount      int64
	LastReadMessageID MessageID
	LastReadSeq       int64

	CreatedAt time.Time
	// UpdatedAt is the time of the last message or change: the list's order.
	UpdatedAt time.Time
	EndedAt   time.Time
}

// MaxTitle is the longest title in Unicode code points.
const MaxTitle = 100

// CreateConversation opens a conversation between the actor and others (C5.4). A direct one that exists
// is returned with created = false, also when one has blocked the other. Else somebody with whom the actor has a block,
// either way, is answered as if they did not exist.
func (s *Service) CreateConversation(ctx context.Context, actor UserID, t ConversationType, others []UserID, title string) (conversation Conversation, created bool, err error) {
	people, err := s.invited(actor, others)
	if err != nil {
		return Conversation{}, false, err
	}
	n := NewConversation{ID: ConversationID(s.cfg.NewID()), Type: t, Creator: actor, Participants: append([]UserID{actor}, people...)}
	switch t {
	case Direct:
		if len(people) != 1 {
			return Conversation{}, false, Invalid("participantIds", "A direct conversation is with exactly one other person.")
		}
		if title != "" {
			return Conversation{}, false, Invalid("title", "A direct conversation has no title.")
		}
	case Group:
		if len(n.Participants) > s.cfg.MaxGroup {
			return Conversation{}, false, Invalid("participantIds", "A group has at most %d people.", s.cfg.MaxGroup)
		}
		if n.Title, err = CheckTitle(title); err != nil {
			return Conversation{}, false, err
		}
	default:
		return Conversation{}, false, Invalid("type", "The type must be \"direct\" or \"group\".")
	}
	conversation, created, err = s.store.CreateConversation(ctx, n)
	if err != nil {
		if AsError(err).Code == CodeNotFound {
			err = Invalid("participantIds", "One of these people does not exist.")
		}
		return Conversation{}, false, err
	}
	s.rosters.invalidate(conversation.ID)
	if created {
		s.announcer.Announce([]Change{{
			Conversation: conversation.ID, Rev: conversation.LastRev, Kind: ConversationRevised,
			State: shared(conversation), Joined: n.Participants, Trace: TraceOf(ctx),
		}})
	} else {
		s.announcer.ConversationReturned(actor, conversation)
	}
	return conversation, created, nil
}

// invited checks ids of people and takes out doubles and the actor.
func (s *Service) invited(actor UserID, ids []UserID) ([]UserID, error) {
	known := map[UserID]bool{actor: true}
	var out []UserID
	for _, id := range ids {
		if !ValidID(string(id)) {
			return nil, Invalid("participantIds", "One of these people does not exist.")
		}
		if !known[id] {
			known[id] = true
			out = append(out, id)
		}
	}
	return out, nil
}

// shared is the conversation without what belongs to one viewer.
func shared(c Conversation) *Conversation {
	c.Viewer, c.UnreadCount, c.MentionCount, c.LastReadMessageID, c.LastReadSeq = "", 0, 0, "", 0
	return &c
}

// CheckTitle holds the rule for titles: at most 100 code points, valid UTF-8, no control characters
// and no characters that turn the direction of text around it. White space around it is cut off; ""
// is no title.
func CheckTitle(title string) (string, error) {
	title = strings.TrimSpace(title)
	if !utf8.ValidString(title) || utf8.RuneCountInString(title) > MaxTitle || strings.ContainsFunc(title, misleads) {
		return "", Invalid("title", "A title has at most %d printable characters.", MaxTitle)
	}
	return title, nil
}

// misleads reports control characters and bidirectional controls, which make a name look like another.
func misleads(r rune) bool { return unicode.IsControl(r) || unicode.Is(unicode.Bidi_Control, r) }

// Conversation reads one conversation as the actor sees it.
func (s *Service) Conversation(ctx context.Context, actor UserID, c ConversationID) (Conversation, error) {
	if _, _, err := s.role(ctx, c, actor); err != nil {
		return Conversation{}, err
	}
	return s.conversation(ctx, actor, c)
}

func (s *Service) conversation(ctx context.Context, actor UserID, c ConversationID) (Conversation, error) {
	waiting := s.waitingOf(ctx, actor)
	conversation, err := s.store.Conversation(ctx, c, actor)
	if err != nil && AsError(err).Code == CodeNotFound {
		err = NotInConversation()
	}
	if err != nil {
		return Conversation{}, err
	}
	return conversation, s.readAhead(ctx, actor, &conversation, waiting)
}

// readAhead moves the viewer's position in a conversation to where the steps put it that wait.
func (s *Service) readAhead(ctx context.Context, viewer UserID, c *Conversation, waiting []Step) error {
	if len(waiting) == 0 {
		return nil
	}
	states := map[UserID]ReadState{viewer: {
		Conversation: c.ID, LastReadMessageID: c.LastReadMessageID, LastReadSeq: c.LastReadSeq, UnreadCount: c.UnreadCount,
	}}
	err := s.putAhead(ctx, c.ID, states, waiting)
	is := states[viewer]
	c.LastReadMessageID, c.LastReadSeq, c.UnreadCount = is.LastReadMessageID, is.LastReadSeq, is.UnreadCount
	return err
}

// Conversations lists the actor's conversations, newest activity first.
func (s *Service) Conversations(ctx context.Context, q ListQuery) ([]Conversation, bool, error) {
	waiting := s.waitingOf(ctx, q.Viewer)
	list, more, err := s.store.Conversations(ctx, q)
	for i := 0; i < len(list) && err == nil; i++ {
		err = s.readAhead(ctx, q.Viewer, &list[i], waiting)
	}
	return list, more, err
}

// revise decides a revision on the roster, stores it and announces it, and returns the conversation after it. A decision
// of nil changes nothing, and nil is returned.
func (s *Service) revise(ctx context.Context, actor UserID, c ConversationID, decide func(Roster, Role) (*Revision, error)) (*Conversation, error) {
	var revised *Conversation
	err := s.decided(ctx, c, actor, func(r Roster, role Role) error {
		revision, err := decide(r, role)
		if err != nil {
			return err
		}
		if revision == nil {
			return errNothing
		}
		revision.Conversation, revision.RosterRev = c, r.Rev
		after, err := s.store.ReviseConversation(ctx, *revision)
		if err != nil {
			return err
		}
		s.rosters.invalidate(c)
		s.announcer.Announce([]Change{{
			Conversation: c, Rev: after.LastRev, Kind: ConversationRevised, State: shared(after),
			Joined: revision.Add, Left: departures(r, *revision, actor), Trace: TraceOf(ctx),
		}})
		s.recountAfter(ctx, r, *revision)
		revised = shared(after)
		return nil
	})
	return revised, err
}

// reviseAndRead revises, and reads the conversation as the actor sees it. An actor who has left by then is answered what
// they did: an error would say that it was not done.
func (s *Service) reviseAndRead(ctx context.Context, actor UserID, c ConversationID, decide func(Roster, Role) (*Revision, error)) (Conversation, error) {
	revised, err := s.revise(ctx, actor, c, decide)
	if err != nil {
		return Conversation{}, err
	}
	now, err := s.conversation(ctx, actor, c)
	if err != nil && revised != nil && AsError(err).Code == CodeNotInConversation {
		return *revised, nil
	}
	return now, err
}

// RenameConversation sets a group's title; "" removes it. The owner and admins may.
func (s *Service) RenameConversation(ctx context.Context, actor UserID, c ConversationID, title string) (Conversation, error) {
	title, err := CheckTitle(title)
	if err != nil {
		return Conversation{}, err
	}
	return s.reviseAndRead(ctx, actor, c, func(r Roster, role Role) (*Revision, error) {
		return &Revision{Title: &title}, onlyAdmin(r, role)
	})
}

// DeleteConversation ends a group for all (its owner), leaves it (a member), or takes a direct one off
// the actor's list until its next message (C5.4).
func (s *Service) DeleteConversation(ctx context.Context, actor UserID, c ConversationID) error {
	r, role, err := s.role(ctx, c, actor)
	if err != nil {
		return err
	}
	switch {
	case r.Type == Direct:
		seq, err := s.store.HideConversation(ctx, c, actor)
		if err != nil {
			return err
		}
		s.announcer.ConversationHidden(actor, c, seq)
		return nil
	case role != RoleOwner:
		return s.leave(ctx, actor, c)
	}
	_, err = s.revise(ctx, actor, c, func(_ Roster, role Role) (*Revision, error) {
		if role != RoleOwner {
			return nil, Forbidden("Only the owner can end a group.")
		}
		return &Revision{End: true}, nil
	})
	return err
}
