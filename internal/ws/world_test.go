package ws_test

import (
	"bytes"
	"context"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/coder/websocket"
	"github.com/go-json-experiment/json"
	"github.com/google/uuid"

	"github.com/parley-chat/parley/internal/auth"
	"github.com/parley-chat/parley/internal/chat"
	"github.com/parley-chat/parley/internal/httpapi"
	"github.com/parley-chat/parley/internal/inmem"
	"github.com/parley-chat/parley/internal/limit"
	"github.com/parley-chat/parley/internal/realtime"
	"github.com/parley-chat/parley/internal/store"
	"github.com/parley-chat/parley/internal/ws"
)

var bg = context.Background()

const patience = 20 * time.Second

// tokens is who each token speaks for.
type tokens struct {
	mu     sync.Mutex
	known  map[string]auth.Identity
	faulty map[string]int // looks until one panics
}

// fault has the second look at a token panic.
func (v *tokens) fault(token string) {
	v.mu.Lock()
	defer v.mu.Unlock()
	v.faulty[token] = 2
}

func (v *tokens) Verify(token string) (auth.Identity, error) {
	v.mu.Lock()
	defer v.mu.Unlock()
	if v.faulty[token]--; token == "panic" || v.faulty[token] == 0 {
		panic("a fault that a client can cause")
	}
	identity, known := v.known[token]
	if !known || !time.Now().Before(identity.ExpiresAt) {
		return auth.Identity{}, &chat.Error{Code: chat.CodeAuthFailed, Message: "The token is missing, invalid or expired."}
	}
	return identity, nil
}

// world is a node on a SQLite file, behind a listener of its own.
type world struct {
	testing.TB
	store  *store.Store
	rules  *chat.Service
	hub    *realtime.Hub
	tokens *tokens
	ws     *ws.Server
	log    bytes.Buffer
	named  int
	freeze func() // ends what the rules do by themselves
}

type options struct {
	limiter limit.Limiter
	config  ws.Config
	devices chat.Devices                // nil: nothing is known of presence
	over    func(chat.Store) chat.Store // stands before the database; nil for nothing
	sent    func(chat.SendReport)       // is told what became of each send
}

func newWorld(t testing.TB, o options) *world {
	t.Helper()
	w := &world{TB: t, tokens: &tokens{known: make(map[string]auth.Identity), faulty: make(map[string]int)}}
	var err error
	if w.store, err = store.Open(bg, store.Config{DataDir: t.TempDir()}); err != nil {
		t.Fatal(err)
	}
	if err := w.store.Migrate(bg); err != nil {
		t.Fatal(err)
	}
	w.hub = realtime.NewHub(realtime.Config{NodeID: "node-1"}, inmem.NewBus())
	if o.over == nil {
		o.over = func(s chat.Store) chat.Store { return s }
	}
	w.rules = chat.New(chat.Config{NewID: newID, Devices: o.devices, Sent: o.sent}, o.over(w.store), w.hub)
	if o.limiter == nil {
		o.limiter = limit.Unlimited{}
	}
	if o.config.Rules == (limit.Rules{}) {
		o.config.Rules = limit.Defaults()
	}
	if o.config.Log == nil {
		o.config.Log = slog.New(slog.NewJSONHandler(&w.log, nil))
	}
	o.config.Refuse = httpapi.Refuse
	w.ws = ws.New(o.config, w.rules, w.hub, w.tokens, o.limiter)
	ctx, stop := context.WithCancel(bg)
	var running sync.WaitGroup
	rules, freeze := context.WithCancel(ctx)
	w.freeze = freeze
	running.Go(func() { _ = w.rules.Run(rules) })
	running.Go(func() { _ = w.hub.Run(ctx, w.rules) })
	t.Cleanup(func() {
		_ = w.ws.Drain(bg)
		stop()
		running.Wait()
		w.store.Close()
	})
	return w
}

func newID() string { return uuid.Must(uuid.NewV7()).String() }

func (w *world) person() chat.UserID {
	w.Helper()
	w.named++
	name := fmt.Sprint("person", w.named)
	id := chat.UserID(newID())
	if err := w.store.CreateAccount(bg, auth.Account{
		User:        chat.User{ID: id, Username: name, DisplayName: name, CreatedAt: time.Now().UTC().Truncate(time.Microsecond)},
		UsernameKey: name, PasswordHash: "$argon2id$",
	}, false); err != nil {
		w.Fatal(err)
	}
	return id
}

