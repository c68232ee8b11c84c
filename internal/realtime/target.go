package realtime

import (
	"cmp"
	"slices"
	"time"

	"github.com/parley-chat/parley/internal/chat"
	"github.com/parley-chat/parley/internal/protocol"
)

// sameSight is how far apart two times may be that say when somebody was seen last and are told as one: one of Redis is
// in milliseconds, one of the store in microseconds.
const sameSight = time.Second

// target is somebody whose presence is watched by somebody on this node. Its topic of the bus is followed meanwhile.
type target struct {
	id       chat.UserID
	watchers []pair // by the viewer's number
	// now is what is known of them, told what those who watch them were told, each as far as they may know.
	now, told chat.Presence
	seen      time.Time // when the store last saw them, as far as it was read
	permitted time.Time // when that was
	known     bool      // their presence was read or heard; before that nobody is told anything
	changed   bool      // now may have to be told
	doubted   bool      // they are to be read
	lacks     bool      // they left and it is not known when: that is read before it is told
	missed    time.Time // since when they are not found though told as there; zero when they are
	heard     uint64    // the number of the last announcement of theirs
	item      []byte    // what those who may know are shown of told; nil when it is to be encoded
}

// pair is one viewer of a target. What was told to the viewer follows from told and the relation.
type pair struct {
	viewer   *viewer
	relation relation
}

// relation is a [chat.Relation] in a byte, and whether it is to oneself.
type relation uint8

const (
	friends relation = 1 << iota
	share
	barred
	oneself
	relations // how many there are
)

func relationOf(r chat.Relation) (out relation) {
	if r.Friends {
		out |= friends
	}
	if r.Share {
		out |= share
	}
	if r.Blocked {
		out |= barred
	}
	return out
}

func (r relation) chat() chat.Relation {
	return chat.Relation{Friends: r&friends != 0, Share: r&share != 0, Blocked: r&barred != 0}
}

// newTarget is somebody of whom nothing is known, not even who may know it: so nobody may.
func newTarget(u chat.UserID) *target {
	unknown := chat.Presence{User: u, Status: chat.StatusOffline, Privacy: chat.Privacy{Rev: -1}}
	return &target{id: u, now: unknown, told: unknown}
}

// place finds a viewer's pair.
func (t *target) place(v *viewer) (at int, there bool) {
	return slices.BinarySearchFunc(t.watchers, v.number, func(p pair, n uint64) int { return cmp.Compare(p.viewer.number, n) })
}

// watchedByThemselves reports whether nobody else but v watches them.
func (t *target) watchedByThemselves(v *viewer) bool {
	return !slices.ContainsFunc(t.watchers, func(p pair) bool { return p.viewer != v && p.relation&oneself == 0 })
}

// hear takes an announcement: of two the one with the larger version holds, and of privacies the one with the larger rev.
func (t *target) hear(said chat.Presence) {
	switch {
	case said.Version > t.now.Version:
		t.missed = time.Time{}
		t.is(t.shown(said))
	case said.Version == 0 && said.Privacy.Rev > t.now.Privacy.Rev && said.Privacy.Invisible:
		// While the devices are away it is said all the same since when they look as if they were gone.
		said.Version = t.now.Version
		t.is(withPrivacy(said, said.Privacy))
	default:
		t.is(withPrivacy(t.now, said.Privacy))
	}
}

// read takes what was read, and takes it to be so whatever its version: the clock of a Redis that comes back may be an
// earlier one. What is known of who may know it holds all the same.
func (t *target) read(said chat.Presence) {
	t.missed = time.Time{}
	t.is(t.shown(said))
}

// shown is what was said, as far as it may be known now. Of somebody who has hidden since, that they were seen last when they did
// stays.
func (t *target) shown(said chat.Presence) chat.Presence {
	next := withPrivacy(said, t.now.Privacy)
	if said.Privacy.Rev < t.now.Privacy.Rev && next.Privacy.Invisible && !next.Privacy.Secret() {
		next.SeenAt = t.now.SeenAt
	}
	return next
}

// leave takes it that they are offline since they were not found.
func (t *target) leave() {
	next := t.now
	next.Status, next.Device = chat.StatusOffline, ""
	if next.SeenAt.IsZero() {
		next.SeenAt = t.seen
	}
	t.missed = time.Time{}
	t.is(withPrivacy(next, next.Privacy))
}

