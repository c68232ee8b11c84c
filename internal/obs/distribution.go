package obs

import (
	"math"
	"slices"
	"sync/atomic"

	"github.com/prometheus/client_golang/prometheus"
)

// distribution counts values in the buckets of a histogram. A value is a whole number of small units, nanoseconds or
// messages, so that counting is two additions and takes several values that are alike at once: those of a batch.
type distribution struct {
	of     *Metric
	labels []string
	units  float64 // of the small ones make one of the metric
	bounds []int64 // upper bounds of the buckets, which belong to them
	counts []atomic.Uint64
	sum    atomic.Int64
}

// nanoseconds is how many of them make a second.
const nanoseconds = 1e9

func distribute(of *Metric, units float64, labels ...string) *distribution {
	d := &distribution{of: of, labels: labels, units: units, counts: make([]atomic.Uint64, len(of.Buckets)+1)}
	for _, bound := range of.Buckets {
		d.bounds = append(d.bounds, int64(math.Round(bound*units)))
	}
	return d
}

// add counts n values. One below 0 counts as 0.
func (d *distribution) add(value int64, n int) {
	value = max(value, 0)
	bucket, _ := slices.BinarySearch(d.bounds, value)
	d.counts[bucket].Add(uint64(n))
	d.sum.Add(value * int64(n))
}

// never counts a value that is not known but is above all buckets: what was waited for did not come. Its part of the sum is how long
// it was waited for.
func (d *distribution) never(waited int64) {
	d.counts[len(d.bounds)].Add(1)
	d.sum.Add(max(waited, 0))
}

// read is the histogram as it stands. What is counted meanwhile is in it or not, whole.
func (d *distribution) read() prometheus.Metric {
	upTo, buckets := uint64(0), make(map[float64]uint64, len(d.bounds))
	for i, bound := range d.of.Buckets {
		upTo += d.counts[i].Load()
		buckets[bound] = upTo
	}
	upTo += d.counts[len(d.bounds)].Load()
	return prometheus.MustNewConstHistogram(d.of.desc, upTo, float64(d.sum.Load())/d.units, buckets, d.labels...)
}

// tally counts what has one of a few values of a label. One that has not happened yet is shown as 0, so that its rate is known
// from the first time on.
type tally struct {
	of     *Metric
	values []string
	counts []atomic.Uint64
}

func tallyOf(of *Metric, values ...string) *tally {
	return &tally{of: of, values: values, counts: make([]atomic.Uint64, len(values))}
}

// add counts n of a value. One that it was not made with is not counted: what counts must not bring down what works.
func (t *tally) add(value string, n int) {
	if i := slices.Index(t.values, value); i >= 0 {
		t.counts[i].Add(uint64(n))
	}
}

func (t *tally) read(emit Emit) {
	for i, value := range t.values {
		emit(t.of, float64(t.counts[i].Load()), value)
	}
}
