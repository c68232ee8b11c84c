package chat

import (
	"context"
	"time"
)

// MaxDevices is how many devices of one person are known at once. Of more the one that was active the longest ago is not
// known.
const MaxDevices = 20

const (
	// SameActivity is how far apart two times of activity may be told that are one: ages are told with the delay of their
	// call.
	SameActivity = time.Second
	// BeatHolds is how long a beat holds against others of its device that were active less lately: two beats. Whoever told
	// it tells it no more then, or it was delayed on its way and its ages were wrong.
	BeatHolds = 20 * time.Second
	// LapseLease is how long those whom Lapse returned are their caller's.
	LapseLease = 5 * time.Second
)

// Beat is a sign of life of one device. What is so long ago is given as an age, since clocks differ.
type Beat struct {
	User UserID
	// Login and DeviceID name the device (C7.2): a client's DeviceID, which may be "", says nothing outside of its login.
	Login    LoginID
	DeviceID string
	Type     DeviceType
	// Away says that the client called itself idle or was idle for [AwayAfter]; else it is online.
	Away bool
	// Heard is how long ago the device was heard; its lease ends [DeviceLease] after that. A beat that is older than
	// that changes nothing.
	Heard time.Duration
	// Active is how long ago its person did something; of two beats of one device the one that was active last holds, with
	// its Type and Away, for [BeatHolds]. Of two that were so together, within [SameActivity], the later one does.
	Active    time.Duration
	Connected time.Duration // how long ago its connection began
	// Privacy is what the node knows. What is known already holds if its Rev is larger.
	Privacy Privacy
}

// Devices know which devices of everybody are connected, with a lease for each: in Redis for all nodes together, or in
// the memory of the only one (C7.3). Methods may be called from any goroutine. An error means that they are away, and
// nothing is known. All clocks are theirs.
//
// A person is there as long as a lease of theirs lasts. Who comes back within it was never gone. Leases end by
// themselves; Lapse says whose have, to one caller at a time, until Settle.
type Devices interface {
	// Beat takes signs of life of any number of people, several of one among them. It returns the presence of each
	// person for whom it is another one now, and the privacy that is known of each who has a larger one than their beat. With
	// an error some may have been taken, of which both are returned; all are to be told again.
	Beat(ctx context.Context, beats []Beat) (changed []Presence, newer map[UserID]Privacy, err error)

	// End ends all devices of a login at once: its person signed out (C7.1). It returns their presence if that changed; who
	// is offline by it is the caller's as if by Lapse. A beat of that login within DeviceLease after it changes nothing.
	End(ctx context.Context, u UserID, l LoginID) (changed []Presence, err error)

	// SetPrivacy has a person's presence shown by it from now on, if its Rev is larger than what is known. It returns
	// their presence as it is to be told now, which has that privacy also if nothing else changed; none when a newer
	// privacy was known. seenAt is what an invisible person was seen last. A privacy is known as long as its person is there,
	// and at least DeviceLease.
	SetPrivacy(ctx context.Context, u UserID, p Privacy, seenAt time.Time) (told []Presence, err error)

	// Presences returns those of the people named who are there. Who is missing is offline, if sure; else all was lost a
	// moment ago, and who is missing may be there: ask again after [DeviceLease]. Who is invisible or secret may be among them,
	// offline.
	Presences(ctx context.Context, users []UserID) (there map[UserID]Presence, sure bool, err error)

	// Lapse returns people, at most limit, whose last lease has ended, offline, with their last sign of life and without a
	// Privacy: the store is to be asked whether they are invisible or secret, and what of it may be told. They are the caller's
	// for LapseLease; if it does not Settle them they are returned again, the same, to anybody.
	Lapse(ctx context.Context, limit int) (offline []Presence, err error)

	// Settle ends it: they are told. Who is there again stays.
	Settle(ctx context.Context, offline []Presence) error
}
