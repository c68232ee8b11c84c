package realtime

import (
	"context"
	"runtime"
	"slices"
	"time"

	"github.com/parley-chat/parley/internal/chat"
)

const (
	// changesOfPage is how many changes are put together before they are sent, so that a session has them in one write.
	changesOfPage = 64
	// sessionsOfPage is how many sessions are sent something before others have their turn. C7.5 allows 1,000; each of them
	// has a writer that stands in the way of a message's.
	sessionsOfPage = 128
	// presencesOfFrame is how many presences one frame of a state has. C7.5 allows 1,000; shorter ones stand less in the
	// way of a message.
	presencesOfFrame = 250
	// shareOfTelling says which part of the time it takes at most to tell: one in so many.
	shareOfTelling = 4
	// longestPause is how long the next changes wait at most after those whose telling took long.
	longestPause = time.Second
	// shedFor is how long changes wait before it is looked again whether the node has time for them.
	shedFor = 500 * time.Millisecond
	// trafficLasts is how long after a batch of messages others are expected.
	trafficLasts = time.Second
	// longestYield is how long the next page waits at most.
	longestYield = 20 * time.Millisecond
)

// note puts a viewer on the page.
func (p *presences) note(v *viewer) {
	if !v.noted {
		v.noted = true
		p.page = append(p.page, v)
	}
}

// tell has a viewer told a difference.
func (p *presences) tell(v *viewer, t *target, frame []byte) {
	v.frames, v.of = append(v.frames, frame), append(v.of, t)
	p.note(v)
}

// introduce has a viewer told of somebody of whom they were told nothing.
func (p *presences) introduce(v *viewer, t *target) {
	v.fresh = append(v.fresh, t)
	p.note(v)
}

// tellOrWait tells what changed, or waits while the node has too much to do: then each is told as it is at the end. What
// somebody does not want to be known any more waits for nothing (C7.4).
func (p *presences) tellOrWait(ctx context.Context) {
	if !p.private && p.hub.source.Shed(chat.WorkPresence) {
		p.tellAt = p.now.Add(shedFor)
		p.due(p.tellAt)
		return
	}
	p.private = false
	p.tellChanges(ctx)
}

// tellChanges tells those who watch what changed, and does not begin again at once when that took long.
func (p *presences) tellChanges(ctx context.Context) {
	began := time.Now()
	changed := p.changed
	p.changed = nil
	for some := range slices.Chunk(changed, changesOfPage) {
		for _, t := range some {
			p.tellChange(t)
		}
		p.deliver(ctx)
	}
	p.now = time.Now()
	p.tellAt = p.now.Add(min((shareOfTelling-1)*p.now.Sub(began), longestPause))
	if len(p.changed) > 0 {
		p.tellAt = laterOf(p.tellAt, p.now.Add(gatherPresence))
		p.due(p.tellAt)
	}
}

// tellChange puts what changed of a target on the page.
func (p *presences) tellChange(t *target) {
	t.changed = false
	if p.targets[t.id] != t || t.lacks {
		return
	}
	frames := t.frames()
	t.told, t.item = t.now, nil
	for _, pair := range t.watchers {
		if frame := frames[pair.relation]; frame != nil {
			p.tell(pair.viewer, t, frame)
		}
	}
}

// deliver sends what is on the page.
func (p *presences) deliver(ctx context.Context) {
	began, sent := time.Now(), 0
	for _, v := range p.page {
		if sent += len(v.audiences); sent > sessionsOfPage {
			p.yield(ctx, began)
			began, sent = time.Now(), len(v.audiences)
		}
		for _, a := range v.audiences {
			p.deliverTo(a)
		}
		clear(v.frames)
		clear(v.of)
		v.frames, v.of, v.fresh, v.noted = v.frames[:0], v.of[:0], nil, false
		if cap(v.frames) > 2*changesOfPage {
			v.frames, v.of = nil, nil
		}
	}
	clear(p.page)
	p.page = p.page[:0]
}

// deliverTo sends a session what its viewer is told. One that is not quiet is owed everything, as is one that had not
// everything yet, of what it had not.
func (p *presences) deliverTo(a *audience) {
	frames, fresh := a.viewer.frames, a.viewer.fresh
	if a.owed != nil {
		frames, fresh = p.had(a)
	}
	if len(frames) > 0 && !a.session.SendIfQuiet(frames...) || len(fresh) > 0 && !a.session.SendIfQuiet(a.viewer.state(fresh)...) {
		p.hub.counters.presenceDropped.Add(uint64(max(1, len(frames))))
		owed := p.owe(a)
		for _, t := range a.viewer.of {
			if _, watches := a.viewer.place(t.id); !watches {
				owed.end(t.id)
			}
		}
		return
	}
	p.told.Add(uint64(len(frames)))
}

// had is what of the page concerns those of whom the session was told already.
func (p *presences) had(a *audience) (frames [][]byte, fresh []*target) {
	v := a.viewer
	for i, t := range v.of {
		if a.had(t.id) {
			frames = append(frames, v.frames[i])
		} else if _, watches := v.place(t.id); !watches {
			a.owed.end(t.id)
		}
	}
	for _, t := range v.fresh {
		if a.had(t.id) {
			fresh = append(fresh, t)
		}
	}
	return frames, fresh
}

// yield lets others have their turn after a page. While messages are sent it also waits, so that telling takes no more
// than its share of the time.
func (p *presences) yield(ctx context.Context, began time.Time) {
	now := time.Now()
	if batches, busy := p.hub.gate.traffic(); busy || batches != p.batches {
		p.batches, p.trafficAt = batches, now
	}
	if now.Sub(p.trafficAt) < trafficLasts {
		rest(ctx, min(max((shareOfTelling-1)*now.Sub(began), time.Millisecond), longestYield))
		return
	}
	runtime.Gosched()
}
