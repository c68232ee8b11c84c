package check

import (
	"bufio"
	"cmp"
	"fmt"
	"io"
	"maps"
	"slices"
	"strconv"
	"strings"
	"time"
)

// Report is what a history proves.
type Report struct {
	Run     Run          `json:"run"`
	Figures Figures      `json:"figures"`
	Rules   []RuleReport `json:"rules"`

	series series
}

// RuleReport is what came of one rule.
type RuleReport struct {
	ID    string `json:"id"`    // "I1"
	Claim string `json:"claim"` // what it proves, in a few words
	// Checked is how many facts it looked at; 0 says that the history had nothing for it, so that nothing
	// is proven.
	Checked    int         `json:"checked"`
	Found      int         `json:"found"` // violations
	Violations []Violation `json:"violations,omitempty"`
}

// OK reports whether no rule was violated.
func (r *Report) OK() bool { return r.Found() == 0 }

// Found is how many violations there are in all.
func (r *Report) Found() int {
	n := 0
	for i := range r.Rules {
		n += r.Rules[i].Found
	}
	return n
}

// Violated returns the ids of the rules that were violated.
func (r *Report) Violated() []string {
	var out []string
	for i := range r.Rules {
		if r.Rules[i].Found > 0 {
			out = append(out, r.Rules[i].ID)
		}
	}
	return out
}

// Violations are those that the report keeps, in the order of time.
func (r *Report) Violations() []Violation {
	var out []Violation
	for i := range r.Rules {
		out = append(out, r.Rules[i].Violations...)
	}
	slices.SortStableFunc(out, func(a, b Violation) int { return cmp.Compare(a.At, b.At) })
	return out
}

// Print writes the report for a terminal.
func (r *Report) Print(to io.Writer) error {
	out := bufio.NewWriter(to)
	fmt.Fprintf(out, "%s\n\n", r.headline())
	for _, f := range r.facts() {
		fmt.Fprintf(out, "  %-16s %s\n", f.name, f.text)
	}
	fmt.Fprintln(out)
	for i := range r.Rules {
		rule := &r.Rules[i]
		fmt.Fprintf(out, "  %-5s %-58s %12s  %s\n", rule.ID, rule.Claim, number(rule.Checked), rule.verdict())
	}
	fmt.Fprintf(out, "\n%s\n", r.verdict())
	for i := range r.Rules {
		rule := &r.Rules[i]
		for _, v := range rule.Violations {
			fmt.Fprintf(out, "\n%s\n", v)
		}
		if more := rule.Found - len(rule.Violations); more > 0 {
			fmt.Fprintf(out, "\n%s: %s more are not shown\n", rule.ID, number(more))
		}
	}
	return out.Flush()
}

func (r *Report) headline() string {
	parts := []string{r.Run.Name}
	if r.Run.Seed != 0 {
		parts = append(parts, fmt.Sprintf("seed %d", r.Run.Seed))
	}
	parts = append(parts, "ran "+short(r.Run.Ended), number(r.Figures.Operations+r.Figures.Observations)+" records")
	return strings.TrimPrefix(strings.Join(parts, " · "), " · ")
}

func (r *Report) verdict() string {
	switch n := r.Found(); n {
	case 0:
		return "No violation."
	case 1:
		return "1 violation."
	default:
		return number(n) + " violations."
	}
}

func (rule *RuleReport) verdict() string {
	switch {
	case rule.Found > 0:
		return number(rule.Found) + " violated"
	case rule.Checked == 0:
		return "nothing to look at"
	}
	return "ok"
}

// fact is one line of figures.
type fact struct{ name, text string }

func (r *Report) facts() []fact {
	f := &r.Figures
	out := []fact{
		{"clients", fmt.Sprintf("%s in %s conversations", number(f.Clients), number(f.Conversations))},
		{"sends", fmt.Sprintf("%s confirmed, %s left open, %s refused", number(f.Confirmed), number(f.Unsure), number(f.Refused))},
		{"confirmation", f.Confirmation.String()},
		{"delivery", f.Delivery.String()},
	}
	if f.Crossing.Count > 0 {
		out = append(out, fact{"… across nodes", f.Crossing.String()})
	}
	for _, kind := range slices.Sorted(maps.Keys(f.ByFault)) {
		if kind != "" {
			out = append(out, fact{"… " + kind, f.ByFault[kind].String()})
		}
	}
	if len(f.Faults) > 0 {
		out = append(out, fact{"faults", f.faultText()})
	}
	if f.LongestOffline.Lasted > 0 {
		out = append(out, fact{"longest outage", fmt.Sprintf("%s (%s at %s); %s connections were lost",
			short(f.LongestOffline.Lasted), f.LongestOffline.Client, clock(f.LongestOffline.From), number(f.LostConnections))})
	}
	if f.LongestSend.Lasted > 0 {
		out = append(out, fact{"longest wait", fmt.Sprintf("%s for a confirmation (%s at %s)", short(f.LongestSend.Lasted), f.LongestSend.Client, clock(f.LongestSend.From))})
	}
	return out
}

func (f *Figures) faultText() string {
	total := 0
	var parts []string
	for _, kind := range slices.Sorted(maps.Keys(f.Faults)) {
		total += f.Faults[kind]
		parts = append(parts, number(f.Faults[kind])+" "+kind)
	}
	return number(total) + ": " + strings.Join(parts, ", ")
}

func (l Latency) String() string {
	if l.Count == 0 {
		return "none"
	}
	return fmt.Sprintf("p50 %s  p95 %s  p99 %s  max %s  of %s", short(l.P50), short(l.P95), short(l.P99), short(l.Max), number(l.Count))
}

// short writes a duration with as many digits as one reads.
func short(d time.Duration) string {
	switch {
	case d >= time.Minute:
		return d.Round(time.Second).String()
	case d >= 10*time.Second:
		return d.Round(100 * time.Millisecond).String()
	case d >= time.Second:
		return d.Round(10 * time.Millisecond).String()
	case d >= 10*time.Millisecond:
		return d.Round(time.Millisecond).String()
	case d >= time.Millisecond:
		return d.Round(100 * time.Microsecond).String()
	}
	return d.Round(10 * time.Microsecond).String()
}

// number writes a count with its thousands apart.
func number(n int) string {
	text := strconv.Itoa(n)
	for i := len(text) - 3; i > 0 && text[i-1] != '-'; i -= 3 {
		text = text[:i] + "," + text[i:]
	}
	return text
}
