package app

import (
	"context"
	"errors"
	"net/http"
	"net/http/pprof"
	"time"

	"github.com/parley-chat/parley/internal/httpapi"
)

// profileLongest is how long a profile may be recorded: longer ones are refused.
const profileLongest = time.Minute

// operatorRoutes is what the address of the metrics serves: everything that the operator may see and others may not.
func (n *Node) operatorRoutes() http.Handler {
	routes := http.NewServeMux()
	routes.Handle("GET /metrics", n.metrics.Handler())
	routes.Handle("GET /health/live", httpapi.HealthInFull(n.live))
	routes.Handle("GET /health/ready", httpapi.HealthInFull(n.health))
	routes.HandleFunc("GET /status", n.serveStatus)
	// Profiles of waiting for locks and channels cost all the time that they are on, and stay off: they are empty here.
	routes.HandleFunc("GET /debug/pprof/", pprof.Index)
	routes.HandleFunc("GET /debug/pprof/cmdline", pprof.Cmdline)
	routes.HandleFunc("GET /debug/pprof/profile", pprof.Profile)
	routes.HandleFunc("GET /debug/pprof/symbol", pprof.Symbol)
	routes.HandleFunc("GET /debug/pprof/trace", pprof.Trace)
	return routes
}

// serveOperator serves the address of the metrics until ctx ends.
func (n *Node) serveOperator(ctx context.Context) error {
	if n.metricsListener == nil {
		return nil
	}
	server := &http.Server{
		Handler: n.operatorRoutes(), ReadHeaderTimeout: 5 * time.Second, ReadTimeout: 10 * time.Second,
		// pprof refuses what would take longer than this.
		WriteTimeout: profileLongest, IdleTimeout: 2 * time.Minute, MaxHeaderBytes: 16 << 10,
	}
	defer context.AfterFunc(ctx, func() { _ = server.Close() })()
	if err := server.Serve(n.metricsListener); !errors.Is(err, http.ErrServerClosed) {
		return err
	}
	return nil
}
