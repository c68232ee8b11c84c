package realtime

import (
	"context"
	"math"
	"slices"
	"sync"

	"github.com/parley-chat/parley/internal/chat"
	"github.com/parley-chat/parley/internal/protocol"
)

const (
	// maxJoins is how many subscriptions read the store at once on a node, maxJoinsOfOne of one session.
	maxJoins      = 32
	maxJoinsOfOne = 4
	// catchUpBytes is the most message text that is held for one catch-up while its client reads. With
	// maxJoinsOfOne of them, their buffers and roomAt it stays under the 1 MiB of C3.6.
	catchUpBytes = 128 << 10
	// minPage and maxPage bound the changes that one reading takes from the store: it begins with few,
	// and takes more while they are short.
	minPage, maxPage = 32, 256
	// catchUpChunk is how many frames go out between two looks at whether the client reads.
	catchUpChunk = 32
)

// Want is one conversation that a session wants to follow. AfterRev is the rev that the client is
// complete up to; nil is live from now.
type Want struct {
	Conversation chat.ConversationID
	AfterRev     *int64
}

// Subscribe makes a session follow conversations (C3.3) and answers each with subscribed, what changed
// past AfterRev, and caught:up; or with error. It returns when all are live or ctx has ended, and takes
// as long as the client takes to read.
func (h *Hub) Subscribe(ctx context.Context, s *Session, wants []Want) {
	if !h.ready(ctx) {
		return
	}
	var joins sync.WaitGroup
	slots := make(chan struct{}, maxJoinsOfOne)
	for _, w := range wants {
		select {
		case slots <- struct{}{}:
		case <-ctx.Done():
		}
		if ctx.Err() != nil {
			break
		}
		joins.Go(func() {
			defer func() { <-slots }()
			if err := h.join(ctx, s, w); err != nil && ctx.Err() == nil {
				s.Send(protocol.Encode(protocol.ProblemOf(err, string(w.Conversation), chat.TraceOf(ctx))))
				if !absent(err) && chat.AsError(err).Code != chat.CodeValidation {
					h.tellList(s, w.Conversation)
				}
			}
		})
	}
	joins.Wait()
}

// Unsubscribe ends a subscription. Nothing of it follows but unsubscribed.
func (h *Hub) Unsubscribe(s *Session, c chat.ConversationID) {
	t := h.topic(c)
	early := t != nil && t.drop(s)
	s.Send(protocol.Encode(protocol.Unsubscribed{ConversationID: string(c)}))
	if early && h.running() {
		h.work.Go(func() { h.tellList(s, c) })
	}
}

// tellList tells a session that stopped following what its list needs: what happened meanwhile was kept from it,
// since it would have come in its order.
func (h *Hub) tellList(s *Session, c chat.ConversationID) {
	ctx, cancel := context.WithTimeout(h.ctx, readWithin)
	defer cancel()
	select {
	case h.joins <- struct{}{}:
		defer func() { <-h.joins }()
	case <-ctx.Done():
		return
	}
	state, err := h.source.Conversation(ctx, s.User, c)
	if err != nil {
		return
	}
	s.sendUnlessSubscribed(c, protocol.EncodeChange(&chat.Change{
		Conversation: c, Rev: state.RosterRev, Kind: chat.ConversationRevised, State: impersonal(state),
	}))
	if last := state.LastMessage; last != nil {
		s.sendUnlessSubscribed(c, activityFrame(c, last, state.UnreadCount))
	}
}

// join registers the session first, so that what happens from here on is buffered, reads what it lacks,
// and then lets both flow together.
func (h *Hub) join(ctx context.Context, s *Session, w Want) error {
	if !chat.ValidID(string(w.Conversation)) {
		return chat.NotInConversation()
	}
	if w.AfterRev != nil && *w.AfterRev < 0 {
		return chat.Invalid("afterRev", "afterRev must be 0 or more.")
	}
	t, sub := h.register(s, w)
	if sub == nil {
		return nil
	}
	read, err := t.firstRead(ctx, sub, w.AfterRev)
	if err != nil {
		t.giveUp(sub)
		return err
	}
	t.mu.Lock()
	t.learn(read.Head.LastRev)
	t.unlock()
	if err := t.catchUp(ctx, sub, w.AfterRev, read); err != nil {
		return err
	}
	h.receipts.want(t.id, s, sub.knew)
	h.presences.mail.put(func(l *post) { l.opened = append(l.opened, opening{s.User, t.id}) })
	return nil
}

