package realtime

import (
	"context"
	"time"

	"github.com/parley-chat/parley/internal/chat"
)

const (
	// loadWithin is how long a session waits for its person's conversations to be read. Then it begins all the
	// same, and is told later what may have happened meanwhile.
	loadWithin = 2 * time.Second
	// maxPeople is for how many people one statement asks.
	maxPeople = 500
	// maxSeats is how many conversations of people one comparison asks for.
	maxSeats = 10_000
	// clocksApart is how far the clocks of two nodes are expected to be apart at most.
	clocksApart = 10 * time.Minute
)

// arrival is somebody whose conversations are to be read, for sessions that wait until they have been.
type arrival struct {
	person *person
	done   []chan struct{}
}

// enter notes one more session of a person and waits until the conversations of theirs have been read, so that
// whatever the client lists from now on has a seat, and is no older than what the store is compared with.
func (b *book) enter(ctx context.Context, u chat.UserID) {
	if b == nil {
		return
	}
	p, loaded := b.come(u)
	patience := time.NewTimer(loadWithin)
	defer patience.Stop()
	select {
	case <-loaded:
	case <-ctx.Done():
	case <-patience.C:
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	p.late = p.late || !p.known
}

func (b *book) come(u chat.UserID) (p *person, loaded chan struct{}) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if p = b.people[u]; p == nil {
		p = &person{id: u, since: time.Now()}
		b.people[u] = p
		b.hub.follows.add(UserTopic(u))
	}
	p.sessions++
	loaded = make(chan struct{})
	b.await(p, loaded)
	return p, loaded
}

// await queues somebody to be loaded.
func (b *book) await(p *person, done ...chan struct{}) {
	if p.arrival == nil {
		p.arrival = &arrival{person: p}
		b.waiting = append(b.waiting, p.arrival)
	}
	p.arrival.done = append(p.arrival.done, done...)
	select {
	case b.wake <- struct{}{}:
	default:
	}
}

// run loads people until ctx ends: all that came while others were being read, in one statement.
func (b *book) run(ctx context.Context) {
	if b == nil {
		return
	}
	pause := time.Duration(0)
	for {
		select {
		case <-b.wake:
		case <-ctx.Done():
			return
		}
		for arrivals := b.next(); len(arrivals) > 0; arrivals = b.next() {
			err := b.hub.guard("book", func() error { return b.load(ctx, arrivals) })
			if err == nil {
				pause = 0
				continue
			}
			if ctx.Err() != nil {
				return
			}
			if pause == 0 {
				b.hub.cfg.Log.Warn("the conversations of people cannot be read yet", "event", "book.load", "people", len(arrivals), "error", err)
			}
			pause = min(max(2*pause, gapWait), time.Second)
			b.awaitAgain(arrivals)
			if !rest(ctx, pause) {
				return
			}
		}
	}
}

// rest waits. It reports false when ctx has ended.
func rest(ctx context.Context, pause time.Duration) bool {
	timer := time.NewTimer(pause)
	defer timer.Stop()
	select {
	case <-timer.C:
		return true
	case <-ctx.Done():
		return false
	}
}

func (b *book) awaitAgain(arrivals []*arrival) {
	b.mu.Lock()
	defer b.mu.Unlock()
	for _, a := range arrivals {
		b.await(a.person, a.done...)
	}
}

// next takes people who are to be loaded and are still here.
func (b *book) next() []*arrival {
	b.mu.Lock()
	defer b.mu.Unlock()
	var out []*arrival
	for len(b.waiting) > 0 && len(out) < maxPeople {
		a := b.waiting[0]
		if a.person.arrival = nil; b.people[a.person.id] == a.person {
			out = append(out, a)
		}
		b.waiting = b.waiting[1:]
	}
	return out
}

func (b *book) load(ctx context.Context, arrivals []*arrival) error {
	ctx, cancel := context.WithTimeout(ctx, readWithin)
	defer cancel()
	ids := make([]chat.UserID, len(arrivals))
	for k, a := range arrivals {
		ids[k] = a.person.id
	}
	interests, err := b.hub.source.Interests(ctx, ids)
	if err != nil {
		return err
	}
	for c, rev := range b.seatAll(arrivals, interests) {
		b.hub.notices.settle(c, rev)
	}
	return nil
}

// seatAll gives people their seats. It returns conversations, with their roster revs, that somebody has to be shown
// or of which it is not certain who was.
func (b *book) seatAll(arrivals []*arrival, interests map[chat.UserID][]chat.Interest) (unsettled map[chat.ConversationID]int64) {
	unsettled = make(map[chat.ConversationID]int64)
	var topics []string
	b.mu.Lock()
	defer b.mu.Unlock()
	for _, a := range arrivals {
		p := a.person
		if b.people[p.id] != p {
			continue
		}
		for _, in := range interests[p.id] {
			settled, topic := b.take(p, in)
			if topic != "" {
				topics = append(topics, topic)
			}
			if !settled {
				unsettled[in.Conversation] = max(unsettled[in.Conversation], in.RosterRev)
			}
		}
		if p.known || p.again {
			b.hub.compares.persons(p.id)
		}
		p.known = true
		for _, done := range a.done {
			close(done)
		}
	}
	b.hub.follows.add(topics...)
	return unsettled
}

// take gives a person one of their seats. It is settled when no session of theirs has to be shown it: when none
// has listed its conversations yet, and nothing was told of who is in this one since it was read.
func (b *book) take(p *person, in chat.Interest) (settled bool, topic string) {
	i := b.conversations[in.Conversation]
	if s := p.seatOf(i); s != nil {
		s.least = max(s.least, in.ReadSeq)
		return true, ""
	}
	mayBeListed := p.late && in.UpdatedAt.After(p.since.Add(-clocksApart))
	overtaken := i != nil && i.rosterRev > in.RosterRev
	s, topic := b.sit(p, in)
	s.shown = !p.known && !mayBeListed
	return s.shown && !overtaken, topic
}
