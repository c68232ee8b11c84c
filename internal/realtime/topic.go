package realtime

import (
	"math"
	"sync"
	"time"

	"github.com/parley-chat/parley/internal/chat"
	"github.com/parley-chat/parley/internal/protocol"
)

const (
	// gapWait is how long a change that came too early waits for the one before it before the store is
	// asked.
	gapWait = 50 * time.Millisecond
	// maxHeld bounds the changes that wait; what does not fit is read from the store.
	maxHeld = 1024
	// maxJoinBuffer bounds the bytes of live frames that wait for one subscription to catch up.
	maxJoinBuffer = 32 << 10
)

// topic delivers one conversation to this node's subscribers, rev by rev.
type topic struct {
	hub *Hub
	id  chat.ConversationID

	mu    sync.Mutex
	dead  bool // the last subscriber went; a new one needs a new topic
	known bool // rev has been read
	rev   int64
	// learned is where the store stood when rev was read: the topic hands out what lies past it.
	learned int64
	// expected is where the store was found to stand before rev was read.
	expected int64
	held     map[int64]chat.Change // came too early, by rev
	// dropped says that held was full: the store has to be asked.
	dropped bool
	gap     *time.Timer
	// patience grows while a gap stays open although the store was asked.
	patience  time.Duration
	repairing bool
	missing   int64 // up to where the store is asked
	again     bool
	subs      map[*Session]*subscription
	readers   readership
	newest    traced
	deliveries
	notes []note
}

// traced says of which trace a message is.
type traced struct {
	seq   int64
	trace chat.Trace
}

// note is a revision that those who do not follow have to be told of, once the lock is given up.
type note struct {
	change  chat.Change
	unclear bool
}

// subscription is one session's place in a topic; the topic's lock guards it.
type subscription struct {
	session *Session
	rev     int64 // what was delivered, once joined
	gone    bool  // the session left the topic; whoever is joining stops
	joining bool
	resumes bool // it replaces a live one and goes on from that one's rev
	// shown says that it was shown who has read what; what changes is told it only from then on. knew says that the client
	// was told of that before.
	shown, knew bool
	page        int // changes to read next; whoever is joining has it alone
	// buffer has what happened while joining, past from; overflowed says that it could not.
	from       int64
	buffer     []frame
	buffered   int
	overflowed bool
	debt       debt
}

// frame is an encoded change.
type frame struct {
	rev, seq int64 // seq of a new message, else 0
	origin   chat.SessionID
	bytes    []byte
}

func newTopic(h *Hub, c chat.ConversationID) *topic {
	return &topic{hub: h, id: c, patience: gapWait, held: make(map[int64]chat.Change), subs: make(map[*Session]*subscription)}
}

// unlock gives up the topic's lock, and the topic when nobody is in it.
func (t *topic) unlock() {
	died := len(t.subs) == 0 && !t.dead
	if died {
		t.dead = true
		t.hub.topics.CompareAndDelete(t.id, t)
		if t.gap != nil {
			t.gap.Stop()
		}
		for _, c := range t.held {
			// Nobody waits any more for what comes before it.
			if c.Kind == chat.ConversationRevised {
				t.notes = append(t.notes, note{c, false})
			}
		}
	}
	incomplete, rev := died && (len(t.held) > 0 || t.repairing), t.rev
	notes := t.notes
	t.notes = nil
	t.mu.Unlock()
	if died {
		t.hub.left(t.id, rev, incomplete)
	}
	for i := range notes {
		t.hub.notices.revised(&notes[i].change, notes[i].unclear)
	}
}

// announce takes changes in any order, with what clients get of each if that is encoded already. It reports false
// when nobody follows the topic any more.
func (t *topic) announce(changes []chat.Change, events [][]byte) bool {
	t.mu.Lock()
	defer t.unlock()
	if t.dead {
		return false
	}
	if len(t.held) == 0 && t.known && changes[0].Rev == t.rev+1 && changes[len(changes)-1].Rev == t.rev+int64(len(changes)) {
		t.hand(changes, events)
		return true
	}
	for _, c := range changes {
		if t.known && c.Rev <= t.rev {
			t.missed(&c)
			continue
		}
		if len(t.held) < maxHeld {
			t.held[c.Rev] = c
		} else {
			t.dropped = true
		}
	}
	t.release()
	t.mendDropped()
	return true
}

// mendDropped reads what did not fit into held.
func (t *topic) mendDropped() {
	if t.known && t.dropped {
		t.dropped = false
		t.beginRepair(math.MaxInt64)
	}
}

// release hands out the held changes that are next, and waits for the gap before the others.
func (t *topic) release() {
	if !t.known {
		return
	}
	var next []chat.Change
	for rev := t.rev + 1; ; rev++ {
		c, held := t.held[rev]
		if !held {
			break
		}
		next = append(next, c)
		delete(t.held, rev)
	}
	if len(next) > 0 {
		t.patience = gapWait
		t.hand(next, nil)
	}
	switch {
	case len(t.held) == 0 && t.gap != nil:
		t.gap.Stop()
		t.gap = nil
	case len(t.held) > 0 && t.gap == nil && !t.repairing:
		t.gap = time.AfterFunc(t.patience, t.gapStayed)
	}
}

// learn tells the topic where the store stands, when it did not know.
func (t *topic) learn(rev int64) {
	if t.known {
		return
	}
	t.known, t.rev, t.learned = true, rev, rev
	for _, sub := range t.subs {
		sub.from = rev
	}
	for r, c := range t.held {
		if r <= rev {
			delete(t.held, r)
			t.missed(&c)
		}
	}
	t.release()
	t.mendDropped()
	if t.rev < t.expected {
		t.beginRepair(t.expected)
	}
}

