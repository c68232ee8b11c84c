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
)

// point is how many people of a conversation are connected, and to how many nodes.
type point struct{ people, nodes int }

// model says what one message costs all nodes together in processor time, when nothing shares a batch:
//
//	own + (publish, if there is another node) + hear × (other nodes that hear it) + deliver × (people − 1)
type model struct{ own, publish, hear, deliver time.Duration }

// fit takes the four costs from four measured points.
func fit(at map[point]time.Duration) model {
	var m model
	few, many := at[point{2, 1}], at[point{modelPeople, 1}]
	m.deliver = (many - few) / (modelPeople - 2)
	m.own = few - m.deliver
	two, three := at[point{modelPeople, 2}]-many, at[point{modelPeople, 3}]-many
	m.hear = three - two
	m.publish = two - m.hear
	return m
}

func (m model) cost(p point) time.Duration {
	c := m.own + time.Duration(p.people-1)*m.deliver
	if others := min(p.nodes, p.people) - 1; others > 0 {
		c += m.publish + time.Duration(others)*m.hear
	}
	return c
}

// measureModel measures the points, fits the model to four of them and tells how well it foresees the others.
func measureModel(ctx context.Context, r *run, s *Scenario) error {
	at := map[point]time.Duration{}
	sizes, counts := []int{2, 10, 100, modelPeople}, []int{1, 2, 3}
	for _, n := range counts {
		err := r.on(ctx, s, n, func(nodes servers) (*load, error) {
			for _, size := range sizes {
				cost, err := costOfOne(ctx, nodes, r.talks(s)[0], size)
				if err != nil {
					return nil, err
				}
				at[point{size, n}] = cost
			}
			return nil, nil
		})
		if err != nil {
			return err
		}
	}
	m := fit(at)
	s.Notes = append(s.Notes, fmt.Sprintf("fitted: own %.0f µs, publish %.0f µs, hear %.0f µs a node, deliver %.2f µs a person; CPU of all nodes a message, nothing shared",
		micros(m.own, 1), micros(m.publish, 1), micros(m.hear, 1), micros(m.deliver, 1)))
	for _, size := range sizes {
		for _, n := range counts {
			p := point{size, n}
			fitted := (size == modelPeople || size == 2 && n == 1)
			row := ceiling(fmt.Sprintf("%d people, %d nodes", size, n), micros(m.cost(p), 1), "µs", "measured", micros(at[p], 1), modelWithin)
			if row.Probe = "measured"; fitted {
				row.Probe = "measured, fitted to"
			}
			s.Rows = append(s.Rows, row)
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
