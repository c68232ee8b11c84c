package store

import (
	"context"
	"time"

	"github.com/parley-chat/parley/internal/chat"
)

// Operation is what the database was asked to do, for those who record traces. It never holds a statement: what stands in one is
// nobody's business.
type Operation string

// The operations.
const (
	// OpAppend is a transaction that stores a batch of messages, up to the answer to its commit.
	OpAppend Operation = "append"
	// OpWrite is any other transaction that writes, and waiting for its turn.
	OpWrite Operation = "write"
	// OpRead is a statement that reads, or several in one transaction.
	OpRead Operation = "read"
)

// Record is told that the database did something that is a part of a trace which is recorded, for messages as many.
type Record func(of chat.Trace, op Operation, messages int, began time.Time, err error)

// recorded is a database that tells of what it is asked under a trace that is recorded. Where nobody wants to know there is none,
// and nothing is asked.
type recorded struct {
	database
	tell Record
}

func (r recorded) done(ctx context.Context, op Operation, began time.Time, err error) {
	if of := chat.TraceOf(ctx); of.Sampled {
		r.tell(of, op, 0, began, err)
	}
}

func (r recorded) reader() session {
	x := r.database.reader()
	x.done = r.done
	return x
}

func (r recorded) snapshot(ctx context.Context, read func(session) error) error {
	began := time.Now()
	err := r.database.snapshot(ctx, read)
	r.done(ctx, OpRead, began, err)
	return err
}

func (r recorded) write(ctx context.Context, change func(session) error) error {
	began := time.Now()
	err := r.database.write(ctx, change)
	r.done(ctx, OpWrite, began, err)
	return err
}

// recordAppend tells of a batch once for each of its messages whose trace is recorded.
func (s *Store) recordAppend(drafts []chat.Draft, began time.Time, err error) {
	for i := range drafts {
		if of := drafts[i].Trace; of.Sampled {
			s.record(of, OpAppend, len(drafts), began, err)
		}
	}
}
