package httpapi

import (
	"net/http"
	"slices"

	"github.com/go-json-experiment/json"
)

// Health is the answer of /health/ready (C8.5). [NewHealth] begins one.
type Health struct {
	Status   string            `json:"status"`   // "ok" or "unavailable"
	Degraded []string          `json:"degraded"` // parts that are away and can be done without
	Checks   map[string]string `json:"checks"`   // by part, "ok" or a word for what it is instead
	Warnings []string          `json:"warnings,omitzero"`

	inside []string
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

// Inside says something that the operator has to put right and that strangers need not know, such as the names of other
// nodes. It is told beside the metrics; at the port that everybody reaches it is only said that there is something.
func (h *Health) Inside(warnings ...string) { h.inside = append(h.inside, warnings...) }

// InFull is the health with what the operator alone may read.
func (h Health) InFull() Health {
	h.Warnings = slices.Concat(h.Warnings, h.inside)
	return h
}

// forStrangers is the health without it.
func (h Health) forStrangers() Health {
	if len(h.inside) > 0 {
		h.Warnings = append(slices.Clone(h.Warnings), "There is more to be put right: parley status tells the operator what.")
	}
	return h
}

// serveHealth serves /health/live, which fails when the process does not go on and has to be started again, and
// /health/ready, which says whether it can serve. Neither names causes, and neither waits for anything: whoever asks often
// costs nothing, and a database that hangs is told at once.
func (a *api) serveHealth() {
	live, ready := a.cfg.Live, a.cfg.Health
	if live == nil {
		live = func() Health { return NewHealth() }
	}
	if ready == nil {
		ready = func() Health { return NewHealth("database", "sockets") }
	}
	a.routes.HandleFunc("GET /health/live", func(w http.ResponseWriter, _ *http.Request) { sendHealth(w, live().forStrangers()) })
	a.routes.HandleFunc("GET /health/ready", func(w http.ResponseWriter, _ *http.Request) { sendHealth(w, ready().forStrangers()) })
}

// HealthInFull answers with a health and with what the operator alone may read, for an address that strangers do not reach.
func HealthInFull(health func() Health) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Cache-Control", "no-store")
		sendHealth(w, health().InFull())
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
