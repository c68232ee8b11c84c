package redis

import (
	"log/slog"
	"strings"
	"time"

	"github.com/redis/rueidis"
)

const (
	// dialTimeout bounds connecting, TLS and login together. A URL may say otherwise (dial_timeout).
	dialTimeout = 2 * time.Second
	// answerTimeout bounds the wait for an answer; a server that takes longer counts as away.
	answerTimeout = time.Second
	// bufferSize is of each socket's read and of its write buffer, in bytes.
	bufferSize = 64 << 10
)

// Config says which Redis, and who connects to it.
type Config struct {
	// URL is redis://user:password@host:6379/0, rediss:// for TLS, or unix:///path/to/socket;
	// ?addr=host:port&addr=… names further nodes of a cluster, ?master_set=name makes the hosts sentinels.
	// It may hold a password and is never shown.
	URL string
	// NodeID is this node's serverId, unique among the nodes.
	NodeID string
	Log    *slog.Logger // slog's default when nil
}

// WrongError is a Redis, or a URL, that no waiting makes usable. Its text holds no secret.
type WrongError struct {
	What string // what is wrong
	Next string // what to do about it
	Err  error  // what Redis or the library said, for errors.Is; not shown
}

func (e *WrongError) Error() string { return e.What + ": " + e.Next }
func (e *WrongError) Unwrap() error { return e.Err }

// options reads the URL.
func options(c Config) (rueidis.ClientOption, error) {
	o, err := rueidis.ParseURL(c.URL)
	if err != nil {
		// The library's error quotes the URL with its password.
		return o, &WrongError{
			What: "the Redis URL cannot be read",
			Next: "write it as redis://user:password@host:6379, with characters such as @ / # ? in a password as %40 %2F %23 %3F; " +
				"rediss:// uses TLS, unix:///path/to/socket a socket",
		}
	}
	if o.ClientName == "" && plainName(c.NodeID) {
		o.ClientName = "parley:" + c.NodeID
	}
	// Login is then a single command, whose answer is read even when the server closes after it.
	o.ClientSetInfo = rueidis.DisableClientSetInfo
	// An answer that is late must not be waited for twice, and a command that broke a connection must not be
	// sent on the next one: it may have been done.
	o.DisableRetry = true
	// Client-side caching would ask every server for tracking; nothing here is cached.
	o.DisableCache = true
	// Without a pipeline a call that is given up closes the connection for everybody.
	o.AlwaysPipelining, o.DisableAutoPipelining = true, false
	o.AlwaysRESP2 = false
	o.PipelineMultiplex = -1 // one socket, so that envelopes stay in order
	o.ReadBufferEachConn, o.WriteBufferEachConn = bufferSize, bufferSize
	o.Dialer.KeepAlive = time.Second
	if o.Dialer.Timeout == 0 {
		o.Dialer.Timeout = dialTimeout
	}
	if o.ConnWriteTimeout == 0 {
		o.ConnWriteTimeout = answerTimeout
	}
	o.Sentinel.Dialer, o.Sentinel.TLSConfig = o.Dialer, o.TLSConfig
	return o, nil
}

// plainName reports whether Redis takes a connection's name: a bad one would fail the whole login.
func plainName(s string) bool {
	return s != "" && len(s) <= 64 && strings.IndexFunc(s, func(r rune) bool { return r <= ' ' || r > '~' }) < 0
}

// addresses names the servers for people.
func addresses(o rueidis.ClientOption) string { return strings.Join(o.InitAddress, ", ") }
