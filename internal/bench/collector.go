package bench

import (
	"context"
	"io"
	"net"
	"net/http"
	"os"
	"os/exec"
	"sync/atomic"
	"time"
)

// collector takes traces as an OpenTelemetry collector does, and throws them away.
type collector struct {
	server   *http.Server
	url      string
	requests atomic.Int64
	bytes    atomic.Int64
}

// startCollector listens on a free port of loopback.
func startCollector(ctx context.Context) (*collector, error) {
	listener, err := new(net.ListenConfig).Listen(ctx, "tcp", "127.0.0.1:0")
	if err != nil {
		return nil, err
	}
	c := &collector{url: "http://" + listener.Addr().String() + "/v1/traces"}
	c.server = &http.Server{Handler: c, ReadHeaderTimeout: 5 * time.Second}
	go func() { _ = c.server.Serve(listener) }()
	return c, nil
}

func (c *collector) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	n, _ := io.Copy(io.Discard, r.Body)
	c.requests.Add(1)
	c.bytes.Add(n)
	// An empty message of protobuf: everything was taken.
	w.Header().Set("Content-Type", "application/x-protobuf")
}

func (c *collector) close() { _ = c.server.Close() }

// knows reports whether the program that is measured, which may be an older one, knows a setting.
func (c serverConfig) knows(ctx context.Context, setting string) bool {
	program, err := c.executable()
	if err != nil {
		return false
	}
	cmd := exec.CommandContext(ctx, program, "config")
	cmd.Env = append(foreign(os.Environ()), setting)
	return cmd.Run() == nil
}
