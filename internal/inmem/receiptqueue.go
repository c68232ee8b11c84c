package inmem

import (
	"context"
	"crypto/rand"
	"errors"
	"slices"
	"time"

	"github.com/parley-chat/parley/internal/chat"
)

// maxWaiting bounds the steps that wait to be written, about 200 bytes each.
const maxWaiting = 200_000

var errFull = errors.New("too many steps wait to be written")

// stepQueue holds the steps that are queued or leased. Its owner locks it.
type stepQueue struct {
	pending []*chat.Step // the oldest first
	claims  map[string]*stepClaim
	of      map[chat.UserID][]*chat.Step // queued and leased
	leased  int
	most    int
}

type stepClaim struct {
	steps []*chat.Step
	ends  time.Time
}

func newStepQueue() stepQueue {
	return stepQueue{claims: make(map[string]*stepClaim), of: make(map[chat.UserID][]*chat.Step), most: maxWaiting}
}

func (q *stepQueue) push(steps []chat.Step) error {
	if len(q.pending)+len(steps) > q.most {
		return errFull
	}
	q.append(steps)
	return nil
}

func (q *stepQueue) append(steps []chat.Step) {
	for _, s := range steps {
		q.pending = append(q.pending, &s)
		q.of[s.User] = append(q.of[s.User], &s)
	}
}

// takeBack puts what ran out to the front, the oldest claim foremost.
func (q *stepQueue) takeBack(now time.Time) {
	var late []*stepClaim
	for id, claim := range q.claims {
		if !claim.ends.After(now) {
			late = append(late, claim)
			delete(q.claims, id)
		}
	}
	slices.SortFunc(late, func(a, b *stepClaim) int { return b.ends.Compare(a.ends) })
	for _, claim := range late {
		q.leased -= len(claim.steps)
		q.pending = slices.Concat(claim.steps, q.pending)
	}
}

func (q *stepQueue) claim(limit int, lease time.Duration) chat.Claim {
	now := time.Now()
	q.takeBack(now)
	n := min(max(limit, 0), len(q.pending))
	c := chat.Claim{ID: rand.Text(), Steps: make([]chat.Step, n)}
	if n == 0 {
		return c
	}
	steps := slices.Clone(q.pending[:n])
	q.pending = slices.Delete(q.pending, 0, n)
	for i, s := range steps {
		c.Steps[i] = *s
	}
	q.claims[c.ID] = &stepClaim{steps, now.Add(lease)}
	q.leased += n
	return c
}

func (q *stepQueue) settle(id string, again []chat.Step) {
	claim, leased := q.claims[id]
	if !leased {
		return
	}
	delete(q.claims, id)
	q.leased -= len(claim.steps)
	for _, s := range claim.steps {
		left := slices.DeleteFunc(q.of[s.User], func(of *chat.Step) bool { return of == s })
		if q.of[s.User] = left; len(left) == 0 {
			delete(q.of, s.User)
		}
	}
	q.append(again)
}

// Pending returns what waits of those people, queued or leased.
func (r *Readers) Pending(_ context.Context, users []chat.UserID) (steps []chat.Step, err error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	for _, u := range users {
		for _, s := range r.queue.of[u] {
			steps = append(steps, *s)
		}
	}
	return steps, nil
}

// Claim leases the oldest steps.
func (r *Readers) Claim(_ context.Context, limit int, lease time.Duration) (chat.Claim, error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.queue.claim(limit, lease), nil
}

// Settle ends a lease.
func (r *Readers) Settle(_ context.Context, id string, again []chat.Step) error {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.queue.settle(id, again)
	return nil
}

// Waiting says how many steps are queued or leased.
func (r *Readers) Waiting(context.Context) (int, error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	return len(r.queue.pending) + r.queue.leased, nil
}
