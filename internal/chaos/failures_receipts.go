package chaos

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/parley-chat/parley/client"
	"github.com/parley-chat/parley/internal/chaos/cluster"
)

const (
	// readersOfFailures is how many read together: enough that they are counted and written in bulk (C6.3).
	readersOfFailures = 12
	// keptLocked is over the time between two flushes.
	keptLocked = 12 * time.Second
	// writtenWithin is when what was read is written once nothing keeps it from being so: a lease of 30 s may have to end, and
	// then comes the next flush.
	writtenWithin = 45 * time.Second
	// buriedWithin is when five tries are over, one with each flush of any node.
	buriedWithin = 65 * time.Second
	// insertRefused is the fault that keeps one person's steps from being written.
	insertRefused = "insert-refused"
)

// receiptScenes are those of what people read in large conversations.
func receiptScenes() []FailureScene {
	return []FailureScene{
		{
			Name: "receipts: the bulk insert fails", Of: "DOC-005 bulk insert fails", Shape: cluster.Full,
			Holds: "every step is written, and everybody told the exact number, within 45 s of the end; none is laid aside",
			About: fmt.Sprintf("%d people read a message while somebody holds `read_receipts` for 12 s as ALTER TABLE does", readersOfFailures),
			play:  bulkFails,
		},
		{
			Name: "receipts: one step cannot be written", Of: "DOC-005 partial failure; DOC-005 5 tries, then a dead letter", Shape: cluster.Full,
			Holds: "all others are written within 45 s; after five tries, within 65 s, it lies in `buried_receipts`; `parley receipts replay` writes it once it can be",
			About: fmt.Sprintf("of %d people who read a message the database refuses the step of one, until it lies aside", readersOfFailures),
			play:  oneFails,
		},
		{
			Name: "receipts: Redis loses the queue", Of: "DOC-005 Redis loses it", Shape: cluster.Full,
			Holds: "every step is written within 45 s, and everybody is told the exact number",
			About: fmt.Sprintf("FLUSHALL right after %d people have read a message, before the next flush", readersOfFailures),
			play:  queueLost,
		},
	}
}

// reading is a message that people of one group read.
type reading struct {
	r              *failures
	people         []*talker
	group, message string
	began          time.Time
}

// newReading opens a group, sends a message to it, and waits until everybody has it.
func (r *failures) newReading(ctx context.Context, title string) (*reading, error) {
	if len(r.talk.people) < readersOfFailures {
		return nil, fmt.Errorf("%d people are too few: %d or more", len(r.talk.people), readersOfFailures)
	}
	some := r.talk.people[:readersOfFailures]
	group, err := create(ctx, some, title)
	if err != nil {
		return nil, err
	}
	for _, p := range some {
		p.Subscribe(group, 0)
	}
	m, err := some[0].SendREST(ctx, client.Draft{ConversationID: group, Content: "what is read", ClientMessageID: client.NewClientMessageID()})
	if err != nil {
		return nil, err
	}
	had := func() bool {
		for _, p := range some {
			if p.Rev(group) < m.Rev {
				return false
			}
		}
		return true
	}
	return &reading{r, some, group, m.ID, time.Time{}}, await(ctx, "everybody has what is to be read", had)
}

// read has everybody but the sender read it.
func (g *reading) read() {
	g.began = time.Now()
	for _, p := range g.people[1:] {
		p.MarkReadLive(g.group, g.message)
	}
}

// counted waits until every reader was told that all have read it.
func (g *reading) counted(ctx context.Context) error {
	return await(ctx, "everybody is told the exact number of readers", func() bool {
		for _, p := range g.people {
			if g.r.talk.readers(p, g.message) != int64(len(g.people)-1) {
				return false
			}
		}
		return true
	})
}

// written waits until so many steps are in the database.
func (g *reading) written(ctx context.Context, n int) error {
	conn, err := pgx.Connect(ctx, g.r.DatabaseURL)
	if err != nil {
		return err
	}
	defer conn.Close(context.WithoutCancel(ctx))
	var asked error
	err = await(ctx, fmt.Sprintf("%d steps are written", n), func() bool {
		got := 0
		asked = conn.QueryRow(ctx, "SELECT count(*) FROM read_receipts WHERE conversation_id = $1 AND message_id = $2", g.group, g.message).Scan(&got)
		return asked != nil || got >= n
	})
	return errors.Join(err, asked)
}

// buried waits until a step lies aside.
func (g *reading) buried(ctx context.Context) error {
	conn, err := pgx.Connect(ctx, g.r.DatabaseURL)
	if err != nil {
		return err
	}
	defer conn.Close(context.WithoutCancel(ctx))
	ctx, cancel := context.WithTimeout(ctx, 2*buriedWithin)
	defer cancel()
	for n := 0; n == 0; {
		if err := conn.QueryRow(ctx, "SELECT count(*) FROM buried_receipts WHERE message_id = $1", g.message).Scan(&n); err != nil {
			return err
		}
		if !pause(ctx, 100*time.Millisecond) {
			return fmt.Errorf("%w: the step is not laid aside within %v", errLate, 2*buriedWithin)
		}
	}
	return nil
}

