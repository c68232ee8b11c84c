package status

import (
	"fmt"
	"io"
	"strconv"
	"strings"
	"text/tabwriter"
	"time"
)

// Print shows the report to people: whether the promise is kept first, then the nodes, then what is to be done.
func (r *Report) Print(out io.Writer) error {
	v := &r.Verdict
	if r.Source == SourceHealth {
		fmt.Fprintln(out, "Whether the three-second promise is kept cannot be told from here.")
	} else {
		fmt.Fprintln(out, v.promise())
	}
	fmt.Fprintln(out, r.health())
	fmt.Fprintln(out)
	if r.Source != SourceHealth {
		r.printFigures(out)
	}
	if err := r.printNodes(out); err != nil {
		return err
	}
	r.printWarnings(out)
	return nil
}

// health says in a sentence how the nodes are.
func (r *Report) health() string {
	ready := 0
	for i := range r.Nodes {
		if n := &r.Nodes[i]; n.Ready && !n.silent() {
			ready++
		}
	}
	all := len(r.Nodes)
	switch {
	case r.Verdict.State == OK && all == 1 && ready == 1:
		return "The node is ready, and nothing is away."
	case r.Verdict.State == OK && ready == all:
		return fmt.Sprintf("All %d nodes are ready, and nothing is away.", all)
	case all == 1 && ready == 1:
		return "The node is ready, and not all is as it should be."
	case all == 1:
		return "The node is NOT ready."
	case ready == all:
		return fmt.Sprintf("All %d nodes are ready, and not all is as it should be.", all)
	}
	return fmt.Sprintf("%d of %d nodes are ready.", ready, all)
}

// printFigures shows what all nodes do together.
func (r *Report) printFigures(out io.Writer) {
	v := &r.Verdict
	fmt.Fprintf(out, "  sends        %s a second", rate(v.PerSecond))
	if v.Sends.judged() > 0 {
		fmt.Fprintf(out, "; half within %s, 95 %% within %s, 99 %% within %s", millis(v.P50), millis(v.P95), millis(v.P99))
	}
	fmt.Fprintln(out)
	if v.Sends.Rejected+v.Sends.Refused+v.Sends.Unknown+v.Sends.Duplicate > 0 {
		fmt.Fprintf(out, "               %s refused by the nodes, %s of unknown outcome, %s rejected for what clients did, %s sent again\n",
			count(v.Sends.Refused), count(v.Sends.Unknown), count(v.Sends.Rejected), count(v.Sends.Duplicate))
	}
	fmt.Fprintf(out, "  connections  %s\n", count(uint64(v.Connections)))
	fmt.Fprintf(out, "  waiting      %s sends\n\n", count(uint64(v.Queue)))
}

// printNodes shows a line for each node, and one more for each that something is wrong with.
func (r *Report) printNodes(out io.Writer) error {
	table := tabwriter.NewWriter(out, 0, 0, 2, ' ', 0)
	fmt.Fprint(table, "  NODE\tSTATE")
	if r.Source != SourceHealth {
		fmt.Fprint(table, "\tVERSION\tUP\tSOCKETS\tSENDS/S\t95 %\tDATABASE\tBUS\tHEAP")
	}
	fmt.Fprintln(table)
	for i := range r.Nodes {
		n := &r.Nodes[i]
		if r.Source == SourceHealth {
			fmt.Fprintf(table, "  %s\t%s\n", n.ID, n.state())
			continue
		}
		fmt.Fprintf(table, "  %s\t%s\t%s\t%s\t%s\t%s\t%s\t%s\t%s\t%s\n", n.ID, n.state(), dash(n.Version), n.up(), count(uint64(n.Connections)),
			rate(n.Sends.PerSecond()), millis(n.Sends.Times.millis(0.95)), n.Database.text(), dash(n.Bus), size(n.HeapBytes))
	}
	if err := table.Flush(); err != nil {
		return err
	}
	for i := range r.Nodes {
		n := &r.Nodes[i]
		if wrong := n.troubles(); len(wrong) > 0 {
			fmt.Fprintf(out, "  %s: %s\n", n.ID, strings.Join(wrong, ", "))
		}
		if n.Storage != nil && n.Storage.FreeBytes > 0 {
			fmt.Fprintf(out, "  %s: %s free on the disk of its database\n", n.ID, size(n.Storage.FreeBytes))
		}
	}
	return nil
}

func (r *Report) printWarnings(out io.Writer) {
	for i := range r.Nodes {
		for _, w := range r.Nodes[i].Warnings {
			fmt.Fprintf(out, "\n! %s\n", w)
		}
	}
	for _, note := range r.Notes {
		fmt.Fprintf(out, "\n%s\n", note)
	}
}

// state is how the node is in a word or two.
func (n *Node) state() string {
	switch {
	case n.silent():
		return fmt.Sprintf("silent for %.0f s", n.Silent)
	case n.Draining:
		return "leaving"
	case !n.Told:
		return "not told"
	case len(n.Stuck) > 0:
		return "STUCK"
	case !n.Ready:
		return "NOT READY"
	case len(n.Degraded) > 0:
		return "degraded"
	}
	return "ready"
}

func (n *Node) up() string {
	d := time.Duration(n.Up * float64(time.Second))
	switch {
	case d == 0:
		return "–"
	case d < time.Minute:
		return fmt.Sprintf("%d s", int(d.Seconds()))
	case d < time.Hour:
		return fmt.Sprintf("%d min", int(d.Minutes()))
	case d < 48*time.Hour:
		return fmt.Sprintf("%d h", int(d.Hours()))
	}
	return fmt.Sprintf("%d days", int(d.Hours()/24))
}

func (d Database) text() string {
	if d.Max == 0 {
		return dash(d.Kind)
	}
	return fmt.Sprintf("%s %d/%d", d.Kind, d.Used, d.Max)
}

func dash(text string) string {
	if text == "" {
		return "–"
	}
	return text
}

// count writes a number with commas.
func count(n uint64) string {
	text := strconv.FormatUint(n, 10)
	for i := len(text) - 3; i > 0; i -= 3 {
		text = text[:i] + "," + text[i:]
	}
	return text
}

func rate(perSecond float64) string {
	if perSecond >= 10 {
		return count(uint64(perSecond + 0.5))
	}
	return strconv.FormatFloat(perSecond, 'f', 1, 64)
}

func millis(ms float64) string {
	switch {
	case ms < 0:
		return "longer than it is measured"
	case ms == 0:
		return "–"
	case ms >= 1000:
		return strconv.FormatFloat(ms/1000, 'g', 3, 64) + " s"
	}
	return strconv.FormatFloat(ms, 'g', 3, 64) + " ms"
}

func size(bytes uint64) string {
	switch {
	case bytes == 0:
		return "–"
	case bytes >= 10<<30:
		return fmt.Sprintf("%d GB", bytes>>30)
	}
	return fmt.Sprintf("%d MB", bytes>>20)
}
