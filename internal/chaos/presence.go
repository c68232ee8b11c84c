package chaos

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	randv2 "math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"time"

	"github.com/parley-chat/parley/internal/chaos/cluster"
	"github.com/parley-chat/parley/internal/chaos/faults"
	"github.com/parley-chat/parley/internal/check"
)

// presenceWatchers are how many watch; they are spread over all nodes but the last, which is the one that dies.
const presenceWatchers = 4

// PresenceOptions say whose departures are measured.
type PresenceOptions struct {
	People int      // who depart in each way
	Crowd  int      // who are at the node that is killed
	Only   []string // names of scenes, parts of them will do; none for all
	Clocks bool     // sets the nodes' clocks minutes apart, if the source is here
}

// presence is a run in which people depart in every way, and it is measured when and how often those who watch are told.
type presence struct {
	*run
	PresenceOptions
	crowd *presenceCrowd
	next  int // the guest who has not been there
	rows  []Departure
}

// Departures measures the time from each kind of departure to "offline" at everybody who watches, and sees that they are told
// once, and nothing of who does not depart.
func Departures(ctx context.Context, o Options, p PresenceOptions) (_ *Report, err error) {
	o.Cluster.Shape, o.Cluster.Balance = cluster.Full, "least_conn"
	o.Bounds = bounds(o.Bounds, cluster.Full)
	// Of what Redis loses nobody must be told anything.
	o.Bounds.Emptied = nil
	o.Bounds.Hearing = append(slices.Clone(o.Bounds.Hearing), networkLost)
	r := &presence{run: &run{Options: o, live: newLive(o.Out)}, PresenceOptions: p}
	if err := os.MkdirAll(o.Folder, 0o755); err != nil {
		return nil, err
	}
	programs, err := cluster.MakeFolder()
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, programs.Remove()) }()
	r.programs = programs.Path
	defer func() { err = errors.Join(err, r.stop()) }()
	if err := r.start(ctx); err != nil {
		return nil, err
	}
	for _, s := range r.scenes() {
		if !s.chosen(p.Only) {
			continue
		}
		r.live.say("%s …", s.name)
		if err := s.play(ctx); err != nil {
			if !errors.Is(err, errLate) {
				return nil, fmt.Errorf("%s: %w", s.name, err)
			}
			r.problems = append(r.problems, fmt.Sprintf("%s: %v", s.name, err))
		}
	}
	return r.judge()
}

// start starts the cluster, with clocks that are minutes apart if the source is here, and makes everybody.
func (r *presence) start(ctx context.Context) error {
	site := &faults.Site{}
	if err := r.build(ctx, site, func(kind string) bool { return r.Clocks && kind == "clock" }); err != nil {
		return err
	}
	key := rand.Text() + rand.Text()
	c := r.Cluster
	c.Logs = filepath.Join(r.Folder, "logs")
	c.Env = append(c.Env, "PARLEY_SIGNING_KEY="+key)
	if site.Clocks {
		random := randv2.New(randv2.NewPCG(r.Seed, 0xc10c))
		c.Clock = func() time.Duration { return faults.WrongClock(random.Uint64()) }
	} else if r.Clocks {
		r.skipped = append(r.skipped, "clocks that are minutes apart: the program could not be built with a clock that can be set")
	}
	r.live.say("Starting %s …", describe(c))
	var err error
	if r.cluster, err = cluster.Start(ctx, c); err != nil {
		return err
	}
	r.DatabaseURL = r.cluster.DatabaseURL()
	r.recorder = check.NewRecorder()
	r.recorder.Run(func(run *check.Run) { run.Name, run.Seed = "parley-chaos presence: "+describe(r.Cluster), r.Seed })
	guests := 0
	for _, s := range r.scenes() {
		if s.chosen(r.Only) {
			guests += s.guests
		}
	}
	r.live.say("Making %d people …", guests+presenceWatchers)
	r.crowd, err = newPresenceCrowd(ctx, r.recorder, r.cluster.URL(), r.DatabaseURL, key, presenceWatchers, guests)
	if err != nil {
		return err
	}
	r.began = r.recorder.Now()
	r.crowd.watch(r.doors()[:len(r.cluster.Nodes)-1])
	return nil
}

// doors are the addresses of the nodes.
func (r *presence) doors() (out []string) {
	for _, n := range r.cluster.Nodes {
		out = append(out, n.Address())
	}
	return out
}

// take returns guests who have not been there.
func (r *presence) take(n int) []*guest {
	r.next += n
	return r.crowd.guests[r.next-n : r.next]
}

func (r *presence) stop() error {
	if r.crowd != nil {
		r.crowd.end()
	}
	if r.cluster == nil {
		return nil
	}
	return r.cluster.Stop()
}

