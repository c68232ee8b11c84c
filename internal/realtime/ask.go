package realtime

import (
	"context"
	"slices"
	"time"

	"github.com/parley-chat/parley/internal/chat"
	"github.com/parley-chat/parley/internal/protocol"
)

// ask is what a session asked to be told. It is answered when it has been read anew whom its person watches, with those
// whom they do not watch; and told when those have been looked up.
type ask struct {
	session *Session
	users   []chat.UserID
	others  map[chat.UserID]chat.Presence // as the person may see them; nil before they were looked up
	since   time.Time                     // when it was read
	done    chan answered
}

type answered struct {
	others []chat.UserID
	err    error
}

func (a *ask) fail(err error) { a.done <- answered{err: err} }

// ShowPresence answers a session with presence:state of these people as its person may see them: those of whom they may
// know nothing, and ids of nobody, as offline. What the person subscribed to before counts.
func (h *Hub) ShowPresence(ctx context.Context, s *Session, users []chat.UserID) {
	if !h.ready(ctx) {
		return
	}
	if err := h.showPresence(ctx, s, users); err != nil {
		s.Send(protocol.Encode(protocol.ProblemOf(err, "", chat.TraceOf(ctx))))
	}
}

func (h *Hub) showPresence(ctx context.Context, s *Session, users []chat.UserID) error {
	a := &ask{session: s, users: users, done: make(chan answered, 1)}
	others, err := h.presences.await(ctx, a)
	if err != nil {
		return err
	}
	told := &ask{session: s, users: users, done: make(chan answered, 1)}
	if told.others, err = h.lookUp(ctx, s.User, others); err != nil {
		return err
	}
	// It is told now, however late that is.
	h.presences.mail.put(func(l *post) { l.asks = append(l.asks, told) })
	return nil
}

// await hands an ask over and waits for its answer.
func (p *presences) await(ctx context.Context, a *ask) (others []chat.UserID, err error) {
	p.mail.put(func(l *post) { l.asks = append(l.asks, a) })
	select {
	case answer := <-a.done:
		return answer.others, answer.err
	case <-ctx.Done():
		return nil, &chat.Error{Code: chat.CodeDBTimeout, Message: "It took too long to find out who is there.", RetryAfter: time.Second, Err: ctx.Err()}
	}
}

// lookUp reads what somebody may see of people whom they do not watch.
func (h *Hub) lookUp(ctx context.Context, u chat.UserID, others []chat.UserID) (map[chat.UserID]chat.Presence, error) {
	out := make(map[chat.UserID]chat.Presence, len(others))
	for some := range slices.Chunk(others, chat.MaxFollowed) {
		seen, err := h.source.SeePresences(ctx, u, some)
		if chat.AsError(err).Code == chat.CodeRedisUnavailable {
			continue // Those who are watched are answered all the same.
		}
		if err != nil {
			return nil, err
		}
		for _, p := range seen {
			out[p.User] = p
		}
	}
	return out, nil
}

// ask takes an ask.
func (p *presences) ask(a *ask) {
	v := p.viewers[a.session.User]
	switch {
	case v == nil:
		a.fail(errGone)
	case a.others != nil:
		p.tellAsk(v, a)
	default:
		v.asks = append(v.asks, a)
		p.want(v)
	}
}

// answer answers those who waited for whom their person watches, and no longer for their presence than need be.
func (p *presences) answer() {
	p.asks = slices.DeleteFunc(p.asks, func(a *ask) bool {
		v := p.viewers[a.session.User]
		if v == nil {
			a.fail(errGone)
			return true
		}
		var others []chat.UserID
		for _, u := range a.users {
			at, watches := v.place(u)
			switch {
			case !watches:
				others = append(others, u)
			case !v.watches[at].known && !p.due(a.since.Add(startWithin)):
				return false
			}
		}
		a.done <- answered{others: others}
		return true
	})
}

// tellAsk tells what was asked for.
func (p *presences) tellAsk(v *viewer, a *ask) {
	items := make([][]byte, 0, len(a.users))
	for _, u := range a.users {
		at, watches := v.place(u)
		if watches && v.watches[at].known {
			t := v.watches[at]
			at, _ = t.place(v)
			items = append(items, t.show(t.watchers[at].relation))
			continue
		}
		seen, is := a.others[u]
		if !is {
			seen = chat.Presence{User: u, Status: chat.StatusOffline}
		}
		items = append(items, protocol.PresenceItem(protocol.PresenceOf(seen, true)))
	}
	if len(items) == 0 {
		a.session.Send(protocol.EncodePresences(nil))
	}
	for some := range slices.Chunk(items, maxPresences) {
		a.session.Send(protocol.EncodePresences(some))
	}
	a.done <- answered{}
}

// maxPresences is how many presences one frame has at most (C7.5).
const maxPresences = 1000