// register puts the session into the topic. A subscription that it had there is replaced, and the new
// one goes on from the same place. It returns nil for a session that is over.
func (h *Hub) register(s *Session, w Want) (*topic, *subscription) {
	for {
		t := h.topicFor(w.Conversation)
		t.mu.Lock()
		if t.dead {
			t.mu.Unlock()
			continue
		}
		sub := &subscription{session: s, joining: true, from: t.rev, knew: w.AfterRev != nil && *w.AfterRev > 0}
		if before := t.subs[s]; before != nil {
			before.gone = true
			sub.knew = sub.knew || before.knew || before.shown
			if w.AfterRev == nil {
				sub.resumes, sub.rev = !before.joining || before.resumes, before.rev
			}
			sub.debt.acks, sub.debt.acked = before.debt.acks, before.debt.acked
		}
		follows := s.follow(w.Conversation)
		if follows {
			t.subs[s] = sub
		}
		t.unlock()
		if !follows {
			return nil, nil
		}
		return t, sub
	}
}

func (t *topic) giveUp(sub *subscription) {
	t.mu.Lock()
	defer t.unlock()
	t.remove(sub)
}

// firstRead reads where the conversation stands and what the subscriber lacks.
func (t *topic) firstRead(ctx context.Context, sub *subscription, afterRev *int64) (chat.Changes, error) {
	if afterRev != nil {
		return t.lacks(ctx, sub, *afterRev)
	}
	return t.read(ctx, sub, func(ctx context.Context) (chat.Changes, error) {
		heads, err := t.hub.source.Heads(ctx, []chat.ConversationID{t.id})
		return chat.Changes{Head: heads[t.id]}, err
	})
}

// lacks reads the next changes past a rev, as many as one may hold.
func (t *topic) lacks(ctx context.Context, sub *subscription, after int64) (chat.Changes, error) {
	sub.page = max(sub.page, minPage)
	page, err := t.read(ctx, sub, func(ctx context.Context) (chat.Changes, error) {
		return t.hub.source.ChangesSince(ctx, t.id, after, sub.page)
	})
	size := 0
	for i := range page.Changes {
		if size > catchUpBytes {
			page.Changes, page.HasMore = slices.Clone(page.Changes[:i]), true
			break
		}
		if m := page.Changes[i].Message; m != nil {
			size += len(m.Content)
		}
	}
	if size < catchUpBytes/4 {
		sub.page = min(2*sub.page, maxPage)
	} else {
		sub.page = minPage
	}
	return page, err
}

// read reads for a subscriber who is in the conversation. The roster is read after the registration: a
// removal before that has made the memory forget, and one after it finds the subscription. Where what
// was read is newer than the roster in memory, the roster is read again: no announcement that the topic still
// has to hand out would tell of what lies before it.
func (t *topic) read(ctx context.Context, sub *subscription, read func(context.Context) (chat.Changes, error)) (chat.Changes, error) {
	h := t.hub
	select {
	case h.joins <- struct{}{}:
		defer func() { <-h.joins }()
	case <-ctx.Done():
		return chat.Changes{}, ctx.Err()
	}
	ctx, cancel := context.WithTimeout(ctx, readWithin)
	defer cancel()
	roster, err := t.admit(ctx, sub)
	if err != nil {
		return chat.Changes{}, err
	}
	changes, err := read(ctx)
	if err != nil {
		return chat.Changes{}, err
	}
	if changes.Head.RosterRev > roster.Rev {
		h.source.ForgetRoster(t.id)
		_, err = t.admit(ctx, sub)
	}
	return changes, err
}

func (t *topic) admit(ctx context.Context, sub *subscription) (chat.Roster, error) {
	roster, err := t.hub.source.Roster(ctx, t.id)
	if err != nil {
		return chat.Roster{}, err
	}
	if _, in := roster.Roles[sub.session.User]; !in {
		return chat.Roster{}, chat.NotInConversation()
	}
	return roster, nil
}

