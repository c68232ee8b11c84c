package check_test

import (
	"testing"
	"time"

	"github.com/parley-chat/parley/internal/check"
)

func TestASendThatWaitsForItsClientToConnectIsNotLate(t *testing.T) {
	m := newModel("ada", "bob")
	ada := m.people[0]
	for _, p := range m.people {
		p.connect("node-1")
	}
	r := m.create(ada, "bob")
	ada.cut()
	ada.send(r, "written in a tunnel")
	m.now += 20 * time.Second
	ada.connect("node-1")
	ada.send(r, "written behind it")
	for _, rule := range check.Check(m.settle(), check.Bounds{}).Rules {
		if rule.ID == "I14" && (rule.Found > 0 || rule.Checked == 0) {
			t.Errorf("looked at %d, accused %d: %v", rule.Checked, rule.Found, rule.Violations)
		}
	}
}
