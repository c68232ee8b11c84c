package redis

import "time"

// Patient waits long for Redis, for tests that count exactly on a machine that is busy with others.
func (l *Limiter) Patient() *Limiter {
	l.wait = 20 * time.Second
	return l
}
