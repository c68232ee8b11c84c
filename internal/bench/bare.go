package bench

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"os/exec"
	"runtime"
	"sync"
	"syscall"
	"time"

	"github.com/gobwas/ws"
	"golang.org/x/sys/unix"
)

// bare is what a server of sockets cannot do less than: it accepts, upgrades, reads a frame, writes a
// frame. It runs in a process of its own as the server does. Its standard input has one order a line;
// every order is answered by one line.
type bare struct {
	mu    sync.Mutex
	conns []net.Conn
}

// order asks for frames to be written to every socket, so many in each write.
type order struct {
	Frames int `json:"frames"`
}

// answer says what an order took of the processor, in the thread that wrote.
type answer struct {
	SpentNS int64 `json:"spentNs"`
}

// serveBare runs in the child process until in ends.
func serveBare(in io.Reader, out io.Writer) error {
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return err
	}
	defer listener.Close()
	b := &bare{}
	go b.accept(listener)
	fmt.Fprintln(out, listener.Addr())
	// The thread's clock counts what the writes take, and nothing of the other goroutines.
	runtime.LockOSThread()
	lines := bufio.NewScanner(in)
	for lines.Scan() {
		var o order
		if err := json.Unmarshal(lines.Bytes(), &o); err != nil {
			return err
		}
		spent, err := b.writeAll(o.Frames)
		if err != nil {
			return err
		}
		if err := json.NewEncoder(out).Encode(answer{spent.Nanoseconds()}); err != nil {
			return err
		}
	}
	return lines.Err()
}

func (b *bare) accept(listener net.Listener) {
	for {
		conn, err := listener.Accept()
		if err != nil {
			return
		}
		go func() {
			defer conn.Close()
			b.serve(conn)
		}()
	}
}

// serve answers the sign-in, then echoes.
func (b *bare) serve(conn net.Conn) {
	upgrader := ws.Upgrader{Protocol: func([]byte) bool { return true }}
	if _, err := upgrader.Upgrade(conn); err != nil {
		return
	}
	if _, err := ws.ReadFrame(conn); err != nil {
		return
	}
	if _, err := conn.Write(ws.MustCompileFrame(ws.NewTextFrame([]byte(`{"type":"auth:success"}`)))); err != nil {
		return
	}
	b.mu.Lock()
	b.conns = append(b.conns, conn)
	b.mu.Unlock()
	for {
		f, err := ws.ReadFrame(conn)
		if err != nil {
			return
		}
		f = ws.UnmaskFrameInPlace(f)
		f.Header.Masked = false
		if _, err := conn.Write(ws.MustCompileFrame(f)); err != nil {
			return
		}
	}
}

// writeAll is the bare loop: the bytes are made once, then written to every socket in turn.
func (b *bare) writeAll(frames int) (time.Duration, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	text := fmt.Sprintf(`{"type":"message:received","message":{"id":%q,"conversationId":%q,"senderId":%q,"seq":1000,"rev":1001,"content":%q,`+
		`"contentType":"text","clientMessageId":"0123456789abc.1000","createdAt":"2026-01-01T00:00:00.000000Z","updatedAt":"2026-01-01T00:00:00.000000Z","editedAt":null,"deletedAt":null}}`,
		newID(), newID(), newID(), hundred)
	frame := ws.MustCompileFrame(ws.NewTextFrame([]byte(text)))
	var bytes []byte
	for range frames {
		bytes = append(bytes, frame...)
	}
	before := threadTime()
	for _, conn := range b.conns {
		if _, err := conn.Write(bytes); err != nil {
			return 0, err
		}
	}
	return threadTime() - before, nil
}

func threadTime() time.Duration {
	var at unix.Timespec
	if err := unix.ClockGettime(unix.CLOCK_THREAD_CPUTIME_ID, &at); err != nil {
		return 0
	}
	return time.Duration(at.Nano())
}

// bareServer is the child as its parent sees it.
type bareServer struct {
	cmd     *exec.Cmd
	address string
	in      io.WriteCloser
	out     *bufio.Reader
}

func startBare(ctx context.Context) (*bareServer, error) {
	self, err := os.Executable()
	if err != nil {
		return nil, err
	}
	cmd := exec.CommandContext(ctx, self, "bench", "bare")
	cmd.Env, cmd.Stderr = foreign(os.Environ()), os.Stderr
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true, Pdeathsig: syscall.SIGKILL}
	in, err := cmd.StdinPipe()
	if err != nil {
		return nil, err
	}
	out, err := cmd.StdoutPipe()
	if err != nil {
		return nil, err
	}
	if err := cmd.Start(); err != nil {
		return nil, err
	}
	s := &bareServer{cmd: cmd, in: in, out: bufio.NewReader(out)}
	if s.address, err = s.out.ReadString('\n'); err != nil {
		return nil, errors.Join(fmt.Errorf("bare server: %w", err), s.stop())
	}
	s.address = s.address[:len(s.address)-1]
	return s, nil
}

// writeAll has the child write to every socket and returns the processor time that its writes took.
func (s *bareServer) writeAll(frames int) (time.Duration, error) {
	if err := json.NewEncoder(s.in).Encode(order{frames}); err != nil {
		return 0, err
	}
	line, err := s.out.ReadBytes('\n')
	if err != nil {
		return 0, err
	}
	var a answer
	err = json.Unmarshal(line, &a)
	return time.Duration(a.SpentNS), err
}

func (s *bareServer) stop() error {
	_ = s.in.Close()
	return s.cmd.Wait()
}
