package bench

import (
	"bytes"
	"fmt"
	"sync/atomic"
	"time"
)

// sight is what each person of some conversations has been told of the presence of the others there.
type sight struct {
	places map[string]place
	// told has, by conversation, viewer and person viewed, the status; 0 when nothing was told.
	told   [][][]atomic.Uint32
	events atomic.Int64 // what was told, one a viewer and person
	frames atomic.Int64
	onTold func(viewer, viewed place, is status)
}

// status is the second letter of what somebody is: it differs in all that another can be told.
type status byte

const (
	online  status = 'n'
	offline status = 'f'
)

// place is where a person is: in which conversation, and as the how-many-th of it.
type place struct{ room, seat int }

func newSight(talks []talk) *sight {
	s := &sight{places: map[string]place{}}
	for room, t := range talks {
		told := make([][]atomic.Uint32, len(t.people))
		for seat, p := range t.people {
			s.places[string(p.ID)] = place{room, seat}
			told[seat] = make([]atomic.Uint32, len(t.people))
		}
		s.told = append(s.told, told)
	}
	return s
}

func (s *sight) placeOf(c *chatter) place { return s.places[string(c.person.ID)] }

// has is what a viewer was told last of somebody in the same conversation.
func (s *sight) has(viewer, viewed *chatter) status {
	at, of := s.placeOf(viewer), s.placeOf(viewed)
	return status(s.told[at.room][at.seat][of.seat].Load())
}

// take notes an event of presence: one person's, or many people's.
func (s *sight) take(c *chatter, text []byte) {
	s.frames.Add(1)
	viewer := s.placeOf(c)
	for {
		i := bytes.Index(text, []byte(`"userId":"`))
		if i < 0 {
			return
		}
		id, rest, _ := bytes.Cut(text[i+len(`"userId":"`):], []byte{'"'})
		text = rest
		viewed, known := s.places[string(id)]
		_, text, has := bytes.Cut(rest, []byte(`"status":"`))
		if !known || !has || len(text) < 2 || viewed == viewer || viewed.room != viewer.room {
			continue
		}
		s.told[viewer.room][viewer.seat][viewed.seat].Store(uint32(text[1]))
		s.events.Add(1)
		if s.onTold != nil {
			s.onTold(viewer, viewed, status(text[1]))
		}
	}
}

// until waits until everybody has been told a status of everybody else of their conversation,
// and returns how long that took.
func (s *sight) until(l *load, is status, within time.Duration) (time.Duration, error) {
	began := time.Now()
	for {
		other := s.others(is)
		if other == 0 {
			return time.Since(began), nil
		}
		if time.Since(began) > within {
			return 0, fmt.Errorf("after %v a person was told something else of another, or nothing, %d times", within, other)
		}
		if err := l.wait(20 * time.Millisecond); err != nil {
			return 0, err
		}
	}
}

// others is of how many pairs of viewer and viewed another status was told.
func (s *sight) others(is status) (n int) {
	for _, room := range s.told {
		for viewer := range room {
			for viewed := range room[viewer] {
				if viewer != viewed && room[viewer][viewed].Load() != uint32(is) {
					n++
				}
			}
		}
	}
	return n
}
