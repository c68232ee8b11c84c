package app

import (
	"log/slog"
	"net"
	"strconv"
	"strings"
	"time"

	"github.com/google/uuid"

	"github.com/parley-chat/parley/internal/auth"
	"github.com/parley-chat/parley/internal/config"
)

// usesFolder reports whether anything is kept in the data folder: not when the database and the signing
// key are given.
func usesFolder(c *config.Config) bool { return c.DatabaseURL == "" || c.SigningKey == "" }

// OpenAuth builds what knows accounts and tokens, over a store that is migrated.
func OpenAuth(c *config.Config, s auth.Store, log *slog.Logger) (*auth.Service, error) {
	key, err := signingKey(c)
	if err != nil {
		return nil, err
	}
	return auth.New(auth.Config{
		Key: key, PreviousKey: []byte(c.PreviousKey), NewID: newID,
		Registration: auth.Registration(c.Registration), Watch: watchLogins, Log: log,
	}, s)
}

// watchLogins is how often logins that ended on other nodes are looked for: half of the second in which they are
// out everywhere (C4.3).
const watchLogins = 500 * time.Millisecond

// newID makes a UUIDv7 (C1.1). It panics where the system has no randomness, as crypto/rand does.
func newID() string { return uuid.Must(uuid.NewV7()).String() }

// nodeID is this node's name among the nodes.
func nodeID(c *config.Config) string {
	if c.NodeID != "" {
		return c.NodeID
	}
	return newID()
}

// URL is where people open the server that listens on the port given, without a slash at its end.
func URL(c *config.Config, port int) string {
	if c.PublicURL != "" {
		return strings.TrimRight(c.PublicURL, "/")
	}
	host := c.Host
	switch host {
	case "", "0.0.0.0", "::", "127.0.0.1", "::1":
		host = "localhost"
	}
	return "http://" + net.JoinHostPort(host, strconv.Itoa(port))
}
