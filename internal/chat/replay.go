package chat

import (
	"cmp"
	"context"
	"time"
)

// Fate is what became of a buried step that was not written.
type Fate struct {
	Buried
	// Why it still cannot be written: it stays buried. Nil where it rests on nothing any more (its message or its person
	// is gone), so that there is nothing to write: it is exhumed.
	Why error
}

// Replay writes the steps that are buried (C6.4), a page after the other, and exhumes what is written then. It may be
// interrupted, repeated, and run while nodes flush. left is told of each step that is not written. The error says that the
// store is away: what is not written then stays too.
func Replay(ctx context.Context, store ReceiptStore, left func(Fate)) (written int, err error) {
	var last Buried
	for {
		page, _, err := store.BuriedSteps(ctx, last, flushAtOnce)
		if err != nil || len(page) == 0 {
			return written, err
		}
		last = page[len(page)-1]
		n, err := replayPage(ctx, store, page, left)
		written += n
		if err != nil {
			return written, err
		}
	}
}

func replayPage(ctx context.Context, store ReceiptStore, page []Buried, left func(Fate)) (written int, err error) {
	steps := make([]Step, len(page))
	for i := range page {
		steps[i] = page[i].Step
	}
	failed, away := writeSome(ctx, store, steps, time.Now().Add(flushLease/2))
	why := make(map[graveKey]error, len(failed))
	for _, f := range failed {
		why[graveOf(f.Step)] = f.why
	}
	through := make([]Step, 0, len(steps))
	for _, step := range steps {
		if _, is := why[graveOf(step)]; !is {
			through = append(through, step)
		}
	}
	groundless, err := store.Groundless(ctx, through)
	if err != nil {
		return 0, cmp.Or(away, err)
	}
	if err := store.ExhumeSteps(ctx, through); err != nil {
		return 0, cmp.Or(away, err)
	}
	for _, step := range groundless {
		why[graveOf(step)] = nil
	}
	for _, b := range page {
		if err, is := why[graveOf(b.Step)]; is && (err == nil || away == nil) {
			left(Fate{b, err})
		}
	}
	return len(through) - len(groundless), away
}

// graveKey names a buried step.
type graveKey struct {
	conversation ConversationID
	message      MessageID
	user         UserID
}

func graveOf(s Step) graveKey { return graveKey{s.Conversation, s.Message, s.User} }
