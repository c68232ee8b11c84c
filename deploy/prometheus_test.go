package deploy_test

import (
	"cmp"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"go.yaml.in/yaml/v3"
)

// alert is a rule of alerts.yaml.
type alert struct {
	Alert, Expr, For    string
	Labels, Annotations map[string]string
}

func readAlerts(t *testing.T) []alert {
	t.Helper()
	var file struct {
		Groups []struct {
			Name  string
			Rules []alert
		}
	}
	if err := yaml.Unmarshal([]byte(read(t, "prometheus/alerts.yaml")), &file); err != nil {
		t.Fatal(err)
	}
	var all []alert
	for _, g := range file.Groups {
		all = append(all, g.Rules...)
	}
	if len(all) < 20 {
		t.Fatalf("only %d alerts were found", len(all))
	}
	return all
}

func TestPrometheusTakesItsFiles(t *testing.T) {
	promtool(t, "check", "rules", "prometheus/alerts.yaml")
	promtool(t, "check", "config", "prometheus/prometheus.yml")
	promtool(t, "check", "config", "prometheus/kubernetes.yml")
}

func TestPrometheusLooksWhereTheNodesAre(t *testing.T) {
	var static struct {
		Scrapes []struct {
			Job   string                       `yaml:"job_name"`
			Names []struct{ Targets []string } `yaml:"static_configs"`
		} `yaml:"scrape_configs"`
	}
	if err := yaml.Unmarshal([]byte(read(t, "prometheus/prometheus.yml")), &static); err != nil {
		t.Fatal(err)
	}
	if len(static.Scrapes) != 1 || static.Scrapes[0].Job != "parley" {
		t.Fatalf("it scrapes %+v", static.Scrapes)
	}
	var nodes []string
	for name, s := range readCompose(t).Services {
		if _, port, _ := strings.Cut(s.Environment["PARLEY_METRICS_LISTEN"], ":"); s.Image == "parley" {
			nodes = append(nodes, name+":"+port)
		}
	}
	slices.Sort(nodes)
	if got := static.Scrapes[0].Names[0].Targets; !slices.Equal(got, nodes) {
		t.Errorf("it scrapes %v, and compose starts %v", got, nodes)
	}
	pods, found := read(t, "kubernetes/parley.yaml"), read(t, "prometheus/kubernetes.yml")
	if !strings.Contains(pods, "name: metrics, containerPort: 9090") || !strings.Contains(pods, "\n  name: parley-metrics\n") ||
		!strings.Contains(found, "names: [parley-metrics], type: A, port: 9090") {
		t.Error("the pods are not where it looks for them")
	}
}

func TestEveryAlertFiresWhenItShouldAndClears(t *testing.T) {
	promtool(t, "test", "rules", "prometheus/alerts_test.yaml")
	var file struct {
		Tests []struct {
			Name   string
			Alerts []struct {
				Alertname string
				Exp       []any `yaml:"exp_alerts"`
			} `yaml:"alert_rule_test"`
			Exprs []struct {
				Expr string
				Exp  []struct{ Value float64 } `yaml:"exp_samples"`
			} `yaml:"promql_expr_test"`
		}
	}
	if err := yaml.Unmarshal([]byte(read(t, "prometheus/alerts_test.yaml")), &file); err != nil {
		t.Fatal(err)
	}
	tried := make(map[string][]bool)
	for _, one := range file.Tests {
		for _, a := range one.Alerts {
			tried[a.Alertname] = append(tried[a.Alertname], len(a.Exp) > 0)
		}
		for _, e := range one.Exprs {
			if !strings.Contains(e.Expr, `ALERTS{alertname="`+one.Name+`",alertstate="firing"}`) || len(e.Exp) != 1 {
				t.Errorf("%s is not tried by %s", one.Name, e.Expr)
				continue
			}
			tried[one.Name] = append(tried[one.Name], e.Exp[0].Value > 0)
		}
	}
	for _, a := range readAlerts(t) {
		if !slices.Equal(tried[a.Alert], []bool{false, true, false}) {
			t.Errorf("%s is not tried while all is well, when it should fire, and when all is well again: %v", a.Alert, tried[a.Alert])
		}
	}
}

func TestTheAlertsOfThePlanAreKept(t *testing.T) {
	for _, a := range readAlerts(t) {
		if a.Alert != "MessageDeliverySlow" {
			continue
		}
		if a.For != "5m" || a.Labels["severity"] != "critical" || a.Annotations["summary"] != "Message delivery p95 > 3 seconds" ||
			a.Annotations["description"] != "{{ $value }}s latency, users experiencing delays" {
			t.Errorf("it is %+v", a)
		}
		return
	}
	t.Error("MessageDeliverySlow is missing")
}

func TestAlertsAskForMetricsThatThereAreAndTellAllThatPeopleNeed(t *testing.T) {
	for _, a := range readAlerts(t) {
		knownTo(t, a.Alert, a.Expr)
		if s := a.Labels["severity"]; s != "critical" && s != "warning" {
			t.Errorf("%s has the severity %q", a.Alert, s)
		}
		for _, needed := range []string{"summary", "description"} {
			if a.Annotations[needed] == "" {
				t.Errorf("%s has no %s", a.Alert, needed)
			}
		}
		if url := a.Annotations["runbook_url"]; url != "https://github.com/parley-chat/parley/blob/main/docs/runbooks/"+a.Alert+".md" {
			t.Errorf("%s has the runbook %s", a.Alert, url)
		}
	}
}

func TestEveryAlertHasARunbookAndEveryRunbookAnAlert(t *testing.T) {
	pages, err := filepath.Glob("../docs/runbooks/*.md")
	if err != nil {
		t.Fatal(err)
	}
	index := read(t, "../docs/runbooks/README.md")
	var names, queries []string
	for _, page := range pages {
		name := strings.TrimSuffix(filepath.Base(page), ".md")
		if name == "README" {
			continue
		}
		names = append(names, name)
		text := read(t, page)
		if n := strings.Count(text, "\n"); n > 50 {
			t.Errorf("the runbook of %s has %d lines: a screen has fewer", name, n)
		}
		for _, heading := range []string{"# " + name, "## See it", "## Likely causes", "## What to do", "## What not to do"} {
			if !strings.Contains(text, heading+"\n") {
				t.Errorf("the runbook of %s has no %q", name, heading)
			}
		}
		_, block, _ := strings.Cut(text, "```promql\n")
		block, _, _ = strings.Cut(block, "```")
		for query := range strings.Lines(block) {
			knownTo(t, "the runbook of "+name, query)
			queries = append(queries, strings.TrimSpace(query))
		}
	}
	parse(t, queries)
	for _, a := range readAlerts(t) {
		if !slices.Contains(names, a.Alert) {
			t.Errorf("%s has no runbook", a.Alert)
		}
		wait := cmp.Or(a.For, "–")
		if row := "| [" + a.Alert + "](" + a.Alert + ".md) | " + a.Labels["severity"] + " | " + wait + " | " + a.Annotations["summary"] + " |\n"; !strings.Contains(index, row) {
			t.Errorf("the list of runbooks lacks the row\n%s", row)
		}
		names = slices.DeleteFunc(names, func(n string) bool { return n == a.Alert })
	}
	if len(names) > 0 {
		t.Errorf("no alert leads to the runbooks %v", names)
	}
}
