package app_test

import (
	"bytes"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/parley-chat/parley/internal/app"
	"github.com/parley-chat/parley/internal/config"
)

func TestAPipeThatNobodyReadsHoldsUpNoMessage(t *testing.T) {
	read, write, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	defer write.Close()
	out := app.NewLogWriter(write)
	c := settings(t, "PARLEY_DATA="+filepath.Join(t.TempDir(), "data"), "PARLEY_LOG_LEVEL=debug", "PARLEY_LOG_FORMAT=json", "PARLEY_LOG_SAMPLE=0")
	log := app.NewLog(&c.Config, out)
	for i := 0; out.Dropped() == 0; i++ {
		log.Info("pipe.full", "text", strings.Repeat("x", 1000))
		if i > 10_000 {
			t.Fatal("the pipe and what waits for it are never full")
		}
	}
	built, err := app.New(t.Context(), c, "test", log)
	if err != nil {
		t.Fatal(err)
	}
	n := start(t, built)
	ada, bert := join(t, n, "ada"), join(t, n, "bert")
	id := direct(t, ada, bert)
	say(t, ada, id, "it goes on")
	if _, metrics := get(t, "http://"+n.MetricsAddress()+"/metrics"); !strings.Contains(metrics, "\nchat_log_dropped_total ") || strings.Contains(metrics, "\nchat_log_dropped_total 0\n") {
		t.Error("the metrics do not say that entries were dropped")
	}
	n.stop(t)
	if out.Flush(10 * time.Millisecond) {
		t.Error("all is written to a pipe that nobody reads")
	}
	read.Close()
	if !out.Flush(time.Minute) {
		t.Error("a pipe that is closed is waited for")
	}
}

func TestWhatIsLoggedIsWrittenWholeAndInItsOrder(t *testing.T) {
	var to bytes.Buffer
	out := app.NewLogWriter(&to)
	for i := range 1000 {
		fmt.Fprintf(out, "%d\n", i)
	}
	if !out.Flush(time.Minute) {
		t.Fatal("it is not written")
	}
	lines := strings.Split(strings.TrimSpace(to.String()), "\n")
	for i, line := range lines {
		if line != fmt.Sprint(i) {
			t.Fatalf("line %d is %q", i, line)
		}
	}
	if len(lines) != 1000 || out.Dropped() != 0 {
		t.Errorf("%d lines, %d dropped", len(lines), out.Dropped())
	}
}

func TestAnEventThatComesInThousandsIsSampledAndItsFailuresLess(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var out bytes.Buffer
		c := config.Defaults()
		c.LogFormat, c.LogSample = "json", 10
		log := app.NewLog(&c, &out)
		second := func() {
			for range 1000 {
				log.Info("message.sent")
				log.Warn("message.failed")
			}
			log.Error("message.failed")
			log.Info("node.draining")
		}
		for range 3 {
			second()
			time.Sleep(time.Second)
		}
		log.Info("node.stopped")
		for entry, want := range map[string]int{`"event":"message.sent"`: 30, `"event":"message.failed"`: 153, `"event":"node.draining"`: 3, `"event":"node.stopped"`: 1} {
			if got := strings.Count(out.String(), entry); got != want {
				t.Errorf("%s is logged %d times, not %d", entry, got, want)
			}
		}
		for _, said := range []string{`"data":{"of":"message.sent","leftOut":990}`, `"data":{"of":"message.failed","leftOut":950}`} {
			if got := strings.Count(out.String(), said); got != 3 {
				t.Errorf("%s is said %d times, not 3:\n", said, got)
			}
		}
	})
}

func TestEverythingIsLoggedWhereNothingIsToBeSampled(t *testing.T) {
	var out bytes.Buffer
	c := config.Defaults()
	c.LogFormat, c.LogSample = "json", 0
	log := app.NewLog(&c, &out)
	for range 5000 {
		log.LogAttrs(t.Context(), slog.LevelInfo, "message.sent")
	}
	if got := strings.Count(out.String(), "\n"); got != 5000 {
		t.Errorf("%d entries", got)
	}
}

func TestWhatCannotBeWrittenIsCounted(t *testing.T) {
	read, write, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	defer write.Close()
	if err := read.Close(); err != nil {
		t.Fatal(err)
	}
	out := app.NewLogWriter(write)
	fmt.Fprintln(out, "nobody reads this")
	if !out.Flush(5*time.Second) || out.Dropped() != 1 {
		t.Errorf("%d entries are counted as dropped", out.Dropped())
	}
}
