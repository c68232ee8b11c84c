package chat

import (
	"context"
	"time"
)

// Role is a participant's role in a group. In a direct conversation both are members.
type Role string

const (
	RoleOwner  Role = "owner"
	RoleAdmin  Role = "admin"
	RoleMember Role = "member"
)

// Participant is one person in a conversation.
type Participant struct {
	User     User
	Role     Role
	JoinedAt time.Time
}

// Participants pages through who is in a conversation.
func (s *Service) Participants(ctx context.Context, actor UserID, c ConversationID, after ParticipantCursor, limit int) (page []Participant, hasMore bool, err error) {
	err = s.reading(ctx, c, actor, func() (err error) {
		page, hasMore, err = s.store.Participants(ctx, c, after, limit)
		return err
	})
	if err != nil {
		return nil, false, err
	}
	return page, hasMore, nil
}

// AddParticipants brings people into a group. Those who are in it already are left as they are. Somebody with whom the
// actor has a block, either way, is answered as if they did not exist.
func (s *Service) AddParticipants(ctx context.Context, actor UserID, c ConversationID, ids []UserID) (Conversation, error) {
	people, err := s.invited(actor, ids)
	if err != nil {
		return Conversation{}, err
	}
	if len(ids) == 0 {
		return Conversation{}, Invalid("participantIds", "Name at least one person.")
	}
	conversation, err := s.reviseAndRead(ctx, actor, c, func(r Roster, role Role) (*Revision, error) {
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
		return &Revision{By: actor, Add: add}, nil
	})
	if err != nil && AsError(err).Code == CodeNotFound {
		err = Invalid("participantIds", "One of these people does not exist.")
	}
	return conversation, err
}

// RemoveParticipant takes somebody out of a group: oneself (leaving), anybody as the owner, members as
// an admin. An owner who leaves hands the group to its longest-serving admin, or member; the last one
// to leave ends it.
func (s *Service) RemoveParticipant(ctx context.Context, actor UserID, c ConversationID, target UserID) error {
	if target == actor {
		return s.leave(ctx, actor, c)
	}
	_, err := s.revise(ctx, actor, c, func(r Roster, role Role) (*Revision, error) {
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
	return err
}

func (s *Service) leave(ctx context.Context, actor UserID, c ConversationID) error {
	_, err := s.revise(ctx, actor, c, func(r Roster, role Role) (*Revision, error) {
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
	return err
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
	return s.reviseAndRead(ctx, actor, c, func(r Roster, role Role) (*Revision, error) {
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
