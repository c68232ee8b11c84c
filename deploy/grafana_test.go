package deploy_test

import (
	"encoding/json"
	"fmt"
	"strings"
	"testing"
)

// panel is what the tests look at in the dashboard.
type panel struct {
	ID          int
	Type, Title string
	GridPos     struct{ X, Y, W, H int }
	Targets     []struct{ Expr string }
}

func readDashboard(t *testing.T) []panel {
	t.Helper()
	var board struct{ Panels []panel }
	if err := json.Unmarshal([]byte(read(t, "grafana/parley.json")), &board); err != nil {
		t.Fatal(err)
	}
	return board.Panels
}

// asked is a query of the dashboard as Grafana asks it.
var asked = strings.NewReplacer("$__rate_interval", "5m", "$job", "parley")

func TestTheDashboardAsksWhatPrometheusUnderstandsAndNodesShow(t *testing.T) {
	var queries []string
	for _, p := range readDashboard(t) {
		if p.Type != "row" && len(p.Targets) == 0 {
			t.Errorf("%q asks nothing", p.Title)
		}
		for _, target := range p.Targets {
			query := asked.Replace(target.Expr)
			if strings.Contains(query, "$") {
				t.Errorf("%q asks with a variable that the dashboard lacks: %s", p.Title, query)
			}
			knownTo(t, fmt.Sprintf("the panel %q", p.Title), query)
			queries = append(queries, query)
		}
	}
	if len(queries) < 50 {
		t.Fatalf("only %d queries were found", len(queries))
	}
	parse(t, queries)
}

func TestTheDashboardShowsThePromiseFirst(t *testing.T) {
	panels := readDashboard(t)
	if panels[0].Type != "row" || panels[0].Title != "The promise" {
		t.Fatalf("it begins with %q", panels[0].Title)
	}
	for i, want := range []string{`le="0.1"`, `le="0.5"`, `le="1"`, `le="3"`, `result=~"refused|unknown"`} {
		if p := panels[i+1]; !strings.Contains(p.Targets[0].Expr, want) {
			t.Errorf("panel %d asks for no %s: %s", i+1, want, p.Title)
		}
	}
}

func TestNoPanelOfTheDashboardLiesOnAnother(t *testing.T) {
	taken, ids := make(map[[2]int]string), make(map[int]bool)
	for _, p := range readDashboard(t) {
		if ids[p.ID] {
			t.Errorf("two panels have the id %d", p.ID)
		}
		ids[p.ID] = true
		if p.GridPos.X+p.GridPos.W > 24 {
			t.Errorf("%q is wider than the screen", p.Title)
		}
		for x := range p.GridPos.W {
			for y := range p.GridPos.H {
				at := [2]int{p.GridPos.X + x, p.GridPos.Y + y}
				if other := taken[at]; other != "" {
					t.Fatalf("%q lies on %q", p.Title, other)
				}
				taken[at] = p.Title
			}
		}
	}
}
