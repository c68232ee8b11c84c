package bench

import (
	"context"
	"fmt"
	"time"
)

const (
	// modelRounds is how many messages each point of the model is measured with, one at a time.
	modelRounds = 150
	// modelPeople is the largest number of people connected in a conversation that is measured.
	modelPeople = 400
	// modelTurns is how often all points are measured.
	modelTurns = 3
)

// point is how many people of a conversation are connected, and to how many nodes.
type point struct{ people, nodes int }

// model says what one message costs all nodes together in processor time, when nothing shares a batch:
//
//	own + (publish, if there is another node) + hear × (other nodes that hear it) + deliver × (people − 1)
type model struct{ own, publish, hear, deliver time.Duration }

// terms are how often each of the four costs comes in at a point.
func (p point) terms() [4]float64 {
	t := [4]float64{1, 0, 0, float64(p.people - 1)}
	if others := min(p.nodes, p.people) - 1; others > 0 {
		t[1], t[2] = 1, float64(others)
	}
	return t
}

// fit takes the four costs from all measured points, so that the sum of the squared relative errors is smallest: what
// a point of many people is off by in microseconds must not hide what few take. No cost is below zero; one that would
// be is too small to be seen, and counts as none.
func fit(at map[point]time.Duration) model {
	var none [4]bool
	for {
		x := leastSquares(at, none)
		worst := -1
		for i := range x {
			if x[i] < 0 && (worst < 0 || x[i] < x[worst]) {
				worst = i
			}
		}
		if worst < 0 {
			return model{time.Duration(x[0]), time.Duration(x[1]), time.Duration(x[2]), time.Duration(x[3])}
		}
		none[worst] = true
	}
}

// leastSquares solves the normal equations for the costs that are not none.
func leastSquares(at map[point]time.Duration, none [4]bool) (x [4]float64) {
	var a [4][5]float64
	for p, took := range at {
		t := p.terms()
		for i := range t {
			if t[i] /= float64(took); none[i] {
				t[i] = 0
			}
		}
		for i := range t {
			for j := range t {
				a[i][j] += t[i] * t[j]
			}
			a[i][4] += t[i]
		}
	}
	for i := range a {
		if none[i] {
			a[i][i] = 1
		}
	}
	// The matrix is symmetric and positive, so that it needs no pivot.
	for i := range a {
		for k := range a {
			if k == i {
				continue
			}
			for f, j := a[k][i]/a[i][i], i; j < 5; j++ {
				a[k][j] -= f * a[i][j]
			}
		}
	}
	for i := range x {
		x[i] = a[i][4] / a[i][i]
	}
	return x
}

func (m model) cost(p point) time.Duration {
	t := p.terms()
	return time.Duration(t[0]*float64(m.own) + t[1]*float64(m.publish) + t[2]*float64(m.hear) + t[3]*float64(m.deliver))
}

// measureModel measures the points in turns, each as the turn in which others disturbed it least, fits the model to
// them and tells how well it describes each.
func measureModel(ctx context.Context, r *run, s *Scenario) error {
	at := map[point]time.Duration{}
	sizes, counts := []int{2, 10, 100, modelPeople}, []int{1, 2, 3}
	for range modelTurns {
		for _, n := range counts {
			err := r.on(ctx, s, n, func(nodes servers) (*load, error) {
				for _, size := range sizes {
					cost, err := costOfOne(ctx, nodes, r.talks(s)[0], size)
					if err != nil {
						return nil, err
					}
					p := point{size, n}
					if before, known := at[p]; !known || cost < before {
						at[p] = cost
					}
				}
				return nil, nil
			})
			if err != nil {
				return err
			}
		}
	}
	m := fit(at)
	s.Notes = append(s.Notes, fmt.Sprintf("fitted: own %.0f µs, publish %.0f µs, hear %.0f µs a node, deliver %.2f µs a person; CPU of all nodes a message, nothing shared",
		micros(m.own, 1), micros(m.publish, 1), micros(m.hear, 1), micros(m.deliver, 1)))
	for _, size := range sizes {
		for _, n := range counts {
			p := point{size, n}
			s.Rows = append(s.Rows, ceiling(fmt.Sprintf("%d people, %d nodes", size, n), micros(m.cost(p), 1), "µs", "measured", micros(at[p], 1), modelWithin))
		}
	}
	return nil
}

// modelWithin is how far over the measured cost the model may be.
const modelWithin = 1.3

// costOfOne has one of the people who are connected, spread over the nodes, send one message after the other, each
// when everybody has the one before, and returns what all nodes together took for each.
func costOfOne(ctx context.Context, nodes servers, t talk, people int) (time.Duration, error) {
	l, err := join(ctx, nodes, []talk{t}, people)
	if err != nil {
		return 0, err
	}
	defer l.close()
	everybody := newCountdown()
	l.onSent = func(*chatter, []byte) { everybody.done() }
	l.onEvent = func(*chatter, []byte) { everybody.done() }
	l.listen()
	var before time.Duration
	for i := range modelRounds + modelRounds/10 {
		if i == modelRounds/10 {
			before = sum(nodes.pids(), cpuOf)
		}
		zero := everybody.from(len(l.chatters))
		if err := l.chatters[0].send(); err != nil {
			return 0, err
		}
		select {
		case <-zero:
		case err := <-l.failed:
			return 0, err
		case <-time.After(patience):
			return 0, fmt.Errorf("%d clients did not get a message within %v", everybody.left.Load(), patience)
		}
	}
	cost := (sum(nodes.pids(), cpuOf) - before) / modelRounds
	return cost, l.settle()
}
