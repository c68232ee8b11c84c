package protocol

import (
	"bytes"
	"time"

	"github.com/go-json-experiment/json"

	"github.com/parley-chat/parley/internal/chat"
)

// Presence is what one person may know of another's (C7). Somebody of whom they may know nothing is offline without lastSeenAt.
type Presence struct {
	UserID     string `json:"userId" format:"uuid"`
	Status     string `json:"status" enum:"online,away,offline,invisible" doc:"invisible is told to the person alone."`
	LastSeenAt *Time  `json:"lastSeenAt,omitzero" format:"date-time" doc:"Of somebody who is offline; absent when that is not known or not to be known."`
	Device     string `json:"device,omitzero" enum:"mobile,desktop" doc:"The one that was active last, of somebody who is not offline; absent when it is not known."`
}

// PresenceChanged tells that somebody's presence is another one now.
type PresenceChanged struct{ Presence }

// PresenceState tells the presence of many, up to 1,000 a frame: of all whom the person watches after connecting, and of those
// whom presence:subscribe or presence:unsubscribe named.
type PresenceState struct {
	Presences []Presence `json:"presences" nullable:"false"`
}

// FriendChanged tells a person's own sessions how they stand to another; user is absent with none.
type FriendChanged struct {
	UserID string `json:"userId" format:"uuid"`
	Status string `json:"status" enum:"none,outgoing,incoming,friends"`
	Since  *Time  `json:"since,omitzero" format:"date-time"`
	User   *User  `json:"user,omitzero"`
}

// BlockChanged tells a person's own sessions that they blocked another, or lifted that.
type BlockChanged struct {
	UserID  string `json:"userId" format:"uuid"`
	Blocked bool   `json:"blocked"`
}

// PresenceOf is the wire shape of somebody's presence for a person who may know it or not. When they were seen last is told in
// whole milliseconds, as Redis counts: more would tell who hid, which is noted in microseconds, from who left.
func PresenceOf(p chat.Presence, may bool) Presence {
	if !may {
		return Presence{UserID: string(p.User), Status: string(chat.StatusOffline)}
	}
	out := Presence{UserID: string(p.User), Status: string(p.Status), Device: string(p.Device)}
	if p.Status == chat.StatusOffline {
		out.LastSeenAt = timeOrNull(p.SeenAt.Truncate(time.Millisecond))
	}
	return out
}

// PresenceItem is the JSON of one presence, of which [EncodePresences] makes a frame for each of those who are told it.
func PresenceItem(p Presence) []byte {
	item, err := json.Marshal(p)
	if err != nil {
		// It holds nothing that has no JSON.
		panic(err)
	}
	return item
}

// EncodePresences is presence:state with these items.
func EncodePresences(items [][]byte) []byte {
	frame := Encode(PresenceState{Presences: []Presence{}})
	end := []byte("]}")
	frame = bytes.TrimSuffix(frame, end)
	return append(append(frame, bytes.Join(items, []byte{','})...), end...)
}

// FriendChangedOf is the wire shape of how somebody stands to a person.
func FriendChangedOf(f chat.Friend) FriendChanged {
	out := FriendChanged{UserID: string(f.User.ID), Status: string(f.Friendship)}
	if f.Friendship != chat.NotFriends {
		user := UserOf(f.User)
		out.Since, out.User = timeOrNull(f.Since), &user
	}
	return out
}
