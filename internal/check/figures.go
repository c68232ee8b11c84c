package check

import (
	"slices"
	"time"
)

// Figures are what a run did, in numbers.
type Figures struct {
	Operations   int
	Observations int
	Sends        int // attempts
	Confirmed    int
	Unsure       int // answers that left it open
	Refused      int
	Faults       map[string]int // by kind
	Confirmation Latency        // of confirmed sends, from the call to the answer
}

// Latency sums up durations.
type Latency struct {
	Count              int
	P50, P95, P99, Max time.Duration
}

// latencyOf sorts samples.
func latencyOf(samples []time.Duration) Latency {
	if len(samples) == 0 {
		return Latency{}
	}
	slices.Sort(samples)
	at := func(percent int) time.Duration { return samples[(len(samples)-1)*percent/100] }
	return Latency{Count: len(samples), P50: at(50), P95: at(95), P99: at(99), Max: samples[len(samples)-1]}
}

func (x *index) figures() Figures {
	f := Figures{Operations: len(x.h.Operations), Observations: len(x.h.Observations), Faults: make(map[string]int)}
	var confirmations []time.Duration
	for i := range x.h.Operations {
		o := &x.h.Operations[i]
		if o.Op != Send {
			continue
		}
		f.Sends++
		switch o.Result {
		case OK:
			f.Confirmed++
			confirmations = append(confirmations, o.End-o.Begin)
		case Info:
			f.Unsure++
		case Fail:
			f.Refused++
		}
	}
	for _, fault := range x.h.Faults {
		f.Faults[fault.Kind]++
	}
	f.Confirmation = latencyOf(confirmations)
	return f
}