// token makes a token of a person that is good for a time.
func (w *world) token(u chat.UserID, ttl time.Duration) string {
	w.tokens.mu.Lock()
	defer w.tokens.mu.Unlock()
	token := fmt.Sprintf("token-%d", len(w.tokens.known))
	w.tokens.known[token] = auth.Identity{User: u, Login: chat.LoginID("login of " + u), ExpiresAt: time.Now().Add(ttl)}
	return token
}

func (w *world) group(people ...chat.UserID) chat.ConversationID {
	w.Helper()
	c, _, err := w.rules.CreateConversation(bg, people[0], chat.Group, people[1:], "Group")
	if err != nil {
		w.Fatal(err)
	}
	return c.ID
}

// serve listens with the real HTTP server and returns the URL of /ws.
func (w *world) serve() string {
	mux := http.NewServeMux()
	mux.Handle("/ws", w.ws)
	server := httptest.NewServer(mux)
	w.Cleanup(server.Close)
	return "ws" + strings.TrimPrefix(server.URL, "http") + "/ws"
}

// event is a frame as a client reads it.
type event struct {
	Type            string `json:"type"`
	Code            string `json:"code"`
	Error           string `json:"error"`
	Ref             string `json:"ref"`
	ClientMessageID string `json:"clientMessageId"`
	MessageID       string `json:"messageId"`
	ConversationID  string `json:"conversationId"`
	UserID          string `json:"userId"`
	SessionID       string `json:"sessionId"`
	ServerID        string `json:"serverId"`
	Outcome         string `json:"outcome"`
	RetryAfterMs    int64  `json:"retryAfterMs"`
	ReconnectInMs   *int64 `json:"reconnectInMs"`
	Seq             int64  `json:"seq"`
	Rev             int64  `json:"rev"`
	UpToSeq         int64  `json:"upToSeq"`
	Message         *struct {
		Content string `json:"content"`
		Seq     int64  `json:"seq"`
	} `json:"message"`
}

// client is the other implementation, github.com/coder/websocket.
type client struct {
	testing.TB
	*websocket.Conn
}

func (w *world) dial(url string, o *websocket.DialOptions) *client {
	w.Helper()
	if o == nil {
		o = &websocket.DialOptions{Subprotocols: []string{ws.Subprotocol}}
	}
	ctx, cancel := context.WithTimeout(bg, patience)
	defer cancel()
	c, _, err := websocket.Dial(ctx, url, o)
	if err != nil {
		w.Fatal(err)
	}
	c.SetReadLimit(1 << 20)
	w.Cleanup(func() { _ = c.CloseNow() })
	return &client{w, c}
}

// connect dials and authenticates.
func (w *world) connect(url string, u chat.UserID) *client {
	w.Helper()
	c := w.dial(url, nil)
	c.send(`{"type":"auth","token":%q}`, w.token(u, time.Hour))
	c.await("auth:success")
	return c
}

func (c *client) send(format string, args ...any) {
	c.Helper()
	ctx, cancel := context.WithTimeout(bg, patience)
	defer cancel()
	if err := c.Write(ctx, websocket.MessageText, fmt.Appendf(nil, format, args...)); err != nil {
		c.Fatal(err)
	}
}

func (c *client) next() (event, error) {
	ctx, cancel := context.WithTimeout(bg, patience)
	defer cancel()
	_, frame, err := c.Read(ctx)
	var e event
	if err == nil {
		err = json.Unmarshal(frame, &e)
	}
	return e, err
}

// await reads until an event of the type comes.
func (c *client) await(kind string) event {
	c.Helper()
	for {
		e, err := c.next()
		if err != nil {
			c.Fatalf("waiting for %s: %v", kind, err)
		}
		if e.Type == kind {
			return e
		}
	}
}

// awaitClose reads until the server closes, and returns with which code.
func (c *client) awaitClose() websocket.StatusCode {
	c.Helper()
	for {
		if _, err := c.next(); err != nil {
			return websocket.CloseStatus(err)
		}
	}
}

// raw is a connection whose frames are made by hand.
type raw struct {
	testing.TB
	net.Conn
}

func (w *world) raw(url string) *raw {
	w.Helper()
	conn, err := net.Dial("tcp", strings.TrimSuffix(strings.TrimPrefix(url, "ws://"), "/ws"))
	if err != nil {
		w.Fatal(err)
	}
	w.Cleanup(func() { conn.Close() })
	_ = conn.SetDeadline(time.Now().Add(patience))
	return &raw{w, conn}
}
