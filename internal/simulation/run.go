package simulation

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"testing"
	"testing/synctest"
	"time"

	"github.com/parley-chat/parley/internal/chat"
	"github.com/parley-chat/parley/internal/check"
)

// Outcome is what came of a run.
type Outcome struct {
	Seed       uint64
	Weather    string
	Violations []Violation
	Journal    string // only with violations, or when it was asked for
	Report     *check.Report
	Lasted     time.Duration // in the time of the run
}

// Options say what to run.
type Options struct {
	Seed uint64
	// Journal asks for the journal of a run without violations too.
	Journal bool
	// Weather is the name of the one to play in; "" leaves it to the seed.
	Weather string
}

// Run plays a seed.
func Run(t *testing.T, template *Template, o Options) (out *Outcome) {
	synctest.Test(t, func(t *testing.T) {
		s, dir, err := template.open(context.Background())
		if err != nil {
			t.Fatal(err)
		}
		defer os.RemoveAll(dir)
		defer s.Close()
		w := &world{
			ctx:    context.Background(),
			chance: newChance(o.Seed), journal: newJournal(), recorder: check.NewRecorder(), store: s, people: template.people,
			byLogin: make(map[string]*person), locked: make(map[chat.ConversationID]time.Time), out: make(map[string]bool), air: fair,
		}
		if w.fixed = weatherOf(o.Weather); o.Weather != "" && w.fixed == nil {
			t.Fatalf("there is no weather %q", o.Weather)
		}
		w.network, w.shared = newNetwork(w), newKnowledge(w)
		w.recorder.Run(func(r *check.Run) { r.Name, r.Seed = "simulation", o.Seed })
		out = w.play(t, filepath.Join(dir, "parley.db"))
		out.Seed = o.Seed
		if len(out.Violations) > 0 || o.Journal {
			out.Journal = w.journal.String()
		}
		for i := range out.Violations {
			out.Violations[i].What = w.journal.Names(out.Violations[i].What)
		}
	})
	return out
}

// play is the four parts of a run.
func (w *world) play(t *testing.T, file string) *Outcome {
	began := time.Now()
	s := w.open()
	s.chat()
	s.heal()
	s.probe()
	s.readAll()
	s.close()
	history := w.recorder.History()
	var err error
	if history.Database, err = check.ReadDatabase(context.Background(), file); err != nil {
		t.Fatal(err)
	}
	out := &Outcome{Weather: s.air.name, Violations: w.violations, Lasted: time.Since(began)}
	out.Report = check.Check(history, check.Bounds{
		Large: large, Ahead: []string{"readers-lost", "readers-vague"}, Uncounted: []string{"readers-lost", "readers-vague", "kill", "freeze", "dawdle"},
	})
	for _, rule := range out.Report.Rules {
		for _, v := range rule.Violations {
			out.Violations = append(out.Violations, Violation{v.Rule, v.String()})
		}
	}
	return out
}

func (o *Outcome) String() string {
	text := fmt.Sprintf("seed %d, %s, %v:", o.Seed, o.Weather, o.Lasted)
	for _, v := range o.Violations {
		text += "\n  " + v.String()
	}
	return text
}
