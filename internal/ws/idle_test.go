package ws_test

import (
	"bytes"
	"fmt"
	"log/slog"
	"net"
	"os"
	"os/exec"
	"runtime"
	"runtime/debug"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/gobwas/ws"

	"github.com/parley-chat/parley/internal/inmem"
	server "github.com/parley-chat/parley/internal/ws"
)

const (
	idleConnections = 5000
	// idleGoal is P6 of the goals, in bytes of resident memory.
	idleGoal = 6000
)

// TestAnIdleConnectionCostsLittle measures 5,000 idle authenticated connections, each of which has been told
// of presence and counts for its person's. Their clients live in another process, which is this test binary again.
func TestAnIdleConnectionCostsLittle(t *testing.T) {
	if testing.Short() || raceEnabled {
		t.Log("memory is measured without -race and -short")
		return
	}
	// A node's log is in no memory.
	w := newWorld(t, options{devices: inmem.NewDevices(), config: server.Config{Log: slog.New(slog.DiscardHandler)}})
	url := w.serve()
	token := w.token(w.person(), time.Hour)
	settle := func() int {
		for range 5 {
			runtime.GC()
		}
		debug.FreeOSMemory()
		return resident(t)
	}
	clients := func(n int, until int) *exec.Cmd {
		c := exec.Command(os.Args[0], "-test.run=TestIdleClients")
		c.Env = append(os.Environ(), "IDLE_URL="+url, "IDLE_TOKEN="+token, fmt.Sprint("IDLE_COUNT=", n))
		out, err := c.StdoutPipe()
		if err != nil {
			t.Fatal(err)
		}
		in, err := c.StdinPipe()
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { in.Close(); _ = c.Wait() })
		if err := c.Start(); err != nil {
			t.Fatal(err)
		}
		said := make([]byte, 6)
		if _, err := out.Read(said); err != nil || !bytes.HasPrefix(said, []byte("ready")) {
			t.Fatalf("the clients said %q, %v", said, err)
		}
		if got := w.ws.Connections(); got != until {
			t.Fatalf("%d connections", got)
		}
		return c
	}
	clients(500, 500) // so that pools and maps have grown
	before := settle()
	clients(idleConnections, 500+idleConnections)
	each := (settle() - before) / idleConnections
	t.Logf("%d idle authenticated connections: %d bytes of resident memory each", idleConnections, each)
	if each > idleGoal {
		t.Errorf("more than %d bytes", idleGoal)
	}
}

func resident(t *testing.T) int {
	status, err := os.ReadFile("/proc/self/status")
	if err != nil {
		t.Fatal(err)
	}
	for line := range strings.Lines(string(status)) {
		if rest, found := strings.CutPrefix(line, "VmRSS:"); found {
			kb, err := strconv.Atoi(strings.Fields(rest)[0])
			if err != nil {
				t.Fatal(err)
			}
			return kb << 10
		}
	}
	t.Fatal("no VmRSS")
	return 0
}

// TestIdleClients is the other process of the test above.
func TestIdleClients(t *testing.T) {
	n, err := strconv.Atoi(os.Getenv("IDLE_COUNT"))
	if err != nil {
		return
	}
	url, token := os.Getenv("IDLE_URL"), os.Getenv("IDLE_TOKEN")
	address := strings.TrimSuffix(strings.TrimPrefix(url, "ws://"), "/ws")
	conns := make([]net.Conn, 0, n)
	for range n {
		conn, err := net.Dial("tcp", address)
		if err != nil {
			t.Fatal(err)
		}
		defer conn.Close()
		fmt.Fprintf(conn, "GET /ws HTTP/1.1\r\nHost: h\r\n%s\r\n", goodHeaders)
		if _, err := conn.Write(text(fmt.Sprintf(`{"type":"auth","token":%q}`, token))); err != nil {
			t.Fatal(err)
		}
		conns = append(conns, conn)
	}
	for _, conn := range conns {
		var head []byte
		for b := make([]byte, 1); !bytes.HasSuffix(head, []byte("\r\n\r\n")); head = append(head, b...) {
			if _, err := conn.Read(b); err != nil {
				t.Fatal(err)
			}
		}
		for _, kind := range []string{"auth:success", "presence:state"} {
			if f, err := ws.ReadFrame(conn); err != nil || !bytes.Contains(f.Payload, []byte(kind)) {
				t.Fatal(string(f.Payload), err)
			}
		}
	}
	fmt.Println("ready")
	// Until the parent closes the pipe.
	_, _ = os.Stdin.Read(make([]byte, 1))
}
