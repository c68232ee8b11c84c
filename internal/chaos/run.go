package chaos

import (
	"context"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/parley-chat/parley/internal/chaos/cluster"
	"github.com/parley-chat/parley/internal/chaos/faults"
	"github.com/parley-chat/parley/internal/chaos/program"
	"github.com/parley-chat/parley/internal/chaos/workload"
	"github.com/parley-chat/parley/internal/check"
)

const (
	// visitors is how many people come and go in a run by default.
	visitors = 8
	// lingers is how long a run waits until they must be offline whom it leaves gone.
	lingers = 30 * time.Second
)

// calmAfter is how long people go on chatting when everything is whole again.
const calmAfter = 3 * time.Second

// Options say what is run.
type Options struct {
	Cluster cluster.Config
	For     time.Duration // how long faults are injected, or people chat
	Seed    uint64
	Faults  []string // kinds; none for all that the shape has
	Number  int      // of faults; 0 for as many as the time allows
	// Apart is how long nothing else is broken around a fault that is alone. What is measured of single
	// faults needs [faults.Apart].
	Apart   time.Duration
	Alone   bool          // no fault keeps another company
	Longest time.Duration // bounds how long a fault lasts; 0 leaves it to its kind
	Clients int
	Rate    float64 // drafts a second
	Folder  string  // of the report
	// SettledWithin is how long everybody may take to have everything in the end; 0 for a minute.
	SettledWithin time.Duration
	// Visitors are how many more people come and go and hide, and Linger is how long everybody waits for those who left to be
	// offline in the end.
	Visitors   int
	Linger     time.Duration
	Edits      []program.Edit
	FromSource bool   // builds the program although nothing is planted
	Bug        string // the name of what Edits plant, for people
	Bounds     check.Bounds
	// URL names a deployment that runs already. It is not broken, and its database is read only if it is named.
	URL         string
	DatabaseURL string
	Out         io.Writer // progress for people
}

// run is a run under way.
type run struct {
	Options
	recorder *check.Recorder
	work     *workload.Workload
	injector *faults.Injector
	cluster  *cluster.Cluster
	programs string // the folder of variants
	skipped  []string
	problems []string // what is wrong besides violations
	live     *live
	began    time.Duration // when people began to chat
}

// Run does it all and returns what it proved. An error says that it could not be done.
func Run(ctx context.Context, o Options) (_ *Report, err error) {
	o.Bounds = bounds(o.Bounds, o.Cluster.Shape)
	r := &run{Options: o, live: newLive(o.Out)}
	if err := os.MkdirAll(o.Folder, 0o755); err != nil {
		return nil, err
	}
	programs, err := cluster.MakeFolder()
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, programs.Remove()) }()
	r.programs = programs.Path
	if o.URL == "" {
		stop, err := r.start(ctx)
		if err != nil {
			return nil, err
		}
		defer stop()
	}
	if err := r.chat(ctx); err != nil {
		return nil, err
	}
	return r.judge(ctx)
}

// start starts the cluster and prepares the faults.
func (r *run) start(ctx context.Context) (stop func(), err error) {
	kinds, err := faults.Choose(r.Cluster.Shape, r.Faults)
	if err != nil {
		return nil, err
	}
	wants := func(name string) bool {
		return slices.ContainsFunc(kinds, func(k *faults.Kind) bool { return k.Name == name })
	}
	site := &faults.Site{}
	if err := r.build(ctx, site, wants); err != nil {
		return nil, err
	}
	c := r.Cluster
	c.Logs = filepath.Join(r.Folder, "logs")
	c.SmallDisk = wants("disk-full") && os.Getuid() == 0
	if site.Clocks {
		random := rand.New(rand.NewPCG(r.Seed, 0xc10c))
		c.Clock = func() time.Duration { return faults.WrongClock(random.Uint64()) }
	}
	r.live.say("Starting %s …", describe(c))
	if r.cluster, err = cluster.Start(ctx, c); err != nil {
		return nil, err
	}
	site.Cluster = r.cluster
	if kinds, err = r.possible(site, kinds); err != nil {
		return nil, errors.Join(err, r.cluster.Stop())
	}
	plan := faults.NewPlan(r.Seed, kinds, len(r.cluster.Nodes), r.Apart)
	plan.Alone, plan.Longest = r.Alone, r.Longest
	r.injector = &faults.Injector{
		Site: site, Plan: plan, Number: r.Number,
		Told: func(line string) { r.live.say("  fault %s", line) },
	}
	r.URL, r.DatabaseURL = r.cluster.URL(), r.cluster.DatabaseURL()
	if r.DatabaseURL == "" {
		r.DatabaseURL = filepath.Join(r.cluster.Nodes[0].Data, "parley.db")
	}
	return func() {
		if err := r.cluster.Stop(); err != nil {
			r.live.say("%v", err)
		}
	}, nil
}

