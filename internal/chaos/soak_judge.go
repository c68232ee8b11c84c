package chaos

import (
	"fmt"
	"io"
	"slices"
	"text/tabwriter"
)

// Flat, Grows and Stays are the verdicts on a series: it was level and came back; it grew under the load; it did not come back
// after everybody had left.
const (
	Flat  = "flat"
	Grows = "GROWS"
	Stays = "STAYS"
)

// Series is one figure of one node over a soak, after the warm-up.
type Series struct {
	Node   string `json:"node"`
	Figure string `json:"figure"`
	// Before is what there was before anybody came, After what there is when all have left. First and Last are the medians of
	// the first and the last quarter, and Slope is what the regression line rises by over the whole time.
	Before, First, Last, After, Slope float64
	// Bound is how much of each is allowed.
	GrowthBound, ReturnBound float64
	Samples                  int
	Verdict                  string
}

// figure is something that must not grow, with how much it may vary: a part of its mean, and a fixed amount on top.
type figure struct {
	name  string
	unit  float64 // what it is divided by to be shown
	of    func(sample) float64
	part  float64
	fixed float64
	back  float64 // how much more than before may be there when all have left
	only  bool    // it is shown and judged under the load alone: memory is given back to the system in its own time
}

// figures are judged of each node. A goroutine, a descriptor or a kilobyte that each connection leaves behind is above all of
// them within a minute, at some visits a second.
var figures = []figure{
	{name: "goroutines", unit: 1, of: func(s sample) float64 { return s.goroutines }, part: 0.1, fixed: 30, back: 30},
	{name: "descriptors", unit: 1, of: func(s sample) float64 { return s.descriptors }, part: 0.1, fixed: 20, back: 20},
	{name: "heap, MB", unit: 1e6, of: func(s sample) float64 { return s.heap }, part: 0.15, fixed: 8e6, back: 12e6},
	{name: "resident, MB", unit: 1e6, of: func(s sample) float64 { return s.resident }, part: 0.25, fixed: 48e6, only: true},
}

// judgeNode judges every figure of a node.
func judgeNode(node string, samples []sample, before, after sample) []Series {
	var out []Series
	for _, f := range figures {
		out = append(out, f.judge(node, samples, before, after))
	}
	return out
}

// judge says that a figure grows when both its regression line and its quarters rise by more than the bound: the one alone may
// be the work of a single outlier, the other of a wave.
func (f figure) judge(node string, samples []sample, before, after sample) Series {
	s := Series{Node: node, Figure: f.name, Before: f.of(before) / f.unit, After: f.of(after) / f.unit, Samples: len(samples), Verdict: Flat}
	var values, times []float64
	for _, x := range samples {
		values, times = append(values, f.of(x)/f.unit), append(times, x.at.Sub(samples[0].at).Seconds())
	}
	quarter := max(1, len(values)/4)
	s.First, s.Last = median(values[:quarter]), median(values[len(values)-quarter:])
	s.Slope = slope(times, values) * times[len(times)-1]
	s.GrowthBound = f.part*mean(values) + f.fixed/f.unit
	s.ReturnBound = f.back / f.unit
	switch {
	case s.Slope > s.GrowthBound && s.Last-s.First > s.GrowthBound/2:
		s.Verdict = Grows
	case !f.only && s.After > s.Before+s.ReturnBound:
		s.Verdict = Stays
	}
	return s
}

// slope is the rise of the regression line (least squares) for each unit of x.
func slope(x, y []float64) float64 {
	mx, my := mean(x), mean(y)
	var above, below float64
	for i := range x {
		above += (x[i] - mx) * (y[i] - my)
		below += (x[i] - mx) * (x[i] - mx)
	}
	if below == 0 {
		return 0
	}
	return above / below
}

func mean(values []float64) float64 {
	sum := 0.0
	for _, v := range values {
		sum += v
	}
	return sum / float64(len(values))
}

func median(values []float64) float64 {
	sorted := slices.Sorted(slices.Values(values))
	return sorted[len(sorted)/2]
}

// returned reports whether no node has more than it had before, within what is allowed.
func returned(before, now []sample) bool {
	for i := range now {
		for _, f := range figures {
			if !f.only && f.of(now[i]) > f.of(before[i])+f.back/2 {
				return false
			}
		}
	}
	return true
}

// steady reports whether nothing has become less.
func steady(last, now []sample) bool {
	for i := range now {
		for _, f := range figures {
			if f.of(last[i]) > f.of(now[i])*1.01 {
				return false
			}
		}
	}
	return true
}

// printSeries shows them as a table.
func printSeries(out io.Writer, all []Series) {
	table := tabwriter.NewWriter(out, 0, 0, 2, ' ', 0)
	fmt.Fprintln(table, "node\tfigure\tbefore\tfirst quarter\tlast quarter\tline rises by\tat most\tafter\tverdict")
	for _, s := range all {
		fmt.Fprintf(table, "%s\t%s\t%.1f\t%.1f\t%.1f\t%+.1f\t%.1f\t%.1f\t%s\n", s.Node, s.Figure, s.Before, s.First, s.Last, s.Slope, s.GrowthBound, s.After, s.Verdict)
	}
	_ = table.Flush()
}
