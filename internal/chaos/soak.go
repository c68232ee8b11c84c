package chaos

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"time"

	"github.com/parley-chat/parley/internal/chaos/cluster"
)

// SoakOptions say how long a cluster is soaked, and with what.
type SoakOptions struct {
	People int
	For    time.Duration // with the warm-up, without the measurement of the capacity before it
	Every  time.Duration // how often each node is looked at
	// Rate is how many messages a second are sent; 0 measures what these people can send, and takes half.
	Rate float64
	// Capacity is how long that is measured.
	Capacity time.Duration
	// Settle is how long after everybody has left the nodes may take to be as they were before anybody came.
	Settle time.Duration
}

// soakWarmUp is the part of a soak that is not judged: caches fill and pools grow.
const soakWarmUp = 5

// SoakReport is what a soak came to.
type SoakReport struct {
	Shape    string        `json:"shape"`
	People   int           `json:"people"`
	Capacity float64       `json:"capacity,omitempty"` // messages a second, measured; 0 when the rate was given
	Rate     float64       `json:"rate"`               // that was asked for
	Took     time.Duration `json:"tookNs"`

	Confirmed, Failed, Visits, Pages int64
	Series                           []Series `json:"series"`
	Problems                         []string `json:"problems,omitempty"`
}

// OK reports whether nothing grew, everything came back, and people could chat.
func (r *SoakReport) OK() bool {
	for _, s := range r.Series {
		if s.Verdict != Flat {
			return false
		}
	}
	return len(r.Problems) == 0
}

// Soak has people chat, come and go for a long time at half of what the cluster can do, and sees that no node grows.
func Soak(ctx context.Context, o Options, s SoakOptions) (report *SoakReport, err error) {
	r := &soak{SoakOptions: s, live: newLive(o.Out), report: &SoakReport{Shape: describe(o.Cluster), People: s.People}}
	c := o.Cluster
	if err := os.MkdirAll(o.Folder, 0o700); err != nil {
		return nil, err
	}
	c.Logs = filepath.Join(o.Folder, "logs")
	c.Env = append(c.Env, "PARLEY_LOG_LEVEL=warn")
	r.live.say("Starting %s …", r.report.Shape)
	if r.cluster, err = cluster.Start(ctx, c); err != nil {
		return nil, err
	}
	defer func() {
		if stopErr := r.cluster.Stop(); err == nil {
			err = stopErr
		}
	}()
	if err := r.run(ctx); err != nil {
		return nil, err
	}
	return r.report, save(o.Folder, reportFile, func(w io.Writer) error {
		e := json.NewEncoder(w)
		e.SetIndent("", "  ")
		return e.Encode(r.report)
	})
}

// soak is one under way.
type soak struct {
	SoakOptions
	live    *live
	cluster *cluster.Cluster
	crowd   *soakCrowd
	samples [][]sample // of each node
	report  *SoakReport
}

func (r *soak) run(ctx context.Context) (err error) {
	r.live.say("Making %d people …", r.People)
	if r.crowd, err = newSoakCrowd(ctx, r.cluster.URL(), r.People); err != nil {
		return err
	}
	// What the making of people took is given back before the baseline is taken.
	before, err := r.settled(ctx, nil)
	if err != nil {
		return err
	}
	began := time.Now()
	r.crowd.start(ctx)
	defer r.crowd.stop()
	if err := r.crowd.arrived(ctx); err != nil {
		return err
	}
	if err := r.chooseRate(ctx); err != nil {
		return err
	}
	if err := r.soak(ctx); err != nil {
		return err
	}
	r.live.say("Everybody leaves …")
	r.crowd.stop()
	after, err := r.settled(ctx, before)
	if err != nil {
		return err
	}
	r.report.Took = time.Since(began)
	r.judge(before, after)
	return nil
}

