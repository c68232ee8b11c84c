package chat

import (
	"context"
	"maps"
	"slices"
	"time"
)

// signOut is a login that has ended, and until when it matters that its devices are ended: their leases end by themselves.
type signOut struct {
	user  UserID
	until time.Time
	of    Trace
}

// LoginEnded says that a login of somebody has ended, on whichever node: they are on its devices no more, also on those of
// which the connection is closed already (C7.1). The trace is of whatever ended it, if that is known here. It does not wait.
func (s *Service) LoginEnded(u UserID, l LoginID, of Trace) {
	if s.cfg.Devices == nil {
		return
	}
	k := s.attendances
	k.mu.Lock()
	defer k.mu.Unlock()
	k.ended[l] = signOut{u, time.Now().Add(DeviceLease), of}
	k.left = slices.DeleteFunc(k.left, func(a *Attendance) bool { return a.login == l })
	k.due = slices.DeleteFunc(k.due, func(a *Attendance) bool { return a.login == l && a.place < 0 })
	k.wake()
}

// signOut ends the devices of logins that have ended, and returns how many there were. What fails is tried again until their
// leases have ended anyway.
func (k *attendances) signOut(ctx context.Context) (n int, err error) {
	k.mu.Lock()
	maps.DeleteFunc(k.ended, func(_ LoginID, e signOut) bool { return time.Now().After(e.until) })
	ended := maps.Clone(k.ended)
	k.mu.Unlock()
	for l, e := range ended {
		if err := k.endLogin(WithTrace(ctx, e.of), e.user, l); err != nil {
			return len(ended), err
		}
	}
	return len(ended), nil
}

func (k *attendances) endLogin(ctx context.Context, u UserID, l LoginID) error {
	ctx, cancel := context.WithTimeout(ctx, beatWithin)
	defer cancel()
	changed, err := k.service.cfg.Devices.End(ctx, u, l)
	if err != nil {
		return err
	}
	k.mu.Lock()
	delete(k.ended, l)
	k.mu.Unlock()
	return k.service.tellEnded(ctx, changed)
}

// tellEnded tells what became of people of whom devices have ended. Who is offline by it and could not be told of lapses
// later, as if by the end of a lease.
func (s *Service) tellEnded(ctx context.Context, changed []Presence) error {
	offline := slices.DeleteFunc(slices.Clone(changed), func(p Presence) bool { return p.Status != StatusOffline })
	s.tellPresence(slices.DeleteFunc(changed, func(p Presence) bool { return p.Status == StatusOffline }), causedBy(TraceOf(ctx)))
	if len(offline) == 0 {
		return nil
	}
	if err := s.tellOffline(ctx, offline); err != nil {
		return err
	}
	return s.cfg.Devices.Settle(ctx, offline)
}

// sawOwn notes when those who are here were seen last, when this node ends and the devices with it: nobody will find that their
// leases have ended.
func (k *attendances) sawOwn(ctx context.Context) {
	if !k.service.cfg.OwnDevices {
		return
	}
	seen := k.lastHeard()
	if len(seen) == 0 {
		return
	}
	err := k.service.survive(func() error {
		_, err := k.service.store.SawLast(ctx, seen)
		return err
	})
	k.counters.beats.report(k.service, "beats", err)
}

// lastHeard is when those were heard who are here, or were until a moment ago.
func (k *attendances) lastHeard() map[UserID]time.Time {
	k.mu.Lock()
	defer k.mu.Unlock()
	now := time.Now()
	ago := func(heard int64) time.Time { return now.Add(time.Duration(heard - k.at(now))).UTC() }
	seen := make(map[UserID]time.Time, len(k.people))
	for _, a := range slices.Concat(k.left, k.here) {
		if at := ago(a.heard.Load()); seen[a.person.user].Before(at) {
			seen[a.person.user] = at
		}
	}
	return seen
}
