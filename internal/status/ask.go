package status

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"mime"
	"net/http"
	"net/url"
	"strings"
	"time"
)

const (
	// askWithin bounds one question: a node answers at once.
	askWithin = 3 * time.Second
	// answerBytes is the most that an answer may have; that of a hundred nodes has a tenth of it.
	answerBytes = 1 << 20
)

// ErrNoStatus says that something answers that does not know /status.
var ErrNoStatus = errors.New("it has no status to tell")

// Ask asks the node whose metrics are at base, as http://127.0.0.1:9090, how it and the others are. What answers and is no
// such address is ErrNoStatus.
func Ask(ctx context.Context, base string) (*Report, error) {
	var r Report
	code, err := get(ctx, base, "/status", &r)
	switch {
	case err != nil:
		return nil, err
	case code != http.StatusOK || r.Source != SourceNode || len(r.Nodes) == 0:
		return nil, ErrNoStatus
	}
	r.Asked = redacted(base)
	return &r, nil
}

// AskHealth asks a node at the port that people use, where it says no more than whether it is ready.
func AskHealth(ctx context.Context, base string) (*Report, error) {
	var h struct {
		Status   string            `json:"status"`
		Degraded []string          `json:"degraded"`
		Checks   map[string]string `json:"checks"`
		Warnings []string          `json:"warnings"`
	}
	if _, err := get(ctx, base, "/health/ready", &h); err != nil {
		return nil, err
	}
	if h.Status == "" {
		return nil, ErrNoStatus
	}
	address := redacted(base)
	r := &Report{At: time.Now().UTC(), Source: SourceHealth, Asked: address, Nodes: []Node{{
		ID: strings.TrimPrefix(address, "http://"), URL: address, Told: true,
		Ready: h.Status == "ok", Draining: h.Checks["sockets"] == "draining", Degraded: h.Degraded, Checks: h.Checks, Warnings: h.Warnings,
	}}}
	r.Judge()
	return r, nil
}

// get reads JSON, whatever the status.
func get(ctx context.Context, base, path string, into any) (code int, err error) {
	ctx, cancel := context.WithTimeout(ctx, askWithin)
	defer cancel()
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, strings.TrimSuffix(base, "/")+path, nil)
	if err != nil {
		return 0, err
	}
	answer, err := http.DefaultClient.Do(request)
	if err != nil {
		return 0, withoutURL(err)
	}
	defer answer.Body.Close()
	if kind, _, _ := mime.ParseMediaType(answer.Header.Get("Content-Type")); kind != "application/json" {
		return answer.StatusCode, ErrNoStatus
	}
	if err := json.NewDecoder(io.LimitReader(answer.Body, answerBytes)).Decode(into); err != nil {
		return answer.StatusCode, fmt.Errorf("%w: %w", ErrNoStatus, err)
	}
	return answer.StatusCode, nil
}

// withoutURL takes the address, which may hold a password, out of an error.
func withoutURL(err error) error {
	var of *url.Error
	if errors.As(err, &of) {
		return of.Err
	}
	return err
}

func redacted(base string) string {
	u, err := url.Parse(base)
	if err != nil {
		return "the address given"
	}
	return u.Redacted()
}
