package proxy_test

import (
	"errors"
	"io"
	"net"
	"os"
	"syscall"
	"testing"
	"time"

	"github.com/parley-chat/parley/internal/chaos/proxy"
)

// echo starts a server that sends back what it gets, and a proxy in front of it.
func echo(t *testing.T) *proxy.Proxy {
	t.Helper()
	server, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	go func() {
		for {
			conn, err := server.Accept()
			if err != nil {
				return
			}
			go func() {
				_, _ = io.Copy(conn, conn)
				conn.Close()
			}()
		}
	}()
	p, err := proxy.Listen(server.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		p.Close()
		server.Close()
	})
	return p
}

func connect(t *testing.T, p *proxy.Proxy) net.Conn {
	t.Helper()
	conn, err := net.Dial("tcp", p.Address())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { conn.Close() })
	return conn
}

// say sends a text and reads it back.
func say(t *testing.T, conn net.Conn, text string) {
	t.Helper()
	if _, err := io.WriteString(conn, text); err != nil {
		t.Fatal(err)
	}
	hear(t, conn, text)
}

func hear(t *testing.T, conn net.Conn, text string) {
	t.Helper()
	got := make([]byte, len(text))
	if _, err := io.ReadFull(conn, got); err != nil || string(got) != text {
		t.Fatalf("got %q, %v; want %q", got, err, text)
	}
}

// silent checks that nothing comes for a moment.
func silent(t *testing.T, conn net.Conn) {
	t.Helper()
	_ = conn.SetReadDeadline(time.Now().Add(50 * time.Millisecond))
	n, err := conn.Read(make([]byte, 1))
	if n > 0 || !errors.Is(err, os.ErrDeadlineExceeded) {
		t.Fatalf("read %d bytes, %v", n, err)
	}
	_ = conn.SetReadDeadline(time.Time{})
}

func TestBytesAndEndsPassInFairWeather(t *testing.T) {
	conn := connect(t, echo(t))
	say(t, conn, "hello")
	if err := conn.(*net.TCPConn).CloseWrite(); err != nil {
		t.Fatal(err)
	}
	if _, err := conn.Read(make([]byte, 1)); err != io.EOF {
		t.Errorf("after the end: %v", err)
	}
}

func TestACutConnectionIsReset(t *testing.T) {
	p := echo(t)
	conn := connect(t, p)
	say(t, conn, "hello")
	p.Set(proxy.Weather{Refuse: true})
	if _, err := conn.Read(make([]byte, 1)); !errors.Is(err, syscall.ECONNRESET) {
		t.Errorf("read ended with %v", err)
	}
	// The reset may come before the dial has looked whether it succeeded.
	again, err := net.Dial("tcp", p.Address())
	if err == nil {
		defer again.Close()
		_, err = again.Read(make([]byte, 1))
	}
	if !errors.Is(err, syscall.ECONNRESET) {
		t.Errorf("a new connection ended with %v", err)
	}
	p.Set(proxy.Weather{})
	say(t, connect(t, p), "hello")
}

func TestAHeldDirectionGoesOnWhereItWas(t *testing.T) {
	for name, w := range map[string]proxy.Weather{"up": {HoldUp: true}, "down": {HoldDown: true}} {
		t.Run(name, func(t *testing.T) {
			p := echo(t)
			conn := connect(t, p)
			say(t, conn, "before")
			p.Set(w)
			if _, err := io.WriteString(conn, "held"); err != nil {
				t.Fatal(err)
			}
			silent(t, conn)
			p.Set(proxy.Weather{})
			hear(t, conn, "held")
			say(t, conn, "after")
		})
	}
}

func TestADelayAddsUpInBothDirections(t *testing.T) {
	p := echo(t)
	conn := connect(t, p)
	p.Set(proxy.Weather{Delay: 30 * time.Millisecond})
	began := time.Now()
	say(t, conn, "slow")
	if took := time.Since(began); took < 60*time.Millisecond {
		t.Errorf("there and back took %v", took)
	}
}

func TestAThrottledConnectionIsSlow(t *testing.T) {
	p := echo(t)
	conn := connect(t, p)
	p.Set(proxy.Weather{BytesPerSecond: 1000})
	say(t, conn, string(make([]byte, 100)))
	began := time.Now()
	say(t, conn, "next")
	if took := time.Since(began); took < 50*time.Millisecond {
		t.Errorf("after 100 bytes at 1,000 a second the next ones took %v", took)
	}
}

func TestAShareOfTheConnectionsIsHit(t *testing.T) {
	p := echo(t)
	var conns []net.Conn
	for range 40 {
		conn := connect(t, p)
		say(t, conn, "hello")
		conns = append(conns, conn)
	}
	if cut := p.Cut(0.5); cut < 15 || cut > 25 {
		t.Errorf("cut %d of %d", cut, len(conns))
	}
}

func TestConnectionsComeFromManyNetworks(t *testing.T) {
	server, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer server.Close()
	p, err := proxy.ListenSpread(server.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	defer p.Close()
	seen := map[string]bool{}
	for range 10 {
		connect(t, p)
		conn, err := server.Accept()
		if err != nil {
			t.Fatal(err)
		}
		seen[conn.RemoteAddr().(*net.TCPAddr).IP.String()] = true
		conn.Close()
	}
	if len(seen) < 5 {
		t.Errorf("ten connections came from %v", seen)
	}
}
