package obs

import (
	"net/http"
	"sync/atomic"
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
	Refused   = "refused"
	Unknown   = "unknown"
)

// The results of a step of reading in a flush.
const (
	Written = "written"
	Again   = "again"
	Buried  = "buried"
)

// Where work was when a fault ended it.
const (
	InWebSocket = "websocket"
	InHTTP      = "http"
	InRules     = "rules"
	InHub       = "hub"
)

// What HTTP requests do, and how they were answered.
const (
	reads, writes = "read", "write"
)

var statuses = []string{"2xx", "3xx", "4xx", "5xx", canceled}

// canceled is the status of a request whose client had gone before it was answered, and clientGone the number that stands for it.
const (
	canceled   = "canceled"
	clientGone = 499
)

// Metrics is what one node shows. Each has its own registry, so that several nodes fit into one process.
type Metrics struct {
	registry *prometheus.Registry

	sends, flushed, limited, panics *tally
	requests                        map[string]*tally // of each method, by status
	took                            map[string]*distribution
	sending, batches, commits       *distribution
	deliveries, lags, flushes       *distribution
	waiting                         atomic.Int64
	failedFlushes, failedBatches    atomic.Uint64
}

// New builds the metrics of a node with these rate limits from its readers.
func New(rules []string, readers ...Reader) *Metrics {
	m := &Metrics{
		registry: prometheus.NewPedanticRegistry(),
		sends:    tallyOf(Sends, Stored, Duplicate, Rejected, Refused, Unknown),
		flushed:  tallyOf(ReceiptsFlushed, Written, Again, Buried),
		limited:  tallyOf(Limited, rules...),
		panics:   tallyOf(Panics, InWebSocket, InHTTP, InRules, InHub),
		requests: make(map[string]*tally), took: make(map[string]*distribution),
		sending: distribute(SendLatency, nanoseconds),
		batches: distribute(BatchMessages, 1), commits: distribute(BatchCommit, nanoseconds),
		deliveries: distribute(DeliveryLatency, nanoseconds), lags: distribute(BusLag, nanoseconds),
		flushes: distribute(FlushSeconds, nanoseconds),
	}
	for _, method := range []string{reads, writes} {
		m.requests[method] = tallyOf(Requests, statuses...)
		m.took[method] = distribute(RequestLatency, nanoseconds, method)
	}
	m.registry.MustRegister(counted{m}, collectors.NewGoCollector(), collectors.NewProcessCollector(collectors.ProcessCollectorOpts{}))
	for _, read := range readers {
		m.registry.MustRegister(reading(read))
	}
	return m
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
	m.flushed.add(Written, f.Written)
	m.flushed.add(Again, f.Again)
	m.flushed.add(Buried, f.Buried)
	if f.Written+f.Again+f.Buried > 0 || f.Failed {
		m.flushes.add(int64(f.Took), 1)
	}
	if f.Failed {
		m.failedFlushes.Add(1)
	}
	if f.Waiting >= 0 {
		m.waiting.Store(int64(f.Waiting))
	}
}

// Sent counts an answered send. result is one of the constants above. One that was refused, or whose outcome is unknown, was not
// confirmed within the time that it took, and perhaps never: it counts above all buckets, so that no share of the confirmed has it.
func (m *Metrics) Sent(result string, took time.Duration) {
	m.sends.add(result, 1)
	switch result {
	case Stored:
		m.sending.add(int64(took), 1)
	case Refused, Unknown:
		m.sending.never(int64(took))
	}
}

// Committed counts a batch that the store took, or failed to.
func (m *Metrics) Committed(messages int, took time.Duration, failed bool) {
	m.batches.add(int64(messages), 1)
	m.commits.add(int64(took), 1)
	if failed {
		m.failedBatches.Add(1)
	}
}

// Delivered counts messages of one conversation that were handed to sessions so long after their commit.
func (m *Metrics) Delivered(messages int, after time.Duration) {
	m.deliveries.add(int64(after), messages)
}

// Heard counts an envelope of messages that were committed on another node so long ago.
func (m *Metrics) Heard(lag time.Duration) { m.lags.add(int64(lag), 1) }

// Answered counts an HTTP request. The status 499 says that its client had gone before it was answered.
func (m *Metrics) Answered(method string, status int, took time.Duration) {
	does := writes
	if method == http.MethodGet || method == http.MethodHead || method == http.MethodOptions {
		does = reads
	}
	class := statuses[min(max(status/100, 2), 5)-2]
	if status == clientGone {
		class = canceled
	}
	m.requests[does].add(class, 1)
	m.took[does].add(int64(took), 1)
}

// Limited counts what the rule of that name refused.
func (m *Metrics) Limited(rule string) { m.limited.add(rule, 1) }

// Panicked counts a fault of the program; where is one of the constants above.
func (m *Metrics) Panicked(where string) { m.panics.add(where, 1) }

// Handler serves the metrics in Prometheus' format.
func (m *Metrics) Handler() http.Handler {
	return promhttp.HandlerFor(m.registry, promhttp.HandlerOpts{MaxRequestsInFlight: 4})
}

// Gatherer reads all metrics at once.
func (m *Metrics) Gatherer() prometheus.Gatherer { return m.registry }

// counted shows what was counted when it happened.
type counted struct{ *Metrics }

func (counted) Describe(chan<- *prometheus.Desc) {}

func (m counted) Collect(out chan<- prometheus.Metric) {
	emit := into(out)
	for _, t := range []*tally{m.sends, m.flushed, m.limited, m.panics} {
		t.read(emit)
	}
	for _, d := range []*distribution{m.sending, m.batches, m.commits, m.deliveries, m.lags, m.flushes} {
		out <- d.read()
	}
	for method, t := range m.requests {
		t.read(func(of *Metric, value float64, status ...string) { emit(of, value, method, status[0]) })
		out <- m.took[method].read()
	}
	emit(ReceiptsWaiting, float64(m.waiting.Load()))
	emit(FlushFailures, float64(m.failedFlushes.Load()))
	emit(BatchFailures, float64(m.failedBatches.Load()))
}

// reading lets a [Reader] be asked by the registry. It describes nothing beforehand, which the library calls
// unchecked: what it emits is checked when it is gathered.
type reading Reader

func (reading) Describe(chan<- *prometheus.Desc) {}

func (r reading) Collect(out chan<- prometheus.Metric) { r(into(out)) }

// into makes samples of what is emitted.
func into(out chan<- prometheus.Metric) Emit {
	return func(m *Metric, value float64, labels ...string) {
		kind := prometheus.GaugeValue
		if m.Kind == Counter {
			kind = prometheus.CounterValue
		}
		sample, err := prometheus.NewConstMetric(m.desc, kind, value, labels...)
		if err != nil {
			sample = prometheus.NewInvalidMetric(m.desc, err)
		}
		out <- sample
	}
}