// build makes the variants of the program that the faults need. Where they cannot be made their kinds are
// left out, which [run.possible] says.
func (r *run) build(ctx context.Context, site *faults.Site, wants func(string) bool) error {
	if len(r.Edits) == 0 && !r.FromSource && !wants("clock") && !wants("version") {
		return nil
	}
	root, err := program.Source(ctx)
	if err != nil {
		if len(r.Edits) > 0 || r.FromSource {
			return fmt.Errorf("a planted bug is built from the source: %w", err)
		}
		r.live.say("No variants of the program: %v", err)
		return nil
	}
	r.live.say("Building variants of the program from %s …", root)
	edits := slices.Clone(r.Edits)
	if wants("clock") {
		edits = append(edits, program.Clock()...)
		site.Clocks = true
	}
	versions := []string{"chaos-a"}
	if wants("version") {
		versions = append(versions, "chaos-b")
	}
	for _, version := range versions {
		path := filepath.Join(r.programs, version)
		if err := program.Build(ctx, root, path, program.Variant{Version: version, Edits: edits}); err != nil {
			return err
		}
		site.Programs = append(site.Programs, path)
	}
	r.Cluster.Program = site.Programs[0]
	return nil
}

// possible leaves out what cannot be had here. What was asked for by name must be had.
func (r *run) possible(s *faults.Site, kinds []*faults.Kind) ([]*faults.Kind, error) {
	var out []*faults.Kind
	for _, k := range kinds {
		why := ""
		if k.Lacks != nil {
			why = k.Lacks(s)
		}
		switch {
		case why == "":
			out = append(out, k)
		case len(r.Faults) > 0:
			return nil, fmt.Errorf("the fault %s cannot be had here: %s", k.Name, why)
		default:
			r.skipped = append(r.skipped, fmt.Sprintf("%s: %s", k.Name, why))
			r.live.say("Left out, and not claimed: the fault %s: %s", k.Name, why)
		}
	}
	if len(out) == 0 {
		return nil, errors.New("there is no fault to inject")
	}
	return out, nil
}

// chat has people chat while things break, heals, lets them settle and reads what is final.
func (r *run) chat(ctx context.Context) (err error) {
	r.recorder = check.NewRecorder()
	r.recorder.Run(func(run *check.Run) {
		run.Seed, run.Name = r.Seed, "parley-chaos: "+r.describe()
	})
	c := workload.Config{Recorder: r.recorder, Seed: r.Seed, Clients: r.Clients, Rate: r.Rate, BaseURL: r.URL, SettledWithin: r.SettledWithin, Gentle: r.cluster == nil, Visitors: r.Visitors, Linger: r.Linger}
	if r.cluster != nil {
		for _, n := range r.cluster.Nodes {
			c.Doors = append(c.Doors, n.Door.Address())
		}
		if r.cluster.Front != nil {
			c.Front = r.cluster.Front.Address()
		}
	}
	r.live.say("Registering %d people …", r.Clients)
	if r.work, err = workload.Begin(ctx, c); err != nil {
		return err
	}
	defer r.work.Stop()
	if r.injector != nil {
		r.injector.Site.Conversations, r.injector.Recorder = r.work.Conversations, r.recorder
	}
	r.began = r.recorder.Now()
	stopProgress := r.live.follow(r)
	defer stopProgress()
	r.chatAndBreak(ctx)
	if ctx.Err() != nil {
		return ctx.Err()
	}
	r.live.say("Everything is whole again; waiting until everybody has everything …")
	r.work.Settle(ctx)
	r.recorder.Run(func(run *check.Run) { run.Settled = r.recorder.Now() })
	if err := r.work.ReadAll(ctx); err != nil {
		r.problems = append(r.problems, err.Error())
	}
	r.problems = append(r.problems, r.work.Faults()...)
	return ctx.Err()
}

