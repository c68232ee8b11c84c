package check

import (
	"fmt"
	"html"
	"strings"
	"time"
)

// axis draws the time along the bottom.
func (d *drawing) axis(y float64) {
	whole := time.Duration(d.series.buckets) * d.series.step
	every := time.Second
	for _, step := range steps {
		if every = step; whole/step <= 12 {
			break
		}
	}
	d.add(`<line class="base" x1="%.1f" x2="%.1f" y1="%.1f" y2="%.1f"/>`, gutter, gutter+plotWide, y, y)
	for at := time.Duration(0); at <= whole; at += every {
		x := d.x(at)
		d.add(`<line class="base" x1="%.1f" x2="%.1f" y1="%.1f" y2="%.1f"/><text class="mid" x="%.1f" y="%.1f">%s</text>`, x, x, y, y+4, x, y+17, minutes(at))
	}
}

// minutes writes a time of the axis.
func minutes(at time.Duration) string {
	text := fmt.Sprintf("%d:%02d", int(at.Minutes()), int(at.Seconds())%60)
	if part := at % time.Second; part != 0 {
		text += strings.TrimRight(fmt.Sprintf(".%03d", part.Milliseconds()), "0")
	}
	return text
}

// settled marks where the last fault was over and where all was final.
func (d *drawing) settled(top, bottom float64) {
	for _, e := range []struct {
		at         time.Duration
		text, side string
	}{{d.run.Healed, "healed", "end"}, {d.run.Settled, "settled", "start"}} {
		if e.at == 0 {
			continue
		}
		x := d.x(e.at)
		d.add(`<line class="event" x1="%.1f" x2="%.1f" y1="%.1f" y2="%.1f"/>`, x, x, top, bottom)
		d.add(`<text class="eventtext %s" x="%.1f" y="%.1f">%s</text>`, e.side, x, bottom+31, e.text)
	}
}

// moments lay a strip over each bucket that tells its figures.
func (d *drawing) moments(h *History, top, bottom float64) {
	wide := plotWide / float64(d.series.buckets)
	for i := range d.series.buckets {
		from := time.Duration(i) * d.series.step
		d.add(`<rect class="moment" x="%.1f" y="%.1f" width="%.2f" height="%.1f"><title>%s</title></rect>`, d.x(from), top, wide, bottom-top, html.EscapeString(d.moment(h, i)))
	}
}

func (d *drawing) moment(h *History, i int) string {
	from, to := time.Duration(i)*d.series.step, time.Duration(i+1)*d.series.step
	lines := []string{clock(from)}
	lines = append(lines, fmt.Sprintf("%s confirmed, %s left open", number(d.series.confirmed[i]), number(d.series.open[i])))
	for _, l := range []struct {
		name string
		q    quantiles
	}{{"confirmation", d.series.answer[i]}, {"delivery", d.series.delivery[i]}} {
		if l.q.count > 0 {
			lines = append(lines, fmt.Sprintf("%s p50 %s, p95 %s, max %s", l.name, short(l.q.p50), short(l.q.p95), short(l.q.max)))
		}
	}
	for n := range h.Faults {
		if f := d.ended(h.Faults[n]); f.From < to && f.To >= from {
			lines = append(lines, f.String())
		}
	}
	return strings.Join(lines, "\n")
}

// marks draw a line and a numbered flag for each violation. Where they stand too close one flag serves
// several.
func (d *drawing) marks(violations []Violation, top, bottom float64) {
	const flagWide = 24.0
	last := -flagWide
	for i, v := range violations {
		x := d.x(v.At)
		d.add(`<line class="mark" x1="%.1f" x2="%.1f" y1="%.1f" y2="%.1f"><title>%s</title></line>`, x, x, top-4, bottom, html.EscapeString(v.Rule+": "+v.What))
		if x-last < flagWide {
			continue
		}
		last = x
		d.add(`<a href="#v%d"><rect class="flag" x="%.1f" y="%.1f" width="22" height="14" rx="3"/><text class="flagtext" x="%.1f" y="%.1f">%d</text></a>`,
			i+1, x-11, top-flagTall, x, top-flagTall+10.5, i+1)
	}
}
