package check_test

import (
	"fmt"
	"testing"

	"pgregory.net/rapid"

	"github.com/parley-chat/parley/internal/check"
)

// largeFrom has rooms become large, and small again, while people come and go.
const largeFrom = 3

func TestACorrectServerIsNeverAccused(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		h := randomRun(t)
		report := check.Check(h, check.Bounds{Large: largeFrom})
		for _, r := range report.Rules {
			for _, v := range r.Violations {
				t.Errorf("%s", v)
			}
		}
	})
}

// randomRun is a random run of the model.
func randomRun(t *rapid.T) *check.History {
	m := newModel("ada", "bob", "cyd")
	m.large = largeFrom
	m.client("ada/2", "ada")
	m.create(m.people[0], "bob", "cyd")
	m.create(m.people[1], "ada")
	var sends []*sending
	var readings []*reading
	pick := func(n int) int { return rapid.IntRange(0, n-1).Draw(t, "pick") }
	steps := rapid.IntRange(1, 150).Draw(t, "steps")
	step := func() {
		p := m.people[pick(len(m.people))]
		r := m.rooms[pick(len(m.rooms))]
		seq := int64(0)
		if len(r.messages) > 0 {
			seq = int64(1 + pick(len(r.messages)))
		}
		text := fmt.Sprintf("text %d", m.ids)
		switch what := pick(20); {
		case what == 0:
			p.connect(fmt.Sprintf("node-%d", 1+pick(2)))
		case what == 1:
			m.fault("cut", p.cut)
		case what == 2:
			p.subscribe(r, int64(pick(3)-1))
		case what == 3:
			p.unsubscribe(r)
		case what == 4 && len(sends) > 0:
			s := sends[pick(len(sends))]
			m.fault("cut", func() { m.people[0].giveUp(s) })
		case what == 5 && len(m.people[0].waiting) == 0 && len(sends) > 0:
			m.people[0].retry(sends[pick(len(sends))])
		case what == 6 && seq > 0:
			p.edit(r, seq, text)
		case what == 7 && seq > 0:
			p.delete(r, seq)
		case what == 8:
			p.add(r, m.people[pick(3)].actor.User)
		case what == 9:
			p.remove(r, m.people[pick(3)].actor.User)
		case what == 10 && seq > 0:
			p.markRead(r, seq)
		case what == 11:
			p.list()
		case what == 12:
			readings = append(readings, p.traverse(r, pick(2) == 0))
		case what == 13 && len(readings) > 0:
			if reading := readings[pick(len(readings))]; !reading.ended {
				p.page(reading)
			}
		case what == 18:
			p.letKnow(pick(2) == 0)
		case what == 19 && seq > 0:
			p.whoRead(r, seq)
		case what == 14 || what == 15:
			s := p.send(r, text)
			if p == m.people[0] {
				sends = append(sends, s)
			}
		default:
			p.take()
		}
	}
	for range steps {
		if pick(20) == 0 {
			m.fault([]string{"kill", "freeze"}[pick(2)], step)
		} else {
			step()
		}
	}
	return m.settle()
}
