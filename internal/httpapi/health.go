package httpapi

import (
	"context"
	"net/http"
	"time"

	"github.com/go-json-experiment/json"
)

// Health is the answer of /health/ready (C8.5).
type Health struct {
	Status   string            `json:"status"` // "ok" or "unavailable"
	Degraded []string          `json:"degraded"`
	Checks   map[string]string `json:"checks"`
	Warnings []string          `json:"warnings,omitzero"`
}

// pingWithin is how long the database may take to be called healthy.
const pingWithin = 2 * time.Second

// serveHealth serves /health/live, which says that the process answers, and /health/ready, which says
// that it can serve: the database answers and sockets are accepted. Neither names causes.
func (a *api) serveHealth() {
	a.routes.HandleFunc("GET /health/live", func(w http.ResponseWriter, _ *http.Request) {
		sendHealth(w, http.StatusOK, Health{Status: "ok", Degraded: []string{}, Checks: map[string]string{}})
	})
	a.routes.HandleFunc("GET /health/ready", func(w http.ResponseWriter, r *http.Request) {
		health := Health{
			Status: "ok", Degraded: []string{}, Warnings: a.cfg.Warnings,
			Checks: map[string]string{"database": "ok", "sockets": "ok"},
		}
		status := http.StatusOK
		fail := func(check, word string) {
			health.Checks[check], health.Status, status = word, "unavailable", http.StatusServiceUnavailable
		}
		ctx, cancel := context.WithTimeout(r.Context(), pingWithin)
		defer cancel()
		if a.cfg.Ping != nil && a.cfg.Ping(ctx) != nil {
			fail("database", "unavailable")
		}
		if a.cfg.Accepting != nil && !a.cfg.Accepting() {
			fail("sockets", "draining")
		}
		sendHealth(w, status, health)
	})
}

func sendHealth(w http.ResponseWriter, status int, health Health) {
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(status)
	// Who asked and has gone reads no answer.
	_ = json.MarshalWrite(w, health, json.Deterministic(true))
}
