package chaos

import (
	"context"
	"fmt"
	"strconv"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/parley-chat/parley/internal/check"
)

// written returns when nothing waits and all steps of the message are in the database. Neither has an event to wait for.
func (r *readers) written(ctx context.Context) error {
	deadline := time.Now().Add(readersPatience)
	for {
		steps, waiting, err := r.steps(ctx)
		if err != nil {
			return err
		}
		if steps == r.Clients-1 && waiting == 0 {
			return nil
		}
		if !pause(ctx, 250*time.Millisecond) {
			return context.Cause(ctx)
		}
		if time.Now().After(deadline) {
			return fmt.Errorf("%w: after %v %d steps of %d are written, and %d wait", errLate, readersPatience, steps, r.Clients-1, waiting)
		}
	}
}

// steps are how many of the message are written, and how many of any message wait in the queue or under a lease.
func (r *readers) steps(ctx context.Context) (written, waiting int, err error) {
	conn, err := pgx.Connect(ctx, r.DatabaseURL)
	if err != nil {
		return 0, 0, err
	}
	defer conn.Close(context.WithoutCancel(ctx))
	err = conn.QueryRow(ctx, "SELECT count(*) FROM read_receipts WHERE conversation_id = $1 AND message_id = $2", r.group, r.message).Scan(&written)
	if err != nil {
		return 0, 0, err
	}
	for _, ask := range [][]string{{"LLEN", "read_receipts:pending"}, {"ZCARD", "{read_receipts:pending}:leases"}} {
		text, err := r.cluster.Redis.Do(ask...)
		if err != nil {
			return 0, 0, err
		}
		n, err := strconv.Atoi(text)
		if err != nil {
			return 0, 0, fmt.Errorf("%s: %w", ask[0], err)
		}
		waiting += n
	}
	return written, waiting, nil
}

// readBack reads what is final: everybody's own list, and the list of readers at each node.
func (r *readers) readBack(ctx context.Context) error {
	r.recorder.Run(func(run *check.Run) { run.Settled = r.recorder.Now() })
	if err := r.crowd.listAll(ctx); err != nil {
		return fmt.Errorf("the final lists: %w", err)
	}
	for i, node := range r.cluster.Nodes {
		p, err := r.crowd.another(i, "lister/"+node.Name, node.URL())
		if err != nil {
			return err
		}
		if err := p.Readers(ctx, r.group, r.message, 100); err != nil {
			return fmt.Errorf("the final readers at %s: %w", node.Name, err)
		}
	}
	return nil
}

// judge reads the database and has both judges look at it.
func (r *readers) judge(ctx context.Context) (*Report, error) {
	r.crowd.stop()
	history := r.recorder.History()
	var err error
	if history.Database, err = check.ReadDatabase(ctx, r.DatabaseURL); err != nil {
		return nil, err
	}
	r.live.say("Checking %d operations and %d observations …", len(history.Operations), len(history.Observations))
	report := &Report{Check: check.Check(history, r.Bounds), Shape: r.describe(), Measures: r.measures, Problems: append(r.problems, r.crowd.faults()...)}
	report.Took = r.recorder.Now() - r.began
	report.Replay = fmt.Sprintf("parley-chaos readers --people %d --nodes %d", r.Clients, len(r.cluster.Nodes))
	if r.Bug != "" {
		report.Replay += fmt.Sprintf(" --bug %q", r.Bug)
	}
	if r.calm {
		report.Replay += " --calm"
	}
	report.Problems = append(report.Problems, allRead(history, r.group, r.message)...)
	return report, report.write(r.Folder, history)
}
