package ws_test

import (
	"bufio"
	"fmt"
	"net"
	"net/http"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/go-json-experiment/json"
	"github.com/gobwas/ws"

	"github.com/parley-chat/parley/internal/chat"
	"github.com/parley-chat/parley/internal/inmem"
	"github.com/parley-chat/parley/internal/limit"
	parleyws "github.com/parley-chat/parley/internal/ws"
)

// pipes is a listener of in-memory connections, whose time is that of the test.
type pipes struct {
	conns chan net.Conn
	done  chan struct{}
	once  sync.Once
}

func (p *pipes) Accept() (net.Conn, error) {
	select {
	case c := <-p.conns:
		return c, nil
	case <-p.done:
		return nil, net.ErrClosed
	}
}
func (p *pipes) Close() error   { p.once.Do(func() { close(p.done) }); return nil }
func (p *pipes) Addr() net.Addr { return &net.UnixAddr{Name: "pipe"} }

// piped is a client at the other end of a pipe. It reads everything, and answers pings while it lives.
type piped struct {
	testing.TB
	conn net.Conn

	mu     sync.Mutex
	alive  bool
	cut    bool // nothing is read any more
	pings  int
	events []event
	code   ws.StatusCode
}

func (w *world) pipe() func() *piped {
	p := &pipes{conns: make(chan net.Conn), done: make(chan struct{})}
	server := &http.Server{Handler: w.ws}
	go func() { _ = server.Serve(p) }()
	w.Cleanup(func() { server.Close() })
	return func() *piped {
		here, there := net.Pipe()
		p.conns <- there
		fmt.Fprintf(here, "GET /ws HTTP/1.1\r\nHost: chat.example\r\n%s\r\n", goodHeaders)
		reader := bufio.NewReader(here)
		if r, err := http.ReadResponse(reader, nil); err != nil || r.StatusCode != 101 {
			w.Fatal(r, err)
		}
		c := &piped{TB: w, conn: here, alive: true}
		w.Cleanup(func() { here.Close() })
		go c.listen(reader)
		return c
	}
}

func (c *piped) listen(r *bufio.Reader) {
	for {
		f, err := ws.ReadFrame(r)
		if err != nil {
			return
		}
		c.mu.Lock()
		if c.cut {
			c.mu.Unlock()
			return
		}
		answers := false
		switch f.Header.OpCode {
		case ws.OpPing:
			c.pings++
			answers = c.alive
		case ws.OpClose:
			c.code, _ = ws.ParseCloseFrameData(f.Payload)
		default:
			var e event
			if err := json.Unmarshal(f.Payload, &e); err != nil {
				c.Error(err)
			}
			c.events = append(c.events, e)
		}
		c.mu.Unlock()
		if answers {
			_, _ = c.conn.Write(masked(ws.OpPong, true, ""))
		}
	}
}

func (c *piped) send(format string, args ...any) {
	c.Helper()
	if _, err := c.conn.Write(text(fmt.Sprintf(format, args...))); err != nil {
		c.Error(err)
	}
	synctest.Wait()
}

func (c *piped) silence() {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.alive = false
}

// lose is what the server sees of a client whose network is gone: it sends nothing, and takes nothing.
func (c *piped) lose() {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.alive, c.cut = false, true
}

// seen is the types of the events so far, without what is told of presence in its own time, and the close code.
func (c *piped) seen() (string, ws.StatusCode) {
	synctest.Wait()
	c.mu.Lock()
	defer c.mu.Unlock()
	var kinds []string
	for _, e := range c.events {
		if e.Type != "presence:state" && e.Type != "presence:changed" {
			kinds = append(kinds, e.Type)
		}
	}
	return strings.Join(kinds, " "), c.code
}

// last is the last event but n-1 that is not of presence.
func (c *piped) last(n int) event {
	synctest.Wait()
	c.mu.Lock()
	defer c.mu.Unlock()
	for _, e := range slices.Backward(c.events) {
		if strings.HasPrefix(e.Type, "presence:") {
			continue
		}
		if n--; n == 0 {
			return e
		}
	}
	return event{}
}

func (c *piped) expect(when, events string, code ws.StatusCode) {
	c.Helper()
	if gotEvents, gotCode := c.seen(); gotEvents != events || gotCode != code {
		c.Errorf("%s: %q and close %d, want %q and %d", when, gotEvents, gotCode, events, code)
	}
}

// timed runs a test on a node whose clock only moves when everybody waits.
func timed(t *testing.T, o options, test func(w *world, connect func() *piped)) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, o)
		test(w, w.pipe())
	})
}

