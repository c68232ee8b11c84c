package realtime

import (
	"context"
	"errors"
	"time"

	"github.com/parley-chat/parley/internal/chat"
)

// Sight is where the hub reads who watches whom and who is there.
type Sight interface {
	// Watching returns whom each of these people watches, given what their sessions have open (C7.4).
	Watching(ctx context.Context, open map[chat.UserID][]chat.ConversationID) (map[chat.UserID][]chat.Watched, error)
	// Relations returns what a person and each of the others who exists are to each other.
	Relations(ctx context.Context, u chat.UserID, others []chat.UserID) (map[chat.UserID]chat.Watched, error)
	// Presences returns what is known of these people. Who is missing is offline, if sure; else it is not known, and
	// asked again in a moment. An error says that nothing is known.
	Presences(ctx context.Context, users []chat.UserID) (there map[chat.UserID]chat.Presence, sure bool, err error)
	// SeePresences returns the presence of people, at most [chat.MaxFollowed], as somebody may know it.
	SeePresences(ctx context.Context, viewer chat.UserID, users []chat.UserID) ([]chat.Presence, error)
	// PrivacyHeard says that another node told, or has written, a newer privacy of somebody who is connected here. It does not block.
	PrivacyHeard(chat.UserID, chat.Privacy)
}

var errGone = errors.New("the person is not connected any more")

// mostRevs is more than anybody changes their privacy.
const mostRevs = chat.MaxPresenceRev

// watchingChanged says that it has to be read anew whom a person watches.
type watchingChanged struct{ User chat.UserID }

// PresenceChangedHere tells those who watch these people on this node, and other nodes who may know of them alone: what they are
// those would take back, since they know nothing of this node's devices.
func (h *Hub) PresenceChangedHere(changed []chat.Presence) {
	h.presences.mail.say(false, changed...)
	for _, p := range changed {
		alone := chat.Presence{User: p.User, Status: chat.StatusOffline, Privacy: p.Privacy}
		if p.Privacy.Invisible {
			alone.SeenAt = p.SeenAt
		}
		if h.bus.Peers() {
			h.publish(PresenceTopic(p.User), envelopePresence, alone)
		}
	}
}

// PresenceChanged tells those who watch these people and may know, on all nodes.
func (h *Hub) PresenceChanged(changed []chat.Presence) {
	h.presences.mail.say(false, changed...)
	for _, p := range changed {
		if h.bus.Peers() {
			h.publish(PresenceTopic(p.User), envelopePresence, p)
		}
	}
}

// WatchingChanged has it read anew, on all nodes, whom these people watch.
func (h *Hub) WatchingChanged(users ...chat.UserID) {
	h.presences.mail.put(func(l *post) { l.reread = append(l.reread, users...) })
	for _, u := range users {
		if h.bus.Peers() {
			h.publish(UserTopic(u), envelopeWatching, watchingChanged{u})
		}
	}
}

// openOfPresence opens what came on somebody's presence topic.
func (h *Hub) openOfPresence(u chat.UserID, kind string, data []byte) error {
	if kind != envelopePresence {
		return nil
	}
	return unwrap(data, func(p chat.Presence) error {
		switch {
		case p.User != u:
			return errOtherTopic
		case !soundPresence(p):
			return errShape
		}
		h.presences.mail.say(true, p)
		return nil
	})
}

// soundPresence reports whether a heard presence is what a node announces: with a version that is a time in microseconds
// and does not silence all later ones, or 0 with a privacy alone, and nothing that its privacy forbids.
func soundPresence(p chat.Presence) bool {
	latest := time.Now().Add(aheadAtMost)
	if p.Version < 0 || p.Version == 0 && p.Status != chat.StatusOffline || p.Version > latest.UnixMicro() || p.SeenAt.After(latest) || p.Privacy.Rev < 0 || p.Privacy.Rev > mostRevs {
		return false
	}
	switch p.Privacy.Sharing {
	case chat.ShareEveryone, chat.ShareFriends, chat.ShareNobody:
	default:
		return false
	}
	switch p.Device {
	case "", chat.Desktop, chat.Mobile:
	default:
		return false
	}
	switch p.Status {
	case chat.StatusOnline, chat.StatusAway:
		return p.SeenAt.IsZero() && !p.Privacy.Invisible && !p.Privacy.Secret()
	case chat.StatusOffline:
		return p.Device == "" && (p.SeenAt.IsZero() || !p.Privacy.Secret())
	}
	return false
}

// hear takes an announcement. What somebody lets others know is told at once.
func (p *presences) hear(s said) {
	t := p.targets[s.User]
	if t == nil {
		return
	}
	before, first := t.now, !t.known
	t.hear(s.Presence)
	if s.Version == 0 && !t.now.Privacy.Invisible && !t.now.Privacy.Secret() {
		// What they are, as far as that may be known now, was not said.
		if t.now.Privacy.Rev > before.Privacy.Rev {
			p.doubt(t)
		}
		if first {
			return
		}
	}
	if t.now.Version == before.Version && t.now.Privacy.Rev == before.Privacy.Rev && !first {
		return
	}
	p.heard++
	t.heard, t.known = p.heard, true
	switch {
	case first:
		p.reveal(t)
	case t.lacks:
		p.doubt(t)
	default:
		p.change(t)
	}
	if t.now.Privacy.Rev > before.Privacy.Rev {
		p.tellAt, p.private = p.now, true
		if s.heard {
			p.learn(t, before.Privacy)
		}
	}
}

// learn has the rules know a newer privacy of somebody who is connected here.
func (p *presences) learn(t *target, before chat.Privacy) {
	if before.Rev >= 0 && t.now.Privacy.Rev > before.Rev && p.viewers[t.id] != nil {
		p.hub.source.PrivacyHeard(t.id, t.now.Privacy)
	}
}

// rosterMoved has it read what those who came into a conversation or went out of it are to those who are here; when it is
// unclear who that was, whom all those watch.
func (p *presences) rosterMoved(people, here []chat.UserID, unclear bool) {
	if len(people) == 0 && !unclear {
		return
	}
	p.mail.put(func(l *post) { l.moves = append(l.moves, move{people, here}) })
}
