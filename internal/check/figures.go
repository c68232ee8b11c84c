package check

import (
	"cmp"
	"slices"
	"time"
)

// Figures are what a run did, in numbers.
type Figures struct {
	Operations    int        `json:"operations"`
	Observations  int        `json:"observations"`
	Did           map[Op]int `json:"did"` // the operations by what they were
	Clients       int        `json:"clients"`
	Conversations int        `json:"conversations"`

	Sends     int `json:"sends"` // tries
	Confirmed int `json:"confirmed"`
	Unsure    int `json:"unsure"` // answers that left it open, or none
	Refused   int `json:"refused"`

	Faults map[string]int `json:"faults"` // by kind

	// Confirmation is of confirmed sends, from the call to the answer, over as many connections as it took.
	Confirmation Latency `json:"confirmation"`
	// Delivery is from a send that was confirmed at the first try to each connection that was live all the
	// while; Crossing of them is to other nodes than the sender's; ByFault is by the kind of the fault that
	// was on or not recovered from, "" for none.
	Delivery Latency            `json:"delivery"`
	Crossing Latency            `json:"crossing"`
	ByFault  map[string]Latency `json:"byFault"`

	LostConnections int    `json:"lostConnections"`
	LongestOffline  Outage `json:"longestOffline"` // that a client had no connection
	LongestSend     Outage `json:"longestSend"`    // that a client waited for a confirmation
}

// Latency sums up durations.
type Latency struct {
	Count int           `json:"count"`
	P50   time.Duration `json:"p50"`
	P95   time.Duration `json:"p95"`
	P99   time.Duration `json:"p99"`
	Max   time.Duration `json:"max"`
}

// Outage is a stretch in which one client was without something.
type Outage struct {
	Client string        `json:"client"`
	From   time.Duration `json:"from"`
	Lasted time.Duration `json:"lasted"`
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
	f := Figures{
		Operations: len(x.h.Operations), Observations: len(x.h.Observations), Did: make(map[Op]int), Clients: len(x.streams),
		Conversations: len(x.conversations), Faults: make(map[string]int), ByFault: make(map[string]Latency),
	}
	for _, fault := range x.faults {
		f.Faults[fault.Kind]++
	}
	f.sends(x)
	f.deliveries(x)
	for _, s := range x.streams {
		f.offline(s, x.h.Run.Ended)
	}
	return f
}

func (f *Figures) sends(x *index) {
	var took []time.Duration
	for i := range x.h.Operations {
		o := &x.h.Operations[i]
		f.Did[o.Op]++
		if o.Op != Send {
			continue
		}
		f.Sends++
		switch o.Result {
		case OK:
			f.Confirmed++
			took = append(took, o.End-o.Begin)
			f.LongestSend.longer(o.Client, o.Begin, o.End)
		case Info:
			f.Unsure++
		case Fail:
			f.Refused++
		}
	}
	f.Confirmation = latencyOf(took)
}

func (o *Outage) longer(client string, from, to time.Duration) {
	if to-from > o.Lasted {
		*o = Outage{client, from, to - from}
	}
}

func (f *Figures) deliveries(x *index) {
	all := make([]time.Duration, 0, len(x.delivered))
	var crossed []time.Duration
	for _, d := range x.delivered {
		all = append(all, d.took)
		if d.crossed {
			crossed = append(crossed, d.took)
		}
	}
	for kind, some := range x.byKind(x.delivered) {
		took := make([]time.Duration, len(some))
		for i, d := range some {
			took[i] = d.took
		}
		if len(took) > 0 {
			f.ByFault[x.kinds[kind]] = latencyOf(took)
		}
	}
	f.Delivery, f.Crossing = latencyOf(all), latencyOf(crossed)
}

// offline notes how long a client that wanted a connection had none.
func (f *Figures) offline(s *stream, end time.Duration) {
	for _, gap := range s.gaps(end) {
		f.LostConnections++
		f.LongestOffline.longer(s.client, gap.from, gap.to)
	}
}

// gaps are the stretches between a lost connection and the next, or the end of wanting one.
func (s *stream) gaps(end time.Duration) []span {
	var out []span
	lost := time.Duration(-1)
	for _, o := range s.saw {
		switch {
		case o.Event == Offline && lost < 0:
			lost = o.At
		case o.Event == Online && lost >= 0:
			out, lost = append(out, span{lost, o.At}), -1
		}
	}
	if lost >= 0 {
		for _, o := range s.did {
			if o.Op == Disconnect && o.Begin >= lost {
				end = o.Begin
				break
			}
		}
		out = append(out, span{lost, end})
	}
	slices.SortFunc(out, func(a, b span) int { return cmp.Compare(a.from, b.from) })
	return out
}
