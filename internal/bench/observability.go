package bench

import (
	"context"
	"fmt"
	"io"
	"net"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"time"
)

const (
	// observedTurns is how often each way of observing is measured, in turns: what else the machine does falls on all of them.
	observedTurns = 3
	// scrapeEvery is how often the metrics are read meanwhile, fifteen times as often as Prometheus does by itself.
	scrapeEvery = time.Second
)

// observed is a way of observing the server and what a load came to under it.
type observed struct {
	name    string
	env     []string
	scraped bool

	messages int
	server   time.Duration
	rates    []float64
	scrapes  int
}

// waysToObserve are none at all; what an operator has without asking for more, metrics that are read and logs as JSON at the
// level info; and traces on top, where the program has them.
func waysToObserve(ctx context.Context, c serverConfig, metrics, traces string) []*observed {
	usual := []string{"PARLEY_METRICS_LISTEN=" + metrics, "PARLEY_LOG_LEVEL=info", "PARLEY_LOG_FORMAT=json"}
	ways := []*observed{
		{name: "nothing", env: []string{"PARLEY_LOG_LEVEL=error"}},
		{name: "metrics and logs", scraped: true, env: usual},
	}
	if traced := "PARLEY_OTLP_ENDPOINT=" + traces; c.knows(ctx, traced) {
		ways = append(ways, &observed{name: "metrics, logs and traces", scraped: true, env: append(slices.Clone(usual), traced)})
	}
	return ways
}

// measureObservability is P1 with and without what an operator sees of it.
func measureObservability(ctx context.Context, r *run, s *Scenario) error {
	port, err := freePort()
	if err != nil {
		return err
	}
	metrics := net.JoinHostPort("127.0.0.1", strconv.Itoa(port))
	traces, err := startCollector(ctx)
	if err != nil {
		return err
	}
	defer traces.close()
	ways := waysToObserve(ctx, r.config, metrics, traces.url)
	defer func() { r.config.env = nil }()
	for turn := range observedTurns {
		for i := range ways {
			// Who is first in a turn is another one each time.
			way := ways[(i+turn)%len(ways)]
			r.config.env = way.env
			if err := way.measure(ctx, r, s, metrics); err != nil {
				return fmt.Errorf("with %s: %w", way.name, err)
			}
		}
	}
	bare := ways[0]
	for _, way := range ways[1:] {
		s.Rows = append(s.Rows,
			floor("confirmed, with "+way.name, median(way.rates), "msg/s", "with "+bare.name, median(bare.rates), 0.95),
			ceiling("CPU a message, with "+way.name, micros(way.server, way.messages), "µs", "with "+bare.name, micros(bare.server, bare.messages), 1.05))
		s.Notes = append(s.Notes, fmt.Sprintf("with %s: %s msg/s in its turns, with %s: %s; the metrics were read %d times",
			way.name, rates(way.rates), bare.name, rates(bare.rates), way.scrapes))
	}
	s.Notes = append(s.Notes, fmt.Sprintf("%d requests with traces came to the collector, %.1f MB", traces.requests.Load(), float64(traces.bytes.Load())/1e6))
	return nil
}

// measure takes one turn.
func (w *observed) measure(ctx context.Context, r *run, s *Scenario, metrics string) error {
	return r.on(ctx, s, 1, func(nodes servers) (*load, error) {
		l, err := join(ctx, nodes, r.talks(s), 10)
		if err != nil {
			return nil, err
		}
		stop := func() int { return 0 }
		if w.scraped {
			stop = scrape(ctx, metrics)
		}
		m, err := l.closedLoop(l.chatters, r.during/observedTurns, nodes, r.postgres)
		w.scrapes += stop()
		w.messages, w.server, w.rates = w.messages+m.messages, w.server+m.cpu.Server, append(w.rates, m.rate)
		// The conversations hold what the turns before have left: what was confirmed is with every client, which the loop saw to.
		return nil, err
	})
}

// scrape reads metrics as Prometheus does, until stop is called, which says how often it could.
func scrape(ctx context.Context, metrics string) (stop func() int) {
	ctx, cancel := context.WithCancel(ctx)
	done := make(chan int, 1)
	go func() {
		tick := time.NewTicker(scrapeEvery)
		defer tick.Stop()
		n := 0
		for {
			if readMetrics(ctx, metrics) == nil {
				n++
			}
			select {
			case <-tick.C:
			case <-ctx.Done():
				done <- n
				return
			}
		}
	}()
	return func() int { cancel(); return <-done }
}

func readMetrics(ctx context.Context, metrics string) error {
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, "http://"+metrics+"/metrics", nil)
	if err != nil {
		return err
	}
	answer, err := http.DefaultClient.Do(request)
	if err != nil {
		return err
	}
	defer answer.Body.Close()
	_, err = io.Copy(io.Discard, answer.Body)
	return err
}

// median is the middle of some figures.
func median(figures []float64) float64 {
	sorted := slices.Sorted(slices.Values(figures))
	return sorted[len(sorted)/2]
}

// rates lists the rates of turns.
func rates(of []float64) string {
	var out []string
	for _, rate := range of {
		out = append(out, number(rate))
	}
	return strings.Join(out, ", ")
}
