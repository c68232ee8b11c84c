package app

import (
	"context"
	"errors"
	"net"
	"net/url"
	"strings"

	"github.com/parley-chat/parley/internal/config"
	"github.com/parley-chat/parley/internal/demo"
)

// seedDemo puts the demo into the data, when that is asked for.
func (n *Node) seedDemo(ctx context.Context) error {
	if !n.cfg.Demo {
		return nil
	}
	echo, err := demo.Seed(ctx, n.store, n.auth, newID)
	if errors.Is(err, demo.ErrRealData) {
		return problem(err, "--demo is for empty data, and people who are not the demo's are in this", "start without --demo, or name another folder: --data ./demo")
	}
	if err != nil {
		return err
	}
	n.bot = demo.NewBot(echo, n.log)
	return nil
}

// warn says what an operator must not overlook. The start and /health/ready show it.
func (n *Node) warn(ctx context.Context) []string {
	var out []string
	if !n.cfg.RateLimits {
		out = append(out, "Rate limits are off (PARLEY_RATE_LIMITS): only for load tests.")
	}
	if most := fromDescriptors(); most > 0 && n.cfg.MaxConnections > most {
		out = append(out, tooManyPlaces(n.cfg.MaxConnections, most))
	}
	made, err := demo.Made(ctx, n.store)
	switch {
	case err != nil || !made:
	case bool(n.cfg.Demo):
		out = append(out, "This is the demo: everybody knows its passwords. For real use: parley serve --data another-folder")
	default:
		out = append(out, "The demo's people are in this data, and everybody knows their passwords: start over with --data another-folder")
	}
	return out
}

// plainHTTP reports whether others reach the server without TLS, where a Secure cookie would not come
// back. Browsers count localhost as secure.
func plainHTTP(publicURL string) bool {
	u, err := url.Parse(publicURL)
	if err != nil || u.Scheme != "http" {
		return false
	}
	ip := net.ParseIP(u.Hostname())
	return u.Hostname() != "localhost" && !strings.HasSuffix(u.Hostname(), ".localhost") && (ip == nil || !ip.IsLoopback())
}

// lanes is how many batches are committed at once: two when the database has another machine's cores.
func lanes(c *config.Loaded) int {
	u, err := url.Parse(string(c.DatabaseURL))
	if err != nil || u.Hostname() == "" || u.Hostname() == "localhost" {
		return 1
	}
	if ip := net.ParseIP(u.Hostname()); ip != nil && ip.IsLoopback() {
		return 1
	}
	return 2
}
