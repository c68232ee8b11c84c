package bench

import (
	"bytes"
	"context"
	"fmt"
	"strconv"
	"sync/atomic"
	"time"

	"github.com/parley-chat/parley/internal/tally"
)

const (
	// readersWithin is the time in which everybody reads the message.
	readersWithin = time.Second
	// flushedAfter is when what was read is in the database at the latest: a flush every 10 seconds (C6.3).
	flushedAfter = 12 * time.Second
)

// measureReceipts is about the phantom update of DOC-005: 1,000 people read one message within a second. It counts
// what that costs the database and Redis, and how long it takes until everybody sees the exact number.
func measureReceipts(ctx context.Context, r *run, s *Scenario) error {
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
		for _, c := range l.chatters {
			// Who does not acknowledge is sent the message again (C3.4), which would be counted here.
			c.ackAt = time.Time{}
		}
		read := newReading(l)
		l.listen()
		message, err := read.send()
		if err != nil {
			return nil, err
		}
		quiet, err := counters.Over(ctx, func() error { return l.wait(readersWithin) })
		if err != nil {
			return nil, err
		}
		m := startMeter(nodes.pids(), r.postgres)
		var shown time.Duration
		cost, err := counters.Over(ctx, func() error {
			shown, err = read.everybody(message)
			return err
		})
		if err != nil {
			return nil, err
		}
		cpu := m.stop()
		flush, err := counters.Over(ctx, func() error { return l.wait(flushedAfter) })
		if err != nil {
			return nil, err
		}
		n := float64(len(t.people) - 1)
		s.Rows = append(s.Rows,
			ceiling("SQL statements until all see it", float64(cost.Statements), "", "readers", n, 0.25),
			ceiling("SQL statements of the flush", float64(flush.Statements), "", "readers", n, 0.25),
			ceiling("Redis commands until all see it", float64(cost.Commands), "", "readers", n, 0.25),
			ceiling("first read→all see \"Read by 999\"", float64(shown.Microseconds())/1000, "ms", "the second in which they read, and two more", 3*millis(readersWithin), 1))
		s.Notes = append(s.Notes,
			fmt.Sprintf("of the same length without reading: %d statements, %d Redis commands; the flush is measured over %v", quiet.Statements, quiet.Commands, flushedAfter),
			fmt.Sprintf("inside Redis' scripts: %d commands until all see it", cost.Scripted),
			fmt.Sprintf("%d receipt:count events reached %d people; processor time of the servers %.0f ms", read.told.Load(), len(t.people), float64(cpu.Server.Microseconds())/1000))
		return nil, nil
	})
}

// counters count what the database and Redis of the run are asked.
func (r *run) counters(ctx context.Context) (*tally.Counters, error) {
	return tally.Open(ctx, r.config.databaseURL, r.redisURL)
}

func millis(d time.Duration) float64 { return float64(d.Microseconds()) / 1000 }

// reading is 1,000 people who read one message.
type reading struct {
	load  *load
	saw   chan string // the message, as each of them is told of it
	exact chan struct{}
	told  atomic.Int64
	want  atomic.Pointer[[]byte] // what a receipt:count says in the end
	knows map[*chatter]*atomic.Bool
}

func newReading(l *load) *reading {
	r := &reading{load: l, saw: make(chan string, len(l.chatters)), exact: make(chan struct{}, len(l.chatters)), knows: map[*chatter]*atomic.Bool{}}
	for _, c := range l.chatters {
		r.knows[c] = new(atomic.Bool)
	}
	l.onSent = func(_ *chatter, text []byte) { r.saw <- idAfter(text, `"messageId":"`) }
	l.onEvent = func(_ *chatter, text []byte) { r.saw <- idAfter(text, `"id":"`) }
	l.onReceipt = r.count
	return r
}

func idAfter(text []byte, name string) string {
	_, rest, _ := bytes.Cut(text, []byte(name))
	id, _, _ := bytes.Cut(rest, []byte{'"'})
	return string(id)
}

func (r *reading) count(c *chatter, text []byte) {
	want := r.want.Load()
	if want == nil {
		return
	}
	r.told.Add(1)
	if bytes.Contains(text, *want) && r.knows[c].CompareAndSwap(false, true) {
		r.exact <- struct{}{}
	}
}

// send has the first of them send the message and waits until all have it.
func (r *reading) send() (message string, err error) {
	if err := r.load.chatters[0].send(); err != nil {
		return "", err
	}
	err = r.each(r.saw, func(id string) { message = id })
	return message, err
}

// everybody but the sender reads the message, spread over a second, and it waits until all are told of all.
func (r *reading) everybody(message string) (time.Duration, error) {
	people := r.load.chatters
	want := []byte(`"messageId":"` + message + `","readCount":` + strconv.Itoa(len(people)-1) + `}`)
	r.want.Store(&want)
	began := time.Now()
	for i, c := range people[1:] {
		if err := r.load.wait(time.Until(began.Add(readersWithin * time.Duration(i) / time.Duration(len(people))))); err != nil {
			return 0, err
		}
		if err := c.write(`{"type":"receipt:read","conversationId":"` + c.target.id + `","messageId":"` + message + `"}`); err != nil {
			return 0, err
		}
	}
	told := make(chan string, len(people))
	go func() {
		for range people {
			<-r.exact
			told <- ""
		}
	}()
	err := r.each(told, func(string) {})
	return time.Since(began), err
}

// each waits for as many as there are people.
func (r *reading) each(from <-chan string, got func(string)) error {
	deadline := time.After(patience)
	for n := range r.load.chatters {
		select {
		case id := <-from:
			got(id)
		case err := <-r.load.failed:
			return err
		case <-deadline:
			return fmt.Errorf("after %v it came to %d people of %d", patience, n, len(r.load.chatters))
		}
	}
	return nil
}