// judge puts the rows into a report and has the checker look at everything that was told.
func (r *presence) judge() (*Report, error) {
	r.crowd.end()
	history := r.recorder.History()
	r.live.say("Checking %d operations and %d observations …", len(history.Operations), len(history.Observations))
	report := &Report{Check: check.Check(history, r.Bounds), Shape: r.describe(), Problems: r.problems, Skipped: r.skipped, Departures: r.rows}
	report.Took = r.recorder.Now() - r.began
	report.Replay = fmt.Sprintf("parley-chaos presence --people %d --crowd %d --nodes %d --seed %d", r.People, r.Crowd, len(r.cluster.Nodes), r.Seed)
	for _, d := range r.rows {
		report.Measures = append(report.Measures, d.measure())
		report.Problems = append(report.Problems, d.Wrong...)
	}
	if len(r.rows) == 0 {
		report.Problems = append(report.Problems, "nothing was measured")
	}
	return report, report.write(r.Folder, history)
}

// Departure is how long it took after one kind of departure until all who watch were told.
type Departure struct {
	Name     string        `json:"name"`
	People   int           `json:"people"`
	Watchers int           `json:"watchers"`
	Bound    time.Duration `json:"boundNs,omitempty"` // 0 when nothing may be told at all
	Told     int           `json:"told"`              // offline, to all watchers together
	Min      time.Duration `json:"minNs"`
	P50      time.Duration `json:"p50Ns"`
	P95      time.Duration `json:"p95Ns"`
	P99      time.Duration `json:"p99Ns"`
	Max      time.Duration `json:"maxNs"`
	Wrong    []string      `json:"wrong,omitempty"`
}

// sum takes in the times.
func (d *Departure) sum(took []time.Duration) {
	if d.Told = len(took); d.Told == 0 {
		return
	}
	slices.Sort(took)
	at := func(percent int) time.Duration { return took[(len(took)-1)*percent/100].Round(time.Millisecond) }
	d.Min, d.P50, d.P95, d.P99, d.Max = at(0), at(50), at(95), at(99), at(100)
}

// say keeps the first few of what is wrong.
func (d *Departure) say(format string, args ...any) {
	if len(d.Wrong) < 10 {
		d.Wrong = append(d.Wrong, d.Name+": "+fmt.Sprintf(format, args...))
	}
}

func (d *Departure) measure() Measure {
	m := Measure{Name: d.Name, Result: "pass"}
	if len(d.Wrong) > 0 {
		m.Result = "fail"
	}
	if d.Bound == 0 {
		m.Goal, m.Value = "nothing", fmt.Sprintf("%d people at %d watchers, %d told", d.People, d.Watchers, d.Told)
		return m
	}
	m.Goal = fmt.Sprintf("once, ≤ %v", d.Bound)
	m.Value = fmt.Sprintf("min %v  p50 %v  p95 %v  p99 %v  max %v; %d people at %d watchers, told %d", d.Min, d.P50, d.P95, d.P99, d.Max, d.People, d.Watchers, d.Told)
	return m
}

// departed judges that everybody who watches was told once since a moment that these people are offline, and in time.
func (r *presence) departed(name string, some []*guest, since, bound time.Duration) {
	d := Departure{Name: name, People: len(some), Watchers: len(r.crowd.watchers), Bound: bound + r.Bounds.Slack}
	told := r.crowd.board.since(since)
	var took []time.Duration
	for w := range r.crowd.watchers {
		for _, g := range some {
			switch all := told[watched{w, g.id}]; {
			case len(all) == 0:
				d.say("%s was not told that %s has gone", r.name(w), g.Actor().Client)
			case len(all) > 1 || all[0].status != "offline":
				d.say("%s was told of %s %d times: %s", r.name(w), g.Actor().Client, len(all), words(all))
			default:
				t := all[0].at - g.left
				if took = append(took, t); t > d.Bound {
					d.say("%s was told that %s has gone after %v", r.name(w), g.Actor().Client, t.Round(time.Millisecond))
				}
			}
		}
	}
	d.sum(took)
	r.rows = append(r.rows, d)
}

// undisturbed judges that nobody was told anything since a moment of these people, who were to be back within some time. Who took
// longer on a busy machine may have been told of, and proves nothing.
func (r *presence) undisturbed(name string, some []*guest, since, within time.Duration) {
	asked := len(some)
	some = slices.DeleteFunc(slices.Clone(some), func(g *guest) bool {
		back := time.Duration(g.back.Load())
		return back > since && back > g.left+within
	})
	d := Departure{Name: name, People: len(some), Watchers: len(r.crowd.watchers)}
	if len(some) < (asked+1)/2 {
		d.say("%d of %d were back later than after %v: this machine is too busy to prove anything", asked-len(some), asked, within)
	}
	told := r.crowd.board.since(since)
	for w := range r.crowd.watchers {
		for _, g := range some {
			if all := told[watched{w, g.id}]; len(all) > 0 {
				d.Told += len(all)
				d.say("%s was told of %s, who stayed: %s", r.name(w), g.Actor().Client, words(all))
			}
		}
	}
	r.rows = append(r.rows, d)
}

func (r *presence) name(watcher int) string { return r.crowd.watchers[watcher].Actor().Client }

func words(all []toldChange) (out string) {
	for i, c := range all {
		if i > 0 {
			out += ", "
		}
		out += fmt.Sprintf("%s at %v", c.status, c.at.Round(time.Millisecond))
	}
	return out
}
