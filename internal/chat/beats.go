package chat

import (
	"context"
	"errors"
	"slices"
	"time"
)

const (
	// beatEvery is how often each device that is heard beats (seed DOC-006). What an idle one was heard by are pongs, which
	// come as often; a beat follows each within beatSpread, so that a lease has 12 seconds left when the next one comes.
	beatEvery = 15 * time.Second
	// beatSpread is over how long the beats are spread of those who came at the same moment.
	beatSpread = 2 * time.Second
	// lookOver is how often all devices are looked at for what is due: who became idle is told to be away so much later at
	// most, and what failed is tried again.
	lookOver = time.Second
	// gatherBeats is how long what is to be told at once is gathered.
	gatherBeats = 100 * time.Millisecond
	// flipEvery is how often a device becomes away or online at most.
	flipEvery = time.Second
	// beatsAtOnce is the most beats in one batch.
	beatsAtOnce = 500
	// beatWithin bounds the work on one batch, and readWithin what it waits for privacies; when that fails, the next try is
	// readAgain later.
	beatWithin = 3 * time.Second
	readWithin = time.Second
	readAgain  = 3 * time.Second
	// saysHidden is for how long nothing is told of somebody who hid: it is being said by whoever did it, with the time, which a beat
	// does not know.
	saysHidden = 500 * time.Millisecond
)

// errUnread says that it is not known who may know of some people.
var errUnread = errors.New("it cannot be read who may know of whose presence")

// sign is a beat of a connection under way.
type sign struct {
	of    *Attendance
	beat  Beat
	at    int64 // when its ages were as they are
	heard int64
	other bool
	cause *Trace // nil for none
}

// run has everybody's devices beat until ctx ends, and then once more.
func (k *attendances) run(ctx context.Context) {
	every := time.NewTicker(lookOver)
	defer every.Stop()
	gather := time.NewTimer(gatherBeats)
	gather.Stop()
	gathers := false
	for {
		select {
		case <-k.soon:
			if !gathers {
				gather.Reset(gatherBeats)
				gathers = true
			}
		case <-gather.C:
			gathers = false
			k.round(ctx, k.gatherDue)
		case <-every.C:
			k.round(ctx, k.gatherAll)
		case <-ctx.Done():
			last, cancel := context.WithTimeout(context.WithoutCancel(ctx), beatWithin)
			defer cancel()
			k.round(last, k.gatherRest)
			k.sawOwn(last)
			return
		}
	}
}

// round ends the devices of who has signed out, and has beat what is due. One with nothing to do shows nothing.
func (k *attendances) round(ctx context.Context, gather func(now int64) []sign) {
	idle := false
	err := k.service.survive(func() error {
		ended, err := k.signOut(ctx)
		now := k.at(time.Now())
		k.wokeAt(now)
		signs := gather(now)
		idle = ended+len(signs) == 0
		return errors.Join(err, k.beat(ctx, signs))
	})
	if !idle {
		k.counters.beats.report(k.service, "beats", err)
	}
}

// gatherDue takes what is to be told at once.
func (k *attendances) gatherDue(now int64) []sign {
	k.mu.Lock()
	defer k.mu.Unlock()
	return k.takeDue(now)
}

// gatherAll takes that, and everybody whose turn it is.
func (k *attendances) gatherAll(now int64) []sign {
	k.mu.Lock()
	defer k.mu.Unlock()
	signs := k.takeDue(now)
	var online, away int64
	for _, a := range k.here {
		if a.isAway(now) {
			away++
		} else {
			online++
		}
		if a.isDue(now) {
			signs = append(signs, a.sign(now))
		}
	}
	k.counters.online.Store(online)
	k.counters.away.Store(away)
	k.left = slices.DeleteFunc(k.left, func(a *Attendance) bool { return !a.lasts(now) })
	return signs
}

// gatherRest takes everybody.
func (k *attendances) gatherRest(now int64) []sign {
	k.mu.Lock()
	defer k.mu.Unlock()
	signs := k.takeDue(now)
	for _, a := range k.here {
		signs = append(signs, a.sign(now))
	}
	return signs
}

// takeDue takes what is due now. One that was told a moment ago waits until everybody is looked at. The caller has the lock.
func (k *attendances) takeDue(now int64) []sign {
	if k.again {
		k.again = false
		for _, a := range k.here {
			if !a.isOver(now) {
				a.told = 0
			}
			k.dueLocked(a)
		}
		for _, a := range k.left {
			k.dueLocked(a)
		}
	}
	var signs []sign
	for _, a := range k.due {
		a.due.Store(false)
		if left := a.place < 0; left && a.lasts(now) && !a.isOver(now) || !left && a.isDue(now) {
			signs = append(signs, a.sign(now))
		} else if !a.other && a.isAway(now) == a.toldAway.Load() {
			a.cause = nil // it was taken back, and nothing is to be told
		}
	}
	clear(k.due)
	k.due = k.due[:0]
	return signs
}

// lasts reports whether the lease of a connection that has left is running.
func (a *Attendance) lasts(now int64) bool { return now-a.heard.Load() < int64(DeviceLease) }

// isOver reports whether the lease that was told last ended while the process stood still, and nothing was heard since: others may
// have told that the device is gone, and what was heard before and not told must not bring it back.
func (a *Attendance) isOver(now int64) bool {
	return a.told != 0 && now-a.told >= int64(DeviceLease) && a.heard.Load() < a.of.woke.Load()
}

