package redis

import (
	"crypto/rand"
	"fmt"
	"slices"
	"sync"
	"time"

	"github.com/parley-chat/parley/internal/chat"
)

const (
	// keepSteps is how long a step is remembered before this node makes sure that it was written: three flushes (C6.3).
	keepSteps = 30 * time.Second
	// maxKeptSteps bounds what is remembered, about 300 bytes each. The oldest go first; they are lost only if Redis is
	// emptied as well.
	maxKeptSteps = 100_000
	// againAtOnce is how many steps are queued again in one script.
	againAtOnce = 1_000
)

// stepLog remembers what this node queued until it is seen to be written, and in which life of Redis' content each step
// stands. That nothing of it waits any more is no such sign: it may be lost.
type stepLog struct {
	mu     sync.Mutex
	kept   []*keptStep // the oldest first
	lives  map[string]int
	keep   time.Duration
	claims map[string]logClaim // what is claimed of it
}

// logClaim is a claim of steps that are remembered.
type logClaim struct {
	steps   []*keptStep
	inRedis bool // the lease is there
}

type keptStep struct {
	step      chat.Step
	life      string
	at        time.Time
	forgotten bool
}

// stepKey names a step.
type stepKey struct {
	conversation chat.ConversationID
	user         chat.UserID
	message      chat.MessageID
}

func keyOf(s chat.Step) stepKey { return stepKey{s.Conversation, s.User, s.Message} }

func newStepLog() *stepLog {
	return &stepLog{lives: make(map[string]int), keep: keepSteps, claims: make(map[string]logClaim)}
}

func (l *stepLog) add(steps []chat.Step, life string) {
	l.mu.Lock()
	defer l.mu.Unlock()
	now := time.Now()
	for _, s := range steps {
		l.kept = append(l.kept, &keptStep{step: s, life: life, at: now})
		l.lives[life]++
	}
	if over := len(l.kept) - maxKeptSteps; over > 0 {
		for _, k := range l.kept[:over] {
			l.forget(k)
		}
		l.kept = slices.Delete(l.kept, 0, over)
	}
}

// any reports whether steps are remembered.
func (l *stepLog) any() bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	return len(l.kept) > 0
}

// of returns the steps of those people that are remembered, the oldest first.
func (l *stepLog) of(users []chat.UserID) (steps []chat.Step) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if len(l.kept) == 0 {
		return nil
	}
	named := make(map[chat.UserID]bool, len(users))
	for _, u := range users {
		named[u] = true
	}
	for _, k := range l.kept {
		if named[k.step.User] {
			steps = append(steps, k.step)
		}
	}
	return steps
}

// claim hands out the oldest steps that are remembered.
func (l *stepLog) claim(limit int) chat.Claim {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.take(l.kept[:min(limit, len(l.kept))])
}

// claimOld hands out those that are remembered for so long that they should be written.
func (l *stepLog) claimOld(limit int) chat.Claim {
	l.mu.Lock()
	defer l.mu.Unlock()
	n := 0
	for n < min(limit, len(l.kept)) && time.Since(l.kept[n].at) >= l.keep {
		n++
	}
	c := l.take(l.kept[:n])
	c.Known = true
	return c
}

func (l *stepLog) take(steps []*keptStep) chat.Claim {
	c := chat.Claim{ID: rand.Text()}
	if len(steps) == 0 {
		return c
	}
	l.claims[c.ID] = logClaim{steps: slices.Clone(steps)}
	for _, k := range steps {
		c.Steps = append(c.Steps, k.step)
	}
	return c
}

// lease notes which of the steps that were claimed in Redis are remembered here.
func (l *stepLog) lease(c chat.Claim) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if len(l.kept) == 0 {
		return
	}
	leased := make(map[stepKey]bool, len(c.Steps))
	for _, s := range c.Steps {
		leased[keyOf(s)] = true
	}
	var steps []*keptStep
	for _, k := range l.kept {
		if leased[keyOf(k.step)] {
			steps = append(steps, k)
		}
	}
	if len(steps) > 0 {
		l.claims[c.ID] = logClaim{steps, true}
	}
}

// settle forgets what was claimed and is written, which is all but what is given, and reports whether the claim was made
// here alone.
func (l *stepLog) settle(id string, again []chat.Step) (here bool) {
	l.mu.Lock()
	defer l.mu.Unlock()
	claim, known := l.claims[id]
	if !known {
		return false
	}
	delete(l.claims, id)
	back := make(map[stepKey]chat.Step, len(again))
	for _, s := range again {
		back[keyOf(s)] = s
	}
	done := make(map[*keptStep]bool, len(claim.steps))
	now := time.Now()
	var late []*keptStep
	for _, k := range claim.steps {
		s, stays := back[keyOf(k.step)]
		switch {
		case k.forgotten:
		case stays:
			k.step, k.at, done[k] = s, now, true
			late = append(late, k)
		default:
			done[k] = true
			l.forget(k)
		}
	}
	l.kept = slices.DeleteFunc(l.kept, func(k *keptStep) bool { return done[k] })
	l.kept = append(l.kept, late...)
	return !claim.inRedis
}

// forget takes a step out of the account of lives.
func (l *stepLog) forget(k *keptStep) {
	k.forgotten = true
	l.leave(k.life)
}

func (l *stepLog) leave(life string) {
	if l.lives[life]--; l.lives[life] == 0 {
		delete(l.lives, life)
	}
}

// doubt has all that is remembered be of another life than any: Redis was away, and may have lost what it was not away
// for long enough to show.
func (l *stepLog) doubt() {
	l.mu.Lock()
	defer l.mu.Unlock()
	clear(l.lives)
	for _, k := range l.kept {
		k.life = ""
		l.lives[""]++
	}
}

// strange reports whether steps were queued in another life: Redis may have lost them.
func (l *stepLog) strange(life string) bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	return len(l.lives) > 1 || (len(l.lives) == 1 && l.lives[life] == 0)
}

// strangers returns steps of one conversation that were queued in another life, the oldest first, at most againAtOnce.
func (l *stepLog) strangers(life string) (found []*keptStep) {
	l.mu.Lock()
	defer l.mu.Unlock()
	for _, k := range l.kept {
		if k.life != life && (len(found) == 0 || k.step.Conversation == found[0].step.Conversation) {
			if found = append(found, k); len(found) == againAtOnce {
				break
			}
		}
	}
	return found
}

// moveTo notes in which life steps were queued again.
func (l *stepLog) moveTo(steps []*keptStep, life string) {
	l.mu.Lock()
	defer l.mu.Unlock()
	for _, k := range steps {
		if !k.forgotten {
			l.leave(k.life)
			k.life = life
			l.lives[life]++
		}
	}
}

// mend queues again what was queued in another life than that of now. One call at a time does it; the others wait
// for it, within their time.
func (c *receiptCall) mend(life string) error {
	if life == "" || !c.log.strange(life) {
		return nil
	}
	select {
	case c.mending <- struct{}{}:
		defer func() { <-c.mending }()
	case <-c.ctx.Done():
		return fmt.Errorf("%w: steps are still being queued again", ErrAway)
	}
	for {
		lost := c.log.strangers(life)
		if len(lost) == 0 {
			return nil
		}
		steps := make([]chat.Step, len(lost))
		for i, k := range lost {
			steps[i] = k.step
		}
		again, err := c.read(steps[0].Conversation, "again", steps)
		if err != nil {
			return err
		}
		c.log.moveTo(lost, again.life)
		life = again.life
		c.onRestored(steps[0].Conversation)
	}
}
