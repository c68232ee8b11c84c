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

// Role is a participant's role in a group. In a direct conversation both are members.
type Role string

const (
	RoleOwner  Role = "owner"
	RoleAdmin  Role = "admin"
	RoleMember Role = "member"
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

// Participant is one person in a conversation.
type Participant struct {
	User     User
	Role     Role
	JoinedAt time.Time
}

// Roster is who is in a conversation, as the rules need it.
type Roster struct {
	Conversation ConversationID
	Type         ConversationType
	// Rev is the rev of the last change to the conversation itself or to who is in it.
	Rev   int64
	Roles map[UserID]Role
}

// MaxTitle is the longest title in Unicode code points.
const MaxTitle = 100

// CreateConversation opens a conversation between the actor and others (C5.4). A direct one that exists
// is returned with created = false.
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
			State: shared(conversation), Joined: n.Participants,
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
	conversation, err := s.store.Conversation(ctx, c, actor)
	if err != nil && AsError(err).Code == CodeNotFound {
		err = NotInConversation()
	}
	return conversation, err
}

// Conversations lists the actor's conversations, newest activity first.
func (s *Service) Conversations(ctx context.Context, q ListQuery) ([]Conversation, bool, error) {
	return s.store.Conversations(ctx, q)
}

// Participants pages through who is in a conversation.
func (s *Service) Participants(ctx context.Context, actor UserID, c ConversationID, after ParticipantCursor, limit int) ([]Participant, bool, error) {
	if _, _, err := s.role(ctx, c, actor); err != nil {
		return nil, false, err
	}
	return s.store.Participants(ctx, c, after, limit)
}

// revise decides a revision on the roster, stores it and announces it. A decision of nil changes
// nothing.
func (s *Service) revise(ctx context.Context, actor UserID, c ConversationID, decide func(Roster, Role) (*Revision, error)) error {
	return s.decided(ctx, c, actor, func(r Roster, role Role) error {
		revision, err := decide(r, role)
		if err != nil || revision == nil {
			return err
		}
		revision.Conversation, revision.RosterRev = c, r.Rev
		after, err := s.store.ReviseConversation(ctx, *revision)
		if err != nil {
			return err
		}
		s.rosters.invalidate(c)
		s.announcer.Announce([]Change{{
			Conversation: c, Rev: after.LastRev, Kind: ConversationRevised, State: shared(after),
			Joined: revision.Add, Left: departures(r, *revision, actor),
		}})
		return nil
	})
}

func departures(r Roster, revision Revision, actor UserID) []Departure {
	var out []Departure
	if revision.End {
		for u := range r.Roles {
			out = append(out, Departure{u, ReasonEnded})
		}
		return out
	}
	for _, u := range revision.Remove {
		reason := ReasonRemoved
		if u == actor {
			reason = ReasonLeft
		}
		out = append(out, Departure{u, reason})
	}
	return out
}

func onlyGroup(r Roster) error {
	if r.Type != Group {
		return Forbidden("A direct conversation stays as it is.")
	}
	return nil
}

func onlyAdmin(r Roster, role Role) error {
	if err := onlyGroup(r); err != nil {
		return err
	}
	if role == RoleMember {
		return Forbidden("Only the owner and admins can do this.")
	}
	return nil
}

// RenameConversation sets a group's title; "" removes it. The owner and admins may.
func (s *Service) RenameConversation(ctx context.Context, actor UserID, c ConversationID, title string) (Conversation, error) {
	title, err := CheckTitle(title)
	if err != nil {
		return Conversation{}, err
	}
	err = s.revise(ctx, actor, c, func(r Roster, role Role) (*Revision, error) {
		return &Revision{Title: &title}, onlyAdmin(r, role)
	})
	if err != nil {
		return Conversation{}, err
	}
	return s.conversation(ctx, actor, c)
}

// AddParticipants brings people into a group. Those who are in it already are left as they are.
func (s *Service) AddParticipants(ctx context.Context, actor UserID, c ConversationID, ids []UserID) (Conversation, error) {
	people, err := s.invited(actor, ids)
	if err != nil {
		return Conversation{}, err
	}
	if len(ids) == 0 {
		return Conversation{}, Invalid("participantIds", "Name at least one person.")
	}
	err = s.revise(ctx, actor, c, func(r Roster, role Role) (*Revision, error) {
		if err := onlyAdmin(r, role); err != nil {
			return nil, err
		}
		var add []UserID
		for _, u := range people {
			if _, in := r.Roles[u]; !in {
				add = append(add, u)
			}
		}
		if len(r.Roles)+len(add) > s.cfg.MaxGroup {
			return nil, Invalid("participantIds", "A group has at most %d people.", s.cfg.MaxGroup)
		}
		if len(add) == 0 {
			return nil, nil
		}
		return &Revision{Add: add}, nil
	})
	if err != nil {
		if AsError(err).Code == CodeNotFound {
			err = Invalid("participantIds", "One of these people does not exist.")
		}
		return Conversation{}, err
	}
	return s.conversation(ctx, actor, c)
}

