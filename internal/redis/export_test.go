package redis

import "time"

// Patient waits long for Redis, for tests that count exactly on a machine that is busy with others.
func (l *Limiter) Patient() *Limiter {
	l.wait = 20 * time.Second
	return l
}

// Patient waits long for Redis, as that of a limiter.
func (d *Devices) Patient() *Devices {
	d.wait = 20 * time.Second
	return d
}

// Impatient makes sure with every claim that the steps that are remembered were written.
func (r *Readers) Impatient() *Readers {
	r.log.keep = 0
	return r
}

// Remembered says how many steps are remembered because they may not be written yet.
func (r *Readers) Remembered() int {
	r.log.mu.Lock()
	defer r.log.mu.Unlock()
	return len(r.log.kept)
}

// AtMost bounds the steps that may wait.
func (r *Readers) AtMost(steps int) *Readers {
	r.most = steps
	return r
}
