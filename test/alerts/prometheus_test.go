package alerts_test

import (
	"context"
	"encoding/json"
	"fmt"
	"net"
	"net/http"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"syscall"
	"testing"
	"time"

	"github.com/parley-chat/parley/internal/port"
)

const (
	// patience is how long a test waits for what must come, on a machine that has more to do.
	patience = 2 * time.Minute
	// askEvery is how often Prometheus is asked: it tells nobody by itself.
	askEvery = 200 * time.Millisecond
)

// prometheus is one that runs.
type prometheus struct {
	t   *testing.T
	url string
	log string
}

// watch starts a Prometheus as it is deployed, for these nodes, and in haste. It is gone when the test ends.
func watch(t *testing.T, targets []string) *prometheus {
	t.Helper()
	if _, err := exec.LookPath("prometheus"); err != nil {
		t.Fatal("no prometheus on this machine; `make deps` installs it")
	}
	free, err := port.Free()
	if err != nil {
		t.Fatal(err)
	}
	folder := t.TempDir()
	config := filepath.Join(folder, "prometheus.yml")
	write(t, config, directed(deployed(t, "prometheus.yml"), targets))
	write(t, filepath.Join(folder, "alerts.yaml"), hastened(deployed(t, "alerts.yaml")))
	address := net.JoinHostPort("127.0.0.1", strconv.Itoa(free))
	p := &prometheus{t: t, url: "http://" + address, log: filepath.Join(folder, "prometheus.log")}
	log, err := os.Create(p.log)
	if err != nil {
		t.Fatal(err)
	}
	defer log.Close()
	cmd := exec.Command("prometheus", "--config.file="+config, "--storage.tsdb.path="+filepath.Join(folder, "data"), "--web.listen-address="+address)
	cmd.Stdout, cmd.Stderr = log, log
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true, Pdeathsig: syscall.SIGKILL}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		_ = cmd.Process.Kill()
		_ = cmd.Wait()
	})
	p.eventually("Prometheus being ready", func() (bool, string) {
		answer, err := http.Get(p.url + "/-/ready")
		if err != nil {
			return false, err.Error()
		}
		answer.Body.Close()
		return answer.StatusCode == http.StatusOK, answer.Status
	})
	return p
}

// eventually asks until something is so.
func (p *prometheus) eventually(what string, so func() (bool, string)) {
	p.t.Helper()
	tick := time.NewTicker(askEvery)
	defer tick.Stop()
	for began := time.Now(); ; <-tick.C {
		is, now := so()
		if is {
			return
		}
		if time.Since(began) > patience {
			log, _ := os.ReadFile(p.log)
			p.t.Fatalf("waited %s for %s; there is: %s\nThe log ends with:\n%s", patience, what, now, log[max(0, len(log)-2000):])
		}
	}
}

// ask asks the API and returns its data.
func ask[T any](p *prometheus, path string) (data T, err error) {
	ctx, cancel := context.WithTimeout(p.t.Context(), 10*time.Second)
	defer cancel()
	r, err := http.NewRequestWithContext(ctx, http.MethodGet, p.url+"/api/v1/"+path, nil)
	if err != nil {
		return data, err
	}
	answer, err := http.DefaultClient.Do(r)
	if err != nil {
		return data, err
	}
	defer answer.Body.Close()
	var body struct {
		Status string `json:"status"`
		Error  string `json:"error"`
		Data   T      `json:"data"`
	}
	if err := json.NewDecoder(answer.Body).Decode(&body); err != nil {
		return data, err
	}
	if body.Status != "success" {
		return data, fmt.Errorf("%s: %s", path, body.Error)
	}
	return body.Data, nil
}

// alert is one that is pending or firing.
type alert struct {
	Labels      map[string]string `json:"labels"`
	Annotations map[string]string `json:"annotations"`
	State       string            `json:"state"`
	Value       string            `json:"value"`
}

func (p *prometheus) alerts() []alert {
	p.t.Helper()
	data, err := ask[struct {
		Alerts []alert `json:"alerts"`
	}](p, "alerts")
	if err != nil {
		p.t.Fatal(err)
	}
	return data.Alerts
}

// named are those of a name.
func (p *prometheus) named(name string) (out []alert) {
	p.t.Helper()
	for _, a := range p.alerts() {
		if a.Labels["alertname"] == name {
			out = append(out, a)
		}
	}
	return out
}

// sample is a series at one moment.
type sample struct {
	Labels map[string]string `json:"metric"`
	Value  [2]any            `json:"value"` // when, and the number as text
}

func (s sample) number() float64 {
	text, _ := s.Value[1].(string)
	n, err := strconv.ParseFloat(text, 64)
	if err != nil {
		panic(err)
	}
	return n
}

func (p *prometheus) query(expression string) []sample {
	p.t.Helper()
	data, err := ask[struct {
		Result []sample `json:"result"`
	}](p, "query?query="+url.QueryEscape(expression))
	if err != nil {
		p.t.Fatal(err)
	}
	return data.Result
}
