package chat

import (
	"context"
	"time"
)

// Replay writes the steps that are buried (C6.4), a page after the other, and exhumes what is written then. It may be
// interrupted, repeated, and run while nodes flush. stays is told of each step that still cannot be written, which stays
// where it is. The error says that the store is away: what is not written then stays too.
func Replay(ctx context.Context, store ReceiptStore, stays func(Buried, error)) (written int, err error) {
	var last Buried
	for {
		page, _, err := store.BuriedSteps(ctx, last, flushAtOnce)
		if err != nil || len(page) == 0 {
			return written, err
		}
		last = page[len(page)-1]
		n, err := replayPage(ctx, store, page, stays)
		written += n
		if err != nil {
			return written, err
		}
	}
}

func replayPage(ctx context.Context, store ReceiptStore, page []Buried, stays func(Buried, error)) (written int, err error) {
	steps := make([]Step, len(page))
	for i := range page {
		steps[i] = page[i].Step
	}
	failed, away := writeSome(ctx, store, steps, time.Now().Add(flushLease/2))
	why := make(map[graveKey]error, len(failed))
	for _, f := range failed {
		why[graveOf(f.Step)] = f.why
	}
	steps = steps[:0]
	for _, b := range page {
		if err, is := why[graveOf(b.Step)]; !is {
			steps = append(steps, b.Step)
		} else if away == nil {
			stays(b, err)
		}
	}
	if err := store.ExhumeSteps(ctx, steps); err != nil {
		return 0, err
	}
	return len(steps), away
}

// graveKey names a buried step.
type graveKey struct {
	conversation ConversationID
	message      MessageID
	user         UserID
}

func graveOf(s Step) graveKey { return graveKey{s.Conversation, s.Message, s.User} }
