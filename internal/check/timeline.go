package check

import (
	_ "embed"
	"fmt"
	"html/template"
	"io"
	"time"
)

//go:embed timeline.html
var timelinePage string

var timelineTemplate = template.Must(template.New("timeline").Parse(timelinePage))

// timeline is what the page shows.
type timeline struct {
	Title   string
	Detail  string
	OK      bool
	Verdict string
	Tiles   []tile
	Drawing template.HTML
	Step    string
	Rules   []ruleRow
	Marks   []mark
	Missing int // violations that the report does not keep
}

// tile is one figure at the top.
type tile struct{ Name, Value, More string }

type ruleRow struct {
	ID, Claim, Checked, Verdict string
	State                       string // "ok", "bad" or "none"
}

// mark is a violation, numbered as in the drawing.
type mark struct {
	N    int
	When string
	Violation
}

// Timeline writes a page with the run as a picture: faults, sends, latencies, nodes, groups of clients and
// violations over time, and the report below. It is one file that loads nothing.
func Timeline(to io.Writer, h *History, r *Report) error {
	page := timeline{
		Title: r.Run.Name, Detail: r.detail(), OK: r.OK(), Verdict: r.verdict(), Tiles: r.tiles(), Step: short(r.series.step),
	}
	if page.Title == "" {
		page.Title = "A run"
	}
	violations := r.Violations()
	for i, v := range violations {
		page.Marks = append(page.Marks, mark{i + 1, clock(v.At), v})
	}
	page.Missing = r.Found() - len(violations)
	for i := range r.Rules {
		page.Rules = append(page.Rules, r.Rules[i].row())
	}
	page.Drawing = template.HTML(draw(h, r, violations))
	if err := timelineTemplate.Execute(to, page); err != nil {
		return fmt.Errorf("write the time line: %w", err)
	}
	return nil
}

func (r *Report) detail() string {
	text := r.Run.Started.UTC().Format("2 January 2006, 15:04 UTC") + ", ran " + short(r.Run.Ended)
	if r.Run.Seed != 0 {
		text += fmt.Sprintf(", seed %d", r.Run.Seed)
	}
	return text
}

func (rule *RuleReport) row() ruleRow {
	row := ruleRow{ID: rule.ID, Claim: rule.Claim, Checked: number(rule.Checked), Verdict: rule.verdict(), State: "ok"}
	switch {
	case rule.Found > 0:
		row.State = "bad"
	case rule.Checked == 0:
		row.State = "none"
	}
	return row
}

func (r *Report) tiles() []tile {
	f := &r.Figures
	faults := 0
	for _, n := range f.Faults {
		faults += n
	}
	out := []tile{
		{"messages confirmed", number(f.Confirmed), fmt.Sprintf("%s left open, %s refused", number(f.Unsure), number(f.Refused))},
		{"send → confirmation", short(f.Confirmation.P50), fmt.Sprintf("p50; p99 %s, max %s", short(f.Confirmation.P99), short(f.Confirmation.Max))},
		{"send → delivery", short(f.Delivery.P50), fmt.Sprintf("p50; p95 %s, of %s", short(f.Delivery.P95), number(f.Delivery.Count))},
	}
	if f.Crossing.Count > 0 {
		out = append(out, tile{"… to another node", short(f.Crossing.P50), fmt.Sprintf("p50; p95 %s, of %s", short(f.Crossing.P95), number(f.Crossing.Count))})
	}
	return append(out,
		tile{"faults", number(faults), fmt.Sprintf("of %d kinds", len(f.Faults))},
		tile{"longest outage", orNone(f.LongestOffline.Lasted), f.LongestOffline.Client},
	)
}

func orNone(d time.Duration) string {
	if d == 0 {
		return "–"
	}
	return short(d)
}