func TestWhoDoesNotSayWhoTheyAreWithinTenSecondsIsClosed(t *testing.T) {
	timed(t, options{}, func(w *world, connect func() *piped) {
		c := connect()
		time.Sleep(9 * time.Second)
		c.expect("before", "", 0)
		time.Sleep(2 * time.Second)
		c.expect("after", "auth:error", 4401)
	})
}

func TestTheFirstFrameMustBeAGoodToken(t *testing.T) {
	timed(t, options{}, func(w *world, connect func() *piped) {
		for _, frame := range []string{`{"type":"auth","token":"forged"}`, `{"type":"auth"}`, `{"type":"subscribe","conversationId":"x"}`} {
			c := connect()
			c.send("%s", frame)
			c.expect(frame, "auth:error", 4401)
		}
	})
}

func TestAnIdleConnectionIsPingedEvery15SecondsAndLivesOnItsPongs(t *testing.T) {
	timed(t, options{}, func(w *world, connect func() *piped) {
		c := connect()
		c.send(`{"type":"auth","token":%q}`, w.token(w.person(), time.Hour))
		time.Sleep(10*time.Minute + time.Second)
		c.expect("after ten minutes", "auth:success", 0)
		if c.pings != 40 {
			t.Errorf("%d pings", c.pings)
		}
		c.silence()
		time.Sleep(28 * time.Second)
		c.expect("silent for 29 seconds", "auth:success", 0)
		time.Sleep(2 * time.Second)
		c.expect("silent for 31", "auth:success", 4408)
	})
}

func TestBytesThatMakeNoFrameAreNoHeartbeat(t *testing.T) {
	timed(t, options{}, func(w *world, connect func() *piped) {
		c := connect()
		c.send(`{"type":"auth","token":%q}`, w.token(w.person(), time.Hour))
		c.silence()
		frame := text(`{"type":"presence:heartbeat","x":"` + strings.Repeat("x", 1000) + `"}`)
		for i := range 40 {
			if _, err := c.conn.Write(frame[i : i+1]); err != nil {
				break
			}
			time.Sleep(time.Second)
		}
		c.expect("a byte a second", "auth:success", 4408)
	})
}

func TestAnExpiringTokenIsRenewedOnTheSameSocketWithoutAGap(t *testing.T) {
	timed(t, options{}, func(w *world, connect func() *piped) {
		ada := w.person()
		c := connect()
		c.send(`{"type":"auth","token":%q}`, w.token(ada, 15*time.Minute))
		time.Sleep(14*time.Minute - time.Second)
		c.expect("before", "auth:success", 0)
		time.Sleep(2 * time.Second)
		c.expect("a minute before the end", "auth:success auth:expiring", 0)
		c.send(`{"type":"auth","token":%q}`, w.token(ada, 15*time.Minute))
		time.Sleep(2 * time.Minute)
		c.expect("renewed", "auth:success auth:expiring auth:success", 0)
		time.Sleep(13 * time.Minute)
		c.expect("not renewed", "auth:success auth:expiring auth:success auth:expiring auth:error", 4401)
	})
}

func TestATokenOfSomebodyElseDoesNotRenew(t *testing.T) {
	timed(t, options{}, func(w *world, connect func() *piped) {
		c := connect()
		c.send(`{"type":"auth","token":%q}`, w.token(w.person(), time.Hour))
		c.send(`{"type":"auth","token":%q}`, w.token(w.person(), time.Hour))
		c.expect("with another's token", "auth:success auth:error", 4401)
	})
}

func TestBrokenFramesAreForgivenAfterAMinute(t *testing.T) {
	timed(t, options{}, func(w *world, connect func() *piped) {
		c := connect()
		c.send(`{"type":"auth","token":%q}`, w.token(w.person(), time.Hour))
		for range 30 {
			c.send(`{"type":"nonsense"}`)
			time.Sleep(7 * time.Second)
		}
		if events, code := c.seen(); code != 0 || strings.Count(events, " error") != 30 {
			t.Errorf("%q and close %d", events, code)
		}
	})
}

func TestSendsAndFramesAreLimitedWithAWaitThatHelps(t *testing.T) {
	rules := limit.Defaults()
	rules.FramesOnASocket.Limit = 40
	timed(t, options{limiter: inmem.NewLimiter(), config: parleyws.Config{Rules: rules}}, func(w *world, connect func() *piped) {
		c := connect()
		c.send(`{"type":"auth","token":%q}`, w.token(w.person(), time.Hour))
		for i := range 31 {
			c.send(`{"type":"message:send","conversationId":"x","content":"x","clientMessageId":"k%d"}`, i)
		}
		c.seen()
		last := c.last(1)
		if last.Type != "message:error" || last.Code != "RATE_LIMITED" || last.RetryAfterMs <= 0 || last.ClientMessageID != "k30" {
			t.Errorf("%+v", last)
		}
		if before := c.last(2); before.Code != "NOT_IN_CONVERSATION" {
			t.Errorf("%+v", before)
		}
		time.Sleep(time.Duration(last.RetryAfterMs) * time.Millisecond)
		c.send(`{"type":"message:send","conversationId":"x","content":"x","clientMessageId":"again"}`)
		if last := c.last(1); last.Code != "NOT_IN_CONVERSATION" {
			t.Errorf("after waiting: %+v", last)
		}
		for range 200 {
			if _, code := c.seen(); code != 0 {
				break
			}
			c.send(`{"type":"typing:start","conversationId":"x"}`)
		}
		if _, code := c.seen(); code != 4429 {
			t.Errorf("closed with %d", code)
		}
	})
}