func bulkFails(r *failures, ctx context.Context, row *Failure) error {
	g, err := r.newReading(ctx, "bulk")
	if err != nil {
		return err
	}
	over := r.recorder.Fault("table-lock", "PostgreSQL", row.Name)
	conn, err := pgx.Connect(ctx, r.DatabaseURL)
	if err != nil {
		return err
	}
	defer conn.Close(context.WithoutCancel(ctx))
	if _, err = conn.Exec(ctx, "BEGIN"); err == nil {
		_, err = conn.Exec(ctx, "LOCK TABLE read_receipts IN ACCESS EXCLUSIVE MODE")
	}
	if err != nil {
		return err
	}
	g.read()
	meanwhile, cancel := context.WithTimeout(ctx, keptLocked)
	defer cancel()
	ahead := g.counted(meanwhile) == nil
	told := time.Since(g.began)
	pause(ctx, keptLocked-told)
	_, err = conn.Exec(ctx, "ROLLBACK")
	over()
	ended := time.Now()
	if err = errors.Join(err, g.written(ctx, len(g.people)-1)); err != nil {
		return err
	}
	took := time.Since(ended)
	if err := g.counted(ctx); err != nil {
		return err
	}
	row.within(writtenWithin+r.Bounds.Slack, took, "writing what waited")
	row.within(writtenWithin+r.Bounds.Slack, time.Since(ended), "telling everybody the exact number")
	row.Detected = "at the next flush, 10 s at most: the lock is waited for 1 s"
	row.Client = fmt.Sprintf("nothing of it: everybody is told that all have read it %s after the first", short(told))
	if !ahead {
		row.Client = fmt.Sprintf("the exact number comes late, %s after the end: it was to be read first how many had read before", short(time.Since(ended)))
	}
	row.Recovered = fmt.Sprintf("all %d steps written %s after the end", len(g.people)-1, short(took))
	return nil
}

func oneFails(r *failures, ctx context.Context, row *Failure) (err error) {
	g, err := r.newReading(ctx, "one fails")
	if err != nil {
		return err
	}
	over := r.recorder.Fault(insertRefused, "PostgreSQL", row.Name)
	defer over()
	if err := g.refuse(ctx, g.people[1].user); err != nil {
		return err
	}
	defer func() { err = errors.Join(err, g.allow(context.WithoutCancel(ctx))) }()
	g.read()
	if err := g.written(ctx, len(g.people)-2); err != nil {
		return err
	}
	others := time.Since(g.began)
	if err := g.buried(ctx); err != nil {
		return err
	}
	aside := time.Since(g.began)
	if err := g.allow(ctx); err != nil {
		return err
	}
	began := time.Now()
	if err := r.replayReceipts(ctx); err != nil {
		row.say("parley receipts replay: %v", err)
	}
	if err := g.written(ctx, len(g.people)-1); err != nil {
		return err
	}
	row.within(writtenWithin+r.Bounds.Slack, others, "writing what can be written")
	row.within(buriedWithin+r.Bounds.Slack, aside, "laying the step aside")
	row.Detected = fmt.Sprintf("at the first flush; laid aside after five, %s after it was read", short(aside))
	row.Client = fmt.Sprintf("nothing of it: it is counted for everybody; the other %d steps are written after %s", len(g.people)-2, short(others))
	row.Recovered = fmt.Sprintf("by `parley receipts replay`, in %s", short(time.Since(began)))
	return g.counted(ctx)
}

// refuse has the database refuse what one person reads, until [reading.allow].
func (g *reading) refuse(ctx context.Context, user string) error {
	return g.administer(ctx, fmt.Sprintf(`CREATE FUNCTION refuse_step() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN IF NEW.user_id = '%s' THEN RAISE EXCEPTION 'this step is refused'; END IF; RETURN NEW; END $$;
CREATE TRIGGER refuse_step BEFORE INSERT ON read_receipts FOR EACH ROW EXECUTE FUNCTION refuse_step()`, user))
}

func (g *reading) allow(ctx context.Context) error {
	return g.administer(ctx, "DROP TRIGGER IF EXISTS refuse_step ON read_receipts; DROP FUNCTION IF EXISTS refuse_step()")
}

func (g *reading) administer(ctx context.Context, statements string) error {
	conn, err := pgx.Connect(ctx, g.r.DatabaseURL)
	if err != nil {
		return err
	}
	defer conn.Close(context.WithoutCancel(ctx))
	_, err = conn.Exec(ctx, statements)
	return err
}

// replayReceipts writes what lies aside, as an operator does.
func (r *failures) replayReceipts(ctx context.Context) error {
	cmd := exec.CommandContext(ctx, r.Cluster.Program, "receipts", "replay")
	cmd.Env = append(os.Environ(), "DATABASE_URL="+r.DatabaseURL, "PARLEY_DATA="+r.cluster.Nodes[0].Data, "PARLEY_SIGNING_KEY="+r.key)
	if out, err := cmd.CombinedOutput(); err != nil {
		return fmt.Errorf("%w: %s", err, out)
	}
	return nil
}

func queueLost(r *failures, ctx context.Context, row *Failure) error {
	g, err := r.newReading(ctx, "queue lost")
	if err != nil {
		return err
	}
	g.read()
	over := r.recorder.Fault("redis-flush", "Redis", row.Name)
	_, err = r.cluster.Redis.Do("FLUSHALL")
	over()
	if err = errors.Join(err, g.written(ctx, len(g.people)-1)); err != nil {
		return err
	}
	took := time.Since(g.began)
	if err := g.counted(ctx); err != nil {
		return err
	}
	row.within(writtenWithin+r.Bounds.Slack, took, "writing what was read")
	row.Detected = "a node that finds another life of Redis queues again what it remembers; a client says again what was not answered after 10 s"
	row.Client = fmt.Sprintf("the exact number, in the end %s after the first read", short(time.Since(g.began)))
	row.Recovered = fmt.Sprintf("all %d steps written %s after they were read", len(g.people)-1, short(took))
	return nil
}
