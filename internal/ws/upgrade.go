package ws

import (
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"time"

	"github.com/gobwas/ws"
	"github.com/gobwas/ws/wsflate"

	"github.com/parley-chat/parley/internal/auth"
	"github.com/parley-chat/parley/internal/chat"
	"github.com/parley-chat/parley/internal/limit"
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
	identity, token, refused := s.judge(r)
	if refused != nil {
		refused.write(w)
		return
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
		return
	}
	// What the client sent along with its handshake. It is there already, so reading it cannot fail.
	early, _ := buffered.Reader.Peek(buffered.Reader.Buffered())
	_, compressed := extension.Accepted()
	c := newConn(s, socket, early, compressed)
	if !s.remember(c) {
		socket.Close()
		return
	}
	if token != "" {
		c.welcome(identity, token, chat.Device{}, "")
	}
	c.arm(time.Now())
	go c.run()
}

// refusal is an answer instead of an upgrade.
type refusal struct {
	status  int
	message string
	header  http.Header
}

func (r *refusal) write(w http.ResponseWriter) {
	for name, values := range r.header {
		w.Header()[name] = values
	}
	w.Header().Set("Connection", "close")
	http.Error(w, r.message, r.status)
}

// judge decides whether a request may become a connection, and whose it is when it carries a token.
func (s *Server) judge(r *http.Request) (identity auth.Identity, token string, refused *refusal) {
	if r.Method != http.MethodGet {
		return identity, "", &refusal{http.StatusMethodNotAllowed, "Only GET.", http.Header{"Allow": {"GET"}}}
	}
	if s.drains() {
		return identity, "", &refusal{http.StatusServiceUnavailable, "This node is stopping.", nil}
	}
	if !strings.EqualFold(r.Header.Get("Upgrade"), "websocket") {
		return identity, "", &refusal{http.StatusUpgradeRequired, "This is a WebSocket endpoint.", http.Header{"Upgrade": {"websocket"}}}
	}
	query := r.URL.Query()
	for _, name := range tokenParameters {
		if query.Has(name) {
			return identity, "", &refusal{http.StatusBadRequest, "A token must not be in the URL: send it in the first frame.", nil}
		}
	}
	if !s.originAllowed(r) {
		return identity, "", &refusal{http.StatusForbidden, "This origin may not connect.", nil}
	}
	taken := s.limiter.Take(r.Context(), s.cfg.Rules.ConnectAddress, limit.AddressKey(s.cfg.Addresses.Of(r)))
	if !taken.Allowed {
		return identity, "", tooMany(taken.RetryAfter)
	}
	header := r.Header.Get("Authorization")
	if header == "" {
		return identity, "", nil
	}
	scheme, token, _ := strings.Cut(header, " ")
	if !strings.EqualFold(scheme, "Bearer") || token == "" {
		return identity, "", unauthorized()
	}
	identity, err := s.admit(token)
	if e := chat.AsError(err); err != nil && e.Code == chat.CodeRateLimited {
		return identity, "", tooMany(e.RetryAfter)
	}
	if err != nil {
		return identity, "", unauthorized()
	}
	return identity, token, nil
}

func (s *Server) drains() bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.draining
}

func unauthorized() *refusal {
	return &refusal{http.StatusUnauthorized, "The token is missing, invalid or expired.", http.Header{"Www-Authenticate": {"Bearer"}}}
}

func tooMany(wait time.Duration) *refusal {
	seconds := strconv.Itoa(int((wait + time.Second - 1) / time.Second))
	return &refusal{http.StatusTooManyRequests, "Too many connections. Wait a moment.", http.Header{"Retry-After": {seconds}}}
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
