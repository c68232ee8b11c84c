package simulation

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"slices"
	"sync"
	"time"

	"github.com/parley-chat/parley/internal/chat"
	"github.com/parley-chat/parley/internal/inmem"
)

// knowledge is what the nodes share of who has read what, and may lose: what Redis is for real nodes.
type knowledge struct {
	world *world

	mu   sync.Mutex
	now  *inmem.Readers
	away bool
}

func newKnowledge(w *world) *knowledge { return &knowledge{world: w, now: inmem.NewReaders()} }

// of returns what there is to ask; nil while it is away.
func (k *knowledge) of() *inmem.Readers {
	k.mu.Lock()
	defer k.mu.Unlock()
	if k.away {
		return nil
	}
	return k.now
}

// lose is away for a time, and has then lost everything. What was queued is queued again, as the nodes do that
// acknowledged it; what is lost with a node that dies too is promised to nobody (ADR-020).
func (k *knowledge) lose(after time.Duration) {
	k.mu.Lock()
	k.away = true
	k.mu.Unlock()
	time.Sleep(after)
	people := make([]chat.UserID, len(k.world.people))
	for i, p := range k.world.people {
		people[i] = p.id
	}
	k.mu.Lock()
	defer k.mu.Unlock()
	steps, _ := k.now.Pending(k.world.ctx, people)
	slices.SortFunc(steps, func(a, b chat.Step) int { return cmp.Compare(a.Seq, b.Seq) })
	k.now, k.away = inmem.NewReaders(), false
	for _, step := range steps {
		_ = k.now.Advance(k.world.ctx, step.Conversation, []chat.Step{step}, chat.ByReading)
	}
}

// readers is one process's way to what is shared. It satisfies chat.Readers.
type readers struct {
	shared  *knowledge
	process *process
}

var (
	_       chat.Readers = readers{}
	errAway              = errors.New("who knows what was read does not answer")
)

// knowing asks, if it gets there. What fails may have been done.
func knowing[T any](r readers, ctx context.Context, what string, ask func(*inmem.Readers) (T, error)) (T, error) {
	p := r.process
	air := p.world.weather()
	luck := p.world.chance.of(fmt.Sprint(what, " of ", p.id))
	var none T
	wait := luck.between(50*time.Microsecond, time.Millisecond)
	if luck.is(air.sluggish) {
		wait += luck.between(0, 800*time.Millisecond)
	}
	if !p.gate.pass() || rest(ctx, wait) != nil {
		return none, errAway
	}
	p.burn("before it can " + what)
	now := r.shared.of()
	if !p.gate.pass() || now == nil || luck.is(air.vague/2) {
		p.log("cannot %s", what)
		return none, errAway
	}
	out, err := ask(now)
	p.burn("between " + what + " and its answer")
	if luck.is(air.vague / 2) {
		p.log("does not learn that it could %s", what)
		return none, errAway
	}
	if rest(ctx, wait) != nil || !p.gate.pass() {
		return none, errAway
	}
	return out, err
}

// does is an asking that answers nothing.
func (r readers) does(ctx context.Context, what string, do func(*inmem.Readers) error) error {
	_, err := knowing(r, ctx, what, func(k *inmem.Readers) (struct{}, error) { return done(do(k)) })
	return err
}

func (r readers) Advance(ctx context.Context, c chat.ConversationID, steps []chat.Step, how chat.Moved) error {
	return r.does(ctx, "note readers", func(k *inmem.Readers) error { return k.Advance(ctx, c, steps, how) })
}

func (r readers) Counts(ctx context.Context, c chat.ConversationID, of []chat.Counted) (map[chat.MessageID]int64, int64, error) {
	return apart(knowing(r, ctx, "ask for counts", func(k *inmem.Readers) (pair[map[chat.MessageID]int64, int64], error) {
		return paired(k.Counts(ctx, c, of))
	}))
}

func (r readers) Seed(ctx context.Context, c chat.ConversationID, positions map[chat.UserID]int64, epoch int64) error {
	return r.does(ctx, "seed", func(k *inmem.Readers) error { return k.Seed(ctx, c, positions, epoch) })
}

func (r readers) Epoch(ctx context.Context, c chat.ConversationID) (int64, error) {
	return knowing(r, ctx, "ask for the epoch", func(k *inmem.Readers) (int64, error) { return k.Epoch(ctx, c) })
}

func (r readers) Unseed(ctx context.Context, c chat.ConversationID, gone ...chat.UserID) error {
	return r.does(ctx, "unseed", func(k *inmem.Readers) error { return k.Unseed(ctx, c, gone...) })
}

func (r readers) Pending(ctx context.Context, users []chat.UserID) ([]chat.Step, error) {
	return knowing(r, ctx, "ask what waits", func(k *inmem.Readers) ([]chat.Step, error) { return k.Pending(ctx, users) })
}

func (r readers) Claim(ctx context.Context, limit int, lease time.Duration) (chat.Claim, error) {
	return knowing(r, ctx, "claim steps", func(k *inmem.Readers) (chat.Claim, error) { return k.Claim(ctx, limit, lease) })
}

func (r readers) Settle(ctx context.Context, id string, again []chat.Step) error {
	return r.does(ctx, "settle", func(k *inmem.Readers) error { return k.Settle(ctx, id, again) })
}

func (r readers) Waiting(ctx context.Context) (int, error) {
	return knowing(r, ctx, "ask how many steps wait", func(k *inmem.Readers) (int, error) { return k.Waiting(ctx) })
}
