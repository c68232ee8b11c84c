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

// The results of a step of reading in a flush.
const (
	Written = "written"
	Again   = "again"
	Buried  = "buried"
)

// Metrics is what one node shows. Each has its own registry, so that several nodes fit into one process.
type Metrics struct {
	registry *prometheus.Registry
	latency  prometheus.Histogram
	sends    map[string]prometheus.Counter
	flushes  prometheus.Histogram
	flushed  map[string]prometheus.Counter
	waiting  prometheus.Gauge
	failures prometheus.Counter
}

// New builds the metrics of a node from its readers.
func New(readers ...Reader) *Metrics {
	m := &Metrics{registry: prometheus.NewPedanticRegistry()}
	m.latency = m.histogram(SendLatency, SendSeconds)
	m.sends = m.byResult(Sends, Stored, Duplicate, Rejected, Unknown)
	m.flushes = m.histogram(FlushSeconds, FlushBuckets)
	m.flushed = m.byResult(ReceiptsFlushed, Written, Again, Buried)
	m.waiting = prometheus.NewGauge(prometheus.GaugeOpts{Name: ReceiptsWaiting.Name, Help: ReceiptsWaiting.Help})
	m.failures = prometheus.NewCounter(prometheus.CounterOpts{Name: FlushFailures.Name, Help: FlushFailures.Help})
	m.registry.MustRegister(m.waiting, m.failures, collectors.NewGoCollector(), collectors.NewProcessCollector(collectors.ProcessCollectorOpts{}))
	for _, read := range readers {
		m.registry.MustRegister(reading(read))
	}
	return m
}

func (m *Metrics) histogram(of *Metric, buckets []float64) prometheus.Histogram {
	h := prometheus.NewHistogram(prometheus.HistogramOpts{Name: of.Name, Help: of.Help, Buckets: buckets})
	m.registry.MustRegister(h)
	return h
}

// byResult makes a counter for each result. One that has not happened yet is shown as 0, so that its rate is known from
// the first time on.
func (m *Metrics) byResult(of *Metric, results ...string) map[string]prometheus.Counter {
	all := prometheus.NewCounterVec(prometheus.CounterOpts{Name: of.Name, Help: of.Help}, of.Labels)
	m.registry.MustRegister(all)
	out := make(map[string]prometheus.Counter, len(results))
	for _, result := range results {
		out[result] = all.WithLabelValues(result)
	}
	return out
}

// Flush is one flush of steps of reading.
type Flush struct {
	Written, Again, Buried int
	Waiting                int // of all nodes; -1 when it is not known
	Took                   time.Duration
	Failed                 bool
}

// Flushed counts a flush.
func (m *Metrics) Flushed(f Flush) {
	for result, n := range map[string]int{Written: f.Written, Again: f.Again, Buried: f.Buried} {
		m.flushed[result].Add(float64(n))
	}
	if f.Written+f.Again+f.Buried > 0 || f.Failed {
		m.flushes.Observe(f.Took.Seconds())
	}
	if f.Failed {
		m.failures.Inc()
	}
	if f.Waiting >= 0 {
		m.waiting.Set(float64(f.Waiting))
	}
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
