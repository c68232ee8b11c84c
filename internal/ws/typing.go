package ws

import (
	"context"
	"sync"
	"time"

	"github.com/parley-chat/parley/internal/chat"
	"github.com/parley-chat/parley/internal/protocol"
)

const (
	// typingEvery is how often a typing:start is listened to while somebody types in a conversation (C4.7).
	typingEvery = 3 * time.Second
	// maxBegun is how often a connection may begin to type at once, in all conversations together; after
	// that it may every begunEvery. People stay far below; a flood of starts and stops does not.
	maxBegun   = 10
	begunEvery = time.Second
	// maxTyping bounds the conversations that are remembered for that, and those that wait.
	maxTyping = 64
)

// typing remembers in which conversations the person types, and when a typing:start was last listened to.
type typing struct {
	started map[chat.ConversationID]moment
	begun   moment // until when the beginnings so far use up what is allowed
	late    *late  // nil before something had to wait
}

// late is typing in conversations of which the database has to say who is in them. Of each the newest counts: what came before
// it there is as old as the answer.
type late struct {
	jobs
	mu     sync.Mutex
	newest map[chat.ConversationID]bool // whether the person types; has an entry for each that waits
}

// start reports whether to pass on that the person types.
func (t *typing) start(id chat.ConversationID, now moment) bool {
	last, typing := t.started[id]
	if typing && now.since(last) < typingEvery {
		return false
	}
	if !typing {
		t.begun = max(t.begun, now)
		if t.begun.since(now) > (maxBegun-1)*begunEvery {
			return false
		}
		t.begun = t.begun.add(begunEvery)
	}
	if t.started == nil || len(t.started) >= maxTyping {
		t.started = make(map[chat.ConversationID]moment)
	}
	t.started[id] = now
	return true
}

// over notes that the person has stopped or sent what they typed: the next start is a beginning, and one that waits is not passed
// on any more.
func (t *typing) over(id chat.ConversationID) {
	delete(t.started, id)
	if t.late != nil {
		t.late.replace(id, false)
	}
}

// replace has what waits of a conversation be another thing. It reports false where nothing does.
func (l *late) replace(id chat.ConversationID, typing bool) bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	_, waits := l.newest[id]
	if waits {
		l.newest[id] = typing
	}
	return waits
}

// wait notes that typing waits, unless too much does.
func (l *late) wait(id chat.ConversationID, typing bool) bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	if len(l.newest) >= maxTyping {
		return false
	}
	l.newest[id] = typing
	return true
}

// settle ends the waiting in a conversation, and passes on what is the newest unless pass is nil. A message that is sent comes
// before or after it as a whole.
func (l *late) settle(id chat.ConversationID, pass func(typing bool)) {
	l.mu.Lock()
	defer l.mu.Unlock()
	typing := l.newest[id]
	delete(l.newest, id)
	if pass != nil {
		pass(typing)
	}
}

// startTyping passes on that the person types; what comes too often is not an error and not passed on.
func (c *conn) startTyping(ctx context.Context, m *protocol.StartTyping, now time.Time) {
	id := chat.ConversationID(m.ConversationID)
	if c.typing.start(id, c.server.at(now)) && !c.server.rules.Shed(chat.WorkTyping) {
		c.passTyping(ctx, id, true)
	}
}

func (c *conn) stopTyping(ctx context.Context, m *protocol.StopTyping) {
	id := chat.ConversationID(m.ConversationID)
	c.typing.over(id)
	c.passTyping(ctx, id, false)
}

// passTyping passes it on at once where it is remembered who is in the conversation, and else beside the reading. It is dropped
// when too much waits there.
func (c *conn) passTyping(ctx context.Context, id chat.ConversationID, typing bool) {
	if !chat.ValidID(string(id)) {
		c.problem(ctx, chat.NotInConversation(), string(id))
		return
	}
	if c.typing.late != nil && c.typing.late.replace(id, typing) {
		return
	}
	if t, known := c.server.rules.KnownTypist(c.session.User, id); known {
		t.Types(typing, c.session.ID)
		return
	}
	if c.typing.late == nil {
		c.typing.late = &late{newest: make(map[chat.ConversationID]bool)}
	}
	l := c.typing.late
	if l.wait(id, typing) && !c.laterWithin(&l.jobs, func(ctx context.Context) { c.passLate(ctx, l, id) }) {
		l.settle(id, nil)
	}
}

func (c *conn) passLate(ctx context.Context, l *late, id chat.ConversationID) {
	t, err := chat.Typist{}, outOfTime(ctx)
	if err == nil {
		t, err = c.server.rules.FindTypist(ctx, c.session.User, id)
	}
	if err != nil {
		l.settle(id, nil)
		c.problem(ctx, err, string(id))
		return
	}
	l.settle(id, func(typing bool) { t.Types(typing, c.session.ID) })
}
