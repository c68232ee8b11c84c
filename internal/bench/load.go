package bench

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"strconv"
	"sync"
	"sync/atomic"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/parley-chat/parley/internal/crowd"
)

const (
	// warmUp is how long a load runs before it is measured.
	warmUp = time.Second
	// ackEvery is how often a client acknowledges what it has: a live connection that owes an ack for 10 s
	// is sent it again (C3.4).
	ackEvery = 3 * time.Second
)

// target is a conversation under load.
type target struct {
	id        string
	confirmed atomic.Int64 // messages
}

// chatter is one person at one socket in one conversation.
type chatter struct {
	*peer
	person crowd.Person
	target *target
	load   *load
	prefix string // of its keys: nobody else's

	sent   int
	sentAt time.Time
	ledger ledger
	seen   atomic.Int64 // what ledger has counted
	acked  int64
	ackAt  time.Time
	took   []time.Duration // of each confirmation while measuring

	leaving atomic.Bool // its socket may end
}

// load is a crowd of chatters. onSent, onEvent, onReceipt, onSynced and onPresence, where set, see every confirmation, every
// message, every receipt:count, every receipt:synced, and every presence:state and presence:changed. onPresence has to be
// set before they join: it sees what comes meanwhile.
type load struct {
	chatters   []*chatter
	targets    map[string]*target
	onSent     func(c *chatter, text []byte)
	onEvent    func(c *chatter, text []byte)
	onRefused  func(c *chatter, text []byte) // every message:error; nil: there must be none
	onReceipt  func(c *chatter, text []byte)
	onSynced   func(c *chatter, text []byte)
	onPresence func(c *chatter, text []byte)
	ackAtOnce  bool // each message by itself: who owes an ack for 10 s is sent it again (C3.4)

	measuring atomic.Bool
	stopping  atomic.Bool
	closing   atomic.Bool
	confirmed atomic.Int64
	senders   sync.WaitGroup
	readers   sync.WaitGroup
	failed    chan error
}

func newLoad() *load { return &load{targets: map[string]*target{}, failed: make(chan error, 1)} }

// join makes a load of n people of each conversation, as [load.join] does.
func join(ctx context.Context, nodes servers, talks []talk, n int) (*load, error) {
	l := newLoad()
	if err := l.join(ctx, nodes, talks, n); err != nil {
		return nil, err
	}
	return l, nil
}

// join connects n people of each conversation, to the nodes in turn, and waits until all have subscribed.
func (l *load) join(ctx context.Context, nodes servers, talks []talk, n int) error {
	var mu sync.Mutex
	group, _ := errgroup.WithContext(ctx)
	group.SetLimit(64)
	for _, t := range talks {
		target := &target{id: t.id}
		l.targets[t.id] = target
		for i, person := range t.people[:n] {
			group.Go(func() error {
				p, err := connect(nodes.address(i), 8<<10)
				if err != nil {
					return err
				}
				c := &chatter{peer: p, person: person, target: target, load: l, prefix: strconv.FormatUint(rand.Uint64(), 36), ackAt: time.Now()}
				p.aside = c.presence
				mu.Lock()
				l.chatters = append(l.chatters, c)
				mu.Unlock()
				if err := p.signIn(person.Token); err != nil {
					return err
				}
				return p.subscribe(t.id)
			})
		}
	}
	if err := group.Wait(); err != nil {
		l.close()
		return err
	}
	return nil
}

// presence takes an event of presence, and passes over all others.
func (c *chatter) presence(text []byte) {
	if c.load.onPresence != nil && bytes.HasPrefix(kindOf(text), []byte("presence:")) {
		c.load.onPresence(c, text)
	}
}

// listen starts a reader for every chatter.
func (l *load) listen() {
	for _, c := range l.chatters {
		l.readers.Go(func() {
			if err := c.follow(); err != nil && !l.closing.Load() && !c.leaving.Load() {
				l.fail(err)
			}
		})
	}
}

func (l *load) fail(err error) {
	select {
	case l.failed <- err:
	default:
	}
}

func (l *load) close() {
	l.closing.Store(true)
	for _, c := range l.chatters {
		c.conn.Close()
	}
	l.readers.Wait()
}

