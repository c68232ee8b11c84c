package bench

import (
	"encoding/json"
	"fmt"
	"io"
	"os"
	"slices"
	"text/tabwriter"
	"time"
)

// Report is a run: what was measured, against what.
type Report struct {
	Database  string     `json:"database"` // sqlite or postgres
	Started   time.Time  `json:"started"`
	Cores     int        `json:"cores"`
	Seconds   float64    `json:"seconds"` // how long each load ran
	Scenarios []Scenario `json:"scenarios"`
}

// Scenario is one row of the goals.
type Scenario struct {
	Name  string   `json:"name"`
	Work  string   `json:"work"`
	Rows  []Row    `json:"rows"`
	Notes []string `json:"notes,omitempty"`
	Error string   `json:"error,omitempty"` // why it failed whatever its figures
}

// Row is a figure beside its probe.
type Row struct {
	Figure  string  `json:"figure"`
	Value   float64 `json:"value"`
	Unit    string  `json:"unit"`
	Probe   string  `json:"probe"`
	ProbeAt float64 `json:"probeValue"`
	Ratio   float64 `json:"ratio"`
	Goal    float64 `json:"goal"`
	AtLeast bool    `json:"atLeast"` // the goal is a floor of the ratio, otherwise a ceiling
	Pass    bool    `json:"pass"`
}

// floor is a row whose value must be at least goal times its probe.
func floor(figure string, value float64, unit, probe string, probeAt, goal float64) Row {
	r := Row{Figure: figure, Value: value, Unit: unit, Probe: probe, ProbeAt: probeAt, Goal: goal, AtLeast: true, Ratio: value / probeAt}
	r.Pass = r.Ratio >= goal
	return r
}

// ceiling is a row whose value must be at most goal times its probe.
func ceiling(figure string, value float64, unit, probe string, probeAt, goal float64) Row {
	r := Row{Figure: figure, Value: value, Unit: unit, Probe: probe, ProbeAt: probeAt, Goal: goal, Ratio: value / probeAt}
	r.Pass = r.Ratio <= goal
	return r
}

func (r Row) verdict() string {
	sign := "≤"
	if r.AtLeast {
		sign = "≥"
	}
	word := "MISSED"
	if r.Pass {
		word = "pass"
	}
	return fmt.Sprintf("%s %s\t%s", sign, number(r.Goal), word)
}

// number writes three figures, whatever the size.
func number(v float64) string {
	switch {
	case v >= 100:
		return fmt.Sprintf("%.0f", v)
	case v >= 10:
		return fmt.Sprintf("%.1f", v)
	case v >= 1:
		return fmt.Sprintf("%.2f", v)
	}
	return fmt.Sprintf("%.3f", v)
}

func (r *Report) print(out io.Writer) error {
	fmt.Fprintf(out, "\n%s, %d cores, %.0f s a load\n\n", r.Database, r.Cores, r.Seconds)
	table := tabwriter.NewWriter(out, 0, 0, 2, ' ', 0)
	fmt.Fprintln(table, "\tfigure\tvalue\tprobe\tvalue\tratio\tgoal\t")
	for _, s := range r.Scenarios {
		for _, row := range s.Rows {
			fmt.Fprintf(table, "%s\t%s\t%s %s\t%s\t%s %s\t%s\t%s\n", s.Name, row.Figure, number(row.Value), row.Unit,
				row.Probe, number(row.ProbeAt), row.Unit, number(row.Ratio), row.verdict())
		}
		if s.Error != "" {
			fmt.Fprintf(table, "%s\tFAILED\n", s.Name)
		}
	}
	if err := table.Flush(); err != nil {
		return err
	}
	fmt.Fprintln(out)
	for _, s := range r.Scenarios {
		if s.Error != "" {
			fmt.Fprintf(out, "%s FAILED: %s\n", s.Name, s.Error)
		}
		for _, note := range s.Notes {
			fmt.Fprintf(out, "%s: %s\n", s.Name, note)
		}
	}
	return nil
}

func (r *Report) save(path string) error {
	text, err := json.MarshalIndent(r, "", "  ")
	if err != nil {
		return err
	}
	return os.WriteFile(path, append(text, '\n'), 0o644)
}

// failed reports whether a scenario failed, apart from goals that were missed.
func (r *Report) failed() bool {
	return slices.ContainsFunc(r.Scenarios, func(s Scenario) bool { return s.Error != "" })
}

// cpu says how much of the machine a load took.
func (s *Scenario) cpu(c CPU, messages int, server, database bool) {
	text := ""
	if server && messages > 0 {
		text += fmt.Sprintf("%.2f writes a message; CPU a message: server %.1f µs", float64(c.Writes)/float64(messages), micros(c.Server, messages))
	}
	if database && messages > 0 {
		text += fmt.Sprintf(", PostgreSQL %.1f µs", micros(c.Database, messages))
	}
	if messages > 0 {
		text += fmt.Sprintf(", these clients %.1f µs; ", micros(c.Client, messages))
	}
	s.Notes = append(s.Notes, text+fmt.Sprintf("others took %.0f %% of the processors", 100*c.Others))
}

func micros(d time.Duration, n int) float64 { return float64(d.Nanoseconds()) / 1000 / float64(n) }

// percentile is the p-th part (0 to 1) of times, in milliseconds. It sorts them.
func percentile(times []time.Duration, p float64) float64 {
	if len(times) == 0 {
		return 0
	}
	slices.Sort(times)
	return float64(times[min(len(times)-1, int(p*float64(len(times))))].Microseconds()) / 1000
}
