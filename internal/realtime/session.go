package realtime

import (
	"context"
	"maps"
	"slices"
	"sync"

	"github.com/google/uuid"

	"github.com/parley-chat/parley/internal/chat"
	"github.com/parley-chat/parley/internal/protocol"
)

// Session is one live socket of a signed-in person.
type Session struct {
	*Outbox
	ID   chat.SessionID
	User chat.UserID

	login chat.LoginID // guarded by the registry's lock
	// subscribed has the topics that the session is in; guarded by the outbox's lock.
	subscribed map[chat.ConversationID]struct{}
	// expelled has those that it was told of that its person is not in them any more, until it is shown them
	// again; under the same lock.
	expelled map[chat.ConversationID]struct{}
	left     bool
}

// sendUnlessSubscribed sends what only those need who do not follow the conversation's topic. A session that was told
// of a removal gets nothing that was on its way (C3.7).
func (s *Session) sendUnlessSubscribed(c chat.ConversationID, frame []byte) {
	s.mu.Lock()
	defer s.mu.Unlock()
	_, follows := s.subscribed[c]
	if _, expelled := s.expelled[c]; !follows && !expelled {
		s.send([][]byte{frame})
	}
}

// sendUnlessExpelled sends that the person is not in the conversation any more, except where the session follows,
// which hears it at its rev, or heard it there.
func (s *Session) sendUnlessExpelled(c chat.ConversationID, frame []byte) {
	s.mu.Lock()
	defer s.mu.Unlock()
	_, follows := s.subscribed[c]
	if _, expelled := s.expelled[c]; !follows && !expelled {
		s.send([][]byte{frame})
	}
}

// expel ends the following of somebody who is not in the conversation any more, and tells them.
func (s *Session) expel(c chat.ConversationID, frame []byte) {
	s.mu.Lock()
	defer s.mu.Unlock()
	delete(s.subscribed, c)
	if s.expelled == nil {
		s.expelled = make(map[chat.ConversationID]struct{})
	}
	s.expelled[c] = struct{}{}
	s.send([][]byte{frame})
}

// wasExpelled reports whether the session was told last that its person is out of the conversation.
func (s *Session) wasExpelled(c chat.ConversationID) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	_, expelled := s.expelled[c]
	return expelled
}

// show shows the session a conversation.
func (s *Session) show(c chat.ConversationID, frame []byte) {
	s.mu.Lock()
	defer s.mu.Unlock()
	delete(s.expelled, c)
	s.send([][]byte{frame})
}

func (s *Session) follows(c chat.ConversationID) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	_, follows := s.subscribed[c]
	return follows
}

// follow notes a subscription; it reports false when the session is over.
func (s *Session) follow(c chat.ConversationID) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.left {
		return false
	}
	if s.subscribed == nil {
		s.subscribed = make(map[chat.ConversationID]struct{})
	}
	s.subscribed[c] = struct{}{}
	delete(s.expelled, c)
	return true
}

func (s *Session) unfollow(c chat.ConversationID) {
	s.mu.Lock()
	defer s.mu.Unlock()
	delete(s.subscribed, c)
}

func (s *Session) topics() []chat.ConversationID {
	s.mu.Lock()
	defer s.mu.Unlock()
	return slices.Collect(maps.Keys(s.subscribed))
}

// leave ends the session's following. It reports whether it is the first to do so.
func (s *Session) leave() (topics []chat.ConversationID, first bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	first, s.left = !s.left, true
	return slices.Collect(maps.Keys(s.subscribed)), first
}

// registry knows this node's sessions by person and by login.
type registry struct {
	mu      sync.RWMutex
	byUser  map[chat.UserID][]*Session
	byLogin map[chat.LoginID][]*Session
}

func newRegistry() *registry {
	return &registry{byUser: make(map[chat.UserID][]*Session), byLogin: make(map[chat.LoginID][]*Session)}
}

// greet makes a session one of its person's, who is told from here on.
func (r *registry) greet(s *Session) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.byUser[s.User] = append(r.byUser[s.User], s)
}

