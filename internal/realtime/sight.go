package realtime

import (
	"context"
	"slices"
	"time"

	"github.com/parley-chat/parley/internal/chat"
)

const (
	// maxViewers is for how many people one query asks whom they watch; they may be thousands each.
	maxViewers = 50
	// maxDoubts is of how many people presence is read at once.
	maxDoubts = 500
	// maxMoved is of how many people who came and went at once it is asked what they are to each one here. With more, and when
	// it is not known who they are, it is
	// asked anew whom those here watch.
	maxMoved = 8
)

// watchingRead is what was read of whom people watch.
type watchingRead struct {
	viewers []*viewer
	asks    []*ask
	lists   map[chat.UserID][]chat.Watched
	err     error
}

// want has it read whom a viewer watches.
func (p *presences) want(v *viewer) {
	if v != nil && !v.wanted {
		v.wanted = true
		p.wanted = append(p.wanted, v)
	}
}

// open has it read whom a viewer watches when they open a conversation that they had not open when it was read last.
func (p *presences) open(o opening) {
	if v := p.viewers[o.user]; v != nil && !slices.Contains(v.open, o.conversation) {
		v.open = append(v.open, o.conversation)
		p.want(v)
	}
}

// readMore begins what is to be read and may be.
func (p *presences) readMore(ctx context.Context) {
	if !p.sighting && (len(p.moves) > 0 || len(p.wanted) > 0) && p.due(p.sightAt) {
		p.readRelations(ctx)
		p.readWatching(ctx)
	}
	if !p.doubting && len(p.doubtful) > 0 && p.due(p.doubtAt) {
		p.readPresences(ctx)
	}
}

// readWatching reads whom some of those who wait for it watch.
func (p *presences) readWatching(ctx context.Context) {
	if p.sighting {
		return
	}
	read := &watchingRead{}
	open := make(map[chat.UserID][]chat.ConversationID)
	p.wanted = slices.DeleteFunc(p.wanted, func(v *viewer) bool {
		if p.viewers[v.id] != v {
			return true
		}
		if len(read.viewers) == maxViewers || !p.due(v.due()) {
			return false
		}
		v.wanted, v.began = false, p.now
		v.open = v.opened()
		open[v.id] = slices.Clone(v.open)
		read.viewers, read.asks = append(read.viewers, v), append(read.asks, v.asks...)
		v.asks = nil
		return true
	})
	if len(read.viewers) == 0 {
		return
	}
	p.sighting = true
	p.sightings.Add(1)
	p.reading(ctx, func(ctx context.Context) {
		read.err = p.hub.guard("presence", func() (err error) {
			read.lists, err = p.hub.source.Watching(ctx, open)
			return err
		})
		p.mail.put(func(l *post) { l.watching = read })
	})
}

// due is when it may be read whom the viewer watches.
func (v *viewer) due() time.Time {
	switch {
	case v.began.IsZero() && len(v.audiences) > 0:
		return v.audiences[0].owed.since.Add(gatherViewers)
	case len(v.asks) > 0:
		return v.began.Add(rereadAfter / 4)
	}
	return v.began.Add(rereadAfter)
}

// opened are the conversations that sessions of the viewer follow.
func (v *viewer) opened() (all []chat.ConversationID) {
	for _, a := range v.audiences {
		for _, c := range a.session.topics() {
			if !slices.Contains(all, c) {
				all = append(all, c)
			}
		}
	}
	return all
}

// takeRead takes what was read.
func (p *presences) takeRead(l post) {
	if l.relations != nil {
		p.takeRelations(l.relations)
	}
	if l.watching != nil {
		p.takeWatching(l.watching)
	}
	if l.presences != nil {
		p.takePresences(l.presences)
	}
}

// sighted notes that a reading is over. It reports whether it succeeded; else the next one waits.
func (p *presences) sighted(err error) bool {
	p.sighting = false
	if err == nil {
		p.sightPause, p.sightAt = 0, time.Time{}
		return true
	}
	if p.sightPause == 0 && p.hub.ctx.Err() == nil {
		p.hub.cfg.Log.Warn("it cannot be read yet who watches whom", "event", "presence.watching", "error", err)
	}
	p.sightPause = min(max(2*p.sightPause, gatherViewers), unsureAfter)
	p.sightAt = p.now.Add(p.sightPause)
	return false
}

func (p *presences) takeWatching(read *watchingRead) {
	ok := p.sighted(read.err)
	for _, v := range read.viewers {
		switch {
		case p.viewers[v.id] != v:
		case ok:
			p.watch(v, read.lists[v.id])
		default:
			p.want(v)
		}
	}
	for _, a := range read.asks {
		if !ok && p.viewers[a.session.User] != nil {
			v := p.viewers[a.session.User]
			v.asks = append(v.asks, a)
			continue
		}
		p.asks = append(p.asks, a)
		a.since = p.now
	}
}

// reading reads in a goroutine of its own.
func (p *presences) reading(ctx context.Context, read func(context.Context)) {
	p.hub.work.Go(func() {
		ctx, cancel := context.WithTimeout(ctx, readWithin)
		defer cancel()
		read(ctx)
	})
}
