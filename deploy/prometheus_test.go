package deploy_test

import (
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
