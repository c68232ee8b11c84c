package realtime

import (
	"context"
	"maps"
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
	told    map[*Session]bool // they have been told that they left

	active bool
	last   *chat.Message // the newest message, if it is known
}

func newNotices(h *Hub) *notices {
	return &notices{hub: h, wake: make(chan struct{}, noticeWorkers), pending: make(map[chat.ConversationID]*notice)}
}

// active notes messages that were sent, edited or deleted.
func (n *notices) active(changes []chat.Change) {
	if n.hub.sessions.empty() {
		return
	}
	news := news{}
	for i := range changes {
		if m := changes[i].Message; m != nil {
			news.active = true
			if changes[i].Kind == chat.MessageAdded {
				news.last = m
			} else if news.last != nil && news.last.ID == m.ID {
				news.last = m
			}
		}
	}
	if news.active {
		n.add(changes[0].Conversation, news)
	}
}

// stirred notes that something may have happened.
func (n *notices) stirred(c chat.ConversationID) { n.add(c, news{active: true}) }

// revised notes a change of the conversation; told have been told already that they left.
func (n *notices) revised(c *chat.Change, told map[*Session]bool, unclear bool) {
	if n.hub.sessions.empty() {
		return
	}
	n.add(c.Conversation, news{revised: true, unclear: unclear, state: c.State, joined: c.Joined, left: c.Left, told: told})
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
	for s := range what.told {
		if p.told == nil {
			p.told = make(map[*Session]bool)
		}
		p.told[s] = true
	}
	p.active = p.active || what.active
	if what.last != nil && (p.last == nil || p.last.Seq <= what.last.Seq) {
		p.last = what.last
	}
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
		p.active, p.last = true, what.last
		what.active = false
	}
	n.mu.Unlock()

	err := n.tell(ctx, p.conversation, what)

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
	n.settle(p)
	return true
}

// wakeUp is called when a conversation has been quiet for long enough.
func (n *notices) wakeUp(p *notice) {
	n.mu.Lock()
	defer n.mu.Unlock()
	n.settle(p)
}

// settle enqueues what has come meanwhile, and forgets a conversation of which there is nothing.
func (n *notices) settle(p *notice) {
	n.enqueue(p)
	if !p.telling && !p.queued && !p.revised && !p.active && !time.Now().Before(p.quietUntil) && n.pending[p.conversation] == p {
		delete(n.pending, p.conversation)
	}
}

func (n *notices) tell(ctx context.Context, c chat.ConversationID, what news) error {
	ctx, cancel := context.WithTimeout(ctx, readWithin)
	defer cancel()
	roster, err := n.hub.source.Roster(ctx, c)
	if err != nil && !absent(err) {
		return err
	}
	if what.revised {
		if err := n.tellRevision(ctx, c, roster, what); err != nil {
			return err
		}
	}
	if what.active {
		return n.tellActivity(ctx, c, roster, what.last)
	}
	return nil
}

func (n *notices) tellRevision(ctx context.Context, c chat.ConversationID, roster chat.Roster, what news) error {
	came := n.whoCame(roster, what)
	var states map[chat.UserID]chat.ReadState
	if len(came) > 0 {
		// One statement for all of them: they may be a thousand. It comes first, so that nothing is told twice.
		var err error
		if states, err = n.hub.source.ReadStates(ctx, c, came); err != nil {
			return err
		}
	}
	for _, d := range what.left {
		if _, back := roster.Roles[d.User]; back {
			continue
		}
		for _, s := range n.hub.sessions.ofUser(d.User) {
			if !what.told[s] {
				s.Send(removedFrame(c, d.Reason))
			}
		}
	}
	for u, read := range states {
		seen := *what.state
		seen.Viewer, seen.UnreadCount = u, read.UnreadCount
		seen.LastReadMessageID, seen.LastReadSeq = read.LastReadMessageID, read.LastReadSeq
		added := protocol.Encode(protocol.ConversationAdded{Conversation: protocol.ConversationOf(seen)})
		for _, s := range n.hub.sessions.ofUser(u) {
			// One that follows may have heard of its removal last, and follow by a subscribe sent before.
			s.Send(added)
		}
	}
	if what.state.RosterRev < roster.Rev {
		// There is a newer revision, which is about to be told. Who is here only since then must not hear of an
		// update before they have been shown the conversation.
		return nil
	}
	updated := protocol.EncodeChange(&chat.Change{Conversation: c, Rev: what.state.RosterRev, Kind: chat.ConversationRevised, State: what.state})
	for u := range roster.Roles {
		if _, told := states[u]; told {
			continue
		}
		for _, s := range n.hub.sessions.ofUser(u) {
			s.sendUnlessSubscribed(c, updated)
		}
	}
	return nil
}

// whoCame is whom a revision brought in, or may have brought in, and who is here to be told.
func (n *notices) whoCame(roster chat.Roster, what news) []chat.UserID {
	candidates := slices.Collect(maps.Keys(roster.Roles))
	if !what.unclear {
		candidates = what.joined
	}
	var came []chat.UserID
	for _, u := range candidates {
		if _, in := roster.Roles[u]; in && len(n.hub.sessions.ofUser(u)) > 0 {
			came = append(came, u)
		}
	}
	return came
}

func (n *notices) tellActivity(ctx context.Context, c chat.ConversationID, roster chat.Roster, last *chat.Message) error {
	var users []chat.UserID
	sessions := make(map[chat.UserID][]*Session)
	for u := range roster.Roles {
		for _, s := range n.hub.sessions.ofUser(u) {
			if !s.follows(c) {
				if sessions[u] == nil {
					users = append(users, u)
				}
				sessions[u] = append(sessions[u], s)
			}
		}
	}
	if len(users) == 0 {
		return nil
	}
	if last == nil {
		conversation, err := n.hub.source.Conversation(ctx, users[0], c)
		if absent(err) {
			return nil
		}
		if err != nil {
			return err
		}
		if last = conversation.LastMessage; last == nil {
			return nil
		}
	}
	unread, err := n.hub.source.UnreadCounts(ctx, c, users)
	if err != nil {
		return err
	}
	frames := make(map[int64][]byte)
	for _, u := range users {
		count := unread[u]
		if frames[count] == nil {
			frames[count] = protocol.Encode(protocol.ConversationActivity{
				ConversationID: string(c), LastSeq: last.Seq, SenderID: string(last.Sender),
				Timestamp: protocol.FormatTime(last.CreatedAt), Preview: preview(last), UnreadCount: count,
			})
		}
		for _, s := range sessions[u] {
			s.sendUnlessSubscribed(c, frames[count])
		}
	}
	return nil
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
