package inmem

import (
	"container/heap"
	"context"
	"sync"
	"time"

	"github.com/parley-chat/parley/internal/chat"
)

// maxPeople bounds the people who are known, about 600 bytes each. Beyond it those are forgotten of whom something was due
// first.
const maxPeople = 1_000_000

// silence is how long nothing may have called, as the sweep does each second, before it is held that the process stood still:
// less than what is left of every lease of a device that lives.
const silence = 10 * time.Second

// Devices know which devices of everybody are connected to the only node. It satisfies chat.Devices. No method makes an
// error, and what the process knew is lost by its end. When it stood still, leases ended of devices that live; so nobody lapses
// for one lease after that.
type Devices struct {
	mu     sync.Mutex
	called time.Time // when a method was called last
	sureAt time.Time // from when on all who are there were heard
	people map[chat.UserID]*person
	due    dueQueue
	most   int
	last   int64 // version
}

// NewDevices makes devices that know nobody.
func NewDevices() *Devices {
	return &Devices{people: make(map[chat.UserID]*person), most: maxPeople}
}

// Beat takes signs of life.
func (d *Devices) Beat(_ context.Context, beats []chat.Beat) (changed []chat.Presence, newer map[chat.UserID]chat.Privacy, err error) {
	d.mu.Lock()
	defer d.mu.Unlock()
	now := d.call()
	var touched []*person
	for _, b := range beats {
		p := d.people[b.User]
		if b.Heard < chat.DeviceLease && !p.hasEnded(b.Login, now) {
			p = d.use(b.User, now)
			p.take(b, now)
			if !p.touched {
				p.touched = true
				touched = append(touched, p)
			}
		}
		if p != nil && p.private && p.privacy.Rev > b.Privacy.Rev {
			if newer == nil {
				newer = make(map[chat.UserID]chat.Privacy)
			}
			newer[b.User] = p.privacy
		}
	}
	for _, p := range touched {
		p.touched = false
		changed = append(changed, d.tell(p, time.Time{})...)
	}
	d.bound()
	return changed, newer, nil
}

// End ends the devices of a login.
func (d *Devices) End(_ context.Context, u chat.UserID, l chat.LoginID) (changed []chat.Presence, err error) {
	d.mu.Lock()
	defer d.mu.Unlock()
	now := d.call()
	p := d.use(u, now)
	there := len(p.devices) > 0
	p.end(l, now)
	if there {
		changed = d.tell(p, p.seen)
	}
	if there && len(p.devices) == 0 {
		d.lapse(p, now, len(changed) > 0)
	}
	d.await(p)
	d.bound()
	return changed, nil
}

// SetPrivacy has a person shown by it.
func (d *Devices) SetPrivacy(_ context.Context, u chat.UserID, privacy chat.Privacy, seenAt time.Time) (told []chat.Presence, err error) {
	d.mu.Lock()
	defer d.mu.Unlock()
	now := d.call()
	p := d.use(u, now)
	if p.private && privacy.Rev < p.privacy.Rev {
		return nil, nil
	}
	p.private, p.privacy, p.frozen = true, privacy, seenAt
	p.keep = now.Add(chat.DeviceLease)
	d.tell(p, time.Time{})
	d.bound()
	return []chat.Presence{p.shown}, nil
}

// Presences returns those who are there. What one process knows is all there is, unless it stood still.
func (d *Devices) Presences(_ context.Context, users []chat.UserID) (there map[chat.UserID]chat.Presence, sure bool, err error) {
	d.mu.Lock()
	defer d.mu.Unlock()
	now := d.call()
	there = make(map[chat.UserID]chat.Presence)
	for _, u := range users {
		if p := d.people[u]; p != nil && p.lease().After(now) {
			there[u] = p.shown
		}
	}
	return there, !now.Before(d.sureAt), nil
}

