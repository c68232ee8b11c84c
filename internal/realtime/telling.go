package realtime

import (
	"context"
	"runtime"
	"slices"
	"time"

	"github.com/parley-chat/parley/internal/chat"
	"github.com/parley-chat/parley/internal/protocol"
)

const (
	// changesOfPage is how many changes are put together before they are sent, so that a session has them in one write.
	changesOfPage = 64
	// sessionsOfPage is how many sessions are sent something before others have their turn (C7.5).
	sessionsOfPage = 1000
	// presencesOfFrame is how many presences one frame of a state has. C7.5 allows 1,000; shorter ones stand less in the
	// way of a message.
	presencesOfFrame = 250
	// telling takes at most one part in shareOfTelling of the time.
	shareOfTelling = 4
	// longestYield is how long the next page waits at most for messages that are on their way.
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
	p.tellAt = p.now.Add((shareOfTelling - 1) * p.now.Sub(began))
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
	if !a.whole {
		frames, fresh = p.had(a)
	}
	if len(frames) > 0 && !a.session.SendIfQuiet(frames...) || len(fresh) > 0 && !a.session.SendIfQuiet(a.viewer.state(fresh)...) {
		for _, t := range a.viewer.of {
			if _, watches := a.viewer.place(t.id); !watches {
				a.end(t.id)
			}
		}
		a.owe()
		p.owed[a] = struct{}{}
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
			a.end(t.id)
		}
	}
	for _, t := range v.fresh {
		if a.had(t.id) {
			fresh = append(fresh, t)
		}
	}
	return frames, fresh
}

// state is the frames that tell of these targets what was told.
func (v *viewer) state(of []*target) (frames [][]byte) {
	for some := range slices.Chunk(of, presencesOfFrame) {
		items := make([][]byte, 0, len(some))
		for _, t := range some {
			if at, there := t.place(v); there {
				items = append(items, t.show(t.watchers[at].relation))
			}
		}
		if len(items) > 0 {
			frames = append(frames, protocol.EncodePresences(items))
		}
	}
	return frames
}

// tellOwed sends those that are owed a state the next frames of it, as far as they are quiet.
func (p *presences) tellOwed(ctx context.Context) {
	began, sent := time.Now(), 0
	for a := range p.owed {
		if !p.ready(a) {
			continue
		}
		before := a.upTo
		p.tellState(a)
		if sent += presencesOfFrame; before != a.upTo && sent > sessionsOfPage {
			p.yield(ctx, began)
			began, sent = time.Now(), 0
		}
	}
}

// ready reports whether a session may be sent a state now: whom its person watches is known and also, unless that takes
// long, their presence.
func (p *presences) ready(a *audience) bool {
	v := a.viewer
	if !v.known || !p.due(a.since.Add(gatherViewers)) {
		return false
	}
	late := v.since.Add(startWithin)
	if !p.now.Before(late) {
		return true
	}
	if slices.ContainsFunc(v.watches, func(t *target) bool { return !t.known }) {
		p.due(late)
		return false
	}
	return true
}

// tellState sends one session as much of its state as it has room for. It is looked at again in a moment if that
// was not all.
func (p *presences) tellState(a *audience) {
	v := a.viewer
	at := 0
	if a.upTo != "" {
		var there bool
		if at, there = v.place(a.upTo); there {
			at++
		}
	}
	for at < len(v.watches) {
		some := v.watches[at:min(at+presencesOfFrame, len(v.watches))]
		known := slices.DeleteFunc(slices.Clone(some), func(t *target) bool { return !t.known })
		if frames := v.state(known); len(frames) > 0 && !a.session.SendIfQuiet(frames...) {
			p.due(p.now.Add(gatherPresence))
			return
		}
		at += len(some)
		a.upTo = some[len(some)-1].id
	}
	if frames := a.endings(); len(frames) > 0 && !a.session.SendIfQuiet(frames...) {
		p.due(p.now.Add(gatherPresence))
		return
	}
	p.states.Add(1)
	a.whole, a.upTo, a.ended = true, "", nil
	delete(p.owed, a)
}

// endings tell of those whom the viewer does not watch any more.
func (a *audience) endings() (frames [][]byte) {
	for u := range a.ended {
		if _, watches := a.viewer.place(u); !watches {
			frames = append(frames, changedFrame(chat.Presence{User: u, Status: chat.StatusOffline}))
		}
	}
	return frames
}

// yield lets others have their turn after a page. While messages are on their way it also waits, for as long as the
// page took.
func (p *presences) yield(ctx context.Context, began time.Time) {
	batches, busy := p.hub.gate.traffic()
	if busy || batches != p.batches {
		rest(ctx, min(max(time.Since(began), time.Millisecond), longestYield))
	}
	p.batches = batches
	runtime.Gosched()
}
