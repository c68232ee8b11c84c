package app

import (
	"github.com/parley-chat/parley/internal/chat"
	"github.com/parley-chat/parley/internal/inmem"
	"github.com/parley-chat/parley/internal/redis"
)

// readers know who has read what in large conversations ahead of the store: in Redis, or in this process when it is the
// only one. Several nodes without Redis have nothing in common but the store, which is then written at once.
func (n *Node) readers() chat.Readers {
	switch {
	case n.reach.redis != nil:
		n.reach.readers = redis.NewReaders(n.reach.redis)
		n.reach.readers.OnRestored(func(c chat.ConversationID) { n.chat.Recount(c) })
		n.reach.readers.OnBack(func() { n.chat.CatchUp() })
		n.reach.readers.OnAway(func() { n.chat.FlushSoon() })
		return n.reach.readers
	case n.reach.joint == nil:
		return inmem.NewReaders()
	}
	return nil
}