// catchUp sends what the subscriber lacks, as fast as the client reads, and goes live without a hole:
// whatever happened meanwhile waits in the buffer, or, when that was too small, is read as well.
//
// Past 1,000 changes it sends the first of them and goes live from where the conversation stood. The
// client pages the hole between, which begins at the rev of caught:up.
func (t *topic) catchUp(ctx context.Context, sub *subscription, afterRev *int64, read chat.Changes) error {
	head, most := read.Head, math.MaxInt
	hole := afterRev != nil && head.LastRev-*afterRev > chat.MaxCatchUp
	if hole {
		most = chat.MaxCatchUp
		t.hub.counters.caughtUpInPart.Add(1)
	} else if afterRev != nil && head.LastRev > *afterRev {
		t.hub.counters.caughtUpWhole.Add(1)
	}
	subscribed := protocol.Encode(protocol.Subscribed{
		ConversationID: string(t.id), LastSeq: head.LastSeq, LastRev: head.LastRev, HasMore: hole,
	})
	if !t.pass(sub, [][]byte{subscribed}) {
		return nil
	}
	caughtUp, on, err := t.sendLacking(ctx, sub, read, most)
	if sub.resumes {
		// It goes on where the live one was that it replaced.
		caughtUp = min(caughtUp, sub.rev)
	}
	cursor := caughtUp
	if hole {
		cursor = max(caughtUp, head.LastRev)
	}
	for on && err == nil && !t.goLive(sub, cursor, caughtUp) {
		if read, err = t.lacks(ctx, sub, cursor); err != nil {
			break
		}
		cursor, on, err = t.sendLacking(ctx, sub, read, math.MaxInt)
		if !hole {
			caughtUp = cursor
		}
	}
	if err != nil {
		t.giveUp(sub)
	}
	return err
}

// sendLacking sends what was read and what follows it in the store, at most so many changes. It returns
// the rev that the subscriber is complete up to, and on = false when the subscription is over.
func (t *topic) sendLacking(ctx context.Context, sub *subscription, read chat.Changes, most int) (upTo int64, on bool, err error) {
	for {
		if len(read.Changes) > most {
			read.Changes, read.HasMore = read.Changes[:most], true
		}
		if !t.passAll(ctx, sub, read.Changes) {
			return 0, false, nil
		}
		if !read.HasMore {
			return read.Head.LastRev, true, nil
		}
		upTo = read.Changes[len(read.Changes)-1].Rev
		if most -= len(read.Changes); most == 0 {
			return upTo, true, nil
		}
		if read, err = t.lacks(ctx, sub, upTo); err != nil {
			return 0, false, err
		}
	}
}

// passAll sends changes in chunks, each once the client has read enough of what went before.
func (t *topic) passAll(ctx context.Context, sub *subscription, changes []chat.Change) bool {
	for len(changes) > 0 {
		if !sub.session.WaitForRoom(ctx) {
			return false
		}
		var chunk [][]byte
		for i, size := 0, 0; i < len(changes) && i < catchUpChunk && size < roomAt/8; i++ {
			chunk = append(chunk, protocol.EncodeChange(&changes[i]))
			size += len(chunk[i])
		}
		if !t.pass(sub, chunk) {
			return false
		}
		t.hub.counters.caughtUpChanges.Add(uint64(len(chunk)))
		changes = changes[len(chunk):]
	}
	return sub.session.WaitForRoom(ctx)
}

// pass sends frames unless the subscription has ended.
func (t *topic) pass(sub *subscription, frames [][]byte) bool {
	t.mu.Lock()
	defer t.unlock()
	return !sub.gone && sub.session.Send(frames...)
}

// goLive ends the catching up at cursor: everything buffered past it follows, and then what happens.
// It reports false when the buffer does not reach back to the cursor, so that more has to be read.
func (t *topic) goLive(sub *subscription, cursor, caughtUp int64) bool {
	t.mu.Lock()
	defer t.unlock()
	switch {
	case sub.gone:
		return true
	case sub.overflowed:
		sub.overflowed, sub.buffer, sub.buffered, sub.from = false, nil, 0, t.rev
		return false
	case cursor < sub.from:
		return false
	}
	frames := [][]byte{protocol.Encode(protocol.CaughtUp{ConversationID: string(t.id), Rev: caughtUp})}
	sub.rev = cursor
	for _, f := range sub.buffer {
		if f.rev > cursor {
			frames = append(frames, f.bytes)
			sub.rev = f.rev
		}
	}
	sub.joining, sub.buffer, sub.buffered = false, nil, 0
	sub.session.Send(frames...)
	return true
}
