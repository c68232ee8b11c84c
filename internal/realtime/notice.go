package realtime

import (
	"context"
	"slices"
	"sync"
	"time"

	"github.com/parley-chat/parley/internal/chat"
	"github.com/parley-chat/parley/internal/protocol"
)

const (
	// quiet is how long a conversation that is not subscribed stays silent after its activity was told:
	// at most one conversation:activity a second and session.
	quiet = time.Second
	// noticeWorkers is how many conversations are told about at once.
	noticeWorkers = 4
	// maxPreview is the longest preview in Unicode code points.
	maxPreview = 100
)

// notices tell participants who do not follow a conversation's topic what they need for their list
// (C3.8). What happens meanwhile is told together: a notice is a state, not a log.
type notices struct {
	hub  *Hub
	wake chan struct{}

	mu      sync.Mutex
	pending map[chat.ConversationID]*notice
	queue   []*notice
}

// notice is what is to be told about one conversation.
type notice struct {
	conversation chat.ConversationID
	telling      bool // a worker is at it
	queued       bool
	quietUntil   time.Time
	news
}

// news is the content of a notice.
type news struct {
	revised bool
	// unclear says that the revision came out of the store, which does not tell who joined.
	unclear bool
	state   *chat.Conversation
	joined  []chat.UserID
	left    []chat.Departure
	// rosterRev is the roster revision that this is about at least; an older roster would tell the wrong people.
	rosterRev int64

	active bool
	last   *chat.Message // the newest message, if it is known
}

func newNotices(h *Hub) *notices {
	return &notices{hub: h, wake: make(chan struct{}, noticeWorkers), pending: make(map[chat.ConversationID]*notice)}
}

// nobody reports whether it cannot matter here what happens in a conversation.
func (n *notices) nobody(c chat.ConversationID) bool {
	return n.hub.sessions.empty() && !n.hub.book.has(c)
}

// active notes messages that were sent, edited or deleted. Only the newest changes say what the last message is.
func (n *notices) active(changes []chat.Change, newest bool) {
	if n.nobody(changes[0].Conversation) {
		return
	}
	news := news{}
	for i := range changes {
		if m := changes[i].Message; m != nil {
			news.active = true
			if changes[i].Kind == chat.MessageAdded || (news.last != nil && news.last.ID == m.ID) {
				news.last = m
			}
		}
	}
	if !newest {
		news.last = nil
	}
	if news.active {
		n.add(changes[0].Conversation, news)
	}
}

// stirred notes that something may have happened, when the roster had that revision or a later one.
func (n *notices) stirred(c chat.ConversationID, rosterRev int64) {
	n.add(c, news{active: true, rosterRev: rosterRev})
}

// settle has everybody here told who came into a conversation or left it without their being told, and what it is
// now.
func (n *notices) settle(c chat.ConversationID, rosterRev int64, joined ...chat.UserID) {
	n.add(c, news{revised: true, unclear: true, rosterRev: rosterRev, joined: joined})
}

// revised notes a change of the conversation.
func (n *notices) revised(c *chat.Change, unclear bool) {
	if n.nobody(c.Conversation) {
		return
	}
	n.add(c.Conversation, news{
		revised: true, unclear: unclear, state: c.State, rosterRev: c.State.RosterRev,
		joined: c.Joined, left: c.Left,
	})
}

func (n *notices) add(c chat.ConversationID, what news) {
	n.mu.Lock()
	defer n.mu.Unlock()
	p := n.pending[c]
	if p == nil {
		p = &notice{conversation: c}
		n.pending[c] = p
	}
	p.merge(what)
	n.enqueue(p)
}

func (p *news) merge(what news) {
	p.revised = p.revised || what.revised
	p.unclear = p.unclear || what.unclear
	if what.state != nil && (p.state == nil || p.state.RosterRev < what.state.RosterRev) {
		p.state = what.state
	}
	p.joined = append(p.joined, what.joined...)
	p.left = append(p.left, what.left...)
	p.rosterRev = max(p.rosterRev, what.rosterRev)
	if what.active && (!p.active || what.last == nil || (p.last != nil && p.last.Seq <= what.last.Seq)) {
		// News without a last message may be of one that came after the one that is known, or of its deletion.
		p.last = what.last
	}
	p.active = p.active || what.active
}

// enqueue has a worker tell the notice now, or when its conversation has been quiet for long enough.
func (n *notices) enqueue(p *notice) {
	if p.telling || p.queued || (!p.revised && (!p.active || time.Now().Before(p.quietUntil))) {
		return
	}
	p.queued = true
	n.queue = append(n.queue, p)
	select {
	case n.wake <- struct{}{}:
	default:
	}
}

func (n *notices) run(ctx context.Context) {
	var workers sync.WaitGroup
	for range noticeWorkers {
		workers.Go(func() {
			for {
				select {
				case <-n.wake:
					for n.tellNext(ctx) {
					}
				case <-ctx.Done():
					return
				}
			}
		})
	}
	workers.Wait()
}