// follow reads until the socket ends or something is wrong.
func (c *chatter) follow() error {
	for {
		text, err := c.read()
		if err != nil {
			return err
		}
		switch kind := kindOf(text); string(kind) {
		case "message:received":
			if err := c.ledger.event(member(text, "seq"), member(text, "rev")); err != nil {
				return err
			}
			if c.load.onEvent != nil {
				c.load.onEvent(c, text)
			}
			c.seen.Store(c.ledger.count)
		case "message:sent":
			if err := c.ledger.note(member(text, "seq")); err != nil {
				return err
			}
			if err := c.confirm(text); err != nil {
				return err
			}
			c.seen.Store(c.ledger.count)
		case "receipt:count":
			if c.load.onReceipt != nil {
				c.load.onReceipt(c, text)
			}
		case "receipt:synced":
			if c.load.onSynced != nil {
				c.load.onSynced(c, text)
			}
		case "presence:state", "presence:changed":
			c.presence(text)
		case "message:error":
			if c.load.onRefused == nil {
				return fmt.Errorf("refused: %s", text)
			}
			c.load.onRefused(c, text)
		case "error":
			return fmt.Errorf("refused: %s", text)
		case "system:draining":
			return errors.New("the server leaves in the middle of a run")
		}
		if err := c.ack(); err != nil {
			return err
		}
	}
}

// confirm counts a confirmation and, in a closed loop, sends the next message.
func (c *chatter) confirm(text []byte) error {
	l := c.load
	c.target.confirmed.Add(1)
	l.confirmed.Add(1)
	if l.onSent != nil {
		l.onSent(c, text)
		return nil
	}
	if l.measuring.Load() {
		c.took = append(c.took, time.Since(c.sentAt))
	}
	if l.stopping.Load() {
		l.senders.Done()
		return nil
	}
	return c.send()
}

func (c *chatter) send() error {
	c.sent++
	c.sentAt = time.Now()
	return c.write(sendFrame(c.target.id, c.prefix, c.sent))
}

func (c *chatter) ack() error {
	now := time.Now()
	if now.Sub(c.ackAt) < ackEvery && !c.load.ackAtOnce {
		return nil
	}
	c.ackAt = now
	upTo := c.ledger.upTo()
	if upTo <= c.acked {
		return nil
	}
	c.acked = upTo
	return c.write(`{"type":"message:ack","conversationId":"` + c.target.id + `","seq":` + strconv.FormatInt(upTo, 10) + `}`)
}

// measured is what a load came to.
type measured struct {
	messages int
	rate     float64 // confirmed messages a second
	took     []time.Duration
	cpu      CPU
}

// closedLoop has the first senders of the chatters send one message after the other, each when the one
// before is confirmed, and measures for a while. It returns when everybody has everything.
func (l *load) closedLoop(senders []*chatter, during time.Duration, nodes servers, database int) (measured, error) {
	l.listen()
	defer l.close()
	for _, c := range senders {
		l.senders.Add(1)
		if err := c.send(); err != nil {
			return measured{}, err
		}
	}
	if err := l.wait(warmUp); err != nil {
		return measured{}, err
	}
	m := startMeter(nodes.pids(), database)
	began, before := time.Now(), l.confirmed.Load()
	l.measuring.Store(true)
	err := l.wait(during)
	l.measuring.Store(false)
	n := l.confirmed.Load() - before
	out := measured{messages: int(n), rate: float64(n) / time.Since(began).Seconds(), cpu: m.stop()}
	l.stopping.Store(true)
	if err != nil {
		return out, err
	}
	done := make(chan struct{})
	go func() { l.senders.Wait(); close(done) }()
	select {
	case <-done:
	case err := <-l.failed:
		return out, err
	case <-time.After(patience):
		return out, fmt.Errorf("sends are not confirmed after %v", patience)
	}
	if err := l.settle(); err != nil {
		return out, err
	}
	for _, c := range senders {
		out.took = append(out.took, c.took...)
	}
	return out, nil
}

// wait lets the load run, unless something fails.
func (l *load) wait(during time.Duration) error {
	select {
	case <-time.After(during):
		return nil
	case err := <-l.failed:
		return err
	}
}

// settle waits until every chatter has seen every confirmed message of its conversation once.
func (l *load) settle() error {
	deadline := time.Now().Add(patience)
	for _, c := range l.chatters {
		for {
			want, have := c.target.confirmed.Load(), c.seen.Load()
			if have == want {
				break
			}
			if have > want || time.Now().After(deadline) {
				return fmt.Errorf("a client saw %d messages of %d", have, want)
			}
			if err := l.wait(time.Millisecond); err != nil {
				return err
			}
		}
	}
	return nil
}

// check compares what was confirmed with what is in the database. It runs after the server has stopped.
func (l *load) check(ctx context.Context, r *run, talks []talk) error {
	if r.remote() {
		return nil
	}
	stored, err := heads(ctx, r.config, talks)
	if err != nil {
		return err
	}
	for id, t := range l.targets {
		if stored[id] != t.confirmed.Load() {
			return fmt.Errorf("conversation %s has %d messages, %d were confirmed", id, stored[id], t.confirmed.Load())
		}
	}
	return nil
}
