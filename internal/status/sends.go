package status

import (
	"cmp"
	"maps"
	"math"
	"slices"
	"strconv"
)

// Promise is within how many seconds a send is stored and answered (the seed's three seconds).
const Promise = 3.0

// Sends is what became of the sends of a while.
type Sends struct {
	Seconds   float64 `json:"seconds"`   // how long the while was
	Stored    uint64  `json:"stored"`    // for the first time
	Duplicate uint64  `json:"duplicate"` // retries that were answered as the first time
	Rejected  uint64  `json:"rejected"`  // for what a client did: limits, rights, what cannot be sent
	Refused   uint64  `json:"refused"`   // for what the node could not do: a database that is away, a full queue
	Unknown   uint64  `json:"unknown"`   // the database did not say in time whether they are stored
	// Times says how long those that were stored took from their arrival to their answer. Those refused, and those unknown
	// that were answered after 2.9 s, are at Endless: nobody had a confirmation in time.
	Times Times `json:"times"`
}

// Times counts times by the upper bound, in seconds, of the bucket that they fell into; those without one are at [Endless].
type Times map[string]uint64

// Endless names the bucket of what took longer than the largest bound.
const Endless = "+Inf"

// add takes the sends of another node in. Of whiles that differ it is the longer one: a node that has just started has not
// had more.
func (s *Sends) add(o Sends) {
	s.Seconds = max(s.Seconds, o.Seconds)
	s.Stored, s.Duplicate = s.Stored+o.Stored, s.Duplicate+o.Duplicate
	s.Rejected, s.Refused, s.Unknown = s.Rejected+o.Rejected, s.Refused+o.Refused, s.Unknown+o.Unknown
	times := maps.Clone(s.Times)
	if times == nil {
		times = Times{}
	}
	for bound, n := range o.Times {
		times[bound] += n
	}
	s.Times = times
}

// judged is how many of them the promise was for.
func (s *Sends) judged() uint64 { return s.Stored + s.Refused + s.Unknown }

// broken is how many of them were not stored and answered within the promise, at least, and never more than there were: the
// times have those refused as well, and are read a moment apart from the counts.
func (s *Sends) broken() uint64 {
	return min(s.judged(), max(s.Refused+s.Unknown, s.Times.over(Promise)))
}

// PerSecond is how many were stored a second.
func (s *Sends) PerSecond() float64 {
	if s.Seconds <= 0 {
		return 0
	}
	return float64(s.Stored) / s.Seconds
}

// over counts those that took longer than a bound, which must be one of the buckets'.
func (t Times) over(bound float64) (n uint64) {
	for upTo, count := range t {
		if seconds(upTo) > bound {
			n += count
		}
	}
	return n
}

// Within is the time in seconds, as the upper bound of a bucket, within which a part p (0 to 1) of them lies: it was no more
// than that. Infinity is more than the largest bound. ok is false when there are none.
func (t Times) Within(p float64) (upTo float64, ok bool) {
	bounds := slices.SortedFunc(maps.Keys(t), func(a, b string) int { return cmp.Compare(seconds(a), seconds(b)) })
	var all, below uint64
	for _, n := range t {
		all += n
	}
	for _, bound := range bounds {
		if below += t[bound]; below > 0 && float64(below) >= p*float64(all) {
			return seconds(bound), true
		}
	}
	return 0, false
}

// seconds reads a bound. What cannot be read counts as endless: no figure becomes better by it.
func seconds(bound string) float64 {
	f, err := strconv.ParseFloat(bound, 64)
	if err != nil {
		return math.Inf(1)
	}
	return f
}
