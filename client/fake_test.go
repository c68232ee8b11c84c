package client_test

import (
	"context"
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/coder/websocket"

	"github.com/parley-chat/parley/client"
)

// fake is a server whose sockets follow a script: what a real one does only in bad luck.
type fake struct {
	*httptest.Server
	mux     *http.ServeMux
	scripts chan func(*peer)
}

// peer is the fake server's end of one socket.
type peer struct {
	t    *testing.T
	conn *websocket.Conn
}

func newFake(t *testing.T) *fake {
	f := &fake{mux: http.NewServeMux(), scripts: make(chan func(*peer), 16)}
	f.mux.HandleFunc("GET /ws", func(w http.ResponseWriter, r *http.Request) {
		conn, err := websocket.Accept(w, r, &websocket.AcceptOptions{Subprotocols: []string{"chat.v1"}})
		if err != nil {
			t.Error(err)
			return
		}
		defer conn.CloseNow()
		select {
		case script := <-f.scripts:
			script(&peer{t, conn})
		case <-r.Context().Done():
		}
	})
	f.Server = httptest.NewServer(f.mux)
	t.Cleanup(f.Close)
	return f
}

// read returns the next frame, which must be of the type given. Acknowledgements are passed over.
func (p *peer) read(kind string) map[string]any {
	p.t.Helper()
	for {
		_, text, err := p.conn.Read(context.Background())
		if err != nil {
			p.t.Errorf("waiting for %s: %v", kind, err)
			return nil
		}
		var f map[string]any
		if err := json.Unmarshal(text, &f); err != nil {
			p.t.Errorf("not JSON: %s", text)
		}
		if f["type"] == "message:ack" && kind != "message:ack" {
			continue
		}
		if f["type"] != kind {
			p.t.Errorf("got %s, want %s", text, kind)
		}
		return f
	}
}

func (p *peer) write(frames ...string) {
	for _, f := range frames {
		if err := p.conn.Write(context.Background(), websocket.MessageText, []byte(f)); err != nil {
			p.t.Logf("write %s: %v", f, err)
		}
	}
}

// signIn takes the sign-in.
func (p *peer) signIn() {
	p.t.Helper()
	p.read("auth")
	p.write(`{"type":"auth:success","userId":"u1","sessionId":"s1","serverId":"n1","expiresAt":"2030-01-01T00:00:00.000000Z"}`)
}

// stay keeps the socket open until the client leaves it.
func (p *peer) stay() {
	for {
		if _, _, err := p.conn.Read(context.Background()); err != nil {
			return
		}
	}
}

func received(seq, rev string) string {
	return `{"type":"message:received","message":{"id":"m` + seq + `","conversationId":"c1","senderId":"u2","seq":` + seq +
		`,"rev":` + rev + `,"content":"hi","contentType":"text","clientMessageId":"k` + seq + `","createdAt":"2026-01-01T00:00:00.000000Z"}}`
}

// run starts a live connection and hands its events to the test.
func (f *fake) run(t *testing.T) (*client.Live, <-chan client.Event, <-chan error) {
	t.Helper()
	c, err := client.New(f.URL, client.Options{AccessToken: "t1"})
	if err != nil {
		t.Fatal(err)
	}
	return runLive(t, c, client.LiveOptions{})
}

func runLive(t *testing.T, c *client.Client, o client.LiveOptions) (*client.Live, <-chan client.Event, <-chan error) {
	t.Helper()
	events := make(chan client.Event, 4096)
	o.Handle = func(e client.Event) { events <- e }
	live := c.Live(o)
	ctx, cancel := context.WithCancel(context.Background())
	ended := make(chan error, 1)
	done := make(chan struct{})
	go func() {
		ended <- live.Run(ctx)
		close(done)
	}()
	t.Cleanup(func() { cancel(); <-done })
	return live, events, ended
}

// next returns the next event of type E, passing over all others.
func next[E client.Event](t *testing.T, events <-chan client.Event) E {
	t.Helper()
	deadline := time.After(20 * time.Second)
	for {
		select {
		case e := <-events:
			if wanted, ok := e.(E); ok {
				return wanted
			}
		case <-deadline:
			t.Fatalf("no %T came", *new(E))
		}
	}
}

// revs reads n events that stand in the conversation's order and returns their revs as text.
func revs(t *testing.T, events <-chan client.Event, n int) string {
	t.Helper()
	var out []string
	deadline := time.After(20 * time.Second)
	for len(out) < n {
		select {
		case e := <-events:
			switch e := e.(type) {
			case client.MessageReceived:
				out = append(out, string(rune('0'+e.Message.Rev)))
			case client.MessageUpdated:
				out = append(out, "u"+string(rune('0'+e.Message.Rev)))
			}
		case <-deadline:
			t.Fatalf("got %v, want %d", out, n)
		}
	}
	return strings.Join(out, " ")
}
