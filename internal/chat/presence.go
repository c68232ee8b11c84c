package chat

import (
	"context"
	"maps"
	"time"
)

// Status is what a person's presence is (seed DOC-006, C7.1).
type Status string

const (
	StatusOnline Status = "online"
	// StatusAway is a live connection without activity for 5 minutes.
	StatusAway Status = "away"
	// StatusOffline is no sign of life for 30 seconds, an explicit logout, or nothing that the one who asks may know.
	StatusOffline Status = "offline"
	// StatusInvisible is told to the person alone: to all others they are offline.
	StatusInvisible Status = "invisible"
)

// DeviceType is what kind of device a person is on (seed DOC-006); "" when it did not say.
type DeviceType string

const (
	Desktop DeviceType = "desktop"
	Mobile  DeviceType = "mobile"
)

const (
	// DeviceLease is how long a device counts as connected after its last sign of life.
	DeviceLease = 30 * time.Second
	// AwayAfter is how long a device may be idle and still be online.
	AwayAfter = 5 * time.Minute
	// presenceAgain is when it is worth asking again who is there: the devices are tried every few seconds.
	presenceAgain = 5 * time.Second
)

// Privacy is who may know of a person's presence. Of two the one with the larger Rev holds.
type Privacy struct {
	Rev       int64 // grows with every change of what follows
	Enabled   bool
	Sharing   Sharing
	Invisible bool
}

// MaxPresenceRev is more than any other rev of a privacy: that of somebody who was erased, and never comes back.
const MaxPresenceRev = 1 << 40

// Secret reports whether nobody may know anything: presence is switched off, or shared with nobody.
func (p Privacy) Secret() bool { return !p.Enabled || p.Sharing == ShareNobody }

// Relation is what two people are to each other; it is the same from both sides.
type Relation struct {
	Friends bool // accepted
	Share   bool // they are in a conversation together
	Blocked bool // one of them has blocked the other
}

// Lets reports whether somebody in that relation may know of the person's presence (C7.4). Who is invisible looks
// offline to them, and last seen when they became so.
func (p Privacy) Lets(r Relation) bool {
	switch {
	case p.Secret() || r.Blocked:
		return false
	case p.Sharing == ShareFriends:
		return r.Friends
	}
	return r.Friends || r.Share
}

// Presence is what others may be told of one person, by [Privacy.Lets]. It never holds what nobody may know: of somebody
// invisible the Status is offline with SeenAt frozen, of a secret one it is offline without SeenAt.
type Presence struct {
	User UserID
	// Version grows with every change of the members below. Of two, the larger one holds. 0 tells of the Privacy alone, which
	// holds by its Rev: the devices were away. Who is invisible or secret by it is offline by that, and of others it is not
	// known what they are.
	Version int64
	Status  Status     // online, away or offline: the best of their devices (C7.2)
	Device  DeviceType // of the one that was active last; "" when offline or not known
	// SeenAt is the last sign of life of somebody who is offline; zero when it is not known here, and the store is asked.
	SeenAt  time.Time
	Privacy Privacy
}

// Same reports whether others would be shown the same of the same person, by whatever version.
func (p Presence) Same(other Presence) bool {
	return p.User == other.User && p.Status == other.Status && p.Device == other.Device && p.SeenAt.Equal(other.SeenAt) && p.Privacy == other.Privacy
}

// Watched is somebody whose presence a person watches, as the store has it.
type Watched struct {
	User     UserID
	Relation Relation
	Privacy  Privacy
	SeenAt   time.Time // users.last_seen_at; zero when they were never seen
}

// SetPresence makes the actor invisible on all devices, or visible again, the device of a being online or away (C7.1).
func (s *Service) SetPresence(ctx context.Context, actor UserID, a *Attendance, status Status) error {
	switch status {
	case StatusInvisible:
		return s.setInvisible(ctx, actor, true)
	case StatusOnline, StatusAway:
		if err := s.setInvisible(ctx, actor, false); err != nil {
			return err
		}
		a.Heartbeat(time.Now(), status, Device{}, TraceOf(ctx))
		return nil
	}
	return Invalid("status", "status must be \"online\", \"away\" or \"invisible\".")
}

