package chaos

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"time"

	"github.com/google/uuid"
	"golang.org/x/sync/errgroup"

	"github.com/parley-chat/parley/client"
	"github.com/parley-chat/parley/internal/auth"
	"github.com/parley-chat/parley/internal/chaos/cluster"
	"github.com/parley-chat/parley/internal/chaos/faults"
	"github.com/parley-chat/parley/internal/check"
	"github.com/parley-chat/parley/internal/crowd"
	"github.com/parley-chat/parley/internal/store"
)

// FailuresOptions choose among the failures of the plan.
type FailuresOptions struct {
	Only  []string // names, parts of them will do; none for all
	Short bool     // those alone that take seconds
}

// failures is a run in which people write steadily while one failure after the other is brought about and measured.
type failures struct {
	*run
	FailuresOptions
	given check.Bounds // as they were asked for
	key   string       // signs tokens
	talk  *talk        // nil while there is no cluster
	signs *signs
	rows  []Failure
	calm  time.Duration // since when nothing is broken, by the recorder's clock
}

// settledAfter is how long after everybody has everything who has read what is told everywhere.
const settledAfter = 13 * time.Second

// wideLimits are on, so that what counts them is asked, and out of everybody's way.
var wideLimits = []string{
	"PARLEY_RATE_LIMITS=on", "PARLEY_LIMITS_SEND=100000/1m", "PARLEY_LIMITS_HISTORY=100000/1m", "PARLEY_LIMITS_CONNECT=100000/1m",
	"PARLEY_LIMITS_CONNECT_ADDRESS=100000/1m", "PARLEY_LIMITS_REGISTER=100000/1m", "PARLEY_LIMITS_LOGIN_ADDRESS=100000/1m",
	"PARLEY_LIMITS_RECEIPTS=100000/1m", "PARLEY_LIMITS_CHANGE=100000/1m", "PARLEY_LIMITS_FRAMES=100000/1m",
}

// PlayFailures brings about the failures of the plan on one shape, measures each and judges it, and has the checker look at all
// that everybody did and saw.
func PlayFailures(ctx context.Context, o Options, f FailuresOptions) (_ *Report, err error) {
	o.Cluster.Balance = "least_conn"
	given := o.Bounds
	o.Bounds = bounds(o.Bounds, o.Cluster.Shape)
	o.Bounds.Uncounted = append(slices.Clone(o.Bounds.Uncounted), insertRefused)
	r := &failures{run: &run{Options: o, live: newLive(o.Out)}, FailuresOptions: f, given: given, key: rand.Text() + rand.Text()}
	if err := os.MkdirAll(o.Folder, 0o755); err != nil {
		return nil, err
	}
	programs, err := cluster.MakeFolder()
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, programs.Remove()) }()
	r.programs = programs.Path
	if err := r.build(ctx, &faults.Site{}, func(string) bool { return false }); err != nil {
		return nil, err
	}
	report, err := r.together(ctx)
	if err != nil {
		return nil, err
	}
	if err := r.play(ctx, true); err != nil {
		return nil, err
	}
	return r.conclude(report)
}

// chosen are the scenes to be played; apart asks for those that bring what they need.
func (r *failures) chosen(apart bool) (out []FailureScene) {
	for _, s := range FailureScenes() {
		if s.Shape == r.Cluster.Shape && s.apart == apart && (s.Short || !r.Short) && (&scene{name: s.Name}).chosen(r.Only) {
			out = append(out, s)
		}
	}
	return out
}

// together plays what is played while people write to one cluster, and has the checker judge it.
func (r *failures) together(ctx context.Context) (report *Report, err error) {
	report = &Report{Check: &check.Report{}}
	if len(r.chosen(false)) == 0 {
		return report, nil
	}
	defer func() { err = errors.Join(err, r.stop()) }()
	if err := r.start(ctx); err != nil {
		return nil, err
	}
	if err := r.play(ctx, false); err != nil {
		return nil, err
	}
	return r.judge(ctx)
}

// play plays the chosen scenes one after the other.
func (r *failures) play(ctx context.Context, apart bool) error {
	for _, s := range r.chosen(apart) {
		row := Failure{FailureScene: s}
		if row.skipped = row.lacks(r); row.skipped != "" {
			r.skipped = append(r.skipped, s.Name+": "+row.skipped)
			continue
		}
		r.live.say("%s …", s.Name)
		err := s.play(r, ctx, &row)
		if errors.Is(err, errLate) {
			row.say("%v", err)
		} else if err != nil {
			return fmt.Errorf("%s: %w", s.Name, err)
		}
		r.rows = append(r.rows, row)
		row.print(r.Out)
	}
	return nil
}

// start starts the cluster and the people.
func (r *failures) start(ctx context.Context) (err error) {
	c := r.Cluster
	c.Logs = filepath.Join(r.Folder, "logs")
	c.SmallDisk = c.Shape == cluster.SQLite && os.Getuid() == 0
	c.Env = append(append(slices.Clone(c.Env), "PARLEY_SIGNING_KEY="+r.key), wideLimits...)
	r.live.say("Starting %s …", describe(c))
	if r.cluster, err = cluster.Start(ctx, c); err != nil {
		return err
	}
	r.DatabaseURL = r.cluster.DatabaseURL()
	if r.DatabaseURL == "" {
		r.DatabaseURL = filepath.Join(r.cluster.Nodes[0].Data, "parley.db")
	}
	r.recorder = check.NewRecorder()
	r.recorder.Run(func(run *check.Run) { run.Name, run.Seed = "parley-chaos failures: "+describe(r.Cluster), r.Seed })
	r.live.say("Making and connecting %d people …", r.Clients)
	r.talk = newTalk(ctx, r.recorder)
	if err := r.makePeople(ctx); err != nil {
		return err
	}
	r.began = r.recorder.Now()
	if err := r.talk.open(ctx); err != nil {
		return err
	}
	r.signs = watchSigns(ctx, r.recorder, r.cluster.Nodes)
	r.talk.start(ctx, r.Rate)
	r.calm = r.recorder.Now()
	return nil
}

