package client

import (
	"math/rand/v2"
	"time"
)

// maxBackoff is the longest wait before a try (seed DOC-002).
const maxBackoff = 30 * time.Second

// backoff is how long to wait before try n, counted from 0: anything up to 1, 2, 4, 8, 16, 30 s (full
// jitter, so that a thousand clients of a node that died do not come back together), and no less than
// what the server asked for.
func backoff(n int, atLeast time.Duration) time.Duration {
	limit := maxBackoff
	if n < 5 {
		limit = time.Second << n
	}
	return atLeast + rand.N(limit)
}
