package app

import (
	"context"
	"errors"
	"net"
	"strconv"
	"strings"
	"time"

	"github.com/parley-chat/parley/internal/config"
	"github.com/parley-chat/parley/internal/status"
)

// AskStatus learns how a running node is, and the others on its database. With a URL it asks there and nowhere else.
// Without, it asks the node that the settings describe, at the address of its metrics; where that does not answer, it
// reads what the nodes wrote into the registry, and where there is none it asks for health at the port that people use. The
// error means that none of them can be reached.
func AskStatus(ctx context.Context, c *config.Loaded, url string) (*status.Report, error) {
	if url != "" {
		return askAt(ctx, url)
	}
	own, err := askOwn(ctx, c)
	if err == nil {
		return own, nil
	}
	why := "The metrics of a node here cannot be asked (" + err.Error() + ")."
	if c.DatabaseURL != "" {
		r, err := readRegistry(ctx, c)
		if err == nil && len(r.Nodes) > 0 {
			r.Notes = append(r.Notes, why+" This is what the nodes wrote into the database, up to 5 s ago.")
			return r, nil
		}
		if err != nil {
			why += " Nor can the database (" + err.Error() + ")."
		}
	}
	r, err := status.AskHealth(ctx, "http://"+dialable(c.Host, strconv.Itoa(c.Port)))
	if err != nil {
		return nil, problem(err, "no node is reached here. "+strings.TrimSuffix(why, "."), "start one with parley serve, or name the address of its metrics with --url http://host:9090; its settings say which that is (PARLEY_METRICS_LISTEN)")
	}
	r.Notes = append(r.Notes, why+" Its port for people says no more than this.")
	return r, nil
}

// askAt asks at an address that somebody named: that of metrics, or the port that people use.
func askAt(ctx context.Context, url string) (*status.Report, error) {
	if !strings.Contains(url, "://") {
		url = "http://" + url // as PARLEY_METRICS_LISTEN is written
	}
	r, err := status.Ask(ctx, url)
	if err == nil {
		return r, nil
	}
	if errors.Is(err, status.ErrNoStatus) {
		if r, err = status.AskHealth(ctx, url); err == nil {
			r.Notes = append(r.Notes, "This is the port that people use, which says no more: ask the address of the metrics (PARLEY_METRICS_LISTEN) for all of it.")
			return r, nil
		}
	}
	return nil, problem(err, "nothing that knows a status is reached at --url: "+err.Error(), "name the address of a node's metrics, such as http://127.0.0.1:9090 (PARLEY_METRICS_LISTEN)")
}

// askOwn asks the node that the settings describe.
func askOwn(ctx context.Context, c *config.Loaded) (*status.Report, error) {
	if c.MetricsListen == "" {
		return nil, errors.New("PARLEY_METRICS_LISTEN is empty")
	}
	host, port, err := net.SplitHostPort(c.MetricsListen)
	if err != nil {
		return nil, err
	}
	return status.Ask(ctx, "http://"+dialable(host, port))
}

// readRegistry reads the table of nodes.
func readRegistry(ctx context.Context, c *config.Loaded) (*status.Report, error) {
	s, err := OpenMade(ctx, &c.Config)
	if err != nil {
		return nil, err
	}
	rows, err := s.Nodes(ctx)
	now, clockErr := s.Clock(ctx)
	if err := errors.Join(err, clockErr, s.Close()); err != nil {
		return nil, err
	}
	r := &status.Report{At: time.Now().UTC(), Source: status.SourceRegistry, Asked: "the table of nodes"}
	for _, row := range rows {
		r.Nodes = append(r.Nodes, fromRegistry(row, now))
	}
	r.Judge()
	return r, nil
}

// dialable is where something that listens is reached from its own machine.
func dialable(host, port string) string {
	if ip := net.ParseIP(host); host == "" || ip != nil && ip.IsUnspecified() {
		host = "127.0.0.1"
	}
	return net.JoinHostPort(host, port)
}
