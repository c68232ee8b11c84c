package bench

import (
	"context"
	"errors"
	"fmt"
	"os"
	"runtime"
	"slices"
	"strings"
	"time"

	"github.com/parley-chat/parley/internal/crowd"
	"github.com/parley-chat/parley/internal/pgserver"
	"github.com/parley-chat/parley/internal/redisserver"
	"github.com/parley-chat/parley/internal/tally"
)

// options are what the command line says.
type options struct {
	databaseURL   string
	startPostgres bool
	nodes         int    // how many servers form the chat
	redisURL      string // joins them; "" starts one when there are several
	url           string
	serverPID     int
	scenarios     []string
	during        time.Duration
	idle          int
	people        int           // of presence-cost
	steady        time.Duration // how long presence-cost measures
	json          string
	profile       string
	program       string // what is measured; "" for this very program
}

// run is one run over one database.
type run struct {
	options
	config   serverConfig
	postgres int // process id of the postmaster, 0 when unknown
	redis    int // the same of Redis
	world    *world
	profiled int
}

// scenario is one row of the goals and how it is measured.
type scenario struct {
	name    string
	work    string
	people  int   // accounts that it needs
	talks   []int // sizes of the conversations of its own, which nobody has written to
	measure func(context.Context, *run, *Scenario) error
}

// of are the sizes of n conversations.
func of(n, size int) []int { return slices.Repeat([]int{size}, n) }

// seats are who is in each of a scenario's conversations: people of their own, as far as they go round.
func (s *scenario) seats(people []crowd.Person) [][]crowd.Person {
	var out [][]crowd.Person
	first := 0
	for _, size := range s.talks {
		if first+size > len(people) {
			first = 0
		}
		out = append(out, people[first:first+size])
		first += size
	}
	return out
}

// severalNodes reports whether a scenario brings nodes of its own, joined by Redis.
func (s *scenario) severalNodes() bool {
	return s.name == "P11" || s.name == "fan-out" || s.counts()
}

// presence reports whether a scenario is one of those of presence: two nodes with Redis on PostgreSQL, one without on SQLite.
func (s *scenario) presence() bool { return strings.HasPrefix(s.name, "presence-") }

// isOf reports whether a scenario is meant by one of the names: its own, or the one of a group.
func (s *scenario) isOf(names []string) bool {
	return slices.Contains(names, s.name) || s.presence() && slices.Contains(names, "presence")
}

// counts reports whether a scenario counts statements and commands. It needs an extension that somebody else's database may
// not have.
func (s *scenario) counts() bool { return s.name == "receipts" || s.name == "sync" }

// scenarios are the goals' rows, in order. idle is how many sockets P6 opens, people how many presence-cost does.
func scenarios(idle, people int) []*scenario {
	size, crowd := people/50, people/5
	return []*scenario{
		{"P1", "200 senders in 20 conversations of 10, one message outstanding each", 200, of(20, 10), measureThroughput},
		{"P2", "one sender on an idle system", 2, of(1, 2), measureLatency},
		{"P3", "20 in flight, one in each conversation; 8 in flight", 200, of(20, 10), measureFew},
		{"P4", "messages in a commit at 200 in flight", 200, of(20, 10), measureBatches},
		{"P5", "a conversation of 1,000 connected", 1000, of(2, 1000), measureFanOut},
		{"P6", fmt.Sprintf("%d idle authenticated connections", idle), idle, nil, measureIdle},
		{"P7", "P1 on SQLite", 200, of(20, 10), measureThroughput},
		{"P8", "open loop, 500 messages a second", 200, of(20, 10), measureOpenLoop},
		{"P11", "P1 on two nodes with Redis beside P1 on one without", 200, of(20, 10), measureTwoNodes},
		{"fan-out", "what a message costs by people connected and by nodes, and a model of it", modelPeople, of(1, modelPeople), measureModel},
		{"receipts", "1,000 people on two nodes read one message within a second", 1000, of(1, 1000), measureReceipts},
		{"sync", "1,000 people on two nodes say at one moment how far they have read", 1000, of(1, 1000), measureSyncs},
		{"overload", "five times as many messages as can be stored, and half as many afterwards", 200, of(20, 10), measureOverload},
		{"observability", "P1 with and without what an operator sees of it", 200, of(20, 10), measureObservability},
		{"presence-cost", fmt.Sprintf("%d people in conversations of %d say every 15 s that they live", people, size), people, of(50, size), measurePresence},
		{"presence-storm", fmt.Sprintf("P8 beside %d people who become away, invisible and online, one step a second", crowd),
			200 + 2*crowd, slices.Concat(of(20, 10), of(1, crowd), of(10, crowd/10)), measureStorm},
		{"presence-leaving", fmt.Sprintf("one of %d people of a conversation goes, and all others see it", crowd), crowd, of(1, crowd), measureLeaving},
	}
}

