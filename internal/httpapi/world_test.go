package httpapi_test

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/getkin/kin-openapi/openapi3"
	"github.com/getkin/kin-openapi/openapi3filter"
	"github.com/getkin/kin-openapi/routers"
	"github.com/getkin/kin-openapi/routers/gorillamux"
	"github.com/google/uuid"

	"github.com/parley-chat/parley/internal/auth"
	"github.com/parley-chat/parley/internal/chat"
	"github.com/parley-chat/parley/internal/httpapi"
	"github.com/parley-chat/parley/internal/inmem"
	"github.com/parley-chat/parley/internal/limit"
	"github.com/parley-chat/parley/internal/store"
)

// world is a server over a real SQLite file with the rules and accounts behind it, and nobody listening.
type world struct {
	t       *testing.T
	store   *store.Store
	chat    *chat.Service
	auth    *auth.Service
	devices *inmem.Devices
	handler http.Handler
	routes  routers.Router
}

// silence is an announcer without an audience.
type silence struct{}

func (silence) Committing(int) (done func())                                         { return func() {} }
func (silence) Gather() (release func())                                             { return func() {} }
func (silence) Announce([]chat.Change)                                               {}
func (silence) Suspect(chat.ConversationID)                                          {}
func (silence) ReadAdvanced(chat.UserID, chat.ReadState)                             {}
func (silence) ReadTogether(chat.ConversationID, map[chat.UserID]chat.ReadState)     {}
func (silence) PositionShown(chat.Shown)                                             {}
func (silence) ReadersCounted(chat.ReadCounts)                                       {}
func (silence) ReceiptsChanged(chat.ConversationID)                                  {}
func (silence) TypingChanged(chat.ConversationID, chat.UserID, bool, chat.SessionID) {}
func (silence) Delivered(chat.ConversationID, chat.UserID, int64)                    {}
func (silence) ConversationHidden(chat.UserID, chat.ConversationID, int64)           {}
func (silence) ConversationReturned(chat.UserID, chat.Conversation)                  {}

func (silence) PresenceChanged([]chat.Presence)            {}
func (silence) WatchingChanged(...chat.UserID)             {}
func (silence) FriendshipChanged(chat.UserID, chat.Friend) {}
func (silence) BlockChanged(_, _ chat.UserID, _ bool)      {}

func newID() string { return uuid.Must(uuid.NewV7()).String() }

func newWorld(t *testing.T, change ...func(*httpapi.Config)) *world {
	t.Helper()
	return newWorldOn(t, func(s chat.Store) chat.Store { return s }, change...)
}

// newWorldOn is a world whose rules see the store as a test has it.
func newWorldOn(t *testing.T, on func(chat.Store) chat.Store, change ...func(*httpapi.Config)) *world {
	t.Helper()
	s, err := store.Open(t.Context(), store.Config{DataDir: t.TempDir()})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { s.Close() })
	if err := s.Migrate(t.Context()); err != nil {
		t.Fatal(err)
	}
	w := &world{t: t, store: s, devices: inmem.NewDevices()}
	w.chat = chat.New(chat.Config{NewID: newID, Devices: w.devices}, on(s), silence{})
	ctx, stop := context.WithCancel(context.Background())
	stopped := make(chan struct{})
	go func() {
		defer close(stopped)
		_ = w.chat.Run(ctx)
	}()
	t.Cleanup(func() { stop(); <-stopped })
	w.auth, err = auth.New(auth.Config{Key: bytes.Repeat([]byte("k"), 32), NewID: newID}, s)
	if err != nil {
		t.Fatal(err)
	}
	cfg := httpapi.Config{Log: slog.New(slog.NewJSONHandler(io.Discard, nil))}
	for _, f := range change {
		f(&cfg)
	}
	w.handler = httpapi.New(cfg, w.chat, w.auth, inmem.NewLimiter())
	if w.routes, err = described(); err != nil {
		t.Fatal(err)
	}
	return w
}

// described finds the routes of the document, which is the same for every world.
var described = sync.OnceValues(func() (routers.Router, error) {
	w := httptest.NewRecorder()
	httpapi.New(httpapi.Config{}, nil, nil, limit.Unlimited{}).ServeHTTP(w, httptest.NewRequest(http.MethodGet, "/api/openapi.json", nil))
	loaded, err := openapi3.NewLoader().LoadFromData(w.Body.Bytes())
	if err != nil {
		return nil, err
	}
	return gorillamux.NewRouter(loaded)
})

// person is somebody with an access token.
type person struct {
	id    chat.UserID
	name  string
	token string
}

// person makes somebody without the cost of hashing a password.
func (w *world) person(name string) person {
	w.t.Helper()
	a := auth.Account{
		User:        chat.User{ID: chat.UserID(newID()), Username: name, DisplayName: strings.ToUpper(name), CreatedAt: time.Now().UTC().Truncate(time.Microsecond)},
		UsernameKey: auth.UsernameKey(name),
	}
	if err := w.store.CreateAccount(w.t.Context(), a, false); err != nil {
		w.t.Fatal(err)
	}
	token, _, err := w.auth.Mint(w.t.Context(), a.ID, time.Hour)
	if err != nil {
		w.t.Fatal(err)
	}
	return person{a.ID, name, token}
}

