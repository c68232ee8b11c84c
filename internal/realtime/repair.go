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
		changes, undecided, roster, err := t.reread(after)
		if err != nil {
			t.hub.cfg.Log.Warn("a gap could not be read yet", "event", "topic.repair", "conversationId", t.id, "error", err)
			if !rest(t.hub.ctx, wait) {
				return
			}
			wait = min(2*wait, maxPatience)
			continue
		}
		reached, done := t.absorb(changes, undecided, roster, waiting)
		t.hub.notices.stirred(t.id, changes.Head.RosterRev)
		t.hub.book.reached(t.id, reached)
		if done || reaches(changes, undecided) && !rest(t.hub.ctx, gapWait) {
			return
		}
	}
}

// reread returns what changed past a rev, from where on it is undecided who is to be told, and who is in the
// conversation if that may have changed.
func (t *topic) reread(after int64) (chat.Changes, int64, *chat.Roster, error) {
	ctx, cancel := context.WithTimeout(t.hub.ctx, readWithin)
	defer cancel()
	changes, err := t.hub.source.ChangesSince(ctx, t.id, after, chat.MaxCatchUp)
	if err != nil && !absent(err) {
		return chat.Changes{}, 0, nil, err
	}
	undecided := t.attribute(changes.Changes)
	revised := slices.ContainsFunc(changes.Changes, func(c chat.Change) bool { return c.Kind == chat.ConversationRevised })
	if err == nil && !revised {
		return changes, undecided, nil, nil
	}
	t.hub.source.ForgetRoster(t.id)
	t.hub.source.Reseed(t.id)
	roster, err := t.hub.source.Roster(ctx, t.id)
	if err != nil && !absent(err) {
		return chat.Changes{}, 0, nil, err
	}
	return changes, undecided, &roster, nil
}

// attribute notes who is told of new messages by message:sent (C2.4). It returns the rev of the first of which that is
// not decided: an announcement of it follows, or a doubt. This node is asked after the reading, so what it has not
// under way any more has been announced.
func (t *topic) attribute(changes []chat.Change) (undecided int64) {
	undecided = math.MaxInt64
	if !slices.ContainsFunc(changes, func(c chat.Change) bool { return c.Kind == chat.MessageAdded }) {
		return undecided
	}
	sending := t.hub.source.Sending(t.id)
	for i := range changes {
		c := &changes[i]
		if c.Kind != chat.MessageAdded {
			continue
		}
		switch s, found := sending[c.Message.ID]; {
		case found && s.Confirmed:
			c.Origin = s.Origin
		case found:
			undecided = min(undecided, c.Rev)
		}
	}
	return undecided
}

// absent reports that a conversation has ended or never was.
func absent(err error) bool {
	code := chat.AsError(err).Code
	return code == chat.CodeNotInConversation || code == chat.CodeNotFound
}

// absorb delivers what was read. It returns up to where the topic is, and whether it lacks nothing any more that can
// be read.
//
// A difference of states does not say when somebody left, so whoever is not in the roster leaves first:
// they may miss the last messages before, but get none after. What was waiting before the store was read and
// lies past its head was never committed: somebody made it up.
func (t *topic) absorb(read chat.Changes, undecided int64, roster *chat.Roster, waiting []int64) (reached int64, done bool) {
	t.mu.Lock()
	defer t.unlock()
	for _, rev := range waiting {
		if _, held := t.held[rev]; held && rev > read.Head.LastRev {
			delete(t.held, rev)
			t.hub.counters.misheard.Add(1)
		}
	}
	t.expelMissing(read, roster)
	if read = upTo(read, min(t.missing, undecided-1)); reaches(read, undecided) {
		read = chat.Changes{HasMore: true}
	}
	var next []chat.Change
	for _, c := range read.Changes {
		if c.Rev <= t.rev {
			continue
		}
		if held, known := t.held[c.Rev]; known && held.Kind == c.Kind {
			// Its announcement says who came and went, and who sent it also when this node is done with it.
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
	return t.rev, done
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

// reaches reports whether a change at a rev, or one that stands for it as well, is among those that were read.
func reaches(read chat.Changes, rev int64) bool {
	n := len(read.Changes)
	return n > 0 && read.Changes[n-1].Rev >= rev
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
