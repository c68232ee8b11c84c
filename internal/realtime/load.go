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

// enter notes one more session of a person and waits until the conversations of theirs are known, so that what
// the client lists from now on is no older than what the store is compared with.
func (b *book) enter(ctx context.Context, u chat.UserID) {
	if b == nil {
		return
	}
	p := b.come(u)
	patience := time.NewTimer(loadWithin)
	defer patience.Stop()
	select {
	case <-p.loaded:
	case <-ctx.Done():
	case <-patience.C:
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	p.late = p.late || !p.known
}

func (b *book) come(u chat.UserID) *person {
	b.mu.Lock()
	defer b.mu.Unlock()
	p := b.people[u]
	if p == nil {
		p = &person{id: u, since: time.Now(), loaded: make(chan struct{})}
		b.people[u] = p
		b.hub.follows.add(UserTopic(u))
		b.await(p)
	}
	p.sessions++
	return p
}

// await queues somebody to be loaded.
func (b *book) await(people ...*person) {
	b.waiting = append(b.waiting, people...)
	select {
	case b.wake <- struct{}{}:
	default:
	}
}

// run loads people until ctx ends: all that came while the one before was being read, in one statement.
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
		for people := b.next(); len(people) > 0; people = b.next() {
			err := b.load(ctx, people)
			if err == nil {
				pause = 0
				continue
			}
			if ctx.Err() != nil {
				return
			}
			if pause == 0 {
				b.hub.cfg.Log.Warn("the conversations of people cannot be read yet", "event", "book.load", "people", len(people), "error", err)
			}
			pause = min(max(2*pause, gapWait), time.Second)
			b.mu.Lock()
			b.await(people...)
			b.mu.Unlock()
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

// next takes people who are to be loaded and are still here.
func (b *book) next() []*person {
	b.mu.Lock()
	defer b.mu.Unlock()
	var out []*person
	for len(b.waiting) > 0 && len(out) < maxPeople {
		if p := b.waiting[0]; b.people[p.id] == p {
			p.loading = true
			out = append(out, p)
		}
		b.waiting = b.waiting[1:]
	}
	return out
}

func (b *book) load(ctx context.Context, people []*person) error {
	ctx, cancel := context.WithTimeout(ctx, readWithin)
	defer cancel()
	ids := make([]chat.UserID, len(people))
	for k, p := range people {
		ids[k] = p.id
	}
	interests, err := b.hub.source.Interests(ctx, ids)
	if err != nil {
		return err
	}
	for c, rev := range b.seatAll(people, interests) {
		b.hub.notices.settle(c, rev)
	}
	return nil
}

// seatAll gives people their seats. It returns conversations, with their roster revs, of which it is not
// certain who has been shown them: those that were settled since they were read, and those that somebody
// whose session did not wait may have listed before.
func (b *book) seatAll(people []*person, interests map[chat.UserID][]chat.Interest) (unsettled map[chat.ConversationID]int64) {
	unsettled = make(map[chat.ConversationID]int64)
	var topics []string
	b.mu.Lock()
	defer b.mu.Unlock()
	for _, p := range people {
		if b.people[p.id] != p {
			continue
		}
		for _, in := range interests[p.id] {
			i := b.conversations[in.Conversation]
			recent := p.late && in.UpdatedAt.After(p.since.Add(-clocksApart))
			if recent || (i != nil && i.rosterRev > in.RosterRev) {
				unsettled[in.Conversation] = max(unsettled[in.Conversation], in.RosterRev)
			}
			if recent {
				continue
			}
			if t := b.sit(p, in); t != "" {
				topics = append(topics, t)
			}
		}
		p.known = true
		close(p.loaded)
		if p.again {
			b.hub.compares.persons(p.id)
		}
	}
	b.hub.follows.add(topics...)
	return unsettled
}