// choose picks the scenarios by name; without names all that apply to the database.
func choose(o options) ([]*scenario, error) {
	postgres := o.databaseURL != "" || o.startPostgres
	var chosen []*scenario
	all := scenarios(o.idle, o.people)
	for _, name := range o.scenarios {
		if !slices.ContainsFunc(all, func(s *scenario) bool { return s.isOf([]string{name}) }) {
			return nil, fmt.Errorf("there is no scenario %q: P1 to P8, P11, fan-out, receipts, sync, overload, observability and presence, separated by commas", name)
		}
	}
	for _, s := range all {
		named := s.isOf(o.scenarios)
		// P7 is P1 with SQLite's goal, and several nodes need PostgreSQL.
		applies := postgres == (s.name == "P1") || s.name != "P1" && s.name != "P7"
		if s.severalNodes() {
			applies = postgres && o.url == ""
		}
		if s.counts() && !named {
			applies = applies && o.startPostgres
		}
		if s.name == "overload" || s.name == "observability" {
			applies = named && o.url == ""
		}
		if s.presence() {
			// They take minutes, and their figures need a PostgreSQL that counts.
			applies = named && o.url == "" && (o.databaseURL == "" || o.startPostgres)
		}
		if named && !applies {
			return nil, fmt.Errorf("%s is not for this: P1, P11, fan-out, receipts and sync are for PostgreSQL, P7 is P1 on SQLite, all of these but P1 and P7 start their servers themselves, overload and observability too, and those of presence are for SQLite and for --start-postgres", s.name)
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
	r := &run{options: o, config: serverConfig{program: o.program, data: data, databaseURL: o.databaseURL, key: newKey()}}
	if o.startPostgres {
		p, err := pgserver.Start()
		if err != nil {
			return nil, err
		}
		defer p.Remove()
		if slices.ContainsFunc(chosen, func(s *scenario) bool { return s.counts() || s.presence() }) {
			if err := p.Preload(tally.Library); err != nil {
				return nil, err
			}
		}
		r.config.databaseURL = p.URL("postgres")
	}
	several := o.nodes > 1 || slices.ContainsFunc(chosen, func(s *scenario) bool {
		return s.severalNodes() || s.presence() && o.startPostgres
	})
	if several && o.redisURL == "" {
		redis, err := redisserver.Start()
		if err != nil {
			return nil, err
		}
		defer redis.Close()
		r.redisURL, r.redis = redis.URL(), redis.PID()
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

// servers starts the nodes for a scenario, or names the one there is.
func (r *run) servers(ctx context.Context, s *Scenario, n int) (servers, error) {
	if r.remote() {
		return servers{{address: hostOf(r.url), pid: r.serverPID}}, nil
	}
	var nodes servers
	for range n {
		srv, err := r.start(ctx, s, n > 1)
		if err != nil {
			return nil, errors.Join(err, nodes.stop())
		}
		nodes = append(nodes, srv)
	}
	return nodes, nil
}

func (r *run) start(ctx context.Context, s *Scenario, several bool) (*server, error) {
	c := r.config
	if several {
		c.redisURL = r.redisURL
	}
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

// with runs work against as many nodes as the run is about and, after they have stopped, compares what the
// load confirmed with the database.
func (r *run) with(ctx context.Context, s *Scenario, work func(servers) (*load, error)) error {
	return r.on(ctx, s, r.nodes, work)
}

// on is with for n nodes.
func (r *run) on(ctx context.Context, s *Scenario, n int, work func(servers) (*load, error)) error {
	nodes, err := r.servers(ctx, s, n)
	if err != nil {
		return err
	}
	l, err := work(nodes)
	err = errors.Join(err, nodes.stop())
	if err != nil || l == nil {
		return err
	}
	return l.check(ctx, r, r.talks(s))
}
