package client

import (
	"context"
	"errors"
	"time"
)

// page is what a reader of missed changes brings back to the goroutine of [Live.Run].
type page struct {
	socket *socket
	track  *track
	ChangePage
	err error
}

// caughtUp ends a catch-up, or goes on with it over REST when there was more than a subscribe brings.
func (l *Live) caughtUp(ctx context.Context, f *frame) {
	t := l.tracks[f.ConversationID]
	if t == nil || t.phase != catchingUp {
		return
	}
	if t.hasMore {
		l.hand(t.upTo(f.Rev))
		t.phase = paging
		go l.readPage(ctx, l.socket, t, t.complete)
		return
	}
	l.finish(t, f.Rev)
}

func (l *Live) finish(t *track, rev int64) {
	t.failures = 0
	l.hand(t.caughtUp(rev, time.Now()))
	l.options.Handle(CaughtUp{ConversationID: t.conversation, Rev: t.complete})
}

func (l *Live) readPage(ctx context.Context, s *socket, t *track, afterRev int64) {
	changes, err := l.client.Changes(ctx, t.conversation, afterRev, 100)
	select {
	case l.pages <- page{s, t, changes, err}:
	case <-ctx.Done():
	}
}

// paged takes a page in. One of an earlier socket, or of an earlier subscription, is of no use: the new
// subscribe covers it.
func (l *Live) paged(ctx context.Context, p page) {
	t := p.track
	if l.tracks[t.conversation] != t || t.phase != paging || p.socket != l.socket {
		return
	}
	if p.err != nil {
		var e *Error
		if !l.repair(t, p.err) && errors.As(p.err, &e) {
			l.options.Handle(Failed{Ref: t.conversation, Err: e})
		}
		return
	}
	for _, e := range p.Changes {
		if _, rev := place(e); rev > t.complete {
			t.early[rev] = e
			l.hand(t.upTo(rev))
		}
	}
	if p.HasMore {
		go l.readPage(ctx, l.socket, t, t.complete)
		return
	}
	l.finish(t, p.LastRev)
}