// chooseRate measures what these people can send, each one message after the other, unless a rate was given.
func (r *soak) chooseRate(ctx context.Context) error {
	rate := r.Rate
	if rate == 0 {
		r.live.say("Measuring what they can send …")
		capacity, err := r.crowd.capacity(ctx, r.Capacity)
		if err != nil {
			return err
		}
		r.report.Capacity, rate = capacity, capacity/2
		r.live.say("%.0f messages a second; half of it is the load", capacity)
	}
	r.report.Rate = rate
	r.crowd.load(rate)
	return nil
}

// soak lets the crowd chat and looks at the nodes.
func (r *soak) soak(ctx context.Context) error {
	r.samples = make([][]sample, len(r.cluster.Nodes))
	end := time.Now().Add(r.For)
	told := time.Now()
	for next := time.Now(); next.Before(end); next = next.Add(r.Every) {
		if !pause(ctx, time.Until(next)) {
			return ctx.Err()
		}
		now, err := r.look(ctx)
		if err != nil {
			return err
		}
		for i := range now {
			r.samples[i] = append(r.samples[i], now[i])
		}
		if time.Since(told) > 30*time.Second || len(r.samples[0]) == 1 {
			told = time.Now()
			t := r.crowd.tally()
			r.live.say("%d confirmed, %d visits; %s has %s", t.confirmed, t.visits, r.cluster.Nodes[0].Name, now[0])
		}
	}
	t := r.crowd.tally()
	r.report.Confirmed, r.report.Failed, r.report.Visits, r.report.Pages = t.confirmed, t.failed, t.visits, t.pages
	return nil
}

// look takes a sample of each node.
func (r *soak) look(ctx context.Context) ([]sample, error) {
	out := make([]sample, len(r.cluster.Nodes))
	for i, n := range r.cluster.Nodes {
		s, err := look(ctx, n.Metrics)
		if err != nil {
			return nil, fmt.Errorf("look at %s: %w", n.Name, err)
		}
		out[i] = s
	}
	return out, nil
}

// settled looks until no node has more than it had before, or for as long as that may take. Without a before it looks until
// nothing falls any more.
func (r *soak) settled(ctx context.Context, before []sample) ([]sample, error) {
	deadline := time.Now().Add(r.Settle)
	now, err := r.look(ctx)
	for err == nil && time.Now().Before(deadline) {
		last := now
		if !pause(ctx, 2*time.Second) {
			return nil, ctx.Err()
		}
		if now, err = r.look(ctx); err != nil {
			return nil, err
		}
		if before == nil && steady(last, now) || before != nil && returned(before, now) {
			break
		}
	}
	return now, err
}

// judge makes the report's series and problems.
func (r *soak) judge(before, after []sample) {
	for i, n := range r.cluster.Nodes {
		all := r.samples[i]
		r.report.Series = append(r.report.Series, judgeNode(n.Name, all[len(all)/soakWarmUp:], before[i], after[i])...)
	}
	if r.report.Confirmed == 0 || r.report.Visits == 0 {
		r.report.Problems = append(r.report.Problems, "nobody sent anything or came back: nothing is proven")
	}
	if r.report.Failed*100 > r.report.Confirmed {
		r.report.Problems = append(r.report.Problems, fmt.Sprintf("%d sends failed of %d, the last one so: %s", r.report.Failed, r.report.Failed+r.report.Confirmed, *r.crowd.why.Load()))
	}
}

// Print shows the report to people.
func (r *SoakReport) Print(out io.Writer) {
	fmt.Fprintf(out, "\n%s: %d people at %.0f messages a second", r.Shape, r.People, r.Rate)
	if r.Capacity > 0 {
		fmt.Fprintf(out, ", half of the %.0f that they could send", r.Capacity)
	}
	fmt.Fprintf(out, ", for %s\n%d messages confirmed, %d not; %d connections came and went, %d pages of history read\n\n",
		r.Took.Round(time.Second), r.Confirmed, r.Failed, r.Visits, r.Pages)
	printSeries(out, r.Series)
	for _, p := range r.Problems {
		fmt.Fprintf(out, "\n✗ %s\n", p)
	}
	if r.OK() {
		fmt.Fprintln(out, "\nNothing grew, and everything came back.")
	}
}
