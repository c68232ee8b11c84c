package check

import (
	"maps"
	"slices"
	"time"
)

// maxBuckets is how finely a time line is drawn.
const maxBuckets = 240

// steps are how long a bucket may be.
var steps = []time.Duration{
	100 * time.Millisecond, 250 * time.Millisecond, 500 * time.Millisecond, time.Second, 2 * time.Second, 5 * time.Second,
	10 * time.Second, 30 * time.Second, time.Minute, 5 * time.Minute, 15 * time.Minute, time.Hour,
}

// series is a run over time, in equal buckets.
type series struct {
	step      time.Duration
	buckets   int
	confirmed []int       // sends, by the time of the answer
	open      []int       // sends without an answer that says what happened
	answer    []quantiles // of confirmations, by the time of the send
	delivery  []quantiles // by the time of the send
	nodes     []lane      // confirmations by the node that the sender was connected to
	groups    []lane      // how many clients of a group had lost their connection
}

// quantiles sum up one bucket.
type quantiles struct {
	count         int
	p50, p95, max time.Duration
}

// lane is one row of the time line.
type lane struct {
	name   string
	size   int // clients of a group
	values []float64
}

func (x *index) series() series {
	end := max(x.h.Run.Ended, time.Millisecond)
	s := series{step: steps[len(steps)-1]}
	for _, step := range steps {
		if end/step < maxBuckets {
			s.step = step
			break
		}
	}
	s.buckets = int(end/s.step) + 1
	s.confirmed, s.open = make([]int, s.buckets), make([]int, s.buckets)
	s.sends(x)
	s.deliveries(x)
	s.outages(x)
	return s
}

func (s *series) bucket(at time.Duration) int { return min(max(0, int(at/s.step)), s.buckets-1) }

func (s *series) sends(x *index) {
	took := make([][]time.Duration, s.buckets)
	nodes := make(map[string]*lane)
	for i := range x.h.Operations {
		o := &x.h.Operations[i]
		if o.Op != Send || o.Result == Fail {
			continue
		}
		at := s.bucket(o.End)
		if o.Result == Info {
			s.open[at]++
			continue
		}
		s.confirmed[at]++
		began := s.bucket(o.Begin)
		took[began] = append(took[began], o.End-o.Begin)
		if o.Node != "" {
			laneOf(nodes, o.Node, s.buckets).values[at]++
		}
	}
	s.answer, s.nodes = quantilesOf(took), sortedLanes(nodes)
}

func (s *series) deliveries(x *index) {
	took := make([][]time.Duration, s.buckets)
	for _, d := range x.delivered {
		at := s.bucket(d.at)
		took[at] = append(took[at], d.took)
	}
	s.delivery = quantilesOf(took)
}

// outages adds up for how much of each bucket each client had lost its connection.
func (s *series) outages(x *index) {
	groups := make(map[string]*lane)
	for _, stream := range x.streams {
		if !slices.ContainsFunc(stream.saw, func(o *Observation) bool { return o.Event == Online }) {
			continue
		}
		l := laneOf(groups, stream.group, s.buckets)
		l.size++
		for _, gap := range stream.gaps(x.h.Run.Ended) {
			for b := s.bucket(gap.from); b <= s.bucket(gap.to); b++ {
				from, to := time.Duration(b)*s.step, time.Duration(b+1)*s.step
				l.values[b] += float64(min(to, gap.to)-max(from, gap.from)) / float64(s.step)
			}
		}
	}
	s.groups = sortedLanes(groups)
}

func laneOf(lanes map[string]*lane, name string, buckets int) *lane {
	l := lanes[name]
	if l == nil {
		l = &lane{name: name, values: make([]float64, buckets)}
		lanes[name] = l
	}
	return l
}

func sortedLanes(lanes map[string]*lane) []lane {
	var out []lane
	for _, name := range slices.Sorted(maps.Keys(lanes)) {
		out = append(out, *lanes[name])
	}
	return out
}

func quantilesOf(buckets [][]time.Duration) []quantiles {
	out := make([]quantiles, len(buckets))
	for i, some := range buckets {
		l := latencyOf(some)
		out[i] = quantiles{l.Count, l.P50, l.P95, l.Max}
	}
	return out
}
