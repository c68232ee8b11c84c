package chat

import (
	"slices"
	"sync"
	"sync/atomic"
	"time"
)

// MaxDeviceID is the longest deviceId in bytes.
const MaxDeviceID = 64

// Device is what a client says of the device that it is on; either may be "".
type Device struct {
	ID   string
	Type DeviceType
}

// CheckDevice holds the rules for what a client says of its device: an id of up to 64 printable ASCII characters, and a
// type that is known. Both may be absent (C7.2).
func CheckDevice(id, kind string) (Device, error) {
	if len(id) > MaxDeviceID {
		return Device{}, Invalid("deviceId", "A deviceId has at most %d characters.", MaxDeviceID)
	}
	for i := range len(id) {
		if id[i] <= ' ' || id[i] > '~' {
			return Device{}, Invalid("deviceId", "The deviceId must be printable ASCII without spaces.")
		}
	}
	switch t := DeviceType(kind); t {
	case "", Desktop, Mobile:
		return Device{id, t}, nil
	}
	return Device{}, Invalid("deviceType", "deviceType must be \"mobile\" or \"desktop\".")
}

// Exit says how a connection ended.
type Exit int

const (
	// ExitClosed is by either side, or that it broke off: the device is there for [DeviceLease] yet.
	ExitClosed Exit = iota
	// ExitSilent is that nothing was heard of it, or that it took nothing any more: the device is there for as long as after its last frame.
	ExitSilent
	// ExitSignedOut is that its login ended ([Service.LoginEnded]).
	ExitSignedOut
)

// Attendance is one connection of a signed-in person, as a part of what is known of their presence. Its methods cost
// the goroutine that reads the connection next to nothing: what follows of them is gathered (beats.go). That one calls them,
// and beside it another may call Heartbeat, which is one at a time; after Leave nothing follows of it. A nil one, where nothing is known of presence, does nothing.
type Attendance struct {
	of        *attendances
	person    *attendee
	connected int64 // nanoseconds since of.began, as all times here

	// heard is the last sign of life, active the last time that its person did something.
	heard, active atomic.Int64
	// idle says that the client called itself idle since.
	idle atomic.Bool
	// toldAway is what was told last. Only the beats change it.
	toldAway atomic.Bool
	// due says that it is in of.due.
	due atomic.Bool
	// cause is the trace of what is to be told at once; nil for none, and always when that is told. Guarded by of.mu.
	cause *Trace

	place int32 // in of.here; -1 when it has left; guarded by of.mu
	// Heartbeat and Relogin change them, with of.mu.
	login  LoginID
	device string
	kind   kind
	other  bool // one of these is another one than was told

	// The beats have them alone.
	told    int64 // heard, as it was told last; 0 before the first time
	flipped int64 // when it was told last that the device is another one or another way than before
}

// kind is a [DeviceType] in a byte.
type kind uint8

var kinds = [...]DeviceType{"", Desktop, Mobile}

func kindOf(t DeviceType) kind { return kind(max(0, slices.Index(kinds[:], t))) }

// attendee is somebody who is connected to this node.
type attendee struct {
	user UserID
	// Guarded by attendances.mu.
	connections int
	privacy     Privacy
	known       bool      // the privacy was read
	hid         time.Time // when it was learned last that they had become invisible
}

// attendances are the connections of this node's people.
type attendances struct {
	service *Service
	began   time.Time
	soon    chan struct{} // something is due
	ran     atomic.Int64  // when it was noted last that the process runs
	woke    atomic.Int64  // when it went on after it stood still last

	mu     sync.Mutex
	here   []*Attendance
	due    []*Attendance // what is to be told at once: new ones, flipped ones, and those that have left
	left   []*Attendance // whose lease has not ended
	again  bool          // all of them are to be told anew
	people map[UserID]*attendee
	ended  map[LoginID]signOut // of which the devices are still to be ended

	// The rounds have it alone: until when privacies are not read anew because that has just failed.
	unreadable time.Time

	counters presenceCounters
}

func newAttendances(s *Service) *attendances {
	return &attendances{
		service: s, began: time.Now().Add(-1), soon: make(chan struct{}, 1),
		people: make(map[UserID]*attendee), ended: make(map[LoginID]signOut),
	}
}

// Attend takes a connection in whose person has just signed in with a login: its device is online from now on. Leave must
// follow. The trace is of what the person is there by, here as of the methods that have one: others are told as a part of it.
func (s *Service) Attend(actor UserID, login LoginID, d Device, of Trace) *Attendance {
	if s.cfg.Devices == nil {
		return nil
	}
	k := s.attendances
	now := k.at(time.Now())
	k.wokeAt(now)
	a := &Attendance{of: k, connected: now, login: login, device: d.ID, kind: kindOf(d.Type)}
	a.heard.Store(now)
	a.active.Store(now)
	k.mu.Lock()
	defer k.mu.Unlock()
	person := k.people[actor]
	if person == nil {
		person = &attendee{user: actor}
		k.people[actor] = person
	}
	person.connections++
	a.person, a.place = person, int32(len(k.here))
	k.here = append(k.here, a)
	a.causedLocked(of)
	k.dueLocked(a)
	return a
}

