package check_test

import (
	"fmt"
	"slices"
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/parley-chat/parley/internal/check"
)

func TestACorrectServerIsNeverAccusedOfItsPresence(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		for _, r := range check.Check(randomPresences(t), check.Bounds{}).Rules {
			for _, v := range r.Violations {
				if slices.Contains(presenceRules, r.ID) {
					t.Errorf("%s", v)
				}
			}
		}
	})
}

// randomPresences is a random run of the model in which people come and go, hide, and change who may know of them.
func randomPresences(t *rapid.T) *check.History {
	m := newModel("ada", "bob", "cyd", "dan")
	m.showPresence()
	m.client("ada/2", "ada")
	for _, p := range m.people {
		p.connect("node-1")
	}
	r := m.create(m.people[0], "bob")
	m.people[0].subscribe(r, 0)
	m.people[1].subscribe(r, 0)
	m.people[0].send(r, "one")
	for m.people[0].take() {
	}
	m.pass(5 * time.Second)
	pick := func(n int) int { return rapid.IntRange(0, n-1).Draw(t, "pick") }
	for range rapid.IntRange(1, 60).Draw(t, "steps") {
		p := m.people[pick(len(m.people))]
		other := m.people[pick(4)].actor.User
		if other == p.actor.User {
			other = "cyd"
		}
		switch pick(16) {
		case 0, 1:
			p.leave()
		case 2:
			p.connect(fmt.Sprintf("node-%d", 1+pick(2)))
		case 3:
			p.hide(pick(2) == 0)
		case 4:
			p.rest(pick(2) == 0)
		case 5:
			p.share([]string{"everyone", "friends", "nobody", "off"}[pick(4)])
		case 6:
			if other != p.actor.User {
				p.befriend(other, pick(2) == 0)
			}
		case 7:
			if other != p.actor.User {
				p.block(other, pick(2) == 0)
			}
		case 8:
			p.types(r)
		case 9:
			if p.online {
				p.logout()
			}
		case 10:
			m.fault("kill", p.cut)
		case 11:
			p.cut()
		case 12:
			m.people[0].add(r, other)
		case 13:
			m.people[0].remove(r, other)
		default:
			m.pass([]time.Duration{time.Second, 10 * time.Second, 35 * time.Second}[pick(3)])
		}
	}
	return m.settle()
}