// permit takes a privacy out of the store. It reports whether that is a newer one.
func (t *target) permit(p chat.Privacy, seen time.Time) (newer bool) {
	if newer = p.Rev > t.now.Privacy.Rev; newer {
		t.is(withPrivacy(t.now, p))
	}
	if seen.After(t.seen) {
		t.seen = seen
	}
	if now := &t.now; t.known && now.Status == chat.StatusOffline && t.seen.After(now.SeenAt.Add(sameSight)) && !now.Privacy.Secret() {
		// That they were there and left was missed, or they let it be known again.
		now.SeenAt = t.seen
	}
	return newer
}

// is notes what is so now. When somebody invisible was seen last stands still: whoever counts the devices of one that came
// back since does not know it, and nobody is to learn that they came.
func (t *target) is(now chat.Presence) {
	if now.Status == chat.StatusOffline && now.SeenAt.IsZero() && now.Privacy.Invisible && !now.Privacy.Secret() {
		if now.SeenAt = t.now.SeenAt; !t.known {
			now.SeenAt = t.seen
		}
	}
	left := now.Status == chat.StatusOffline && t.told.Status != chat.StatusOffline
	t.lacks = t.known && left && now.SeenAt.IsZero() && !now.Privacy.Secret() && !now.Privacy.Invisible
	t.now = now
}

// withPrivacy is a presence as others may see it by the newer one of its own privacy and another: what was said before
// somebody hid must not be shown after it.
func withPrivacy(p chat.Presence, other chat.Privacy) chat.Presence {
	if other.Rev > p.Privacy.Rev {
		p.Privacy = other
	}
	hidden := p.Privacy.Invisible || p.Privacy.Secret()
	if hidden && p.Status != chat.StatusOffline {
		p.Status, p.SeenAt = chat.StatusOffline, time.Time{}
	}
	if p.Status == chat.StatusOffline {
		p.Device = ""
	} else {
		p.SeenAt = time.Time{}
	}
	if p.Privacy.Secret() {
		p.SeenAt = time.Time{}
	}
	return p
}

// seenBy is what somebody in that relation sees of a presence.
func seenBy(p chat.Presence, r relation) chat.Presence {
	switch {
	case r&oneself != 0 && p.Privacy.Invisible:
		return chat.Presence{User: p.User, Status: chat.StatusInvisible}
	case r&oneself == 0 && !p.Privacy.Lets(r.chat()):
		return chat.Presence{User: p.User, Status: chat.StatusOffline}
	case p.Status != chat.StatusOffline:
		return chat.Presence{User: p.User, Status: p.Status, Device: p.Device}
	}
	return chat.Presence{User: p.User, Status: p.Status, SeenAt: p.SeenAt}
}

// alike reports whether somebody who was shown one has nothing to be told of the other.
func alike(a, b chat.Presence) bool {
	if a.Status != b.Status || a.Device != b.Device || a.SeenAt.IsZero() != b.SeenAt.IsZero() {
		return false
	}
	return a.SeenAt.Sub(b.SeenAt).Abs() <= sameSight
}

// show is what was told to somebody in that relation, for presence:state.
func (t *target) show(r relation) []byte {
	view := seenBy(t.told, r)
	if r&oneself != 0 || view.Status == chat.StatusOffline && view.SeenAt.IsZero() {
		return protocol.PresenceItem(protocol.PresenceOf(view, true))
	}
	if t.item == nil {
		t.item = protocol.PresenceItem(protocol.PresenceOf(view, true))
	}
	return t.item
}

// frames are what somebody in each relation is told when told becomes now, nil when they see no difference. Each view is
// encoded once.
func (t *target) frames() (frames [relations][]byte) {
	var views []chat.Presence
	var encoded [][]byte
	for r := range relations {
		before, after := seenBy(t.told, r), seenBy(t.now, r)
		if alike(before, after) {
			continue
		}
		at := slices.Index(views, after)
		if at < 0 {
			at, views, encoded = len(views), append(views, after), append(encoded, changedFrame(after))
		}
		frames[r] = encoded[at]
	}
	return frames
}

// changedFrame tells what somebody is shown.
func changedFrame(view chat.Presence) []byte {
	return protocol.Encode(protocol.PresenceChanged{Presence: protocol.PresenceOf(view, true)})
}
