package realtime

import (
	"context"
	"slices"
	"time"

	"github.com/parley-chat/parley/internal/chat"
	"github.com/parley-chat/parley/internal/protocol"
)

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
		before := a.owed.upTo
		p.tellState(a)
		if a.owed == nil || before != a.owed.upTo {
			// A state takes as long as changes for some sessions do.
			sent += sessionsOfPage / 4
		}
		if sent > sessionsOfPage {
			p.yield(ctx, began)
			began, sent = time.Now(), 0
		}
	}
}

// ready reports whether a session may be sent a state now: whom its person watches is known and also, unless that takes
// long, their presence.
func (p *presences) ready(a *audience) bool {
	v := a.viewer
	if !v.known || !p.due(a.owed.since.Add(gatherViewers)) {
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
	v, owed := a.viewer, a.owed
	at := 0
	if owed.upTo != "" {
		var there bool
		if at, there = v.place(owed.upTo); there {
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
		owed.upTo = some[len(some)-1].id
	}
	if frames := a.endings(); len(frames) > 0 && !a.session.SendIfQuiet(frames...) {
		p.due(p.now.Add(gatherPresence))
		return
	}
	p.states.Add(1)
	p.settled(a)
}

// endings tell of those whom the viewer does not watch any more.
func (a *audience) endings() (frames [][]byte) {
	for _, t := range a.owed.before {
		if _, watches := a.viewer.place(t.id); !watches {
			a.owed.end(t.id)
		}
	}
	a.owed.before = nil
	for u := range a.owed.ended {
		if _, watches := a.viewer.place(u); !watches {
			frames = append(frames, changedFrame(chat.Presence{User: u, Status: chat.StatusOffline}))
		}
	}
	return frames
}
