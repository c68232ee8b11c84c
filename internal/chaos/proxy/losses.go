package proxy

import (
	"math/rand/v2"
	"slices"
	"time"
)

// Losses are single messages that somebody has published through Redis and that are lost on the way to a subscriber,
// or come twice, without a word: pub/sub delivers at most once, and at a fail-over loses without telling. They
// concern proxies made by [ListenRedis] alone.
type Losses struct {
	Seed uint64
	// Swallow and Double are the shares, 0 to 1, of messages that are lost and that come twice.
	Swallow, Double float64
	// Concerns chooses among messages; it may be called from several goroutines. The others, and all answers, pass
	// as they are.
	Concerns func(channel, message string) bool
}

// revealedWithin is how long everything on a link is held up behind a message that is to be lost, until another
// one of its channel comes, by which the loss can be noticed. If none comes it is handed on after all.
const revealedWithin = 300 * time.Millisecond

// fate is what becomes of a published message.
type fate uint8

const (
	unconcerned fate = iota
	kept
	swallowed
	doubled
)

// fate draws what becomes of what was read.
func (l *link) fate(c *chunk) fate {
	w, _ := l.proxy.now()
	if w.Losses == nil || c.channel == "" || !l.hitBy(w) || !w.Losses.Concerns(c.channel, c.message) {
		return unconcerned
	}
	l.drawn++
	switch lot := rand.New(rand.NewPCG(w.Losses.Seed, l.number<<32+l.drawn)).Float64(); {
	case lot < w.Losses.Swallow:
		return swallowed
	case lot < w.Losses.Swallow+w.Losses.Double:
		return doubled
	}
	return kept
}

// lose hands on what was read, in its order, less what is lost.
func (l *link) lose(frames <-chan chunk, chunks chan<- chunk) {
	var queue []chunk
	for {
		var over bool
		if queue, over = l.handOn(queue, chunks); over {
			return
		}
		var late <-chan time.Time
		if len(queue) > 0 {
			late = time.After(time.Until(queue[0].at.Add(revealedWithin)))
		}
		select {
		case c := <-frames:
			c.fate = l.fate(&c)
			queue = append(queue, c)
		case <-late:
		case <-l.gone:
			return
		}
	}
}

// handOn hands on what need not wait any more and returns what must. It reports whether the link is over.
func (l *link) handOn(queue []chunk, chunks chan<- chunk) (rest []chunk, over bool) {
	for ; len(queue) > 0; queue = queue[1:] {
		c := queue[0]
		times := 1
		switch {
		case c.fate == doubled:
			times = 2
		case c.fate != swallowed:
		case slices.ContainsFunc(queue[1:], c.revealedBy):
			times = 0
		case queue[len(queue)-1].end == nil && time.Since(c.at) < revealedWithin:
			return queue, false
		}
		for range times {
			select {
			case chunks <- c:
			case <-l.gone:
				return nil, true
			}
		}
		if c.end != nil {
			return nil, true
		}
	}
	return nil, false
}

// revealedBy reports whether a later message tells a subscriber that it has missed this one.
func (c *chunk) revealedBy(later chunk) bool {
	return later.fate != unconcerned && later.channel == c.channel
}