// receipts tell how far the sender is: who sends has read, and has it.
const receipts = " message:delivered receipt:updated"

func TestAnAckThatIsOwedForTenSecondsBringsTheMessageAgain(t *testing.T) {
	timed(t, options{}, func(w *world, connect func() *piped) {
		people := []chat.UserID{w.person(), w.person()}
		id := w.group(people...)
		ada, bob := connect(), connect()
		for i, c := range []*piped{ada, bob} {
			c.send(`{"type":"auth","token":%q}`, w.token(people[i], time.Hour))
			c.send(`{"type":"subscribe","conversationId":%q}`, id)
		}
		ada.send(`{"type":"message:send","conversationId":%q,"content":"one","clientMessageId":"k1"}`, id)
		bob.send(`{"type":"message:ack","conversationId":%q,"seq":1}`, id)
		ada.send(`{"type":"message:send","conversationId":%q,"content":"two","clientMessageId":"k2"}`, id)
		begun := "auth:success subscribed caught:up message:received message:received" + receipts
		time.Sleep(9 * time.Second)
		bob.expect("after nine seconds", begun, 0)
		time.Sleep(2 * time.Second)
		bob.expect("after eleven", begun+" message:received", 0)
		bob.send(`{"type":"message:ack","conversationId":%q,"seq":2}`, id)
		time.Sleep(time.Minute)
		bob.expect("once acknowledged", begun+" message:received", 0)
	})
}

func TestAPanicClosesOneSocketAndNothingElse(t *testing.T) {
	timed(t, options{}, func(w *world, connect func() *piped) {
		unlucky, other := connect(), connect()
		other.send(`{"type":"auth","token":%q}`, w.token(w.person(), time.Hour))
		unlucky.send(`{"type":"auth","token":"panic"}`)
		unlucky.expect("the fault", "", 1011)
		other.send(`{"type":"typing:start","conversationId":"x"}`)
		other.expect("the other", "auth:success error", 0)
		if !strings.Contains(w.log.String(), "websocket.panic") {
			t.Error("the fault is not in the log")
		}
	})
}

func TestWhatAPersonSaysOfReceiptsIsLimitedTogether(t *testing.T) {
	rules := limit.Defaults()
	rules.Receipts.Limit = 3
	timed(t, options{limiter: inmem.NewLimiter(), config: parleyws.Config{Rules: rules}}, func(w *world, connect func() *piped) {
		c := connect()
		c.send(`{"type":"auth","token":%q}`, w.token(w.person(), time.Hour))
		for range 2 {
			c.send(`{"type":"receipt:read","conversationId":"x","messageId":"x"}`)
			c.send(`{"type":"receipt:sync","conversationId":"x"}`)
			c.send(`{"type":"message:ack","conversationId":"x","seq":1}`)
		}
		c.seen()
		var codes []string
		for _, e := range c.events[len(c.events)-6:] {
			codes = append(codes, e.Code)
		}
		if want := strings.Repeat("NOT_IN_CONVERSATION ", 3) + strings.Repeat("RATE_LIMITED ", 3); strings.Join(codes, " ")+" " != want {
			t.Errorf("%q", codes)
		}
	})
}

func TestWhoseFrameMayHaveComeWhileTheNodeStoodStillIsPingedAgain(t *testing.T) {
	timed(t, attended(), func(w *world, connect func() *piped) {
		c := connect()
		c.send(`{"type":"auth","token":%q}`, w.token(w.person(), time.Hour))
		w.freeze()
		// The answer to the ping after 15 s is the first thing that is read.
		time.Sleep(16 * time.Second)
		c.pinged(1)
		time.Sleep(2 * time.Second)
		c.pinged(2)
		time.Sleep(13 * time.Second)
		c.pinged(2)
	})
}

// pinged holds how many pings have come so far.
func (c *piped) pinged(want int) {
	c.Helper()
	synctest.Wait()
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.pings != want {
		c.Errorf("%d pings, want %d", c.pings, want)
	}
}
