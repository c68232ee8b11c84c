package app

import (
	"context"
	"log/slog"
	"sync"
	"time"
)

const (
	// graveShare is how many times as many entries of a failure are logged a second as of other events.
	graveShare = 5
	// maxSampled bounds the events that are counted apart.
	maxSampled = 256
	// saySampled is how often it is said what was left out.
	saySampled = time.Second
)

// sampler keeps events that come in thousands from filling the disk: of each, so many a second are logged, spread over the
// second when more come for long. Warnings and errors are counted apart from the rest of their event and from each other, and have
// more: a flood of warnings hides no error.
type sampler struct {
	perSecond int // 0: everything

	mu      sync.Mutex
	shares  map[sampled]*share
	said    time.Time
	leftOut uint64
}

// sampled is what is counted apart.
type sampled struct {
	event string
	grave slog.Level // warn or above; below it all are one
}

// share is a bucket of entries that may be logged.
type share struct {
	room    float64
	at      time.Time
	leftOut uint64 // and not said yet
}

func newSampler(perSecond int) *sampler {
	return &sampler{perSecond: perSecond, shares: make(map[sampled]*share), said: time.Now()}
}

// admit reports whether an entry is logged.
func (s *sampler) admit(event string, level slog.Level) bool {
	if s.perSecond == 0 {
		return true
	}
	key := sampled{event: event}
	size := float64(s.perSecond)
	if level >= slog.LevelWarn {
		key.grave = level
		size *= graveShare
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	now := time.Now()
	part := s.shares[key]
	if part == nil {
		if len(s.shares) >= maxSampled {
			key.event = ""
		}
		if part = s.shares[key]; part == nil {
			part = &share{room: size, at: now}
			s.shares[key] = part
		}
	}
	part.room = min(size, part.room+now.Sub(part.at).Seconds()*size)
	part.at = now
	if part.room < 1 {
		part.leftOut++
		s.leftOut++
		return false
	}
	part.room--
	return true
}

// toSay returns what was left out of each event, when it is time to say so.
func (s *sampler) toSay() map[string]uint64 {
	if s.perSecond == 0 {
		return nil
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	now := time.Now()
	if now.Sub(s.said) < saySampled {
		return nil
	}
	s.said = now
	var out map[string]uint64
	for key, part := range s.shares {
		if part.leftOut > 0 {
			if out == nil {
				out = make(map[string]uint64)
			}
			out[key.event] += part.leftOut
			part.leftOut = 0
		}
	}
	return out
}

func (s *sampler) total() uint64 {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.leftOut
}

type eventKey struct{}

// logging is a context for the log's Enabled and the entry that follows it: whether an entry of an event that comes often is
// logged is asked before anything is gathered for it.
func logging(event string) context.Context {
	return context.WithValue(context.Background(), eventKey{}, event)
}

func eventOf(ctx context.Context) (event string, asked bool) {
	event, asked = ctx.Value(eventKey{}).(string)
	return event, asked
}
