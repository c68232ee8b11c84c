package main

import (
	"bytes"
	"fmt"
	"io"
	"net/http"
	"os"
	"os/exec"
	"regexp"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/parley-chat/parley/internal/port"
)

// served is a node in a process of its own, whose output goes into a pipe.
type served struct {
	*testing.T
	cmd          *exec.Cmd
	url, metrics string
	output       *os.File // the end that is read
}

func serve(t *testing.T) *served {
	t.Helper()
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	var ports [2]int
	for i := range ports {
		if ports[i], err = port.Free(); err != nil {
			t.Fatal(err)
		}
	}
	output, end, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	s := &served{T: t, url: fmt.Sprintf("http://127.0.0.1:%d", ports[0]), metrics: fmt.Sprintf("127.0.0.1:%d", ports[1]), output: output}
	s.cmd = exec.Command(self, "serve", "--host=127.0.0.1", fmt.Sprint("--port=", ports[0]), "--metrics-listen="+s.metrics, "--data="+t.TempDir())
	s.cmd.Env = append(os.Environ(), asParley+"=1")
	s.cmd.Stdout, s.cmd.Stderr = end, end
	if err := s.cmd.Start(); err != nil {
		t.Fatal(err)
	}
	end.Close()
	t.Cleanup(func() {
		output.Close()
		_ = s.cmd.Process.Kill()
		_ = s.cmd.Wait()
	})
	return s
}

// ask returns the status and the text of an answer, 0 when there is none.
func (s *served) ask(method, url string) (status int, text string) {
	request, err := http.NewRequestWithContext(s.Context(), method, url, bytes.NewBufferString(`{"username":"nobody","password":"a long password"}`))
	if err != nil {
		s.Fatal(err)
	}
	request.Header.Set("Content-Type", "application/json")
	answer, err := http.DefaultClient.Do(request)
	if err != nil {
		return 0, err.Error()
	}
	defer answer.Body.Close()
	body, err := io.ReadAll(answer.Body)
	if err != nil {
		return 0, err.Error()
	}
	return answer.StatusCode, string(body)
}

// await waits until something is so.
func (s *served) await(what string, is func() bool) {
	s.Helper()
	deadline := time.Now().Add(time.Minute)
	tick := time.NewTicker(20 * time.Millisecond)
	defer tick.Stop()
	for !is() {
		if time.Now().After(deadline) {
			s.Fatalf("%s: not after a minute", what)
		}
		<-tick.C
	}
}

func TestTheServerGoesOnWhenNobodyReadsItsOutputAnyMore(t *testing.T) {
	s := serve(t)
	s.await("ready", func() bool {
		status, _ := s.ask(http.MethodGet, s.url+"/health/ready")
		return status == http.StatusOK
	})
	if err := s.output.Close(); err != nil {
		t.Fatal(err)
	}
	dropped := regexp.MustCompile(`(?m)^chat_log_dropped_total [1-9]`)
	s.await("something to log that nobody reads", func() bool {
		// Its outcome is logged, whatever it is.
		if status, said := s.ask(http.MethodPost, s.url+"/api/auth/login"); status == 0 {
			t.Fatalf("it does not answer: %s", said)
		}
		_, metrics := s.ask(http.MethodGet, "http://"+s.metrics+"/metrics")
		return dropped.MatchString(metrics)
	})
	if status, said := s.ask(http.MethodGet, s.url+"/health/ready"); status != http.StatusOK || !strings.Contains(said, `"ok"`) {
		t.Errorf("%d %s", status, said)
	}
	if err := s.cmd.Process.Signal(syscall.SIGTERM); err != nil {
		t.Fatal(err)
	}
	if err := s.cmd.Wait(); err != nil {
		t.Errorf("it ended with %v", err)
	}
}
