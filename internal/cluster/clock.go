package cluster

import (
	"sync"
	"time"
)

const (
	// drift is how far two clocks go apart in a second at most, in parts of a million: quartz is good for 50 each.
	drift = 100
	// sureWithin is how well the database's time has to be known for anything to be timed by it.
	sureWithin = 25 * time.Millisecond
)

// clock reckons the database's time, which all nodes share, from what it answers. An answer lies somewhere between its question
// and its arrival; the best one counts until, with what the clocks may have gone apart since, a later one is better. It goes by
// this node's monotonic clock, so that setting that one's time changes nothing.
type clock struct {
	mu       sync.Mutex
	known    bool
	at       time.Time // of this node
	database time.Time // then
	within   time.Duration
}

// answered takes the database's time that came between began and ended.
func (c *clock) answered(database, began, ended time.Time) {
	within := ended.Sub(began) / 2
	database = database.Add(within)
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.known {
		expected, unsure := c.reckon(ended)
		// Answers that contradict each other say that one of the two clocks was set, or stood still.
		if within > unsure && database.Sub(expected).Abs() <= within+unsure {
			return
		}
	}
	c.known, c.at, c.database, c.within = true, ended, database, within
}

// reckon is the database's time at a moment of this node. The lock is held.
func (c *clock) reckon(at time.Time) (database time.Time, within time.Duration) {
	age := at.Sub(c.at)
	return c.database.Add(age), c.within + age*drift/1e6
}

// now is the database's time, and how far off it may be; known is false until it has answered once.
func (c *clock) now() (database time.Time, within time.Duration, known bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if !c.known {
		return time.Time{}, 0, false
	}
	database, within = c.reckon(time.Now())
	return database, within, true
}

// Clock is the database's time as this node reckons it, where it is known to 25 ms.
func (r *Registry) Clock() (now time.Time, known bool) {
	now, within, known := r.clock.now()
	return now, known && within <= sureWithin
}

// ClockAhead is how far this node's clock is ahead of the database's, and how far off that may be; known is false until it has
// answered once.
func (r *Registry) ClockAhead() (ahead, within time.Duration, known bool) {
	database, within, known := r.clock.now()
	// Only the time of day can be compared with another's.
	return time.Now().Round(0).Sub(database.Round(0)), within, known
}