// RemoveParticipant takes somebody out of a group: oneself (leaving), anybody as the owner, members as
// an admin. An owner who leaves hands the group to its longest-serving admin, or member; the last one
// to leave ends it.
func (s *Service) RemoveParticipant(ctx context.Context, actor UserID, c ConversationID, target UserID) error {
	if target == actor {
		return s.leave(ctx, actor, c)
	}
	return s.revise(ctx, actor, c, func(r Roster, role Role) (*Revision, error) {
		if err := onlyAdmin(r, role); err != nil {
			return nil, err
		}
		theirs, in := r.Roles[target]
		if !in {
			return nil, NotFound("participant")
		}
		if theirs == RoleOwner || (theirs == RoleAdmin && role != RoleOwner) {
			return nil, Forbidden("Only the owner can remove an admin, and nobody the owner.")
		}
		return &Revision{Remove: []UserID{target}}, nil
	})
}

func (s *Service) leave(ctx context.Context, actor UserID, c ConversationID) error {
	return s.revise(ctx, actor, c, func(r Roster, role Role) (*Revision, error) {
		if err := onlyGroup(r); err != nil {
			return nil, err
		}
		if len(r.Roles) == 1 {
			return &Revision{End: true}, nil
		}
		revision := &Revision{Remove: []UserID{actor}}
		if role == RoleOwner {
			heir, err := s.heir(ctx, r, actor)
			if err != nil {
				return nil, err
			}
			revision.Roles = map[UserID]Role{heir: RoleOwner}
		}
		return revision, nil
	})
}

// heir is the longest-serving admin, or the longest-serving member where there is none.
func (s *Service) heir(ctx context.Context, r Roster, owner UserID) (UserID, error) {
	var heir UserID
	var after ParticipantCursor
	for {
		page, more, err := s.store.Participants(ctx, r.Conversation, after, 100)
		if err != nil {
			return "", err
		}
		for _, p := range page {
			if p.User.ID == owner {
				continue
			}
			if p.Role == RoleAdmin {
				return p.User.ID, nil
			}
			if heir == "" {
				heir = p.User.ID
			}
			after = ParticipantCursor{p.JoinedAt, p.User.ID}
		}
		if !more || len(page) == 0 {
			break
		}
	}
	if heir == "" {
		return "", ErrStale
	}
	return heir, nil
}

// ChangeRole makes somebody admin or member; only the owner may. Naming somebody owner hands the group
// over: who gave it is an admin then.
func (s *Service) ChangeRole(ctx context.Context, actor UserID, c ConversationID, target UserID, to Role) (Conversation, error) {
	if to != RoleOwner && to != RoleAdmin && to != RoleMember {
		return Conversation{}, Invalid("role", "The role must be \"owner\", \"admin\" or \"member\".")
	}
	err := s.revise(ctx, actor, c, func(r Roster, role Role) (*Revision, error) {
		if err := onlyGroup(r); err != nil {
			return nil, err
		}
		if role != RoleOwner {
			return nil, Forbidden("Only the owner can change roles.")
		}
		was, in := r.Roles[target]
		switch {
		case !in:
			return nil, NotFound("participant")
		case was == to:
			return nil, nil
		case target == actor:
			return nil, Forbidden("Hand the group to somebody else first.")
		case to == RoleOwner:
			return &Revision{Roles: map[UserID]Role{target: RoleOwner, actor: RoleAdmin}}, nil
		}
		return &Revision{Roles: map[UserID]Role{target: to}}, nil
	})
	if err != nil {
		return Conversation{}, err
	}
	return s.conversation(ctx, actor, c)
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
		if err := s.store.HideConversation(ctx, c, actor); err != nil {
			return err
		}
		s.announcer.ConversationHidden(actor, c)
		return nil
	case role != RoleOwner:
		return s.leave(ctx, actor, c)
	}
	return s.revise(ctx, actor, c, func(_ Roster, role Role) (*Revision, error) {
		if role != RoleOwner {
			return nil, Forbidden("Only the owner can end a group.")
		}
		return &Revision{End: true}, nil
	})
}