// front is where people come in: by a proxy before nginx, or before the one node.
func (r *failures) front() string {
	if r.cluster.Front != nil {
		return "http://" + r.cluster.Front.Address()
	}
	return "http://" + r.cluster.Nodes[0].Door.Address()
}

// makePeople makes the accounts: past the sockets on PostgreSQL, by registering where the database is the node's alone.
func (r *failures) makePeople(ctx context.Context) error {
	if r.cluster.Shape == cluster.SQLite {
		return r.register(ctx)
	}
	s, err := store.Open(ctx, store.Config{DatabaseURL: r.DatabaseURL})
	if err != nil {
		return err
	}
	defer s.Close()
	a, err := auth.New(auth.Config{Key: []byte(r.key), NewID: func() string { return uuid.Must(uuid.NewV7()).String() }}, s)
	if err != nil {
		return err
	}
	accounts, err := crowd.Make(ctx, s, a, "talker", r.Clients, time.Hour)
	if err != nil {
		return err
	}
	for _, account := range accounts {
		l := newLine()
		own, err := client.New(r.front(), client.Options{AccessToken: account.Token, HTTP: l.client})
		if err != nil {
			return err
		}
		r.talk.join(own, client.User{ID: string(account.ID)}, l, r.Seed)
	}
	return nil
}

func (r *failures) register(ctx context.Context) error {
	lines, clients, users := make([]*line, r.Clients), make([]*client.Client, r.Clients), make([]client.User, r.Clients)
	var registering errgroup.Group
	registering.SetLimit(4)
	for i := range lines {
		lines[i] = newLine()
		registering.Go(func() (err error) {
			if clients[i], err = client.New(r.front(), client.Options{HTTP: lines[i].client}); err != nil {
				return err
			}
			users[i], err = clients[i].Register(ctx, client.Registration{Username: fmt.Sprintf("talker%02d", i), Password: rand.Text()})
			return err
		})
	}
	if err := registering.Wait(); err != nil {
		return fmt.Errorf("register: %w", err)
	}
	for i := range lines {
		r.talk.join(clients[i], users[i], lines[i], r.Seed)
	}
	return nil
}

// stop ends what runs. It may be called again.
func (r *failures) stop() error {
	if r.signs != nil {
		r.signs.end()
	}
	if r.talk != nil {
		if r.talk.quiet != nil {
			r.talk.hush()
		}
		r.talk.end()
	}
	if r.cluster == nil {
		return nil
	}
	k := r.cluster
	r.cluster, r.talk, r.signs = nil, nil, nil
	return k.Stop()
}

// judge lets all settle, reads what is final and has the checker look at it.
func (r *failures) judge(ctx context.Context) (*Report, error) {
	r.recorder.Run(func(run *check.Run) { run.Healed = r.recorder.Now() })
	r.talk.hush()
	if err := await(ctx, "everybody has everything in the end", func() bool { return r.talk.complete(r.recorder.Now()) }); err != nil {
		r.problems = append(r.problems, err.Error())
	}
	// Who has read what is compared every 10 seconds where it was not heard (C6.3).
	pause(ctx, settledAfter)
	r.recorder.Run(func(run *check.Run) { run.Settled = r.recorder.Now() })
	if err := r.readBack(ctx); err != nil {
		return nil, err
	}
	r.talk.end()
	r.problems = append(r.problems, r.talk.faults...)
	history := r.recorder.History()
	var err error
	if history.Database, err = check.ReadDatabase(ctx, r.DatabaseURL); err != nil {
		return nil, err
	}
	r.live.say("Checking %d operations and %d observations …", len(history.Operations), len(history.Observations))
	report := &Report{Check: check.Check(history, r.Bounds), Took: r.recorder.Now() - r.began}
	return report, report.write(r.Folder, history)
}

// readBack has everybody read their list, and two of each room all that is in it, from both ends.
func (r *failures) readBack(ctx context.Context) error {
	read := map[string]int{}
	for _, p := range r.talk.people {
		if _, err := p.List(ctx); err != nil {
			return fmt.Errorf("the final list of %s: %w", p.Actor().Client, err)
		}
		if n := read[p.room]; n < 2 {
			read[p.room]++
			if _, err := p.Traverse(ctx, p.room, n == 0, 100); err != nil {
				return fmt.Errorf("the final history of conversation %s: %w", p.room, err)
			}
		}
	}
	return nil
}

// conclude puts the rows into the report.
func (r *failures) conclude(report *Report) (*Report, error) {
	report.Shape, report.Problems, report.Skipped, report.Failures = describe(r.Cluster), r.problems, r.skipped, r.rows
	report.Replay = fmt.Sprintf("parley-chaos failures --shape %s --people %d --rate %g --seed %d", r.Cluster.Shape, r.Clients, r.Rate, r.Seed)
	for i := range r.rows {
		for _, wrong := range r.rows[i].Wrong {
			report.Problems = append(report.Problems, r.rows[i].Name+": "+wrong)
		}
	}
	if len(r.rows) == 0 {
		report.Problems = append(report.Problems, "nothing was measured")
	}
	return report, report.sum(r.Folder)
}
