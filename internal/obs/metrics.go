package obs

import (
	"net/http"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/collectors"
	"github.com/prometheus/client_golang/prometheus/promhttp"
)

// Emit says what a metric stands at, with the values of its labels in their order.
type Emit func(m *Metric, value float64, labels ...string)

// Reader reads what is to be shown at this moment and emits it. It may be called by several goroutines at
// once and must not wait.
type Reader func(Emit)

// The results of a send.
const (
	Stored    = "stored"
	Duplicate = "duplicate"
	Rejected  = "rejected"
	Unknown   = "unknown"
)

// Metrics is what one node shows. Each has its own registry, so that several nodes fit into one process.
type Metrics struct {
	registry *prometheus.Registry
	latency  prometheus.Histogram
	sends    map[string]prometheus.Counter
}

// New builds the metrics of a node from its readers.
func New(readers ...Reader) *Metrics {
	m := &Metrics{registry: prometheus.NewPedanticRegistry(), sends: make(map[string]prometheus.Counter)}
	m.latency = prometheus.NewHistogram(prometheus.HistogramOpts{Name: SendLatency.Name, Help: SendLatency.Help, Buckets: SendSeconds})
	sends := prometheus.NewCounterVec(prometheus.CounterOpts{Name: Sends.Name, Help: Sends.Help}, Sends.Labels)
	for _, result := range []string{Stored, Duplicate, Rejected, Unknown} {
		// One that has not happened yet is shown as 0, so that its rate is known from the first time on.
		m.sends[result] = sends.WithLabelValues(result)
	}
	m.registry.MustRegister(m.latency, sends, collectors.NewGoCollector(), collectors.NewProcessCollector(collectors.ProcessCollectorOpts{}))
	for _, read := range readers {
		m.registry.MustRegister(reading(read))
	}
	return m
}

// Sent counts an answered send. result is one of the constants above.
func (m *Metrics) Sent(result string, took time.Duration) {
	m.sends[result].Inc()
	if result == Stored || result == Unknown {
		m.latency.Observe(took.Seconds())
	}
}

// Handler serves the metrics in Prometheus' format.
func (m *Metrics) Handler() http.Handler {
	return promhttp.HandlerFor(m.registry, promhttp.HandlerOpts{MaxRequestsInFlight: 4})
}

// Gatherer reads all metrics at once.
func (m *Metrics) Gatherer() prometheus.Gatherer { return m.registry }

// reading lets a [Reader] be asked by the registry. It describes nothing beforehand, which the library calls
// unchecked: what it emits is checked when it is gathered.
type reading Reader

func (reading) Describe(chan<- *prometheus.Desc) {}

func (r reading) Collect(out chan<- prometheus.Metric) {
	r(func(m *Metric, value float64, labels ...string) {
		kind := prometheus.GaugeValue
		if m.Kind == Counter {
			kind = prometheus.CounterValue
		}
		sample, err := prometheus.NewConstMetric(m.desc, kind, value, labels...)
		if err != nil {
			sample = prometheus.NewInvalidMetric(m.desc, err)
		}
		out <- sample
	})
}
