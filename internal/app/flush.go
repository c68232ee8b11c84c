package app

import (
	"github.com/parley-chat/parley/internal/chat"
	"github.com/parley-chat/parley/internal/obs"
)

// mostBuriedLogged is how many buried steps of one flush the log names; parley receipts list shows them all.
const mostBuriedLogged = 20

// flushes counts and logs the flushes of what people read. The rules flush once at a time.
type flushes struct {
	node    *Node
	failing bool
}

func (f *flushes) flushed(r chat.FlushReport) {
	f.node.metrics.Flushed(obs.Flush{
		Written: r.Written, Again: r.Again, Buried: len(r.Buried), Waiting: r.Waiting, Took: r.Took, Failed: r.Err != nil,
	})
	f.node.recordFlush(r)
	log := f.node.log
	var waiting []any
	if r.Waiting >= 0 { // or it is not known
		waiting = []any{"waiting", r.Waiting}
	}
	switch failed := r.Err != nil; {
	case failed && !f.failing:
		log.Warn("what people read cannot be written and waits", append([]any{"event", "receipts.flush", "error", r.Err, "again", r.Again}, waiting...)...)
	case !failed && f.failing:
		log.Info("what people read is written again", append([]any{"event", "receipts.flush", "written", r.Written}, waiting...)...)
	}
	f.failing = r.Err != nil
	for i, b := range r.Buried {
		if i == mostBuriedLogged {
			log.Error("more steps of reading are laid aside: parley receipts list", "event", "receipts.buried", "more", len(r.Buried)-i)
			return
		}
		log.Error("a step of reading could not be written in five tries and is laid aside: parley receipts list", "event", "receipts.buried",
			"conversationId", string(b.Conversation), "messageId", string(b.Message), "userId", string(b.User), "reason", b.Reason)
	}
}
