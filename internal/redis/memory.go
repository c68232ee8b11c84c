package redis

import (
	"context"
	"strconv"
	"strings"
	"time"

	"github.com/redis/rueidis"
)

const (
	// memoryEvery is how often Redis is asked whether it may evict: an operator may change that while it runs.
	memoryEvery = 30 * time.Second
	// keeps is the policy of a Redis that refuses what it has no room for, and throws away nothing.
	keeps = "noeviction"
)

// Evicts is the policy by which Redis throws away what it has no room for, "" when it throws away nothing or that is not
// known. It must not: a queue that was evicted is lost without a trace (ADR-020). It is asked by [Bus.Check], and every
// 30 seconds while the bus runs.
func (b *Bus) Evicts() string {
	if policy := b.evicts.Load(); policy != nil {
		return *policy
	}
	return ""
}

// Full reports whether Redis has no room left and refuses what is to be written, as was known when it was asked last: when
// [Bus.Evicts] is.
func (b *Bus) Full() bool { return b.full.Load() }

// watchMemory asks until ctx ends.
func (c *connection) watchMemory(ctx context.Context) error {
	tick := time.NewTicker(memoryEvery)
	defer tick.Stop()
	for {
		c.bus.askMemory(ctx, c.client)
		select {
		case <-tick.C:
		case <-ctx.Done():
			return nil
		}
	}
}

// askMemory asks every server there is. INFO says it also where CONFIG GET is refused; where nobody says anything, what
// was known holds.
func (b *Bus) askMemory(ctx context.Context, client rueidis.Client) {
	ctx, cancel := context.WithTimeout(ctx, answerTimeout)
	defer cancel()
	answered, full, evicts := false, false, ""
	for _, server := range client.Nodes() {
		info, err := server.Do(ctx, server.B().Info().Section("memory").Build()).ToString()
		if err != nil {
			continue
		}
		answered = true
		memory := memoryOf(info)
		full = full || memory.full
		if memory.evicts != "" {
			evicts = memory.evicts
		}
	}
	if answered {
		b.evicts.Store(&evicts)
		b.full.Store(full)
	}
}

// memory is what one server says of its own.
type memory struct {
	evicts string // the policy by which it throws away what it has no room for; "" for none
	full   bool   // it refuses what is to be written
}

// memoryOf reads what INFO says of memory. Redis leaves the buffers of its replicas and of its log out when it compares with
// maxmemory.
func memoryOf(info string) (m memory) {
	numbers := make(map[string]int64)
	policy := ""
	for line := range strings.Lines(info) {
		name, value, _ := strings.Cut(strings.TrimSpace(line), ":")
		if n, err := strconv.ParseInt(value, 10, 64); err == nil {
			numbers[name] = n
		}
		if name == "maxmemory_policy" {
			policy = value
		}
	}
	most := numbers["maxmemory"]
	switch {
	case most == 0:
	case policy == keeps:
		m.full = numbers["used_memory"]-numbers["mem_not_counted_for_evict"] > most
	default:
		m.evicts = policy
	}
	return m
}
