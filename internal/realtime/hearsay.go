package realtime

import (
	"slices"
	"time"

	"github.com/parley-chat/parley/internal/chat"
)

const (
	// mostReaders is more than any conversation has.
	mostReaders = 1 << 20
	// aheadAtMost is how far the clock of another node may be ahead of this one's.
	aheadAtMost = time.Hour
)

// What another node says of readers is taken at its word as far as it may be true: a position past the last message would
// silence all true ones after it. Of one that is past every message known here the store is asked.

func (h *Hub) heardShown(c chat.ConversationID, s chat.Shown) error {
	switch {
	case s.Conversation != c:
		return errOtherTopic
	case !chat.ValidID(string(s.User)) || !soundShown(s):
		return errShape
	case !h.book.reaches(c, s.Seq):
		h.receipts.want(c, nil, false)
	default:
		h.positionShown(s)
	}
	return nil
}

// soundShown reports whether a position is one of a message, or of none.
func soundShown(s chat.Shown) bool {
	if s.Seq == 0 {
		return s.Message == ""
	}
	return s.Seq > 0 && chat.ValidID(string(s.Message)) && !s.At.IsZero() && s.At.Before(time.Now().Add(aheadAtMost))
}

func (h *Hub) heardCounts(c chat.ConversationID, r chat.ReadCounts) error {
	switch {
	case r.Conversation != c:
		return errOtherTopic
	case !soundCounts(r):
		return errShape
	case !h.book.reaches(c, r.LastSeq):
		h.receipts.want(c, nil, false)
	default:
		h.readersCounted(r)
	}
	return nil
}

// soundCounts reports whether counts are of messages and of people. Their version is a time in microseconds, or grows from
// one.
func soundCounts(r chat.ReadCounts) bool {
	latest := time.Now().Add(aheadAtMost).UnixMicro()
	return r.LastSeq >= 0 && 0 <= r.Version && r.Version <= latest && len(r.Counts) <= maxCounts &&
		!slices.ContainsFunc(r.Counts, func(one chat.ReadCount) bool {
			return !chat.ValidID(string(one.Message)) || one.Count < 0 || one.Count > mostReaders
		})
}

func (h *Hub) heardDelivered(c chat.ConversationID, d delivered) error {
	switch {
	case d.Conversation != c:
		return errOtherTopic
	case !chat.ValidID(string(d.User)) || d.UpToSeq < 1:
		return errShape
	case !h.book.reaches(c, d.UpToSeq):
		h.receipts.want(c, nil, false)
	default:
		h.delivered(c, d.User, d.UpToSeq)
	}
	return nil
}
