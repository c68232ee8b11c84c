package chat

import (
	"slices"
	"time"
)

// StandStill makes it as if the process had stood still for a while until now: what it knows is as much older.
func (s *Service) StandStill(d time.Duration) {
	k := s.attendances
	k.mu.Lock()
	defer k.mu.Unlock()
	k.ran.Add(-int64(d))
	for _, a := range slices.Concat(k.here, k.left) {
		if a.told != 0 {
			a.told -= int64(d)
		}
		a.heard.Add(-int64(d))
		a.active.Add(-int64(d))
	}
}
