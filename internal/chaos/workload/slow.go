package workload

import (
	"context"
	"fmt"
	"math/rand/v2"
	"net/http"
	"strings"
	"time"

	"github.com/coder/websocket"
)

// readSlowly is a client that follows everything that its person may see, stops reading, and comes back:
// it must slow down nobody. What it sees is not recorded, since it sees little.
func (w *Workload) readSlowly(ctx context.Context, i int) {
	random := rand.New(rand.NewPCG(w.cfg.Seed, 0x510<<32|uint64(i)))
	p := w.people[random.IntN(w.cfg.Clients)]
	// A way of its own: nobody else's connections are dropped with it.
	way := newWays(w.cfg).way(i, false)
	for ctx.Err() == nil {
		w.stall(ctx, p, way, time.Duration(1+random.IntN(40))*time.Second)
		way.hop(true)
		if !pause(ctx, time.Second) {
			return
		}
	}
}

// stall connects, subscribes and reads nothing for a while.
func (w *Workload) stall(ctx context.Context, p *person, way *way, during time.Duration) {
	token, err := p.Client.AccessToken(ctx)
	if err != nil {
		return
	}
	dialing, cancel := context.WithTimeout(ctx, requestWithin)
	defer cancel()
	conn, _, err := websocket.Dial(dialing, strings.Replace(w.cfg.BaseURL, "http", "ws", 1)+"/ws", &websocket.DialOptions{
		HTTPClient: &http.Client{Transport: way.client.Transport}, Subprotocols: []string{"chat.v1"},
	})
	if err != nil {
		return
	}
	defer conn.CloseNow()
	frames := []string{fmt.Sprintf(`{"type":"auth","token":%q}`, token)}
	for _, r := range w.roomsOf(p) {
		frames = append(frames, fmt.Sprintf(`{"type":"subscribe","conversationId":%q,"afterRev":0}`, r.id))
	}
	for _, frame := range frames {
		if conn.Write(dialing, websocket.MessageText, []byte(frame)) != nil {
			return
		}
	}
	pause(ctx, during)
}
