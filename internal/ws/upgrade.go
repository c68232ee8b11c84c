package ws

import (
	"net/http"
	"net/url"
	"strings"
	"time"

	"github.com/gobwas/ws"
	"github.com/gobwas/ws/wsflate"

	"github.com/parley-chat/parley/internal/auth"
	"github.com/parley-chat/parley/internal/chat"
)

const (
	// Subprotocol is what Parley speaks over WebSocket.
	Subprotocol = "chat.v1"
	// handshakeWithin is how long writing the answer may take.
	handshakeWithin = 5 * time.Second
)

// tokenParameters are names under which people put tokens into URLs, where logs would keep them.
var tokenParameters = []string{"token", "access_token", "accessToken", "jwt", "auth", "authorization"}

// ServeHTTP upgrades a request to a connection. It returns once the handshake is done.
func (s *Server) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	trace := s.cfg.Trace(r.Header.Get("Traceparent"))
	defer func() {
		if fault := recover(); fault != nil {
			s.panicked(trace, fault)
			s.turnAway(w, trace, failed())
		}
	}()
	if refused := s.judge(r); refused != nil {
		s.turnAway(w, trace, refused)
		return
	}
	held, refused := s.places.take(s.addressOf(r))
	if refused != nil {
		s.turnAway(w, trace, refused)
		return
	}
	begun := false
	defer func() {
		// A fault comes by here as well.
		if !begun {
			s.places.giveBack(held)
		}
	}()
	begun = s.upgrade(w, r, &held, trace)
}

// upgrade makes a connection of a request that has a place. It reports false when there is no connection.
func (s *Server) upgrade(w http.ResponseWriter, r *http.Request, held *place, trace chat.Trace) (begun bool) {
	identity, token, refused := s.identify(r, held)
	if refused != nil {
		s.turnAway(w, trace, refused)
		return false
	}
	upgrader := ws.HTTPUpgrader{Timeout: handshakeWithin, Protocol: func(p string) bool { return p == Subprotocol }}
	extension := wsflate.Extension{Parameters: deflateParameters}
	if s.cfg.Compression {
		upgrader.Negotiate = extension.Negotiate
	}
	socket, buffered, _, err := upgrader.Upgrade(r, w)
	if err != nil {
		if socket != nil {
			socket.Close()
		}
		return false
	}
	defer func() {
		if !begun {
			socket.Close()
		}
	}()
	// What the client sent along with its handshake. It is there already, so reading it cannot fail.
	early, _ := buffered.Reader.Peek(buffered.Reader.Buffered())
	_, compressed := extension.Accepted()
	c := newConn(s, socket, early, compressed)
	c.place, c.trace = *held, trace
	if !s.remember(c) {
		return false
	}
	c.begin(identity, token)
	go c.run()
	return true
}

// begin welcomes whom the request named, if it did. A fault in it ends the connection as one in a frame does.
func (c *conn) begin(identity auth.Identity, token string) {
	defer c.survive(c.trace)
	if token != "" {
		c.welcome(identity, token, chat.Device{}, "")
	}
	c.arm(time.Now())
}

// refusal is an answer instead of an upgrade.
type refusal struct {
	err    *chat.Error
	status int // 0 for that of the error's code
	header http.Header
}

// turnAway answers as REST does (C5.2).
func (s *Server) turnAway(w http.ResponseWriter, trace chat.Trace, r *refusal) {
	for name, values := range r.header {
		w.Header()[name] = values
	}
	w.Header().Set("Connection", "close")
	w.Header().Set("Cache-Control", "no-store")
	w.Header().Set("X-Content-Type-Options", "nosniff")
	status := r.status
	if status == 0 {
		status = r.err.Code.Info().Status
	}
	s.cfg.Log.Debug("upgrade refused", "event", "websocket.refused", "traceId", trace.TraceID(), "status", status, "code", r.err.Code)
	s.cfg.Refuse(w, status, trace, r.err)
}

// refuseInText is for those who name no way to refuse.
func refuseInText(w http.ResponseWriter, status int, _ chat.Trace, err *chat.Error) {
	http.Error(w, err.Message, status)
}

// stoppingAgain is when to come again to a node that stops: at once, since another one answers.
const stoppingAgain = 100 * time.Millisecond

// judge decides whether a request may become a connection.
func (s *Server) judge(r *http.Request) *refusal {
	if r.Method != http.MethodGet {
		return &refusal{invalid("Only GET."), http.StatusMethodNotAllowed, http.Header{"Allow": {"GET"}}}
	}
	if s.drains() {
		return &refusal{err: &chat.Error{
			Code: chat.CodeDBConnectionLost, Message: "This node is stopping. Connect again, and another one takes you in.", RetryAfter: stoppingAgain,
		}}
	}
	if !strings.EqualFold(r.Header.Get("Upgrade"), "websocket") {
		return &refusal{invalid("This is a WebSocket endpoint."), http.StatusUpgradeRequired, http.Header{"Upgrade": {"websocket"}}}
	}
	query := r.URL.Query()
	for _, name := range tokenParameters {
		if query.Has(name) {
			return &refusal{err: invalid("A token must not be in the URL: send it in the first frame."), status: http.StatusBadRequest}
		}
	}
	if !s.originAllowed(r) {
		return &refusal{err: chat.Forbidden("This origin may not connect.")}
	}
	taken := s.limiter.Take(r.Context(), s.cfg.Rules.ConnectAddress, s.addressOf(r))
	if !taken.Allowed {
		return tooMany(taken.RetryAfter)
	}
	return nil
}

// identify says whose connection it is when the request carries a token, and counts it as theirs.
func (s *Server) identify(r *http.Request, held *place) (identity auth.Identity, token string, refused *refusal) {
	header := r.Header.Get("Authorization")
	if header == "" {
		return identity, "", nil
	}
	scheme, token, _ := strings.Cut(header, " ")
	if !strings.EqualFold(scheme, "Bearer") || token == "" {
		return identity, "", unauthorized()
	}
	identity, err := s.admit(token, held)
	if err == nil {
		return identity, token, nil
	}
	e := chat.AsError(err)
	if e.Code == chat.CodeRateLimited {
		return identity, "", &refusal{err: e}
	}
	return identity, "", unauthorized()
}

func (s *Server) drains() bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.draining
}

func invalid(message string) *chat.Error {
	return &chat.Error{Code: chat.CodeValidation, Message: message}
}

func failed() *refusal {
	return &refusal{err: &chat.Error{Code: chat.CodeInternal, Message: "Something went wrong on our side."}}
}

func unauthorized() *refusal {
	return &refusal{err: &chat.Error{Code: chat.CodeAuthFailed, Message: "The token is missing, invalid or expired."}, header: http.Header{"Www-Authenticate": {"Bearer"}}}
}

// originAllowed holds C4.5. A client that is no browser sends no origin; it has no cookies of somebody
// else to misuse either.
func (s *Server) originAllowed(r *http.Request) bool {
	origins := r.Header.Values("Origin")
	if len(origins) == 0 {
		return true
	}
	if len(origins) > 1 {
		return false
	}
	origin, err := url.Parse(origins[0])
	if err != nil || origin.Host == "" || (origin.Scheme != "http" && origin.Scheme != "https") {
		return false
	}
	if len(s.cfg.Origins) == 0 {
		return strings.EqualFold(origin.Host, r.Host)
	}
	for _, allowed := range s.cfg.Origins {
		if strings.EqualFold(strings.TrimSuffix(allowed, "/"), origins[0]) {
			return true
		}
	}
	return false
}
