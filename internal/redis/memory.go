package redis

import (
	"context"
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
	answered, evicts := false, ""
	for _, server := range client.Nodes() {
		info, err := server.Do(ctx, server.B().Info().Section("memory").Build()).ToString()
		if err != nil {
			continue
		}
		answered = true
		if policy := evictionOf(info); policy != "" {
			evicts = policy
		}
	}
	if answered {
		b.evicts.Store(&evicts)
	}
}

// evictionOf reads what INFO says of memory.
func evictionOf(info string) (policy string) {
	bounded := false
	for line := range strings.Lines(info) {
		name, value, _ := strings.Cut(strings.TrimSpace(line), ":")
		switch name {
		case "maxmemory":
			bounded = value != "0"
		case "maxmemory_policy":
			policy = value
		}
	}
	if !bounded || policy == keeps {
		return ""
	}
	return policy
}
