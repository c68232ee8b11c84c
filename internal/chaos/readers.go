package chaos

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"time"

	"github.com/parley-chat/parley/client"
	"github.com/parley-chat/parley/internal/chaos/cluster"
	"github.com/parley-chat/parley/internal/chaos/faults"
	"github.com/parley-chat/parley/internal/check"
	"github.com/parley-chat/parley/internal/tally"
)

const (
	// readersWithin is the time in which everybody reads the message.
	readersWithin = time.Second
	// readersPatience is how long anything may take that everybody waits for.
	readersPatience = time.Minute
)

// errLate is that something which everybody waits for did not come: it is reported, and the judges say who lacks what.
var errLate = errors.New("not in time")

// readers is a run in which everybody of one group reads one message within a second, while a node dies and Redis is
// emptied.
type readers struct {
	*run
	calm     bool // nothing is broken
	counters *tally.Counters
	crowd    *readersCrowd
	group    string
	message  string
	measures []Measure
}

// ReadTogether has all of o.Clients read one message within a second, kills a node and empties Redis in the middle of it
// unless calm says not to, waits until everybody sees the exact number and everything is written, and judges.
func ReadTogether(ctx context.Context, o Options, calm bool) (_ *Report, err error) {
	// What is lost here comes back by the readers' own doing, so nothing that is lost in the end is excused, and no own
	// position may be told that is behind (C6.4).
	o.Bounds.Uncounted = uncounted
	o.Cluster.Shape, o.Cluster.Balance, o.Cluster.Preload = cluster.Full, "least_conn", tally.Library
	r := &readers{run: &run{Options: o, live: newLive(o.Out)}, calm: calm}
	if err := os.MkdirAll(o.Folder, 0o755); err != nil {
		return nil, err
	}
	programs, err := cluster.MakeFolder()
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, programs.Remove()) }()
	r.programs = programs.Path
	defer r.stop(context.WithoutCancel(ctx))
	if err := r.start(ctx); err != nil {
		return nil, err
	}
	if err := r.read(ctx); err != nil {
		return nil, err
	}
	return r.judge(ctx)
}

// start starts the cluster, makes the people and connects them.
func (r *readers) start(ctx context.Context) (err error) {
	if err := r.build(ctx, &faults.Site{}, func(string) bool { return false }); err != nil {
		return err
	}
	key := rand.Text() + rand.Text()
	c := r.Cluster
	c.Logs = filepath.Join(r.Folder, "logs")
	c.Env = append(c.Env, "PARLEY_SIGNING_KEY="+key, fmt.Sprint("PARLEY_MAX_GROUP=", max(1000, r.Clients)))
	r.live.say("Starting %s …", describe(c))
	if r.cluster, err = cluster.Start(ctx, c); err != nil {
		return err
	}
	r.URL, r.DatabaseURL = r.cluster.URL(), r.cluster.DatabaseURL()
	if r.counters, err = tally.Open(ctx, r.DatabaseURL, r.cluster.Redis.URL()); err != nil {
		return err
	}
	r.recorder = check.NewRecorder()
	r.recorder.Run(func(run *check.Run) { run.Name = "parley-chaos readers: " + describe(r.Cluster) })
	r.live.say("Making and connecting %d people …", r.Clients)
	if r.crowd, err = newReadersCrowd(ctx, r.recorder, r.URL, r.DatabaseURL, key, r.Clients); err != nil {
		return err
	}
	r.began = r.recorder.Now()
	return r.gather(ctx)
}

// stop ends whatever was started.
func (r *readers) stop(ctx context.Context) {
	if r.crowd != nil {
		r.crowd.stop()
	}
	if r.counters != nil {
		r.counters.Close(ctx)
	}
	if r.cluster == nil {
		return
	}
	if err := r.cluster.Stop(); err != nil {
		r.live.say("%v", err)
	}
}

// gather has the first of them open a group of all, connects everybody, and has them read a message in peace, so that there
// is a position from which one could go back.
func (r *readers) gather(ctx context.Context) error {
	owner := r.crowd.people[0]
	n := client.NewConversation{Type: "group", Title: "readers"}
	for _, p := range r.crowd.people[1:] {
		n.ParticipantIDs = append(n.ParticipantIDs, p.Actor().User)
	}
	c, err := owner.Create(ctx, n)
	if err != nil {
		return fmt.Errorf("open the group: %w", err)
	}
	r.group = c.ID
	if err := r.crowd.connect(ctx, c.ID); err != nil {
		return err
	}
	if err := r.send(ctx, "the one before"); err != nil {
		return err
	}
	if _, err := r.everybodyReads(ctx, nil); err != nil {
		return err
	}
	return r.written(ctx)
}

