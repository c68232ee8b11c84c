package bench

import (
	"context"
	"time"

	"golang.org/x/sync/errgroup"
)

// prober does the bare work of storing: rows like those of messages, in a table with the same indexes.
type prober interface {
	// batch inserts rows n at a time, one transaction each, on one connection, and returns rows a second.
	batch(ctx context.Context, n int, during time.Duration) (float64, error)
	// single inserts count rows, a transaction each, and returns how long each took.
	single(ctx context.Context, count int) ([]time.Duration, error)
	// parallel inserts single rows on several connections at once and returns rows a second.
	parallel(ctx context.Context, connections int, during time.Duration) (float64, error)
	close() error
}

const (
	probeTalks  = 20
	probePeople = 200
)

// rows makes the rows of a probe: the shape of P1's, 200 people in 20 conversations.
type rows struct {
	talks  [probeTalks]string
	people [probePeople]string
	seq    [probeTalks]int64
	next   int
}

func newRows() *rows {
	r := &rows{}
	for i := range r.talks {
		r.talks[i] = newID()
	}
	for i := range r.people {
		r.people[i] = newID()
	}
	return r
}

type row struct {
	id, talk, person, key string
	seq                   int64
	at                    time.Time
}

func (r *rows) row() row {
	i := r.next
	r.next++
	t := i % probeTalks
	r.seq[t]++
	return row{
		id: newID(), talk: r.talks[t], person: r.people[i%probePeople], key: newID(),
		seq: r.seq[t], at: time.Now().UTC().Truncate(time.Microsecond),
	}
}

// repeat calls step until the time is over and returns steps a second.
func repeat(during time.Duration, step func() error) (float64, error) {
	began := time.Now()
	for n := 0; ; n++ {
		took := time.Since(began)
		if took >= during {
			return float64(n) / took.Seconds(), nil
		}
		if err := step(); err != nil {
			return 0, err
		}
	}
}

// together runs n workers for a while and returns the sum of their rates.
func together(n int, during time.Duration, step func(worker int) error) (float64, error) {
	rates := make([]float64, n)
	var group errgroup.Group
	for i := range n {
		group.Go(func() (err error) {
			rates[i], err = repeat(during, func() error { return step(i) })
			return err
		})
	}
	err := group.Wait()
	sum := 0.0
	for _, rate := range rates {
		sum += rate
	}
	return sum, err
}