// setInvisible writes only what is another way than before.
func (s *Service) setInvisible(ctx context.Context, actor UserID, invisible bool) error {
	after, err := s.visibility.set(ctx, actor, invisible)
	s.profileChanged(ctx, actor, ProfileEdit{PresenceInvisible: &invisible}, after, err)
	return err
}

// SeePresences returns the presence of people as viewer may know it, in the order in which they are named, at most
// [MaxFollowed]. Of whom they may know nothing, and who does not exist, is offline and was never seen. What they see of
// themselves may be [StatusInvisible]. While the devices are away it is what this node's sessions were told last;
// REDIS_UNAVAILABLE when they were told nothing of somebody of whom the viewer may know: nobody is taken to be offline then.
func (s *Service) SeePresences(ctx context.Context, viewer UserID, users []UserID) ([]Presence, error) {
	if len(users) == 0 || len(users) > MaxFollowed {
		return nil, Invalid("userIds", "Name 1 to %d people.", MaxFollowed)
	}
	for _, u := range users {
		if !ValidID(string(u)) {
			return nil, Invalid("userIds", "This is not the id of a person.")
		}
	}
	related, err := s.store.Relations(ctx, viewer, users)
	if err != nil {
		return nil, err
	}
	there, sure, err := s.Presences(ctx, users)
	if ctx.Err() != nil {
		return nil, ctx.Err()
	}
	away := err
	if away != nil || !sure {
		there = s.remember(ctx, users, there)
	}
	out := make([]Presence, len(users))
	for i, u := range users {
		p, is := there[u]
		switch w, exists := related[u]; {
		case u == viewer:
			if out[i], err = s.ownPresence(ctx, viewer, p, is, away); err != nil {
				return nil, err
			}
		case !exists:
			out[i] = Presence{User: u, Status: StatusOffline}
		case away != nil && !is && w.privacy(p).Lets(w.Relation):
			return nil, presenceAway(away)
		default:
			out[i] = w.seen(p, is, sure)
		}
	}
	return out, nil
}

// remember adds what this node's sessions were told of those who were not found.
func (s *Service) remember(ctx context.Context, users []UserID, found map[UserID]Presence) map[UserID]Presence {
	known := make(map[UserID]Presence, len(users))
	if s.cfg.Remembered != nil {
		maps.Copy(known, s.cfg.Remembered(ctx, users))
	}
	maps.Copy(known, found)
	return known
}

// presenceAway says that it is not known who is there. Of whom, it does not say: somebody invisible must not be told apart.
func presenceAway(away error) error {
	return &Error{
		Code: CodeRedisUnavailable, Message: "It is not known at present who is there.", RetryAfter: presenceAgain, Err: away,
	}
}

// privacy is the newer one of what the store has and what is known of the presence.
func (w Watched) privacy(p Presence) Privacy {
	if p.Privacy.Rev > w.Privacy.Rev {
		return p.Privacy
	}
	return w.Privacy
}

// seen is what somebody in that relation may know, who is there or not.
func (w Watched) seen(p Presence, there, sure bool) Presence {
	privacy := w.privacy(p)
	switch {
	case !privacy.Lets(w.Relation):
		return Presence{User: w.User, Status: StatusOffline}
	case there && !privacy.Invisible && p.Status != StatusOffline:
		return p
	case sure:
		return Presence{User: w.User, Status: StatusOffline, SeenAt: w.SeenAt}
	}
	// They may be there. Who is invisible is not told apart from who is not known to be.
	return Presence{User: w.User, Status: StatusOffline}
}

// ownPresence is what a person sees of themselves, whoever else may.
func (s *Service) ownPresence(ctx context.Context, u UserID, p Presence, there bool, away error) (Presence, error) {
	privacies, err := s.store.Privacies(ctx, []UserID{u})
	if err != nil {
		return Presence{}, err
	}
	if privacies[u].Invisible {
		return Presence{User: u, Status: StatusInvisible}, nil
	}
	if there {
		return p, nil
	}
	if away != nil {
		return Presence{}, presenceAway(away)
	}
	return Presence{User: u, Status: StatusOffline}, nil
}
