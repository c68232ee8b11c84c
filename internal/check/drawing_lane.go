package check

import (
	"fmt"
	"math"
	"slices"
	"strings"
	"time"
)

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

// roundUp is the next number that reads well.
func roundUp(most float64) float64 {
	if most <= 0 {
		return 1
	}
	unit := math.Pow(10, math.Floor(math.Log10(most)))
	for _, n := range []float64{1, 1.5, 2, 3, 4, 5, 6, 8} {
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
