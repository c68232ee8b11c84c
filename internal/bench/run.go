package bench

import (
	"context"
	"errors"
	"fmt"
	"os"
	"runtime"
	"slices"
	"time"
)

// options are what the command line says.
type options struct {
	databaseURL   string
	startPostgres bool
	url           string
	serverPID     int
	scenarios     []string
	during        time.Duration
	idle          int
	json          string
	profile       string
}

// run is one run over one database.
type run struct {
	options
	config   serverConfig
	postgres int // process id of the postmaster, 0 when unknown
	world    *world
	profiled int
}

// scenario is one row of the goals and how it is measured.
type scenario struct {
	name     string
	work     string
	people   int // accounts that it needs
	talks    int // conversations of its own, which nobody has written to
	talkSize int
	measure  func(context.Context, *run, *Scenario) error
}

// scenarios are the goals' rows, in order. idle is how many sockets P6 opens.
func scenarios(idle int) []*scenario {
	return []*scenario{
		{"P1", "200 senders in 20 conversations of 10, one message outstanding each", 200, 20, 10, measureThroughput},
		{"P2", "one sender on an idle system", 2, 1, 2, measureLatency},
		{"P3", "20 in flight, one in each conversation; 8 in flight", 200, 20, 10, measureFew},
		{"P4", "messages in a commit at 200 in flight", 200, 20, 10, measureBatches},
		{"P5", "a conversation of 1,000 connected", 1000, 2, 1000, measureFanOut},
		{"P6", fmt.Sprintf("%d idle authenticated connections", idle), idle, 0, 0, measureIdle},
		{"P7", "P1 on SQLite", 200, 20, 10, measureThroughput},
		{"P8", "open loop, 500 messages a second", 200, 20, 10, measureOpenLoop},
	}
}

// choose picks the scenarios by name; without names all that apply to the database.
func choose(o options) ([]*scenario, error) {
	postgres := o.databaseURL != "" || o.startPostgres
	var chosen []*scenario
	all := scenarios(o.idle)
	for _, name := range o.scenarios {
		if !slices.ContainsFunc(all, func(s *scenario) bool { return s.name == name }) {
			return nil, fmt.Errorf("there is no scenario %q: P1 to P8, separated by commas", name)
		}
	}
	for _, s := range all {
		named := slices.Contains(o.scenarios, s.name)
		// P7 is P1 with SQLite's goal.
		applies := s.name != "P1" && s.name != "P7" || postgres == (s.name == "P1")
		if named && !applies {
			return nil, fmt.Errorf("%s is not for this database: P1 is for PostgreSQL and P7 the same for SQLite", s.name)
		}
		if named || len(o.scenarios) == 0 && applies {
			chosen = append(chosen, s)
		}
	}
	return chosen, nil
}

// measure does a whole run. What was measured before an error is in the report that comes with it.
func measure(ctx context.Context, o options) (report *Report, err error) {
	chosen, err := choose(o)
	if err != nil {
		return nil, err
	}
	data, err := os.MkdirTemp("", "parley-bench-")
	if err != nil {
		return nil, err
	}
	defer os.RemoveAll(data)
	r := &run{options: o, config: serverConfig{data: data, databaseURL: o.databaseURL, key: newKey()}}
	if o.startPostgres {
		p, startErr := startPostgres(ctx)
		if startErr != nil {
			return nil, startErr
		}
		defer func() { err = errors.Join(err, p.stop()) }()
		r.config.databaseURL = p.url
	}
	report = &Report{Database: "sqlite", Started: time.Now(), Cores: runtime.NumCPU(), Seconds: o.during.Seconds()}
	if r.config.databaseURL != "" {
		report.Database, r.postgres = "postgres", postmasterOf(ctx, r.config.databaseURL)
	}
	return report, r.measure(ctx, chosen, report)
}

func (r *run) measure(ctx context.Context, chosen []*scenario, report *Report) (err error) {
	if r.remote() {
		r.world, err = seedOver(ctx, r.url, chosen)
	} else {
		r.world, err = seed(ctx, r.config, chosen)
	}
	if err != nil {
		return fmt.Errorf("seed: %w", err)
	}
	for _, s := range chosen {
		fmt.Fprintf(os.Stderr, "%s: %s …\n", s.name, s.work)
		done := Scenario{Name: s.name, Work: s.work}
		if err := s.measure(ctx, r, &done); err != nil {
			done.Error = err.Error()
		}
		report.Scenarios = append(report.Scenarios, done)
		if ctx.Err() != nil {
			return ctx.Err()
		}
	}
	return nil
}

// remote says that the server is somebody else's.
func (r *run) remote() bool { return r.url != "" }

// talks are the conversations that were made for a scenario.
func (r *run) talks(s *Scenario) []talk { return r.world.talks[s.Name] }

// server starts the server for a scenario, or names the one there is.
func (r *run) server(ctx context.Context, s *Scenario) (*server, error) {
	if r.remote() {
		return &server{address: hostOf(r.url), pid: r.serverPID}, nil
	}
	c := r.config
	if r.profile != "" {
		c.profile = fmt.Sprintf("%s.%s.%d", r.profile, s.Name, r.profiled)
		r.profiled++
	}
	return startServer(ctx, c)
}

// prober is the bare work on the same database.
func (r *run) prober(ctx context.Context) (prober, error) {
	if r.config.databaseURL != "" {
		return newPostgresProbe(ctx, r.config.databaseURL)
	}
	return newSQLiteProbe(ctx, r.config.data)
}

// probeFor is how long each measurement of a probe lasts.
func (r *run) probeFor() time.Duration { return max(time.Second, r.during/4) }

// with runs work against a server and, after the server has stopped, compares what the load confirmed
// with the database.
func (r *run) with(ctx context.Context, s *Scenario, work func(*server) (*load, error)) (err error) {
	srv, err := r.server(ctx, s)
	if err != nil {
		return err
	}
	l, err := work(srv)
	err = errors.Join(err, srv.stop())
	if err != nil || l == nil {
		return err
	}
	return l.check(ctx, r, r.talks(s))
}