// send has the owner send the message that is read next, and returns when everybody has it.
func (r *readers) send(ctx context.Context, content string) error {
	sent, err := r.crowd.people[0].Send(ctx, client.Draft{ConversationID: r.group, Content: content})
	if err != nil {
		return fmt.Errorf("send: %w", err)
	}
	r.message = sent.MessageID
	r.crowd.expect(sent.MessageID)
	return r.crowd.await(ctx, "have the message", func(p *readerState) bool { return p.newest == sent.MessageID })
}

// read is the run itself: everybody reads while things break, and what comes of it is waited for.
func (r *readers) read(ctx context.Context) error {
	if err := r.send(ctx, "the one that counts"); err != nil {
		return err
	}
	var broken chan error
	breakThings := func() {}
	if !r.calm {
		broken = make(chan error, 1)
		breakThings = func() { go func() { broken <- r.breakThings(ctx) }() }
	}
	quiet, err := r.counters.Over(ctx, func() error { pause(ctx, readersWithin); return ctx.Err() })
	if err != nil {
		return err
	}
	seen := Measure{Name: fmt.Sprintf("first read → all see \"Read by %d\"", r.Clients-1)}
	cost, err := r.counters.Over(ctx, func() error {
		took, err := r.everybodyReads(ctx, breakThings)
		if seen.Value = fmt.Sprint(took.Round(time.Millisecond)); err != nil {
			seen.Value, seen.Result = "they do not", "fail"
		}
		return r.report(err)
	})
	if err != nil {
		return err
	}
	if broken != nil {
		if err := <-broken; err != nil {
			return err
		}
		r.recorder.Run(func(run *check.Run) { run.Healed = r.recorder.Now() })
	}
	flush, err := r.counters.Over(ctx, func() error { return r.report(r.written(ctx)) })
	if err != nil {
		return err
	}
	r.measures = append(r.measures, seen,
		Measure{Name: "SQL statements until all see it; in a second before without reading", Value: fmt.Sprintf("%d; %d", cost.Statements, quiet.Statements)},
		Measure{Name: "Redis commands until all see it, and inside of scripts; in the second before", Value: fmt.Sprintf("%d, %d; %d", cost.Commands, cost.Scripted, quiet.Commands)},
		Measure{Name: "SQL statements from then until all is written", Value: fmt.Sprint(flush.Statements)},
	)
	// What is written late may be told once more: it has to stay exact.
	if err := r.report(r.crowd.await(ctx, "see the exact number", r.crowd.exact)); err != nil {
		return err
	}
	return r.readBack(ctx)
}

// report notes what did not come in time as a problem, and returns any other error.
func (r *readers) report(err error) error {
	if errors.Is(err, errLate) {
		r.problems = append(r.problems, err.Error())
		return nil
	}
	return err
}

// everybodyReads has all but the sender read the message, spread over a second, calls half in the middle, and returns how
// long it took until everybody saw the exact number.
func (r *readers) everybodyReads(ctx context.Context, half func()) (time.Duration, error) {
	readers := r.crowd.people[1:]
	began := time.Now()
	for i, p := range readers {
		pause(ctx, time.Until(began.Add(readersWithin*time.Duration(i)/time.Duration(len(readers)))))
		if i == len(readers)/2 && half != nil {
			half()
		}
		p.MarkReadLive(r.group, r.message)
	}
	err := r.crowd.await(ctx, "see the exact number", r.crowd.exact)
	return time.Since(began), err
}

// breakThings kills a node and empties Redis, and starts the node again.
func (r *readers) breakThings(ctx context.Context) error {
	node := r.cluster.Nodes[len(r.cluster.Nodes)-1]
	served := r.crowd.at(node.Name)
	back := r.recorder.Fault("kill", node.Name, fmt.Sprintf("it served %d", served))
	node.Kill()
	died := time.Now()
	over := r.recorder.Fault("redis-flush", "Redis", "")
	_, err := r.cluster.Redis.Do("FLUSHALL")
	over()
	r.live.say("%s was killed, which served %d of %d, and Redis emptied", node.Name, served, r.Clients)
	err = errors.Join(err, node.Start(ctx))
	back()
	r.measures = append(r.measures,
		Measure{Name: "people of the node that was killed", Value: fmt.Sprint(served)},
		Measure{Name: "until the node was ready again", Value: fmt.Sprint(time.Since(died).Round(time.Millisecond))})
	return err
}

// pause waits for d, or less if ctx ends, and reports whether it did not.
func pause(ctx context.Context, d time.Duration) bool {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
		return true
	case <-ctx.Done():
		return false
	}
}
