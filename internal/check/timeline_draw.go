package check

import (
	"fmt"
	"html"
	"math"
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

// sends draws how many were confirmed, and how many were left open.
func (d *drawing) sends() {
	rates := make([]float64, d.series.buckets)
	seconds := d.series.step.Seconds()
	for i, n := range d.series.confirmed {
		rates[i] = float64(n) / seconds
	}
	d.name(d.y, "Sends", "confirmed a second; red: answers left open")
	top := d.scale(slices.Max(rates), laneTall)
	d.area(rates, top, laneTall, "main")
	for i, n := range d.series.open {
		if n > 0 {
			tall := min(laneTall, 3+laneTall*float64(n)/seconds/top)
			d.add(`<rect class="open" x="%.1f" y="%.1f" width="%.1f" height="%.1f"/>`, d.x(time.Duration(i)*d.series.step), d.y+laneTall-tall, max(1.5, plotWide/float64(d.series.buckets)-0.5), tall)
		}
	}
	d.y += laneTall + laneGap
}

// scale draws two grid lines and returns what the top of a lane stands for.
func (d *drawing) scale(most, tall float64) float64 {
	top := roundUp(most)
	for _, part := range []float64{0, 0.5, 1} {
		y := d.y + tall*(1-part)
		class := "grid"
		if part == 0 {
			class = "base"
		}
		d.add(`<line class="%s" x1="%.1f" x2="%.1f" y1="%.1f" y2="%.1f"/>`, class, gutter, gutter+plotWide, y, y)
		if part > 0 || tall > smallTall {
			d.add(`<text x="%.1f" y="%.1f">%s</text>`, gutter+plotWide+6, y+4, plain(top*part))
		}
	}
	return top
}

// roundUp is the next 1, 2 or 5 with zeros.
func roundUp(most float64) float64 {
	if most <= 0 {
		return 1
	}
	unit := math.Pow(10, math.Floor(math.Log10(most)))
	for _, n := range []float64{1, 2, 5} {
		if n*unit >= most {
			return n * unit
		}
	}
	return 10 * unit
}

func plain(n float64) string {
	if n == math.Trunc(n) {
		return number(int(n))
	}
	return strings.TrimSuffix(fmt.Sprintf("%.2f", n), "0")
}

// area draws values, one a bucket, as steps.
func (d *drawing) area(values []float64, top, tall float64, class string) {
	var line strings.Builder
	base := d.y + tall
	for i, v := range values {
		y := base - tall*min(1, v/top)
		fmt.Fprintf(&line, "%s%.1f %.1f H%.1f ", map[bool]string{true: "M", false: "L"}[i == 0], d.x(time.Duration(i)*d.series.step), y, d.x(time.Duration(i+1)*d.series.step))
	}
	d.add(`<path class="%sarea" d="%sL%.1f %.1f L%.1f %.1f Z"/>`, class, line.String(), gutter+plotWide, base, gutter, base)
	d.add(`<path class="%s" d="%s"/>`, class, line.String())
}

// latency draws quantiles on a logarithmic scale from 1 ms to 30 s, and a bound.
func (d *drawing) latency(name, detail, class string, values []quantiles, bound time.Duration) {
	d.name(d.y, name, detail)
	least, most := math.Log(float64(time.Millisecond)), math.Log(float64(30*time.Second))
	at := func(t time.Duration) float64 {
		share := (math.Log(float64(max(t, time.Millisecond))) - least) / (most - least)
		return d.y + laneTall*(1-min(1, share))
	}
	for _, t := range []time.Duration{time.Millisecond, 10 * time.Millisecond, 100 * time.Millisecond, time.Second, 10 * time.Second} {
		class := "grid"
		if t == time.Millisecond {
			class = "base"
		}
		d.add(`<line class="%s" x1="%.1f" x2="%.1f" y1="%.1f" y2="%.1f"/><text x="%.1f" y="%.1f">%s</text>`, class, gutter, gutter+plotWide, at(t), at(t), gutter+plotWide+6, at(t)+4, short(t))
	}
	d.add(`<line class="bound" x1="%.1f" x2="%.1f" y1="%.1f" y2="%.1f"/>`, gutter, gutter+plotWide, at(bound), at(bound))
	wide := plotWide / float64(d.series.buckets)
	for i, q := range values {
		if q.count == 0 {
			continue
		}
		x := d.x(time.Duration(i) * d.series.step)
		d.add(`<rect class="%sarea" x="%.1f" y="%.1f" width="%.1f" height="%.1f"/>`, class, x, at(q.p95), max(1, wide), at(q.p50)-at(q.p95))
		d.add(`<line class="%s" x1="%.1f" x2="%.1f" y1="%.1f" y2="%.1f"/>`, class, x, x+max(1.5, wide), at(q.p50), at(q.p50))
		d.add(`<circle class="high" cx="%.1f" cy="%.1f" r="1.3"/>`, x+wide/2, at(q.max))
	}
	d.y += laneTall + laneGap
}

// nodes draws a lane for each node, all on one scale, with the faults that were its own.
func (d *drawing) nodes(faults []Fault) {
	seconds := d.series.step.Seconds()
	most := 0.0
	for _, l := range d.series.nodes {
		most = max(most, slices.Max(l.values)/seconds)
	}
	for _, l := range d.series.nodes {
		rates := make([]float64, len(l.values))
		for i, v := range l.values {
			rates[i] = v / seconds
		}
		d.name(d.y, shortened(l.name, 22), "confirmed a second")
		for i := range faults {
			if f := d.ended(faults[i]); f.Target == l.name {
				d.add(`<rect class="struck" x="%.1f" y="%.1f" width="%.1f" height="%.1f"/>`, d.x(f.From), d.y, max(2, d.x(f.To)-d.x(f.From)), smallTall)
			}
		}
		d.area(rates, d.scale(most, smallTall), smallTall, "main")
		d.y += smallTall + laneGap*0.6
	}
	if len(d.series.nodes) > 0 {
		d.y += laneGap * 0.4
	}
}

// groups draws a lane for each group of clients: how many of them had lost their connection.
func (d *drawing) groups() {
	for _, l := range d.series.groups {
		name := l.name
		if name == "" {
			name = "clients"
		}
		d.name(d.y, shortened(name, 22), fmt.Sprintf("without a connection, of %d", l.size))
		for _, part := range []float64{0, 1} {
			y := d.y + smallTall*(1-part)
			d.add(`<line class="%s" x1="%.1f" x2="%.1f" y1="%.1f" y2="%.1f"/>`, []string{"base", "grid"}[int(part)], gutter, gutter+plotWide, y, y)
		}
		d.add(`<text x="%.1f" y="%.1f">%d</text>`, gutter+plotWide+6, d.y+4, l.size)
		d.area(l.values, float64(max(1, l.size)), smallTall, "away")
		d.y += smallTall + laneGap*0.6
	}
	if len(d.series.groups) > 0 {
		d.y += laneGap * 0.4
	}
}

func shortened(text string, most int) string {
	if len(text) <= most {
		return text
	}
	return text[:most-1] + "…"
}
