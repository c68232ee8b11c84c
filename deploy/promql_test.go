package deploy_test

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"go.yaml.in/yaml/v3"

	"github.com/parley-chat/parley/internal/limit"
	"github.com/parley-chat/parley/internal/obs"
)

// promtool runs Prometheus' own tool and returns what it says.
func promtool(t *testing.T, args ...string) {
	t.Helper()
	if _, err := exec.LookPath("promtool"); err != nil {
		t.Fatal("no promtool on this machine; `make deps` installs it")
	}
	if out, err := exec.Command("promtool", args...).CombinedOutput(); err != nil {
		t.Fatalf("promtool %s: %v\n%s", strings.Join(args, " "), err, out)
	}
}

var (
	quoted    = regexp.MustCompile(`"[^"]*"`)
	selector  = regexp.MustCompile(`\b((?:chat|go|process)_\w+)(?:\{([^}]*)\})?`)
	matcher   = regexp.MustCompile(`(\w+)\s*(=~|!=|!~|=)\s*"([^"]*)"`)
	groupings = regexp.MustCompile(`\b(?:by|on|ignoring|without|group_left|group_right)\s*\(([^)]*)\)`)
	plain     = regexp.MustCompile(`^[\w-]+$`)
	histogram = regexp.MustCompile(`_(bucket|sum|count)$`)
)

// ofScrapes are the labels that Prometheus gives what it scrapes.
var ofScrapes = []string{"job", "instance"}

// knownTo fails when an expression asks for a metric, a label or a value of one that no node shows.
func knownTo(t *testing.T, where, expr string) {
	t.Helper()
	labels := slices.Clone(ofScrapes)
	found := selector.FindAllStringSubmatch(expr, -1)
	for _, f := range found {
		name, matchers := f[1], f[2]
		if !strings.HasPrefix(name, "chat_") {
			if !slices.Contains(fromLibrary(t), name) {
				t.Errorf("%s: the Prometheus library shows no %s", where, name)
			}
			continue
		}
		m := metricOf(name)
		if m == nil {
			t.Errorf("%s: there is no metric %s", where, name)
			continue
		}
		own := slices.Clone(m.Labels)
		if strings.HasSuffix(name, "_bucket") {
			own = append(own, "le")
		}
		labels = append(labels, own...)
		for _, match := range matcher.FindAllStringSubmatch(matchers, -1) {
			label, value := match[1], match[3]
			switch {
			case slices.Contains(ofScrapes, label):
			case !slices.Contains(own, label):
				t.Errorf("%s: %s has no label %s", where, name, label)
			default:
				knownValue(t, where, m, label, value)
			}
		}
	}
	for _, g := range groupings.FindAllStringSubmatch(expr, -1) {
		for label := range strings.SplitSeq(g[1], ",") {
			if label = strings.TrimSpace(label); label != "" && !slices.Contains(labels, label) {
				t.Errorf("%s: it groups by %s, which none of its metrics has", where, label)
			}
		}
	}
	if len(found) == 0 && !strings.Contains(quoted.ReplaceAllString(expr, ""), "up{") {
		t.Errorf("%s: it asks for nothing of ours: %s", where, expr)
	}
}

// metricOf finds a metric by the name of one of its series. Only a histogram has more than one.
func metricOf(series string) *obs.Metric {
	for _, m := range obs.All() {
		if m.Kind != obs.Histogram && m.Name == series || m.Kind == obs.Histogram && histogram.MatchString(series) && m.Name == histogram.ReplaceAllString(series, "") {
			return m
		}
	}
	return nil
}

// knownValue holds what a matcher asks for against what the help of the metric says that there is, and rules against the limits.
func knownValue(t *testing.T, where string, m *obs.Metric, label, value string) {
	t.Helper()
	if label == "le" {
		return
	}
	if label == "rule" {
		if !slices.ContainsFunc(limit.Defaults().All(), func(r limit.Rule) bool { return regexp.MustCompile("^(?:" + value + ")$").MatchString(r.Name) }) {
			t.Errorf("%s: there is no rate limit %q", where, value)
		}
		return
	}
	for one := range strings.SplitSeq(value, "|") {
		if plain.MatchString(one) && !regexp.MustCompile(`\b`+one+`\b`).MatchString(m.Help) {
			t.Errorf("%s: %s is never %s=%q as far as its help says", where, m.Name, label, one)
		}
	}
}

// fromLibrary are the metrics of the runtime and of the process.
func fromLibrary(t *testing.T) []string {
	t.Helper()
	families, err := obs.New(nil).Gatherer().Gather()
	if err != nil {
		t.Fatal(err)
	}
	var names []string
	for _, f := range families {
		names = append(names, f.GetName())
	}
	return names
}

// parse has Prometheus read queries, as rules that record them.
func parse(t *testing.T, queries []string) {
	t.Helper()
	type rule struct {
		Record string `yaml:"record"`
		Expr   string `yaml:"expr"`
	}
	var rules []rule
	for i, q := range queries {
		rules = append(rules, rule{fmt.Sprintf("query_%d", i), q})
	}
	text, err := yaml.Marshal(map[string]any{"groups": []map[string]any{{"name": "queries", "rules": rules}}})
	if err != nil {
		t.Fatal(err)
	}
	path := filepath.Join(t.TempDir(), "queries.yaml")
	if err := os.WriteFile(path, text, 0o600); err != nil {
		t.Fatal(err)
	}
	promtool(t, "check", "rules", path)
}