// isDue reports whether the connection is new, is another one now than was told, or was heard since its last beat and
// that is long enough ago.
func (a *Attendance) isDue(now int64) bool {
	spread := int64(beatSpread) * (a.connected / 1000 % 1000) / 1000
	heard := a.heard.Load()
	return a.told == 0 || !a.isOver(now) && ((a.other || a.isAway(now) != a.toldAway.Load()) && now-a.flipped >= int64(flipEvery) ||
		heard > a.told && now-a.told >= int64(beatEvery)+spread)
}

// sign is the beat as of now. The caller has the lock.
func (a *Attendance) sign(now int64) sign {
	heard := a.heard.Load()
	s := sign{of: a, at: now, heard: heard, other: a.other, cause: a.cause, beat: Beat{
		User: a.person.user, Login: a.login, DeviceID: a.device, Type: kinds[a.kind], Away: a.isAway(now),
		Heard: time.Duration(now - heard), Active: time.Duration(now - a.active.Load()), Connected: time.Duration(now - a.connected),
	}}
	a.other, a.cause = false, nil
	return s
}

// aged is the beat as of now: it may have waited for others, or for the store.
func (s *sign) aged(now int64) Beat {
	b, waited := s.beat, time.Duration(now-s.at)
	b.Heard, b.Active, b.Connected = b.Heard+waited, b.Active+waited, b.Connected+waited
	return b
}

// beat has devices beat. What cannot be told is left as it is, to be found again.
func (k *attendances) beat(ctx context.Context, signs []sign) error {
	for len(signs) > 0 {
		n := min(len(signs), beatsAtOnce)
		if err := k.beatTogether(ctx, signs[:n]); err != nil {
			k.giveBack(signs)
			return err
		}
		signs = signs[n:]
	}
	return nil
}

func (k *attendances) beatTogether(ctx context.Context, signs []sign) error {
	signs, unread := k.withPrivacy(ctx, signs)
	ctx, cancel := context.WithTimeout(ctx, beatWithin)
	defer cancel()
	if len(signs) > 0 {
		beats := make([]Beat, len(signs))
		now := k.at(time.Now())
		for i := range signs {
			beats[i] = signs[i].aged(now)
		}
		changed, newer, err := k.service.cfg.Devices.Beat(ctx, beats)
		for u, p := range newer {
			k.learn(u, p)
		}
		// Some may have been taken though others were not.
		k.service.tellPresence(changed, causesOf(signs))
		if err != nil {
			return err
		}
		k.counters.beaten.Add(int64(len(beats)))
		k.toldAll(signs)
	}
	return unread
}

// causesOf are the causes of what these say, of those that have one.
func causesOf(signs []sign) func(UserID) Trace {
	var causes map[UserID]Trace
	for _, s := range signs {
		if s.cause != nil {
			if causes == nil {
				causes = make(map[UserID]Trace)
			}
			causes[s.beat.User] = *s.cause
		}
	}
	return func(u UserID) Trace { return causes[u] }
}

// withPrivacy adds who may know of these people, and returns the signs of those of whom that is known. Nobody else is told to
// be here: they may have chosen not to be seen. The error says that there are some.
func (k *attendances) withPrivacy(ctx context.Context, signs []sign) ([]sign, error) {
	err := k.readPrivacies(ctx, signs)
	k.mu.Lock()
	defer k.mu.Unlock()
	var known, unread, later []sign
	for _, s := range signs {
		switch person := s.of.person; {
		case person.known && time.Since(person.hid) < saysHidden:
			later = append(later, s)
		case person.known:
			s.beat.Privacy = person.privacy
			known = append(known, s)
		case err != nil:
			unread = append(unread, s)
		}
	}
	k.giveBackLocked(slices.Concat(unread, later))
	if len(unread) == 0 {
		err = nil
	}
	return known, err
}

// readPrivacies reads who may know of these people in one query, also where that is known: a beat may be the first that is
// known of them anywhere, after all was lost. A store that does not answer holds up no beats.
func (k *attendances) readPrivacies(ctx context.Context, signs []sign) error {
	if time.Now().Before(k.unreadable) {
		return errUnread
	}
	ctx, cancel := context.WithTimeout(ctx, readWithin)
	defer cancel()
	users := make([]UserID, len(signs))
	for i := range signs {
		users[i] = signs[i].beat.User
	}
	slices.Sort(users)
	read, err := k.service.store.Privacies(ctx, slices.Compact(users))
	if err != nil {
		k.unreadable = time.Now().Add(readAgain)
		return err
	}
	k.mu.Lock()
	defer k.mu.Unlock()
	for _, s := range signs {
		if p, exists := read[s.of.person.user]; exists {
			s.of.person.learn(p)
		}
	}
	return nil
}

// toldAll notes what was told.
func (k *attendances) toldAll(signs []sign) {
	now := k.at(time.Now())
	for _, s := range signs {
		if s.of.told != 0 && (s.other || s.beat.Away != s.of.toldAway.Load()) {
			s.of.flipped = now
		}
		s.of.told = s.heard
		s.of.toldAway.Store(s.beat.Away)
	}
}

// giveBack takes what could not be told: of those that have left nothing would be known any more.
func (k *attendances) giveBack(signs []sign) {
	k.mu.Lock()
	defer k.mu.Unlock()
	k.giveBackLocked(signs)
}

func (k *attendances) giveBackLocked(signs []sign) {
	for _, s := range signs {
		s.of.other = s.of.other || s.other
		if s.of.cause == nil {
			s.of.cause = s.cause
		}
		if a := s.of; a.place < 0 && !a.due.Swap(true) {
			k.due = append(k.due, a)
		}
	}
}

// BeatAgain has all devices of this node beat at once: what was known of them was lost.
func (s *Service) BeatAgain() {
	k := s.attendances
	k.mu.Lock()
	defer k.mu.Unlock()
	k.again = true
	k.wake()
}
