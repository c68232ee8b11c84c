package realtime

import (
	"hash/maphash"
	"sync"

	"github.com/parley-chat/parley/internal/chat"
)

// turns keep what is read of a person and told a moment later from being overtaken: when the person read on, or
// took the conversation off their list, since it was read, it is not true any more and must not come after.
// People share one now and then, which costs one more reading.
type turns [256]turn

type turn struct {
	mu sync.RWMutex
	n  int64
}

var turnSeed = maphash.MakeSeed()

func (t *turns) of(u chat.UserID, c chat.ConversationID) *turn {
	return &t[maphash.Comparable(turnSeed, [2]string{string(u), string(c)})%uint64(len(t))]
}

// now is what [turn.tell] wants to know from before the reading.
func (t *turn) now() int64 {
	t.mu.RLock()
	defer t.mu.RUnlock()
	return t.n
}

// pass is called before a person is told something newer.
func (t *turn) pass() {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.n++
}

// tell tells those sessions that do not follow, unless something newer has been told since then.
func (t *turn) tell(since int64, sessions []*Session, c chat.ConversationID, frame []byte) bool {
	t.mu.RLock()
	defer t.mu.RUnlock()
	if t.n != since {
		return false
	}
	for _, s := range sessions {
		s.sendUnlessSubscribed(c, frame)
	}
	return true
}
