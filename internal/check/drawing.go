package check

import (
	"fmt"
	"html"
	"slices"
	"strings"
	"time"
)

const (
	gutter    = 176.0 // for the names of the lanes
	plotWide  = 960.0
	margin    = 64.0 // right of the plot, for scales
	laneTall  = 76.0
	smallTall = 34.0
	rowTall   = 17.0 // of faults
	laneGap   = 22.0
	flagTall  = 20.0
)

// drawing is the picture as it grows downwards.
type drawing struct {
	strings.Builder
	run    Run
	series *series
	y      float64 // where the next lane begins
}

// draw draws a run as SVG.
func draw(h *History, r *Report, violations []Violation) string {
	d := &drawing{run: r.Run, series: &r.series, y: 8}
	if len(violations) > 0 {
		d.y += flagTall
	}
	top := d.y
	d.faults(h.Faults)
	d.sends()
	d.latency("Confirmation", "send → answer: p50 to p95, dot: max", "main", r.series.answer, 3*time.Second)
	d.latency("Delivery", "send → another client: p50 to p95, dot: max", "second", r.series.delivery, time.Second)
	d.nodes(h.Faults)
	d.groups()
	bottom := d.y - laneGap + 6
	d.axis(bottom)
	d.shades(h.Faults, top, bottom)
	d.settled(top, bottom)
	d.moments(h, top, bottom)
	d.marks(violations, top, bottom)
	tall := bottom + 40
	return fmt.Sprintf(`<svg viewBox="0 0 %.0f %.0f" role="img" aria-label="Faults, sends, latencies, nodes and clients over time">%s</svg>`,
		gutter+plotWide+margin, tall, d.String())
}

func (d *drawing) add(format string, a ...any) { fmt.Fprintf(d, format+"\n", a...) }

// x is where a time stands.
func (d *drawing) x(at time.Duration) float64 {
	whole := time.Duration(d.series.buckets) * d.series.step
	return gutter + plotWide*float64(max(0, min(at, whole)))/float64(whole)
}

func (d *drawing) name(y float64, name, detail string) {
	d.add(`<text class="name" x="8" y="%.1f">%s</text>`, y+12, html.EscapeString(name))
	for i, line := range wrapped(detail, 30) {
		d.add(`<text x="8" y="%.1f">%s</text>`, y+26+float64(i)*13, html.EscapeString(line))
	}
}

// wrapped breaks a text into lines of about so many characters.
func wrapped(text string, wide int) []string {
	var lines []string
	line := ""
	for _, word := range strings.Fields(text) {
		if line != "" && len(line)+1+len(word) > wide {
			lines, line = append(lines, line), ""
		}
		line = strings.TrimSpace(line + " " + word)
	}
	if line != "" {
		lines = append(lines, line)
	}
	return lines
}

// faults draws a row for each kind.
func (d *drawing) faults(faults []Fault) {
	if len(faults) == 0 {
		return
	}
	var kinds []string
	for _, f := range faults {
		if !slices.Contains(kinds, f.Kind) {
			kinds = append(kinds, f.Kind)
		}
	}
	d.add(`<text class="name" x="8" y="%.1f">Faults</text>`, d.y+12)
	for row, kind := range kinds {
		y := d.y + float64(row)*rowTall
		d.add(`<text class="end" x="%.1f" y="%.1f">%s</text>`, gutter-8, y+12, html.EscapeString(kind))
		d.add(`<line class="grid" x1="%.1f" x2="%.1f" y1="%.1f" y2="%.1f"/>`, gutter, gutter+plotWide, y+8, y+8)
		for i := range faults {
			if f := d.ended(faults[i]); f.Kind == kind {
				d.fault(f, y)
			}
		}
	}
	d.y += float64(len(kinds))*rowTall + laneGap
}

// ended gives a fault that was still on its end.
func (d *drawing) ended(f Fault) Fault {
	if f.To == 0 {
		f.To = d.run.Ended
	}
	return f
}

func (d *drawing) fault(f Fault, y float64) {
	from, to := d.x(f.From), d.x(f.To)
	wide := max(3, to-from)
	d.add(`<rect class="fault" x="%.1f" y="%.1f" width="%.1f" height="11" rx="2"><title>%s</title></rect>`, from, y+2.5, wide, html.EscapeString(f.String()))
	if float64(len(f.Target))*5.6+6 < wide {
		d.add(`<text class="label" x="%.1f" y="%.1f">%s</text>`, from+3, y+11.5, html.EscapeString(f.Target))
	}
}

// shades tint all lanes where something was broken.
func (d *drawing) shades(faults []Fault, top, bottom float64) {
	for i := range faults {
		f := d.ended(faults[i])
		from := d.x(f.From)
		d.add(`<rect class="shade" x="%.1f" y="%.1f" width="%.1f" height="%.1f"/>`, from, top, max(1.5, d.x(f.To)-from), bottom-top)
	}
}
