package bench

import (
	"context"
	"fmt"
	"time"
)

const (
	// syncedMessages is how many messages the conversation of the sync storm has.
	syncedMessages = 200
	// liveCounted are the newest messages of a large conversation, whose readers are counted live (C6.3).
	liveCounted = 50
)

// storm is one moment in which everybody says how far they have read: which of the messages the i-th of them names.
type storm struct {
	name    string
	message func(i int) int
}

// storms are the moments, each further on than the one before but for the last, in which nothing moves.
var storms = []storm{
	{fmt.Sprintf("of %d messages older than the newest %d", syncedMessages-liveCounted, liveCounted), func(i int) int { return i % (syncedMessages - liveCounted) }},
	{fmt.Sprintf("of the newest %d messages", liveCounted), func(i int) int { return syncedMessages - liveCounted + i%liveCounted }},
	{"the same again", func(i int) int { return syncedMessages - liveCounted + i%liveCounted }},
}

// measureSyncs has 1,000 people say receipt:sync at one moment, as when a node died, and counts what that costs the database
// and Redis until all are answered.
func measureSyncs(ctx context.Context, r *run, s *Scenario) error {
	counters, err := r.counters(ctx)
	if err != nil {
		return err
	}
	defer counters.Close(ctx)
	return r.on(ctx, s, max(2, r.nodes), func(nodes servers) (*load, error) {
		t := r.talks(s)[0]
		l, err := join(ctx, nodes, []talk{t}, len(t.people))
		if err != nil {
			return nil, err
		}
		defer l.close()
		y := newSyncing(l)
		l.listen()
		if err := y.write(); err != nil {
			return nil, err
		}
		quiet, err := counters.Over(ctx, func() error { return l.wait(time.Second) })
		if err != nil {
			return nil, err
		}
		n := float64(len(l.chatters))
		for _, at := range storms {
			m := startMeter(nodes.pids(), r.postgres)
			var took time.Duration
			cost, err := counters.Over(ctx, func() error {
				took, err = y.all(at)
				return err
			})
			if err != nil {
				return nil, fmt.Errorf("%s: %w", at.name, err)
			}
			s.Rows = append(s.Rows,
				ceiling("SQL statements, "+at.name, float64(cost.Statements), "", "clients", n, 0.25),
				ceiling("Redis commands, "+at.name, float64(cost.Commands), "", "clients", n, 0.25),
				ceiling("until all are answered, "+at.name, millis(took), "ms", "a second", 1000, 1))
			s.Notes = append(s.Notes, fmt.Sprintf("%s: processor time of the servers %.0f ms; %d commands inside of Redis' scripts", at.name, millis(m.stop().Server), cost.Scripted))
			// Counts are told and compared at most once a second: the next moment begins when that is over.
			if err := l.wait(2 * time.Second); err != nil {
				return nil, err
			}
		}
		s.Notes = append(s.Notes, fmt.Sprintf("a second without any: %d statements, %d Redis commands; a flush may fall into any of these", quiet.Statements, quiet.Commands))
		return nil, nil
	})
}

// syncing is 1,000 people who say how far they have read.
type syncing struct {
	*reading
	messages []string
	answered chan string
}

func newSyncing(l *load) *syncing {
	y := &syncing{reading: newReading(l), answered: make(chan string, len(l.chatters))}
	l.onSynced = func(_ *chatter, text []byte) { y.answered <- idAfter(text, `"lastReadMessageId":"`) }
	return y
}

// write has the first of them write all messages, each when everybody has the one before.
func (y *syncing) write() error {
	for i := range syncedMessages {
		if i == syncedMessages-1 {
			// With the last one everybody acknowledges all: who does not is sent them again, which would be counted here.
			if err := y.load.wait(ackEvery); err != nil {
				return err
			}
		}
		id, err := y.send()
		if err != nil {
			return err
		}
		y.messages = append(y.messages, id)
	}
	return nil
}

// all have everybody sync at one moment and wait until each is answered.
func (y *syncing) all(at storm) (time.Duration, error) {
	began := time.Now()
	for i, c := range y.load.chatters {
		if err := c.write(`{"type":"receipt:sync","conversationId":"` + c.target.id + `","lastReadMessageId":"` + y.messages[at.message(i)] + `"}`); err != nil {
			return 0, err
		}
	}
	err := y.each(y.answered, func(string) {})
	return time.Since(began), err
}
