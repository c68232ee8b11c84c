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
	// keepSteps is how long a step is remembered before it is asked whether it was written: three flushes (C6.3).
	keepSteps = 30 * time.Second
	// maxKeptSteps bounds what is remembered, about 300 bytes each. The oldest go first; they are lost only if Redis is
	// emptied as well.
	maxKeptSteps = 100_000
	// againAtOnce is how many steps are queued again, and how many people asked about, in one script.
	againAtOnce = 1_000
)

// stepLog remembers what this node queued until it was written, and in which life of Redis' content each step stands.
type stepLog struct {
	mu    sync.Mutex
	kept  []*keptStep // the oldest first
	lives map[string]int
	keep  time.Duration
	// claims are those that were made here since Redis was away.
	claims map[string][]*keptStep
}

type keptStep struct {
	step      chat.Step
	life      string
	at        time.Time
	forgotten bool
}

func newStepLog() *stepLog {
	return &stepLog{lives: make(map[string]int), keep: keepSteps, claims: make(map[string][]*keptStep)}
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
func (l *stepLog) claim(limit int) (c chat.Claim) {
	l.mu.Lock()
	defer l.mu.Unlock()
	c.ID = rand.Text()
	taken := slices.Clone(l.kept[:min(limit, len(l.kept))])
	if len(taken) == 0 {
		return c
	}
	l.claims[c.ID] = taken
	for _, k := range taken {
		c.Steps = append(c.Steps, k.step)
	}
	return c
}

// settle forgets what was claimed here, except what is given, and reports false for another claim.
func (l *stepLog) settle(id string, again []chat.Step) bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	taken, here := l.claims[id]
	if !here {
		return false
	}
	delete(l.claims, id)
	type key struct {
		conversation chat.ConversationID
		user         chat.UserID
		message      chat.MessageID
	}
	back := make(map[key]chat.Step, len(again))
	for _, s := range again {
		back[key{s.Conversation, s.User, s.Message}] = s
	}
	done := make(map[*keptStep]bool, len(taken))
	now := time.Now()
	var late []*keptStep
	for _, k := range taken {
		s, stays := back[key{k.step.Conversation, k.step.User, k.step.Message}]
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
	return true
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

// due returns the steps that were remembered for long enough, and whose they are, at most againAtOnce people.
func (l *stepLog) due() (steps []*keptStep, users []string) {
	l.mu.Lock()
	defer l.mu.Unlock()
	seen := make(map[chat.UserID]bool)
	for _, k := range l.kept {
		if time.Since(k.at) < l.keep {
			break
		}
		if !seen[k.step.User] {
			if len(users) == againAtOnce {
				continue
			}
			seen[k.step.User] = true
			users = append(users, string(k.step.User))
		}
		steps = append(steps, k)
	}
	return steps, users
}

// written forgets those steps that stand in this life and of whose people nothing waits, and remembers the others for
// another while.
func (l *stepLog) written(steps []*keptStep, waiting map[string]bool, life string) {
	l.mu.Lock()
	defer l.mu.Unlock()
	now := time.Now()
	var late []*keptStep
	asked := make(map[*keptStep]bool, len(steps))
	for _, k := range steps {
		asked[k] = true
	}
	l.kept = slices.DeleteFunc(l.kept, func(k *keptStep) bool {
		switch {
		case !asked[k]:
			return false
		case k.life == life && !waiting[string(k.step.User)]:
			l.forget(k)
		default:
			k.at = now
			late = append(late, k)
		}
		return true
	})
	l.kept = append(l.kept, late...)
}

// forgetWritten asks what has become of the steps that were remembered for long enough.
func (c *receiptCall) forgetWritten() error {
	steps, users := c.log.due()
	if len(steps) == 0 {
		return nil
	}
	answer, life, err := c.work("waiting_of", users...)
	if err != nil {
		return err
	}
	waiting := make(map[string]bool, len(answer))
	for _, user := range answer {
		name, _ := user.ToString()
		waiting[name] = true
	}
	c.log.written(steps, waiting, life)
	return nil
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
