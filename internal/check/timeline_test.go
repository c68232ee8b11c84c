package check_test

import (
	"bytes"
	"encoding/xml"
	"flag"
	"fmt"
	"io"
	"math/rand/v2"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/parley-chat/parley/internal/check"
)

var keep = flag.String("check.timeline", "", "where to keep the time line that the test draws")

func TestATimeLineIsOneFileThatShowsFaultsAndViolations(t *testing.T) {
	h := eventful()
	for i := range h.Observations {
		if o := &h.Observations[i]; o.Event == check.MessageReceived && o.Seq == 40 && o.Client == "phone-3" {
			unsee(h, o)
			break
		}
	}
	h.Run.Name = `PostgreSQL + Redis, 3 nodes <&">`
	report := check.Check(h, check.Bounds{})
	var page bytes.Buffer
	if err := check.Timeline(&page, h, report); err != nil {
		t.Fatal(err)
	}
	if *keep != "" {
		if err := os.WriteFile(*keep, page.Bytes(), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	text := page.String()
	if strings.Contains(text, "<script") || strings.Contains(text, "http://") || strings.Contains(text, "https://") {
		t.Error("the page loads something")
	}
	for _, want := range []string{"redis-away", "node-2", "a hole was shown", "I6", "phones", "settled", "&lt;&amp;&#34;&gt;"} {
		if !strings.Contains(text, want) {
			t.Errorf("the page does not show %q", want)
		}
	}
	drawing := text[strings.Index(text, "<svg"):strings.Index(text, "</svg>")] + "</svg>"
	for d := xml.NewDecoder(strings.NewReader(drawing)); ; {
		if _, err := d.Token(); err == io.EOF {
			break
		} else if err != nil {
			t.Fatalf("the drawing is not well-formed: %v", err)
		}
	}
}

func TestAReportIsPrintedForPeople(t *testing.T) {
	h := eventful()
	unsee(h, saw(h, "phone-3", check.MessageReceived, 40))
	var text bytes.Buffer
	if err := check.Check(h, check.Bounds{}).Print(&text); err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{"seed 7", "confirmed", "redis-away", "longest outage", "a hole was shown", "I16", "violations."} {
		if !strings.Contains(text.String(), want) {
			t.Errorf("the report does not say %q:\n%s", want, text.String())
		}
	}
}

// eventful is a run of some minutes with faults of several kinds.
func eventful() *check.History {
	random := rand.New(rand.NewPCG(1, 2))
	m := newModel()
	m.limit = 100
	m.history.Run.Name, m.history.Run.Seed = "model", 7
	for i := range 12 {
		m.group = []string{"phones", "desktops", "bots"}[i%3]
		p := m.client(fmt.Sprintf("%s-%d", strings.TrimSuffix(m.group, "s"), i), fmt.Sprintf("user-%d", i))
		p.node = fmt.Sprintf("node-%d", 1+i%3)
		p.connect(p.node)
	}
	take := func() {
		for _, p := range m.people {
			for p.take() {
			}
		}
	}
	for i := range 3 {
		some := m.people[2*i : 2*i+8]
		var others []string
		for _, p := range some[1:] {
			others = append(others, p.actor.User)
		}
		r := m.create(some[0], others...)
		for _, p := range some {
			p.subscribe(r, 0)
		}
	}
	take()
	// bustle is a second of chat.
	bustle := func(slow int) {
		until := m.now + time.Second
		for range 4 + random.IntN(12) {
			r := m.rooms[random.IntN(3)]
			for _, p := range m.people {
				if p.online && r.in(p.actor.User) && random.IntN(3) == 0 {
					p.send(r, fmt.Sprintf("text %d", m.ids))
					break
				}
			}
			m.now += time.Duration(random.IntN(1+slow)) * time.Millisecond
			take()
		}
		m.now = max(m.now, until)
	}
	for second := range 180 {
		switch {
		case second%40 == 20:
			m.fault("kill", func() {
				for _, p := range m.people {
					if p.actor.Node == "node-2" {
						p.cut()
					}
				}
				bustle(2)
				for _, p := range m.people {
					p.connect("node-1")
				}
			})
			m.history.Faults[len(m.history.Faults)-1].Target = "node-2"
		case second == 70:
			m.fault("redis-away", func() {
				for range 25 {
					bustle(40)
				}
			})
			m.history.Faults[len(m.history.Faults)-1].Target = "redis"
		case second%50 == 45:
			m.fault("freeze", func() {
				p := m.people[random.IntN(12)]
				lost := p.send(m.rooms[1], "lost")
				m.now += 4 * time.Second
				p.giveUp(lost)
				take()
			})
		default:
			bustle(3)
		}
		if second%30 == 29 {
			for _, p := range m.people {
				p.connect(p.node)
			}
		}
	}
	return m.settle()
}
