package app

import (
	"context"
	"errors"
	"net/http"
	"net/http/pprof"
	"strconv"
	"time"

	"github.com/parley-chat/parley/internal/httpapi"
)

// profileLongest is how long a profile may be recorded.
const profileLongest = time.Minute

// operatorRoutes is what the address of the metrics serves: everything that the operator may see and others may not.
func (n *Node) operatorRoutes() http.Handler {
	routes := http.NewServeMux()
	routes.Handle("GET /metrics", n.metrics.Handler())
	routes.Handle("GET /health/live", httpapi.HealthInFull(n.live))
	routes.Handle("GET /health/ready", httpapi.HealthInFull(n.health))
	routes.HandleFunc("GET /status", n.serveStatus)
	// Profiles of waiting for locks and channels cost all the time that they are on, and stay off: they are empty here.
	routes.HandleFunc("GET /debug/pprof/", notForLong(pprof.Index))
	routes.HandleFunc("GET /debug/pprof/cmdline", pprof.Cmdline)
	routes.HandleFunc("GET /debug/pprof/profile", notForLong(pprof.Profile))
	routes.HandleFunc("GET /debug/pprof/symbol", pprof.Symbol)
	routes.HandleFunc("GET /debug/pprof/trace", notForLong(pprof.Trace))
	return routes
}

// notForLong refuses to record for longer than [profileLongest], which costs the node all the while. pprof itself gives an
// answer as long as the recording takes, whatever the server's own timeouts are.
func notForLong(record http.HandlerFunc) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		if seconds, err := strconv.ParseFloat(r.FormValue("seconds"), 64); err == nil && seconds > profileLongest.Seconds() {
			http.Error(w, "A profile is recorded for a minute at most.", http.StatusBadRequest)
			return
		}
		record(w, r)
	}
}

// serveOperator serves the address of the metrics until ctx ends.
func (n *Node) serveOperator(ctx context.Context) error {
	if n.metricsListener == nil {
		return nil
	}
	server := &http.Server{
		ErrorLog: n.server.ErrorLog,
		Handler:  n.operatorRoutes(), ReadHeaderTimeout: 5 * time.Second, ReadTimeout: 10 * time.Second,
		WriteTimeout: time.Minute, IdleTimeout: 2 * time.Minute, MaxHeaderBytes: 16 << 10,
	}
	defer context.AfterFunc(ctx, func() { _ = server.Close() })()
	if err := server.Serve(n.metricsListener); !errors.Is(err, http.ErrServerClosed) {
		return err
	}
	return nil
}
