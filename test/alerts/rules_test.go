package alerts_test

import (
	"os"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"testing"
	"time"
)

// haste is how many times faster the rules weigh here: a minute is three seconds. Everything else of them is as operators
// have it.
const haste = 20

// shortest is the shortest window: a rate needs two scrapes, and one more where one was late.
const shortest = 5 * time.Second

var (
	waits   = regexp.MustCompile(`(?m)^(\s*(?:for|keep_firing_for|interval):\s*)(\d+[smhd])\s*$`)
	windows = regexp.MustCompile(`\[\d+[smhd]\]`)
	lengths = regexp.MustCompile(`(\d+)([smhd])`)
	units   = map[string]time.Duration{"s": time.Second, "m": time.Minute, "h": time.Hour, "d": 24 * time.Hour}

	rounds = regexp.MustCompile(`(?m)^(\s*(?:scrape_interval|scrape_timeout|evaluation_interval):\s*)\S+$`)
	nodes  = regexp.MustCompile(`(?m)^(\s*- targets:\s*).*$`)
)

// deployed is a file as it is deployed.
func deployed(t *testing.T, name string) string {
	t.Helper()
	text, err := os.ReadFile(filepath.Join("..", "..", "deploy", "prometheus", name))
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}

func write(t *testing.T, path, text string) {
	t.Helper()
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
}

// directed is a configuration for these nodes, which are looked at each second.
func directed(config string, targets []string) string {
	config = rounds.ReplaceAllString(config, "${1}1s")
	return nodes.ReplaceAllString(config, `${1}["`+strings.Join(targets, `", "`)+`"]`)
}

// hastened are rules that look back less far, and wait less long before they fire.
func hastened(rules string) string {
	rules = waits.ReplaceAllStringFunc(rules, func(line string) string {
		found := waits.FindStringSubmatch(line)
		return found[1] + shorter(found[2], time.Second)
	})
	return windows.ReplaceAllStringFunc(rules, func(window string) string {
		return "[" + shorter(window[1:len(window)-1], shortest) + "]"
	})
}

func shorter(length string, least time.Duration) string {
	found := lengths.FindStringSubmatch(length)
	n, err := strconv.Atoi(found[1])
	if err != nil {
		panic(err)
	}
	short := time.Duration(n) * units[found[2]] / haste
	return strconv.FormatInt(max(short, least).Milliseconds(), 10) + "ms"
}

func TestTheRulesAreHastenedAndOtherwiseAsTheyAre(t *testing.T) {
	got := hastened("      expr: rate(chat_x_total[5m]) / rate(chat_y_total[30s]) > 3\n      for: 10m\n      description: for 5m\n")
	want := "      expr: rate(chat_x_total[15000ms]) / rate(chat_y_total[5000ms]) > 3\n      for: 30000ms\n      description: for 5m\n"
	if got != want {
		t.Errorf("hastened are\n%swant\n%s", got, want)
	}
}