func (r *run) describe() string {
	if r.cluster == nil {
		return "a deployment that runs already"
	}
	return describe(r.Cluster)
}

// chatAndBreak returns when the faults are over and everybody has stopped chatting.
func (r *run) chatAndBreak(ctx context.Context) {
	chatting, stop := context.WithCancel(ctx)
	done := make(chan struct{})
	go func() {
		defer close(done)
		r.work.Run(chatting)
	}()
	breaking, cancel := context.WithTimeout(ctx, r.For)
	defer cancel()
	if r.injector != nil {
		if err := r.injector.Run(breaking); err != nil {
			r.problems = append(r.problems, err.Error())
		}
		r.recorder.Run(func(run *check.Run) { run.Healed = r.recorder.Now() })
		calm := time.NewTimer(calmAfter)
		defer calm.Stop()
		select {
		case <-calm.C:
		case <-ctx.Done():
		}
	} else {
		<-breaking.Done()
	}
	stop()
	<-done
}

// judge reads the database and has the history checked.
func (r *run) judge(ctx context.Context) (*Report, error) {
	history := r.recorder.History()
	if r.DatabaseURL != "" {
		database, err := check.ReadDatabase(ctx, r.DatabaseURL)
		if err != nil {
			return nil, err
		}
		if r.cluster == nil {
			onlyOurs(history, database)
		}
		history.Database = database
	}
	r.live.say("Checking %d operations and %d observations …", len(history.Operations), len(history.Observations))
	report := &Report{Check: check.Check(history, r.Bounds)}
	report.Took = r.recorder.Now() - r.began
	report.Shape, report.Skipped, report.Problems = r.describe(), r.skipped, r.problems
	report.Replay = r.replay()
	if r.Number > 0 {
		if n := len(history.Faults); n < r.Number {
			report.Problems = append(report.Problems, fmt.Sprintf("%d faults were asked for and %d were injected", r.Number, n))
		}
	}
	if r.cluster != nil {
		report.Measures = measure(history, r.work.Waits(), r.work.Guided(), r.Apart, r.cluster.Shape == cluster.Full)
	}
	return report, report.write(r.Folder, history)
}

// onlyOurs takes out of what is stored the conversations that nobody of this run was ever in.
func onlyOurs(h *check.History, d *check.Database) {
	ours := map[string]bool{}
	for i := range h.Operations {
		ours[h.Operations[i].Conversation] = true
	}
	d.Conversations = slices.DeleteFunc(d.Conversations, func(c check.StoredConversation) bool { return !ours[c.ID] })
	d.Messages = slices.DeleteFunc(d.Messages, func(m check.StoredMessage) bool { return !ours[m.Conversation] })
	d.Participants = slices.DeleteFunc(d.Participants, func(p check.StoredParticipant) bool { return !ours[p.Conversation] })
}

// replay is the command that draws the same again.
func (r *run) replay() string {
	if r.cluster == nil {
		return ""
	}
	s := fmt.Sprintf("parley-chaos run --shape %s --seed %d --for %v --clients %d --rate %g", r.Cluster.Shape, r.Seed, r.For, r.Clients, r.Rate)
	if r.Visitors != visitors {
		s += fmt.Sprintf(" --visitors %d", r.Visitors)
	}
	if len(r.Faults) > 0 {
		s += " --faults " + strings.Join(r.Faults, ",")
	}
	if r.Number > 0 {
		s += fmt.Sprintf(" --number %d", r.Number)
	}
	if r.Alone {
		s += " --alone"
	}
	if r.Bug != "" {
		s += fmt.Sprintf(" --bug %q", r.Bug)
	}
	return s
}

func describe(c cluster.Config) string {
	switch c.Shape {
	case cluster.SQLite:
		return "one node on SQLite"
	case cluster.Postgres:
		return "one node on PostgreSQL"
	}
	return fmt.Sprintf("%d nodes on PostgreSQL and Redis behind nginx (%s)", c.Nodes, c.Balance)
}
