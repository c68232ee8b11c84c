package store

import (
	"context"
	"database/sql"
	"errors"
	"time"
)

// Node is a process that serves this database, as it says itself. Its times are the database's, since the
// clocks of nodes may be minutes apart.
type Node struct {
	ID       string // serverId; one process at a time may have it
	Process  string // a UUID of its own for each start, so that two processes with one ID are told apart
	Version  string
	URL      string // where it listens, for people
	Bus      string // how it reaches the other nodes
	Keys     string // fingerprints of the signing keys that it takes, its own first, separated by spaces
	Draining bool
	State    string // how it is, as it writes it for whoever lists the nodes; "" of a program that says nothing of it

	StartedAt time.Time // its first beat
	SeenAt    time.Time // its last beat
}

const (
	// NodeLife is how long after its last beat a node counts as there.
	NodeLife = 30 * time.Second
	// nodeRecord is how long the row of a node that did not leave is kept.
	nodeRecord = 24 * time.Hour
)

const nodeColumns = "id, process_id, version, url, bus, signing_keys, draining, state, started_at, seen_at"

func nodeInto(n *Node) []any {
	return []any{&n.ID, &n.Process, &n.Version, &n.URL, &n.Bus, &n.Keys, &n.Draining, &n.State, at(&n.StartedAt), at(&n.SeenAt)}
}

// Beat says that a node is there, and returns it with its times. rival reports that another process has said
// so under the same ID within [NodeLife]: at a node's first beat that is mostly its own predecessor, later it
// is a second node with this ID.
func (s *Store) Beat(ctx context.Context, n Node) (beaten Node, rival bool, err error) {
	err = s.db.write(ctx, func(x session) error {
		var there bool
		if there, rival, err = s.lastBeat(ctx, x, n); err != nil {
			return err
		}
		if !there {
			if _, err := x.exec(ctx, s.fill("DELETE FROM nodes WHERE seen_at < {ago $1}"), nodeRecord.Microseconds()); err != nil {
				return err
			}
		}
		return x.one(ctx, into(nodeInto(&beaten)...), s.fill(`INSERT INTO nodes (`+nodeColumns+`)
VALUES ($1, $2, $3, $4, $5, $6, $7, $8, {now}, {now})
ON CONFLICT (id) DO UPDATE SET version = excluded.version, url = excluded.url, bus = excluded.bus,
signing_keys = excluded.signing_keys, draining = excluded.draining, state = excluded.state, seen_at = excluded.seen_at, process_id = excluded.process_id,
started_at = CASE WHEN nodes.process_id = excluded.process_id THEN nodes.started_at ELSE excluded.started_at END
RETURNING `+nodeColumns), n.ID, n.Process, n.Version, n.URL, n.Bus, n.Keys, n.Draining, n.State)
	})
	return beaten, rival, named(err)
}

// lastBeat reports whether the node has a row, and whether it is the fresh one of another process.
func (s *Store) lastBeat(ctx context.Context, x session, n Node) (there, rival bool, err error) {
	err = x.one(ctx, into(&rival), s.fill("SELECT process_id <> $2 AND seen_at >= {ago $3} FROM nodes WHERE id = $1"),
		n.ID, n.Process, NodeLife.Microseconds())
	if errors.Is(err, sql.ErrNoRows) {
		return false, false, nil
	}
	return true, rival, err
}

// Nodes returns those that were there within [NodeLife], in order of their ids.
func (s *Store) Nodes(ctx context.Context) ([]Node, error) {
	var out []Node
	err := s.db.reader().each(ctx, func(row scan) error {
		var n Node
		if err := row(nodeInto(&n)...); err != nil {
			return err
		}
		out = append(out, n)
		return nil
	}, s.fill("SELECT "+nodeColumns+" FROM nodes WHERE seen_at >= {ago $1} ORDER BY id"), NodeLife.Microseconds())
	return out, named(err)
}

// Clock is the database's time, which the times of nodes are of.
func (s *Store) Clock(ctx context.Context) (now time.Time, err error) {
	err = s.db.reader().one(ctx, into(at(&now)), s.fill("SELECT {now}"))
	return now, named(err)
}

// Leave takes a node out, unless another process has its ID by now.
func (s *Store) Leave(ctx context.Context, n Node) error {
	return named(s.db.write(ctx, func(x session) error {
		_, err := x.exec(ctx, "DELETE FROM nodes WHERE id = $1 AND process_id = $2", n.ID, n.Process)
		return err
	}))
}