// add makes a session one of its login's, with which it ends.
func (r *registry) add(s *Session) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.byLogin[s.login] = append(r.byLogin[s.login], s)
}

func (r *registry) remove(s *Session) {
	r.mu.Lock()
	defer r.mu.Unlock()
	without(r.byUser, s.User, s)
	without(r.byLogin, s.login, s)
}

func (r *registry) changeLogin(s *Session, login chat.LoginID) {
	r.mu.Lock()
	defer r.mu.Unlock()
	without(r.byLogin, s.login, s)
	s.login = login
	r.byLogin[login] = append(r.byLogin[login], s)
}

func without[K comparable](m map[K][]*Session, key K, s *Session) {
	rest := slices.DeleteFunc(slices.Clone(m[key]), func(other *Session) bool { return other == s })
	if len(rest) == 0 {
		delete(m, key)
		return
	}
	m[key] = rest
}

// ofUser returns the person's sessions; the slice must not be changed.
func (r *registry) ofUser(u chat.UserID) []*Session {
	r.mu.RLock()
	defer r.mu.RUnlock()
	return slices.Clone(r.byUser[u])
}

func (r *registry) ofLogin(l chat.LoginID) []*Session {
	r.mu.RLock()
	defer r.mu.RUnlock()
	return slices.Clone(r.byLogin[l])
}

// among returns the sessions of those who are in a conversation.
func (r *registry) among(roster chat.Roster) map[chat.UserID][]*Session {
	r.mu.RLock()
	defer r.mu.RUnlock()
	out := make(map[chat.UserID][]*Session)
	for u := range roster.Roles {
		if all := r.byUser[u]; len(all) > 0 {
			out[u] = slices.Clone(all)
		}
	}
	return out
}

func (r *registry) count() (n int) {
	r.mu.RLock()
	defer r.mu.RUnlock()
	for _, of := range r.byUser {
		n += len(of)
	}
	return n
}

func (r *registry) empty() bool {
	r.mu.RLock()
	defer r.mu.RUnlock()
	return len(r.byUser) == 0
}

// Open registers a socket of a signed-in person. It waits, 2 seconds at most, until this node knows the
// person's conversations: what the client lists from then on is no older than what it is told. [Hub.Close] must
// follow when the socket is gone.
func (h *Hub) Open(ctx context.Context, u chat.UserID, l chat.LoginID, o *Outbox) *Session {
	s := &Session{Outbox: o, ID: chat.SessionID(uuid.Must(uuid.NewV7()).String()), User: u, login: l}
	h.sessions.add(s)
	h.book.enter(ctx, u)
	h.sessions.greet(s)
	return s
}

// Welcome has the session told of presence from now on. It is called once, when the client was told that it is signed in:
// nothing comes before that.
func (h *Hub) Welcome(s *Session) {
	h.presences.mail.put(func(l *post) { l.arrived = append(l.arrived, s) })
}

// ChangeLogin notes that the session's newest token belongs to another login of the same person.
func (h *Hub) ChangeLogin(s *Session, l chat.LoginID) { h.sessions.changeLogin(s, l) }

// Close forgets a session. It gets nothing any more. Only the first call counts.
func (h *Hub) Close(s *Session) {
	topics, first := s.leave()
	if !first {
		return
	}
	h.sessions.remove(s)
	h.book.leave(s.User)
	h.presences.mail.put(func(l *post) { l.departed = append(l.departed, s) })
	for _, c := range topics {
		if t := h.topic(c); t != nil {
			t.drop(s)
		}
	}
}

// EndLogin closes the login's sockets on all nodes with 4403 (C4.3).
func (h *Hub) EndLogin(l chat.LoginID) {
	h.endLogin(l)
	if h.bus.Peers() {
		h.publishUrgent(SystemTopic, envelopeLoginEnded, loginEnded{l})
	}
}

func (h *Hub) endLogin(l chat.LoginID) {
	for _, s := range h.sessions.ofLogin(l) {
		s.End(Closing{protocol.CloseLoginEnded, "login ended"})
	}
}