// missed takes a change that the first subscriber has read already. Those who do not follow are told of it all
// the same: nothing else tells them who came and went.
func (t *topic) missed(c *chat.Change) {
	if c.Kind == chat.ConversationRevised && c.Rev <= t.learned {
		t.notes = append(t.notes, note{*c, false})
	}
}

// hand delivers changes whose turn it is. Events are all of them encoded, or nil.
func (t *topic) hand(changes []chat.Change, events [][]byte) {
	if events != nil {
		t.handMessages(changes, events)
		t.rev = changes[len(changes)-1].Rev
		return
	}
	start := 0
	for i := range changes {
		if changes[i].Kind == chat.ConversationRevised {
			t.handMessages(changes[start:i], nil)
			t.handRevision(&changes[i])
			start = i + 1
		}
	}
	t.handMessages(changes[start:], nil)
	t.rev = changes[len(changes)-1].Rev
}

func (t *topic) handMessages(changes []chat.Change, events [][]byte) {
	if len(changes) == 0 {
		return
	}
	if events == nil {
		events = make([][]byte, len(changes))
		for i := range changes {
			events[i] = protocol.EncodeChange(&changes[i])
		}
	}
	frames := make([]frame, len(changes))
	for i := range changes {
		frames[i] = frameOf(&changes[i], events[i])
		if t.hub.marks != nil {
			t.hub.marks.put(events[i], changes[i].Trace)
		}
		if changes[i].Kind != chat.ConversationRevised {
			t.await(changes[i].Message.Sender, changes[i].Message.Seq)
		}
		if f := frames[i]; f.seq > t.newest.seq {
			t.newest = traced{f.seq, changes[i].Trace}
		}
	}
	now := time.Now()
	for _, sub := range t.subs {
		sub.give(frames, events, now)
	}
	if len(t.subs) > 0 {
		t.hub.handed(changes)
	}
}

func frameOf(c *chat.Change, event []byte) frame {
	f := frame{rev: c.Rev, origin: c.Origin, bytes: event}
	if c.Kind == chat.MessageAdded {
		f.seq = c.Message.Seq
	}
	return f
}

// give hands frames to one subscriber; all are their bytes. A session's own messages are left out:
// message:sent told it (C2.4).
func (sub *subscription) give(frames []frame, all [][]byte, now time.Time) {
	s := sub.session
	last := frames[len(frames)-1].rev
	own := false
	for i := range frames {
		own = own || frames[i].origin == s.ID
	}
	switch {
	case sub.joining:
		for _, f := range frames {
			sub.keep(f)
		}
		return
	case !own && frames[0].rev > sub.rev:
		s.Send(all...)
	default:
		some := make([][]byte, 0, len(frames))
		for _, f := range frames {
			if f.rev > sub.rev && f.origin != s.ID {
				some = append(some, f.bytes)
			}
		}
		s.Send(some...)
	}
	if sub.debt.acks {
		sub.debt.incur(s, frames, sub.rev, now)
	}
	sub.rev = max(sub.rev, last)
}

// keep buffers a frame while the subscription catches up.
func (sub *subscription) keep(f frame) {
	if sub.overflowed || f.origin == sub.session.ID {
		return
	}
	if sub.buffered += len(f.bytes) + frameOverhead; sub.buffered > maxJoinBuffer {
		sub.overflowed, sub.buffer, sub.buffered = true, nil, 0
		return
	}
	sub.buffer = append(sub.buffer, f)
}

// handRevision delivers a change of the conversation itself. Who left gets nothing from this rev on.
func (t *topic) handRevision(c *chat.Change) {
	for _, d := range c.Left {
		for s, sub := range t.subs {
			if s.User == d.User {
				t.expel(sub, d.Reason)
			}
		}
	}
	event := protocol.EncodeChange(c)
	frames, events := []frame{frameOf(c, event)}, [][]byte{event}
	for _, sub := range t.subs {
		sub.give(frames, events, time.Time{})
	}
	t.notes = append(t.notes, note{*c, false})
	// Who came may have read something before, and who is many now may have been few.
	t.hub.receipts.want(t.id, nil, false)
}

// expel ends a subscription of somebody who is not in the conversation any more.
func (t *topic) expel(sub *subscription, reason chat.LeaveReason) {
	sub.gone = true
	delete(t.subs, sub.session)
	sub.session.expel(t.id, removedFrame(t.id, reason))
}

func (t *topic) remove(sub *subscription) {
	sub.gone = true
	if t.subs[sub.session] == sub {
		delete(t.subs, sub.session)
		sub.session.unfollow(t.id)
	}
}

// drop takes a session out of the topic. It reports whether that was early: before the session had all that it was
// not told otherwise, since it followed.
func (t *topic) drop(s *Session) (early bool) {
	t.mu.Lock()
	defer t.unlock()
	sub := t.subs[s]
	if sub == nil {
		return false
	}
	t.remove(sub)
	return sub.joining || t.repairing || len(t.held) > 0
}

// toOthers calls tell for each subscribed session of everyone but u.
func (t *topic) toOthers(u chat.UserID, tell func(*Session)) {
	t.mu.Lock()
	defer t.unlock()
	for s := range t.subs {
		if s.User != u {
			tell(s)
		}
	}
}