// Lapse returns people whose last lease has ended.
func (d *Devices) Lapse(_ context.Context, limit int) (offline []chat.Presence, err error) {
	d.mu.Lock()
	defer d.mu.Unlock()
	now := d.call()
	for !now.Before(d.sureAt) && len(offline) < limit && len(d.due) > 0 && !d.due[0].at.After(now) {
		p := d.due[0]
		p.expire(now)
		if p.lapsed == nil {
			d.forget(p)
			continue
		}
		if p.lapsed.Version == 0 {
			p.lapsed.Version = d.version()
		}
		p.claimed = now.Add(chat.LapseLease)
		offline = append(offline, *p.lapsed)
		d.await(p)
	}
	return offline, nil
}

// Settle ends it, unless they came back.
func (d *Devices) Settle(_ context.Context, offline []chat.Presence) error {
	d.mu.Lock()
	defer d.mu.Unlock()
	for _, o := range offline {
		if p := d.people[o.User]; p != nil && p.lapsed != nil && p.lapsed.Version == o.Version {
			p.lapsed = nil
			d.await(p)
		}
	}
	return nil
}

// call notes that a method is called, and returns the time.
func (d *Devices) call() time.Time {
	now := time.Now()
	if !d.called.IsZero() && now.Sub(d.called) > silence {
		d.sureAt = now.Add(chat.DeviceLease)
	}
	d.called = now
	return now
}

// use returns what is known of a person, without what is over.
func (d *Devices) use(u chat.UserID, now time.Time) *person {
	p := d.people[u]
	if p == nil {
		p = &person{shown: chat.Presence{User: u, Status: chat.StatusOffline}, index: -1}
		d.people[u] = p
	}
	p.expire(now)
	return p
}

// tell notes what others may be told of a person now, seen last at that time if nothing is there, and returns it if it is
// something else than before.
func (d *Devices) tell(p *person, seen time.Time) (changed []chat.Presence) {
	shown := p.public(seen)
	known := p.shown.Version != 0
	if !known || !shown.Same(p.shown) {
		before := p.shown.Status
		p.shown = shown
		p.shown.Version = d.version()
		if known || shown.Status != before {
			changed = append(changed, p.shown)
		}
	}
	d.await(p)
	return changed
}

// lapse has a person who is told to be offline by now be settled: by the caller, or by whoever asks next.
func (d *Devices) lapse(p *person, now time.Time, claimed bool) {
	p.lapsed = &chat.Presence{User: p.shown.User, Version: p.shown.Version, Status: chat.StatusOffline, SeenAt: p.seen}
	p.claimed = now
	if claimed {
		p.claimed = now.Add(chat.LapseLease)
	}
}

// await puts a person where they are due.
func (d *Devices) await(p *person) {
	p.at = p.next()
	if p.index < 0 {
		heap.Push(&d.due, p)
		return
	}
	heap.Fix(&d.due, p.index)
}

// bound forgets people beyond the most that may be known.
func (d *Devices) bound() {
	for len(d.people) > d.most {
		d.forget(d.due[0])
	}
}

func (d *Devices) forget(p *person) {
	heap.Remove(&d.due, p.index)
	delete(d.people, p.shown.User)
}

// version is one after all before, and after those of an earlier process: the time, in microseconds.
func (d *Devices) version() int64 {
	d.last = max(d.last+1, time.Now().UnixMicro())
	return d.last
}

// dueQueue is a heap of people, of whom something is due first foremost.
type dueQueue []*person

func (q dueQueue) Len() int           { return len(q) }
func (q dueQueue) Less(i, j int) bool { return q[i].at.Before(q[j].at) }
func (q dueQueue) Swap(i, j int) {
	q[i], q[j] = q[j], q[i]
	q[i].index, q[j].index = i, j
}

// Push is for container/heap.
func (q *dueQueue) Push(p any) {
	p.(*person).index = len(*q)
	*q = append(*q, p.(*person))
}

// Pop is for container/heap.
func (q *dueQueue) Pop() any {
	last := len(*q) - 1
	p := (*q)[last]
	(*q)[last] = nil
	*q = (*q)[:last]
	p.index = -1
	return p
}
