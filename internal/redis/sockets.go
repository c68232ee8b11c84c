package redis

import (
	"context"
	"crypto/tls"
	"errors"
	"net"
	"sync/atomic"

	"github.com/redis/rueidis"
)

// errSealed is what the library gets when it wants to dial again by itself.
var errSealed = errors.New("a broken connection is not repaired but replaced")

// sockets dials for the library. All of them close when ctx ends, whatever the library waits for; so a
// server that hangs cannot hold up the end of a connection.
type sockets struct {
	ctx    context.Context
	close  context.CancelFunc
	sealed atomic.Bool
}

func newSockets() *sockets {
	s := &sockets{}
	s.ctx, s.close = context.WithCancel(context.Background())
	return s
}

// seal refuses every later dial.
func (s *sockets) seal() { s.sealed.Store(true) }

// attach makes the library dial through s.
func (s *sockets) attach(o *rueidis.ClientOption) {
	dial := o.DialCtxFn
	if dial == nil {
		dial = dialTCP
	}
	o.DialCtxFn = func(ctx context.Context, address string, d *net.Dialer, config *tls.Config) (net.Conn, error) {
		if s.sealed.Load() {
			return nil, errSealed
		}
		conn, err := dial(ctx, address, d, config)
		if err != nil {
			return nil, err
		}
		return &socket{conn, context.AfterFunc(s.ctx, func() { _ = conn.Close() })}, nil
	}
}

func dialTCP(ctx context.Context, address string, d *net.Dialer, config *tls.Config) (net.Conn, error) {
	if config != nil {
		return (&tls.Dialer{NetDialer: d, Config: config}).DialContext(ctx, "tcp", address)
	}
	return d.DialContext(ctx, "tcp", address)
}

// socket is forgotten by its sockets when it is closed.
type socket struct {
	net.Conn
	forget func() bool
}

func (s *socket) Close() error {
	s.forget()
	return s.Conn.Close()
}
