package chaos

import (
	"context"
	"fmt"
	"io"
	"net/http"
	"time"

	dto "github.com/prometheus/client_model/go"
	"github.com/prometheus/common/expfmt"
	"github.com/prometheus/common/model"
)

// lookWithin bounds one look at a node; a busy one collects its garbage first.
const lookWithin = 30 * time.Second

// sample is what a node holds at a moment.
type sample struct {
	at                      time.Time
	goroutines, descriptors float64
	heap, resident          float64 // bytes; the heap after a collection
}

func (s sample) String() string {
	return fmt.Sprintf("%.0f goroutines, %.0f descriptors, %.1f MB of heap, %.0f MB resident", s.goroutines, s.descriptors, s.heap/1e6, s.resident/1e6)
}

// look has a node collect its garbage and reads its metrics.
func look(ctx context.Context, metrics string) (sample, error) {
	ctx, cancel := context.WithTimeout(ctx, lookWithin)
	defer cancel()
	if err := read(ctx, "http://"+metrics+"/debug/pprof/heap?gc=1", func(r io.Reader) error { _, err := io.Copy(io.Discard, r); return err }); err != nil {
		return sample{}, err
	}
	s := sample{at: time.Now()}
	var families map[string]*dto.MetricFamily
	err := read(ctx, "http://"+metrics+"/metrics", func(r io.Reader) (err error) {
		parser := expfmt.NewTextParser(model.UTF8Validation)
		families, err = parser.TextToMetricFamilies(r)
		return err
	})
	if err != nil {
		return s, err
	}
	for name, into := range map[string]*float64{
		"go_goroutines": &s.goroutines, "process_open_fds": &s.descriptors,
		"go_memstats_heap_alloc_bytes": &s.heap, "process_resident_memory_bytes": &s.resident,
	} {
		f := families[name]
		if f == nil || len(f.GetMetric()) != 1 {
			return s, fmt.Errorf("there is no metric %s", name)
		}
		*into = f.GetMetric()[0].GetGauge().GetValue()
	}
	return s, nil
}

// read hands on what a node answers.
func read(ctx context.Context, url string, take func(io.Reader) error) error {
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, url, nil)
	if err != nil {
		return err
	}
	answer, err := http.DefaultClient.Do(request)
	if err != nil {
		return err
	}
	defer answer.Body.Close()
	if answer.StatusCode != http.StatusOK {
		return fmt.Errorf("%s answers %s", request.URL.Path, answer.Status)
	}
	return take(answer.Body)
}
