package httpapi

import (
	"io/fs"
	stdlog "log"
	"log/slog"
	"net/http"
	"regexp"
	"strings"
	"sync/atomic"
	"time"

	"github.com/danielgtaylor/huma/v2"
	"github.com/danielgtaylor/huma/v2/adapters/humago"

	"github.com/parley-chat/parley/internal/auth"
	"github.com/parley-chat/parley/internal/chat"
	"github.com/parley-chat/parley/internal/limit"
)

// Config is what the operator decides, and what health is told by.
type Config struct {
	// Limits are the rate limits. The zero Rules limit nothing.
	Limits limit.Rules
	// Addresses finds the client's address. Default: no proxy is trusted.
	Addresses *limit.Addresses
	// Origins are web origins ("https://chat.example.org") besides the server's own that may sign in.
	Origins []string
	// InsecureCookie lets the refresh cookie travel over plain http. Browsers treat http://localhost as
	// secure, so this is only for a server that others reach by http://, on a home network without
	// certificates. Anybody on that network can read the traffic then, this cookie included.
	InsecureCookie bool
	// Assets is the built web client, index.html at its root. Nil, or without index.html: a page says so.
	Assets fs.FS
	// Health says how the node is, without waiting for anything. Nil is read as well.
	Health func() Health
	// Live says whether the process goes on, without waiting for anything. Nil says that it does.
	Live func() Health
	// Log gets one line a request. Default: slog.Default().
	Log *slog.Logger
	// Answered is told of every request that was answered, with 499 when its client had gone before, and Panicked of a fault in
	// one. May be nil.
	Answered func(method string, status int, took time.Duration)
	// Recorded is told of every request whose trace is recorded, when it was answered. May be nil.
	Recorded func(of chat.Trace, r *http.Request, status int, began time.Time)
	Panicked func()
	// Trace begins the step of a request, whose caller says the traceparent given, "" for none. Nil takes the caller's
	// trace, or begins one.
	Trace func(traceparent string) chat.Trace
}

// api is what the handlers need.
type api struct {
	cfg     Config
	chat    *chat.Service
	auth    *auth.Service
	limiter limit.Limiter
	huma    huma.API
	routes  *http.ServeMux
	reads   atomic.Int64 // under way
}

// New builds the handler for everything but the WebSocket endpoint.
func New(cfg Config, service *chat.Service, authenticator *auth.Service, limiter limit.Limiter) http.Handler {
	if cfg.Log == nil {
		cfg.Log = slog.Default()
	}
	if cfg.Trace == nil {
		cfg.Trace = chat.StepOf
	}
	if cfg.Addresses == nil {
		// No proxies: there is nothing that could be malformed.
		cfg.Addresses, _ = limit.TrustProxies(nil)
	}
	a := &api{cfg: cfg, chat: service, auth: authenticator, limiter: limiter, routes: http.NewServeMux()}
	a.huma = humago.New(a.routes, openAPIConfig())
	a.registerAuth()
	a.registerUsers()
	a.registerFriends()
	a.registerBlocks()
	a.registerConversations()
	a.registerParticipants()
	a.registerMessages()
	a.registerChanges()
	a.registerReceipts()
	a.registerPresence()
	document := finishOpenAPI(a.huma.OpenAPI())
	a.serveDocument(document)
	a.serveHealth()

	site := serveClient(cfg.Assets)
	routed := http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if ofAPI(r.URL.Path) {
			a.route(w, r)
			return
		}
		site.ServeHTTP(w, r)
	})
	return exchanges(cfg, secured(noTokenInURL(routed)))
}

// route serves the API. What the mux answers by itself, to unknown paths and methods, becomes a problem.
func (a *api) route(w http.ResponseWriter, r *http.Request) {
	own, pattern := a.routes.Handler(r)
	if pattern != "" {
		onlyJSON(a.routes).ServeHTTP(w, r)
		return
	}
	refusal := &refusalWriter{header: w.Header()}
	own.ServeHTTP(refusal, r)
	if refusal.status == http.StatusMethodNotAllowed {
		writeInvalid(w, r, refusal.status, "This path does not know the method "+r.Method+".")
		return
	}
	writeProblem(w, r, &chat.Error{Code: chat.CodeNotFound, Message: "There is nothing at this path."})
}

// refusalWriter keeps the headers and the status of an answer, and drops its text.
type refusalWriter struct {
	header http.Header
	status int
}

func (w *refusalWriter) Header() http.Header         { return w.header }
func (w *refusalWriter) Write(b []byte) (int, error) { return len(b), nil }
func (w *refusalWriter) WriteHeader(status int)      { w.status = status }

// NewServer makes the HTTP server for a handler, with the limits that keep slow and endless requests
// from holding connections: 5 seconds for the headers, 16 KiB of them, 60 seconds idle. Bodies have 10
// seconds, which the routes set themselves: a socket lives longer. Who does not read an answer is cut off
// after a minute; a socket has left the server by then and its times are its own.
func NewServer(h http.Handler, log *slog.Logger) *http.Server {
	return &http.Server{
		Handler: h, ReadHeaderTimeout: 5 * time.Second, WriteTimeout: time.Minute, IdleTimeout: time.Minute, MaxHeaderBytes: 16 << 10,
		ErrorLog: stdlog.New(serverLog{log}, "", 0),
	}
}

// serverLog takes what net/http says of connections that break off and of clients that are no clients, for those who look at
// debugging. The addresses of clients stay out of the log, and so does what a panic was called with.
type serverLog struct{ log *slog.Logger }

var addresses = regexp.MustCompile(`\[?[0-9a-fA-F.:%]*[.:][0-9a-fA-F.:%]+\]?:\d+`)

func (s serverLog) Write(said []byte) (int, error) {
	text, stack, _ := strings.Cut(strings.TrimSpace(string(said)), "\n")
	if strings.HasPrefix(text, "http: panic serving") {
		s.log.Error("http.panic", "stack", stack)
		return len(said), nil
	}
	s.log.Debug("http.connection", "message", addresses.ReplaceAllString(text, "(address)"))
	return len(said), nil
}
