package httpapi_test

import (
	"bufio"
	"io"
	"log/slog"
	"net"
	"net/http"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/parley-chat/parley/internal/httpapi"
)

// pipes is a listener whose connections are pipes in memory, so that they live in a synctest bubble.
type pipes struct {
	dialed chan net.Conn
	closed chan struct{}
}

func (p *pipes) Accept() (net.Conn, error) {
	select {
	case c := <-p.dialed:
		return c, nil
	case <-p.closed:
		return nil, net.ErrClosed
	}
}

func (p *pipes) Close() error   { close(p.closed); return nil }
func (p *pipes) Addr() net.Addr { return &net.UnixAddr{} }

// dial opens a connection to a server over w's handler, and closes both at the test's end.
func (w *world) dial() net.Conn {
	w.t.Helper()
	p := &pipes{make(chan net.Conn), make(chan struct{})}
	s := httpapi.NewServer(w.handler, slog.New(slog.DiscardHandler))
	served := make(chan error)
	go func() { served <- s.Serve(p) }()
	here, there := net.Pipe()
	p.dialed <- there
	w.t.Cleanup(func() {
		here.Close()
		s.Close()
		<-served
	})
	return here
}

func TestAClientThatNeverFinishesItsHeadersIsCutOffAfterFiveSeconds(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := newWorld(t).dial()
		began := time.Now()
		if _, err := io.WriteString(c, "GET /health/live HTTP/1.1\r\nHost: x\r\nX-Slow: "); err != nil {
			t.Fatal(err)
		}
		_, err := io.ReadAll(c)
		if took := time.Since(began); err != nil || took != 5*time.Second {
			t.Errorf("it was cut off after %v: %v", took, err)
		}
	})
}

func TestAClientThatNeverFinishesItsBodyIsCutOffAfterTenSeconds(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := newWorld(t).dial()
		began := time.Now()
		if _, err := io.WriteString(c, "POST /api/auth/login HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\nContent-Length: 100\r\n\r\n{"); err != nil {
			t.Fatal(err)
		}
		answer, err := http.ReadResponse(bufio.NewReader(c), nil)
		if err != nil {
			t.Fatal(err)
		}
		defer answer.Body.Close()
		if took := time.Since(began); answer.StatusCode != http.StatusRequestTimeout || took != 10*time.Second {
			t.Errorf("it was answered %d after %v", answer.StatusCode, took)
		}
	})
}

func TestAClientThatDoesNotReadItsAnswerIsCutOffAfterAMinute(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := newWorld(t).dial()
		if _, err := io.WriteString(c, "GET /health/live HTTP/1.1\r\nHost: x\r\n\r\n"); err != nil {
			t.Fatal(err)
		}
		time.Sleep(time.Minute + time.Second)
		if answer, err := io.ReadAll(c); err != nil || len(answer) > 0 {
			t.Errorf("after a minute came %q, %v", answer, err)
		}
	})
}

func TestHeadersOfMoreThanTheLimitAreRefused(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := newWorld(t).dial()
		go func() {
			// The server answers before it has read all of it.
			_, _ = io.WriteString(c, "GET /health/live HTTP/1.1\r\nHost: x\r\nX-Long: "+strings.Repeat("x", 64<<10)+"\r\n\r\n")
		}()
		answer, err := http.ReadResponse(bufio.NewReader(c), nil)
		if err != nil {
			t.Fatal(err)
		}
		answer.Body.Close()
		_, _ = io.Copy(io.Discard, c) // until the server hangs up
		if answer.StatusCode != http.StatusRequestHeaderFieldsTooLarge {
			t.Errorf("it was answered %d", answer.StatusCode)
		}
	})
}