// tellNext takes one notice and tells it. It reports whether there was one.
func (n *notices) tellNext(ctx context.Context) bool {
	n.mu.Lock()
	if len(n.queue) == 0 {
		n.mu.Unlock()
		return false
	}
	p := n.queue[0]
	n.queue = n.queue[1:]
	p.queued, p.telling = false, true
	what := p.news
	p.news = news{}
	if hushed := time.Now().Before(p.quietUntil); hushed && what.active {
		p.active, p.last, p.rosterRev = true, what.last, what.rosterRev
		what.active = false
	}
	n.mu.Unlock()

	err := n.hub.guard("notice", func() error { return n.tell(ctx, p.conversation, what) })

	n.mu.Lock()
	defer n.mu.Unlock()
	p.telling = false
	if err != nil && ctx.Err() == nil {
		n.hub.cfg.Log.Warn("a notice is late", "event", "notice.tell", "conversationId", p.conversation, "error", err)
		later := p.news
		p.news = what
		p.merge(later)
		time.AfterFunc(quiet, func() { n.wakeUp(p) })
		return true
	}
	if what.active {
		p.quietUntil = time.Now().Add(quiet)
		time.AfterFunc(quiet, func() { n.wakeUp(p) })
	}
	n.conclude(p)
	return true
}

// wakeUp is called when a conversation has been quiet for long enough.
func (n *notices) wakeUp(p *notice) {
	n.mu.Lock()
	defer n.mu.Unlock()
	n.conclude(p)
}

// conclude enqueues what has come meanwhile, and forgets a conversation of which there is nothing.
func (n *notices) conclude(p *notice) {
	n.enqueue(p)
	if !p.telling && !p.queued && !p.revised && !p.active && !time.Now().Before(p.quietUntil) && n.pending[p.conversation] == p {
		delete(n.pending, p.conversation)
	}
}

func (n *notices) tell(ctx context.Context, c chat.ConversationID, what news) error {
	ctx, cancel := context.WithTimeout(ctx, readWithin)
	defer cancel()
	roster, err := n.roster(ctx, c, max(what.rosterRev, n.hub.book.rosterSeen(c)))
	if err != nil {
		return err
	}
	here := n.hub.sessions.among(roster)
	if what.revised || n.hub.book.unsettled(c, roster, here) {
		if err := n.tellRevision(ctx, c, roster, here, what); err != nil {
			return err
		}
	}
	if what.active {
		return n.tellActivity(ctx, c, here, what.last)
	}
	return nil
}

// roster is who is in the conversation at that revision or a later one; nobody when it has ended.
func (n *notices) roster(ctx context.Context, c chat.ConversationID, rev int64) (chat.Roster, error) {
	roster, err := n.hub.source.Roster(ctx, c)
	if err == nil && roster.Rev < rev {
		n.hub.source.RosterMoved(c, rev)
		roster, err = n.hub.source.Roster(ctx, c)
	}
	if absent(err) {
		return chat.Roster{Conversation: c}, nil
	}
	return roster, err
}

func (n *notices) tellActivity(ctx context.Context, c chat.ConversationID, here map[chat.UserID][]*Session, last *chat.Message) error {
	var users []chat.UserID
	for u, sessions := range here {
		if slices.ContainsFunc(sessions, func(s *Session) bool { return !s.follows(c) }) {
			users = append(users, u)
		}
	}
	if len(users) == 0 {
		return nil
	}
	if last == nil {
		var err error
		if last, err = n.lastMessage(ctx, c, users); last == nil || err != nil {
			return err
		}
	}
	frames := make(map[int64][]byte) // by unread count
	for len(users) > 0 {
		turns := make([]int64, len(users))
		for i, u := range users {
			turns[i] = n.hub.turns.of(u, c).now()
		}
		states, err := n.hub.source.ReadStates(ctx, c, users)
		if err != nil {
			return err
		}
		var late []chat.UserID
		for i, u := range users {
			state, in := states[u]
			if !in || state.Hidden {
				continue
			}
			if frames[state.UnreadCount] == nil {
				frames[state.UnreadCount] = activityFrame(c, last, state.UnreadCount)
			}
			if !n.hub.turns.of(u, c).tell(turns[i], here[u], c, frames[state.UnreadCount]) {
				late = append(late, u)
			}
		}
		users = late
	}
	return nil
}

// lastMessage reads the newest message for those who are still in the conversation; nil when there is none.
func (n *notices) lastMessage(ctx context.Context, c chat.ConversationID, users []chat.UserID) (*chat.Message, error) {
	for _, u := range users {
		conversation, err := n.hub.source.Conversation(ctx, u, c)
		if absent(err) {
			continue
		}
		return conversation.LastMessage, err
	}
	return nil, nil
}

func activityFrame(c chat.ConversationID, last *chat.Message, unread int64) []byte {
	return protocol.Encode(protocol.ConversationActivity{
		ConversationID: string(c), LastSeq: last.Seq, SenderID: string(last.Sender),
		Timestamp: protocol.FormatTime(last.CreatedAt), Preview: preview(last), UnreadCount: unread,
	})
}

// preview is the beginning of a message; a tombstone has none.
func preview(m *chat.Message) string {
	if m.Deleted() {
		return ""
	}
	n := 0
	for i := range m.Content {
		if n == maxPreview {
			return m.Content[:i]
		}
		n++
	}
	return m.Content
}
