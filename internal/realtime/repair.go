package realtime

import (
	"context"
	"maps"
	"math"
	"slices"
	"time"

	"github.com/parley-chat/parley/internal/chat"
)

const (
	// readWithin bounds one reading of the store for the hub.
	readWithin = 5 * time.Second
	// maxPatience bounds the wait between two readings that did not help.
	maxPatience = 5 * time.Second
)

// behind reports whether the topic has not handed on everything up to rev. One that is about to read where the store
// stands may read what was true before: it looks again when that turns out so.
func (t *topic) behind(rev int64) bool {
	t.mu.Lock()
	defer t.unlock()
	if !t.known {
		t.expected = max(t.expected, rev)
	}
	return t.known && t.rev < rev
}

// suspect has everything read from the store that the topic has not delivered.
func (t *topic) suspect() { t.lack(math.MaxInt64) }

// lack has it read up to a rev, if the topic is not there yet.
func (t *topic) lack(rev int64) {
	t.mu.Lock()
	defer t.unlock()
	if t.known && t.rev < rev {
		t.beginRepair(rev)
	}
}

func (t *topic) gapStayed() {
	t.mu.Lock()
	defer t.unlock()
	if t.gap = nil; len(t.held) > 0 {
		t.patience = min(2*t.patience, maxPatience)
		t.beginRepair(slices.Max(slices.Collect(maps.Keys(t.held))))
	}
}

// beginRepair has read what is missing up to a rev. What lies past it may have been committed this moment, and is
// about to be announced.
func (t *topic) beginRepair(upTo int64) {
	t.missing = max(t.missing, upTo)
	switch {
	case t.dead || !t.known || !t.hub.running():
		// A topic that knows no rev yet is about to read it.
	case t.repairing:
		t.again = true
	default:
		t.repairing = true
		t.hub.work.Go(t.repair)
	}
}

// repair reads what the topic lacks until it lacks nothing.
func (t *topic) repair() {
	wait := gapWait
	for {
		t.mu.Lock()
		after, over := t.rev, t.dead
		waiting := slices.Collect(maps.Keys(t.held))
		t.mu.Unlock()
		if over {
			return
		}
		changes, roster, err := t.reread(after)
		if err != nil {
			t.hub.cfg.Log.Warn("a gap could not be read yet", "event", "topic.repair", "conversationId", t.id, "error", err)
			if !rest(t.hub.ctx, wait) {
				return
			}
			wait = min(2*wait, maxPatience)
			continue
		}
		done := t.absorb(changes, roster, waiting)
		t.hub.notices.stirred(t.id, changes.Head.RosterRev)
		if !changes.HasMore {
			t.hub.book.reached(t.id, changes.Head.LastRev)
		}
		if done {
			return
		}
	}
}

// reread returns what changed past a rev, and who is in the conversation if that may have changed.
func (t *topic) reread(after int64) (chat.Changes, *chat.Roster, error) {
	ctx, cancel := context.WithTimeout(t.hub.ctx, readWithin)
	defer cancel()
	changes, err := t.hub.source.ChangesSince(ctx, t.id, after, chat.MaxCatchUp)
	if err != nil && !absent(err) {
		return chat.Changes{}, nil, err
	}
	revised := slices.ContainsFunc(changes.Changes, func(c chat.Change) bool { return c.Kind == chat.ConversationRevised })
	if err == nil && !revised {
		return changes, nil, nil
	}
	t.hub.source.ForgetRoster(t.id)
	roster, err := t.hub.source.Roster(ctx, t.id)
	if err != nil && !absent(err) {
		return chat.Changes{}, nil, err
	}
	return changes, &roster, nil
}

// absent reports that a conversation has ended or never was.
func absent(err error) bool {
	code := chat.AsError(err).Code
	return code == chat.CodeNotInConversation || code == chat.CodeNotFound
}

// absorb delivers what was read. It reports whether the topic lacks nothing any more.
//
// A difference of states does not say when somebody left, so whoever is not in the roster leaves first:
// they may miss the last messages before, but get none after. What was waiting before the store was read and
// lies past its head was never committed: somebody made it up.
func (t *topic) absorb(read chat.Changes, roster *chat.Roster, waiting []int64) (done bool) {
	t.mu.Lock()
	defer t.unlock()
	for _, rev := range waiting {
		if _, held := t.held[rev]; held && rev > read.Head.LastRev {
			delete(t.held, rev)
			t.hub.counters.misheard.Add(1)
		}
	}
	t.expelMissing(read, roster)
	read = upTo(read, t.missing)
	var next []chat.Change
	for _, c := range read.Changes {
		if c.Rev <= t.rev {
			continue
		}
		if held, known := t.held[c.Rev]; known && held.Kind == c.Kind {
			// The store does not say who sent it from where, nor who came and went.
			c.Origin, c.Joined, c.Left = held.Origin, held.Joined, held.Left
		}
		next = append(next, c)
		if c.Kind == chat.ConversationRevised {
			t.notes = append(t.notes, note{c, true})
		}
	}
	if len(next) > 0 {
		t.hub.counters.gaps.Add(1)
		t.patience = gapWait
		t.hand(next, nil)
	}
	if !read.HasMore {
		t.rev = max(t.rev, read.Head.LastRev)
	}
	for rev, c := range t.held {
		if rev > t.rev {
			continue
		}
		if c.Kind == chat.ConversationRevised && (len(c.Joined) > 0 || len(c.Left) > 0) {
			t.notes = append(t.notes, note{c, false})
		}
		delete(t.held, rev)
	}
	done = !read.HasMore && !t.again
	t.again = false
	if t.repairing = !done; done {
		t.missing = 0
	}
	t.release()
	return done
}

// upTo leaves out the new messages at the end that lie past a rev: their announcement says who sent them from
// where. A change before which others were made must stay, since it stands for them as well.
func upTo(read chat.Changes, rev int64) chat.Changes {
	n := len(read.Changes)
	for n > 0 && read.Changes[n-1].Rev > rev && read.Changes[n-1].Kind == chat.MessageAdded {
		n--
	}
	if n < len(read.Changes) {
		read.HasMore, read.Head.LastRev = false, read.Changes[n].Rev-1
		read.Changes = read.Changes[:n]
	}
	return read
}

func (t *topic) expelMissing(read chat.Changes, roster *chat.Roster) {
	if roster == nil {
		return
	}
	reasons := make(map[chat.UserID]chat.LeaveReason)
	for _, c := range read.Changes {
		for _, d := range c.Left {
			reasons[d.User] = d.Reason
		}
	}
	for s, sub := range t.subs {
		if _, in := roster.Roles[s.User]; in {
			continue
		}
		reason, given := reasons[s.User]
		switch {
		case len(roster.Roles) == 0:
			reason = chat.ReasonEnded
		case !given:
			reason = chat.ReasonRemoved
		}
		t.expel(sub, reason)
	}
}