// Heard says that a frame was read, of whatever kind. One that may have come while the process stood still does not count: others
// may have told since that the device is gone. Then it returns when the client is to be asked for another one; else zero.
func (a *Attendance) Heard(now time.Time) (ask time.Time) {
	if a == nil {
		return ask
	}
	at := a.of.at(now)
	known := a.of.wokeAt(at) + int64(wakesFor)
	if !a.isAnswered(at) && at < known {
		return a.of.began.Add(time.Duration(known))
	}
	a.heard.Store(at)
	return ask
}

// isAnswered reports whether the connection was heard since the process stood still last.
func (a *Attendance) isAnswered(now int64) bool { return a.heard.Load() >= a.of.wokeAt(now) }

// Active says that the person did something.
func (a *Attendance) Active(now time.Time, of Trace) {
	if a == nil {
		return
	}
	if at := a.of.at(now); at-a.active.Load() >= int64(time.Second) {
		a.active.Store(at)
	}
	if a.idle.Load() {
		a.active.Store(a.of.at(now))
		a.idle.Store(false)
	}
	if a.toldAway.Load() {
		a.hurry(of)
	}
}

// Heartbeat says what the client says of its person, online or away, and of the device, of which the first id sticks.
func (a *Attendance) Heartbeat(now time.Time, status Status, d Device, of Trace) {
	if a == nil {
		return
	}
	a.identify(d, of)
	switch {
	case status == StatusOnline:
		a.Active(now, of)
	case status == StatusAway && !a.idle.Load():
		a.idle.Store(true)
		if !a.toldAway.Load() {
			a.hurry(of)
		}
	}
}

// identify takes what the client had not said before.
func (a *Attendance) identify(d Device, of Trace) {
	named, typed := a.device == "" && d.ID != "", d.Type != "" && kinds[a.kind] != d.Type
	if !named && !typed {
		return
	}
	a.of.mu.Lock()
	defer a.of.mu.Unlock()
	if a.place < 0 {
		return
	}
	if named {
		a.device = d.ID
	}
	if typed {
		a.kind = kindOf(d.Type)
	}
	a.other = true
	a.causedLocked(of)
	a.of.dueLocked(a)
}

// Relogin says that the connection goes on with another login of its person.
func (a *Attendance) Relogin(l LoginID, of Trace) {
	if a == nil {
		return
	}
	a.of.mu.Lock()
	defer a.of.mu.Unlock()
	a.login, a.other = l, true
	a.causedLocked(of)
	a.of.dueLocked(a)
}

// Leave says that the connection has ended. Only the first call counts.
func (a *Attendance) Leave(how Exit) {
	if a == nil {
		return
	}
	k := a.of
	now := k.at(time.Now())
	answered := a.isAnswered(now)
	k.mu.Lock()
	defer k.mu.Unlock()
	if a.place < 0 {
		return
	}
	last := len(k.here) - 1
	k.here[a.place] = k.here[last]
	k.here[a.place].place = a.place
	k.here[last] = nil
	k.here = k.here[:last]
	a.place = -1
	// When the process stood still it reads of an end long after it.
	if how == ExitClosed && answered {
		a.heard.Store(now)
	}
	if a.person.connections--; a.person.connections == 0 {
		delete(k.people, a.person.user)
	}
	if _, ended := k.ended[a.login]; how != ExitSignedOut && !ended {
		k.left = append(k.left, a)
		k.dueLocked(a)
	}
}

// at is a time as attendances keep it: it does not jump with the clock.
func (k *attendances) at(t time.Time) int64 { return int64(t.Sub(k.began)) }

// isAway is what the device is: idle by its own word, or for as long as makes it so.
func (a *Attendance) isAway(now int64) bool {
	return a.idle.Load() || now-a.active.Load() >= int64(AwayAfter)
}

// hurry has it told in a moment, unless it has left.
func (a *Attendance) hurry(of Trace) {
	if a.due.Load() {
		return
	}
	a.of.mu.Lock()
	defer a.of.mu.Unlock()
	if a.place >= 0 {
		a.causedLocked(of)
		a.of.dueLocked(a)
	}
}

// causedLocked notes why it is to be told. It has the trace in memory of its own, of which nothing is needed where nothing is to be
// told. The caller has the lock.
//
//go:noinline
func (a *Attendance) causedLocked(of Trace) { a.cause = &of }

// dueLocked is hurry of who has the lock.
func (k *attendances) dueLocked(a *Attendance) {
	if a.due.Swap(true) {
		return
	}
	k.due = append(k.due, a)
	k.wake()
}

func (k *attendances) wake() {
	select {
	case k.soon <- struct{}{}:
	default:
	}
}

// learn takes a person's privacy unless a newer one is known.
func (k *attendances) learn(u UserID, p Privacy) {
	k.mu.Lock()
	defer k.mu.Unlock()
	if person := k.people[u]; person != nil {
		person.learn(p)
	}
}

func (a *attendee) learn(p Privacy) {
	if !a.known || p.Rev > a.privacy.Rev {
		if a.known && p.Invisible {
			a.hid = time.Now()
		}
		a.privacy, a.known = p, true
	}
}

// privacyKnown is the privacy of somebody who is connected here, as far as this node was told.
func (s *Service) privacyKnown(u UserID) (p Privacy, known bool) {
	s.attendances.mu.Lock()
	defer s.attendances.mu.Unlock()
	if person := s.attendances.people[u]; person != nil {
		return person.privacy, person.known
	}
	return Privacy{}, false
}
