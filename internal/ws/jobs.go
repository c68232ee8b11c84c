package ws

import (
	"context"
	"sync"
	"time"

	"github.com/parley-chat/parley/internal/chat"
)

const (
	// maxJobs is how many may wait for the one that is done.
	maxJobs = 256
	// maxJobBytes is how large the frames may be together that asked for them.
	maxJobBytes = 1 << 20
	// maxWants is how many conversations they may name together.
	maxWants = 2 * chat.MaxSubscribe
)

// jobs are what takes long. They are done one after the other, in the order in which they came, beside the reading
// goroutine, which must go on hearing pongs. It alone adds to them, and one that is being done, which may have more done after
// those that wait.
type jobs struct {
	mu      sync.Mutex
	waiting []job
	wants   int                // of those that wait
	bytes   int                // of those that wait
	cancel  context.CancelFunc // of those that are being done; nil when none is
}

type job struct {
	wants int // conversations that it names
	bytes int // of the frame that asked for it
	trace chat.Trace
	do    func(context.Context)
}

// later has something done after what came before it. It reports false when too much waits.
func (c *conn) later(j *jobs, wants int, do func(context.Context)) bool {
	return c.enqueue(j, job{wants, c.frame, c.acting, do})
}

func (c *conn) enqueue(j *jobs, last job) bool {
	j.mu.Lock()
	defer j.mu.Unlock()
	if len(j.waiting) >= maxJobs || j.wants+last.wants > maxWants || j.bytes+last.bytes > maxJobBytes {
		return false
	}
	j.waiting = append(j.waiting, last)
	j.wants, j.bytes = j.wants+last.wants, j.bytes+last.bytes
	if j.cancel == nil {
		var ctx context.Context
		ctx, j.cancel = context.WithCancel(c.server.ctx)
		go c.work(ctx, j)
	}
	return true
}

// laterWithin is later of a request that is answered, whatever becomes of the connection, within [requestWithin] of now.
func (c *conn) laterWithin(j *jobs, do func(context.Context)) bool {
	if !c.requests.begin() {
		return true
	}
	until := time.Now().Add(requestWithin)
	taken := c.later(j, 0, func(ctx context.Context) {
		defer c.requests.finish()
		ctx, cancel := context.WithDeadline(ctx, until)
		defer cancel()
		do(ctx)
	})
	if !taken {
		c.requests.finish()
	}
	return taken
}

// aside has done what may wait for the database or Redis, and for which nothing behind it on the socket is to wait: a send has
// its time to be answered in, which begins when it is read (C2.6). It is done after what is of its kind.
func (c *conn) aside(kind **jobs, do func(context.Context)) bool {
	if *kind == nil {
		*kind = new(jobs)
	}
	return c.laterWithin(*kind, do)
}

// outOfTime says that what has waited too long is not begun any more, so that all that waits behind it is answered in time, too.
func outOfTime(ctx context.Context) error {
	if ctx.Err() == nil {
		return nil
	}
	return tooLate(ctx.Err())
}

func tooLate(err error) *chat.Error {
	return &chat.Error{Code: chat.CodeDBTimeout, Message: "The database did not answer in time.", Err: err}
}

// idle reports whether nothing is being done, nor will be before more is added.
func (j *jobs) idle() bool {
	j.mu.Lock()
	defer j.mu.Unlock()
	return j.cancel == nil
}

// stop ends what is being done, with the connection: nothing more may come.
func (j *jobs) stop() {
	j.mu.Lock()
	defer j.mu.Unlock()
	if j.cancel != nil {
		j.cancel()
	}
}

func (c *conn) work(ctx context.Context, j *jobs) {
	for next, more := j.next(ctx); more; next, more = j.next(ctx) {
		func() {
			defer c.survive(next.trace)
			next.do(chat.WithTrace(ctx, next.trace))
		}()
	}
}

func (j *jobs) next(ctx context.Context) (next job, more bool) {
	j.mu.Lock()
	defer j.mu.Unlock()
	if len(j.waiting) == 0 || ctx.Err() != nil {
		j.cancel()
		j.cancel, j.waiting, j.wants, j.bytes = nil, nil, 0, 0
		return job{}, false
	}
	next = j.waiting[0]
	j.waiting[0] = job{}
	j.waiting = j.waiting[1:]
	j.wants, j.bytes = j.wants-next.wants, j.bytes-next.bytes
	return next, true
}
