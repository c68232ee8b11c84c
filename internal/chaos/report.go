package chaos

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"time"

	"github.com/parley-chat/parley/internal/check"
)

// Report is what a run proved.
type Report struct {
	Shape  string `json:"shape"`
	Replay string `json:"replay,omitempty"`
	// Took is the time from the moment when people began to chat to the verdict.
	Took     time.Duration `json:"tookNs"`
	Check    *check.Report `json:"check"`
	Measures []Measure     `json:"measures,omitempty"`
	// Departures are what `parley-chaos presence` measured.
	Departures []Departure `json:"departures,omitempty"`
	// Failures are what `parley-chaos failures` measured.
	Failures []Failure `json:"failures,omitempty"`
	// Problems are what went wrong besides violations: a fault that could not be injected, a client that
	// gave up, something that was not whole in time.
	Problems []string `json:"problems,omitempty"`
	// Skipped are faults that could not be had on this machine, and why. Nothing is claimed of them.
	Skipped []string `json:"skipped,omitempty"`
}

// OK reports whether nothing was violated, nothing else went wrong and every goal was reached.
func (r *Report) OK() bool {
	return r.Check.OK() && len(r.Problems) == 0 && !slices.ContainsFunc(r.Measures, func(m Measure) bool { return m.Result == "fail" })
}

// Sound is OK without the goals that depend on how fast the machine is.
func (r *Report) Sound() bool { return r.Check.OK() && len(r.Problems) == 0 }

// The files of a report's folder.
const (
	historyFile = "history.jsonl"
	reportFile  = "report.json"
	textFile    = "report.txt"
	pictureFile = "timeline.html"
)

// write puts everything into a folder.
func (r *Report) write(folder string, h *check.History) error {
	return errors.Join(
		save(folder, historyFile, h.Write),
		save(folder, pictureFile, func(w io.Writer) error { return check.Timeline(w, h, r.Check) }),
		r.sum(folder),
	)
}

// sum puts what there is without the record into a folder.
func (r *Report) sum(folder string) error {
	return errors.Join(
		save(folder, reportFile, func(w io.Writer) error {
			out := json.NewEncoder(w)
			out.SetIndent("", "  ")
			return out.Encode(r)
		}),
		save(folder, textFile, func(w io.Writer) error { r.Print(w); return nil }),
	)
}

func save(folder, name string, write func(io.Writer) error) error {
	f, err := os.Create(filepath.Join(folder, name))
	if err != nil {
		return err
	}
	return errors.Join(write(f), f.Close())
}

// Print writes the report for people.
func (r *Report) Print(w io.Writer) {
	f := r.Check.Figures
	fmt.Fprintf(w, "\n%s\n", r.Shape)
	fmt.Fprintf(w, "%d sends confirmed, %d left open, %d refused; %d operations, %d observations\n", f.Confirmed, f.Unsure, f.Refused, f.Operations, f.Observations)
	total := 0
	var kinds []string
	for kind, n := range f.Faults {
		total += n
		kinds = append(kinds, kind)
	}
	slices.Sort(kinds)
	fmt.Fprintf(w, "%d faults:", total)
	for _, kind := range kinds {
		fmt.Fprintf(w, " %s %d", kind, f.Faults[kind])
	}
	fmt.Fprint(w, "\n\n")
	for _, s := range r.Skipped {
		fmt.Fprintf(w, "left out, not claimed: %s\n", s)
	}
	for i := range r.Check.Rules {
		rule := &r.Check.Rules[i]
		verdict := "holds"
		switch {
		case rule.Found > 0:
			verdict = fmt.Sprintf("BROKEN %d times", rule.Found)
		case rule.Checked == 0:
			verdict = "nothing to look at"
		}
		fmt.Fprintf(w, "  %-4s %-60s %9d looked at  %s\n", rule.ID, rule.Claim, rule.Checked, verdict)
	}
	fmt.Fprintln(w)
	for _, m := range r.Measures {
		fmt.Fprintf(w, "  %-4s %-66s %s", m.Result, m.Name, m.Value)
		if m.Goal != "" {
			fmt.Fprintf(w, "  (goal %s)", m.Goal)
		}
		fmt.Fprintln(w)
	}
	for i := range r.Failures {
		r.Failures[i].print(w)
	}
	for i := range r.Check.Rules {
		for _, v := range r.Check.Rules[i].Violations {
			fmt.Fprintf(w, "\n%s\n", v)
		}
	}
	for _, p := range r.Problems {
		fmt.Fprintf(w, "\nproblem: %s\n", p)
	}
	if r.Replay != "" {
		fmt.Fprintf(w, "\nAgain: %s\n", r.Replay)
	}
}
