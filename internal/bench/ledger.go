package bench

import (
	"fmt"
	"math/bits"
)

// ledger is what one client saw of one conversation: every seq once, events in order.
type ledger struct {
	seen  []uint64 // one bit a seq
	count int64
	last  int64 // seq of the last event
	rev   int64 // rev of the last event
}

// event notes a message:received. Events come in order of seq and rev.
func (l *ledger) event(seq, rev int64) error {
	if seq <= l.last || rev <= l.rev {
		return fmt.Errorf("out of order: seq %d rev %d after seq %d rev %d", seq, rev, l.last, l.rev)
	}
	l.last, l.rev = seq, rev
	return l.note(seq)
}

// note takes a seq in, from an event or from a confirmation.
func (l *ledger) note(seq int64) error {
	if seq < 1 {
		return fmt.Errorf("a message with seq %d", seq)
	}
	word, bit := int(seq/64), uint64(1)<<(seq%64)
	for len(l.seen) <= word {
		l.seen = append(l.seen, 0)
	}
	if l.seen[word]&bit != 0 {
		return fmt.Errorf("seq %d came twice", seq)
	}
	l.seen[word] |= bit
	l.count++
	return nil
}

// upTo is the seq up to which nothing is missing.
func (l *ledger) upTo() int64 {
	for i, word := range l.seen {
		if i == 0 {
			word |= 1
		}
		if word != ^uint64(0) {
			return int64(i)*64 + int64(bits.TrailingZeros64(^word)) - 1
		}
	}
	return max(0, int64(len(l.seen))*64-1)
}
