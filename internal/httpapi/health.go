package httpapi

import (
	"net/http"

	"github.com/go-json-experiment/json"
)

// Health is the answer of /health/ready (C8.5). [NewHealth] begins one.
type Health struct {
	Status   string            `json:"status"`   // "ok" or "unavailable"
	Degraded []string          `json:"degraded"` // parts that are away and can be done without
	Checks   map[string]string `json:"checks"`   // by part, "ok" or a word for what it is instead
	Warnings []string          `json:"warnings,omitzero"`
}

// NewHealth is the health of a node whose parts are all well.
func NewHealth(parts ...string) Health {
	h := Health{Status: "ok", Degraded: []string{}, Checks: make(map[string]string)}
	for _, part := range parts {
		h.Checks[part] = "ok"
	}
	return h
}

// Fail says that a part is not well and that the node cannot serve without it.
func (h *Health) Fail(part, word string) {
	h.Checks[part], h.Status = word, "unavailable"
}

// Degrade says that a part is not well and that the node serves without it.
func (h *Health) Degrade(part, word string) {
	h.Checks[part] = word
	h.Degraded = append(h.Degraded, part)
}

// Ready reports whether the node can serve.
func (h *Health) Ready() bool { return h.Status == "ok" }

// serveHealth serves /health/live, which says that the process answers, and /health/ready, which says
// whether it can serve. Neither names causes, and neither waits for anything: whoever asks often costs
// nothing, and a database that hangs is told at once.
func (a *api) serveHealth() {
	a.routes.HandleFunc("GET /health/live", func(w http.ResponseWriter, _ *http.Request) {
		sendHealth(w, NewHealth())
	})
	a.routes.HandleFunc("GET /health/ready", func(w http.ResponseWriter, _ *http.Request) {
		health := NewHealth("database", "sockets")
		if a.cfg.Health != nil {
			health = a.cfg.Health()
		}
		sendHealth(w, health)
	})
}

func sendHealth(w http.ResponseWriter, health Health) {
	w.Header().Set("Content-Type", "application/json")
	if !health.Ready() {
		w.WriteHeader(http.StatusServiceUnavailable)
	}
	// Who asked and has gone reads no answer.
	_ = json.MarshalWrite(w, health, json.Deterministic(true))
}
