package obs

import (
	"context"
	"maps"
	"math"
	"strconv"
	"sync"
	"time"

	dto "github.com/prometheus/client_model/go"
)

const (
	// lookEvery is how often it is taken down what the metrics stand at.
	lookEvery = 5 * time.Second
	// recentSamples is how many looks are kept: those of a minute, and the one before it.
	recentSamples = 13
)

// Endless names the bucket of what took longer than the largest bound.
const Endless = "+Inf"

// Outcomes is what became of all sends since the start, or of those of a while.
type Outcomes struct {
	ByResult map[string]uint64 // by the label of chat_messages_sent_total
	// Times counts those of chat_message_send_latency_seconds, the refused among them at [Endless], by the upper bound of
	// their bucket, in seconds.
	Times map[string]uint64
}

// SendsSoFar is what the node counted since its start.
func (m *Metrics) SendsSoFar() Outcomes {
	out := Outcomes{ByResult: make(map[string]uint64), Times: make(map[string]uint64)}
	// What cannot be gathered is nothing that was counted here.
	families, _ := m.registry.Gather()
	for _, f := range families {
		switch f.GetName() {
		case Sends.Name:
			for _, c := range f.GetMetric() {
				out.ByResult[c.GetLabel()[0].GetValue()] = uint64(c.GetCounter().GetValue())
			}
		case SendLatency.Name:
			out.Times = timesOf(f.GetMetric()[0].GetHistogram())
		}
	}
	return out
}

// timesOf counts by bucket what a histogram counts up to each.
func timesOf(h *dto.Histogram) map[string]uint64 {
	out := make(map[string]uint64)
	var below uint64
	for _, b := range h.GetBucket() {
		if !math.IsInf(b.GetUpperBound(), 1) {
			out[strconv.FormatFloat(b.GetUpperBound(), 'g', -1, 64)] = b.GetCumulativeCount() - below
			below = b.GetCumulativeCount()
		}
	}
	out[Endless] = h.GetSampleCount() - below
	return out
}

// since is what came after an earlier look.
func (s Outcomes) since(earlier Outcomes) Outcomes {
	return Outcomes{ByResult: less(s.ByResult, earlier.ByResult), Times: less(s.Times, earlier.Times)}
}

// less subtracts and leaves out what is nothing.
func less(now, before map[string]uint64) map[string]uint64 {
	out := maps.Clone(now)
	for name, n := range before {
		out[name] -= n
	}
	maps.DeleteFunc(out, func(_ string, n uint64) bool { return n == 0 })
	return out
}

// Recent remembers what the metrics of sends stood at during the last minute, so that a node can say what became of those
// of that minute, which the metrics alone do not.
type Recent struct {
	metrics *Metrics

	mu    sync.Mutex
	looks []look // the oldest first
}

type look struct {
	at    time.Time
	sends Outcomes
}

// NewRecent begins to remember.
func NewRecent(m *Metrics) *Recent {
	r := &Recent{metrics: m}
	r.look()
	return r
}

// Run remembers until ctx ends.
func (r *Recent) Run(ctx context.Context) error {
	tick := time.NewTicker(lookEvery)
	defer tick.Stop()
	for {
		select {
		case <-tick.C:
			r.look()
		case <-ctx.Done():
			return nil
		}
	}
}

// look takes down what the metrics stand at.
func (r *Recent) look() {
	now := look{time.Now(), r.metrics.SendsSoFar()}
	r.mu.Lock()
	defer r.mu.Unlock()
	if len(r.looks) == recentSamples {
		r.looks = append(r.looks[:0:0], r.looks[1:]...)
	}
	r.looks = append(r.looks, now)
}

// Sends is what became of the sends of the last minute, or since the start where that is less, and how long that is.
func (r *Recent) Sends() (Outcomes, time.Duration) {
	r.mu.Lock()
	first := r.looks[0]
	r.mu.Unlock()
	return r.metrics.SendsSoFar().since(first.sends), time.Since(first.at)
}