// answer is what came back.
type answer struct {
	*httptest.ResponseRecorder
	t    *testing.T
	what string
}

type header struct{ name, value string }

// ask sends one request. body is nil, a string as it is, or a value made into JSON. What is answered is
// held against the OpenAPI document.
func (w *world) ask(token, method, target string, body any, headers ...header) *answer {
	w.t.Helper()
	var text []byte
	switch b := body.(type) {
	case nil:
	case string:
		text = []byte(b)
	default:
		var err error
		if text, err = json.Marshal(b); err != nil {
			w.t.Fatal(err)
		}
	}
	r := httptest.NewRequest(method, target, bytes.NewReader(text))
	if body != nil {
		r.Header.Set("Content-Type", "application/json")
	}
	if token != "" {
		r.Header.Set("Authorization", "Bearer "+token)
	}
	for _, h := range headers {
		r.Header.Set(h.name, h.value)
	}
	a := &answer{httptest.NewRecorder(), w.t, fmt.Sprintf("%s %s %.100s", method, target, text)}
	w.handler.ServeHTTP(a, r)
	w.conforms(r, a)
	return a
}

// conforms holds an answer against the OpenAPI document.
func (w *world) conforms(r *http.Request, a *answer) {
	w.t.Helper()
	route, parameters, err := w.routes.FindRoute(r)
	if err != nil {
		// Of the document's routes none fits: an unknown path, a wrong method, what is not the API.
		if a.Code < 400 && strings.HasPrefix(r.URL.Path, "/api/") && !strings.HasPrefix(r.URL.Path, "/api/openapi") && !strings.HasPrefix(r.URL.Path, "/api/docs") {
			w.t.Errorf("%s is not in the document: %v", a.what, err)
		}
		return
	}
	input := &openapi3filter.ResponseValidationInput{
		RequestValidationInput: &openapi3filter.RequestValidationInput{Request: r, PathParams: parameters, Route: route},
		Status:                 a.Code, Header: a.Header(),
		Options: &openapi3filter.Options{IncludeResponseStatus: true, MultiError: true},
	}
	input.SetBodyBytes(a.Body.Bytes())
	if err := openapi3filter.ValidateResponse(w.t.Context(), input); err != nil {
		w.t.Errorf("%s: the answer is not as the document says: %v\n%s", a.what, err, a.Body)
	}
}

// want demands a status.
func (a *answer) want(status int) *answer {
	a.t.Helper()
	if a.Code != status {
		a.t.Fatalf("%s answered %d, want %d: %s", a.what, a.Code, status, a.Body)
	}
	return a
}

// wantProblem demands a problem with a status and a code.
func (a *answer) wantProblem(status int, code chat.Code) *answer {
	a.t.Helper()
	a.want(status)
	p := into[problem](a)
	if p.Code != string(code) || p.Status != status || p.TraceID == "" || p.Title == "" || p.Detail == "" ||
		!strings.HasPrefix(a.Header().Get("Content-Type"), "application/problem+json") {
		a.t.Fatalf("%s answered %s, want %s", a.what, a.Body, code)
	}
	if p.Retryable != code.Info().Retryable() {
		a.t.Fatalf("%s: retryable is %v", a.what, p.Retryable)
	}
	return a
}

type problem struct {
	Type, Title, Detail, Code, TraceID, Reason, Outcome string
	Status                                              int
	Retryable                                           bool
	RetryAfterMs                                        int64
	Errors                                              []struct{ Field, Message string }
}

func into[T any](a *answer) T {
	a.t.Helper()
	var v T
	if err := json.Unmarshal(a.Body.Bytes(), &v); err != nil {
		a.t.Fatalf("%s: %v: %s", a.what, err, a.Body)
	}
	return v
}

type conversation struct {
	ID, Type          string
	Title, OwnerID    *string
	LastSeq, LastRev  int64
	UnreadCount       int64
	ParticipantCount  int
	LastReadMessageID *string
	LastMessage       *message
	Participants      []struct{ User, Role any }
}

type message struct {
	ID, ConversationID, SenderID, Content, ClientMessageID, CreatedAt string
	Seq, Rev                                                          int64
	EditedAt, DeletedAt                                               *string
}

type object = map[string]any

// group opens a group and returns its path.
func (w *world) group(owner person, others ...person) string {
	w.t.Helper()
	ids := []chat.UserID{}
	for _, p := range others {
		ids = append(ids, p.id)
	}
	a := w.ask(owner.token, "POST", "/api/conversations", object{"type": "group", "participantIds": ids}).want(201)
	return "/api/conversations/" + into[conversation](a).ID
}

// say sends a message and returns it.
func (w *world) say(p person, conversation, content string) message {
	w.t.Helper()
	return into[message](w.ask(p.token, "POST", conversation+"/messages", object{"content": content, "clientMessageId": newID()}).want(201))
}
