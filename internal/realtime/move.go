package realtime

import (
	"context"
	"slices"

	"github.com/parley-chat/parley/internal/chat"
)

// relationsRead is what was read of what people who moved are to those who are here.
type relationsRead struct {
	moved map[chat.UserID]movedRead
	move  move
	err   error
}

type movedRead struct {
	self      chat.Watched // their privacy
	exists    bool
	relations map[chat.UserID]chat.Watched
}

// move takes it that people came into a conversation or went out of it.
func (p *presences) move(m move) {
	for _, u := range m.people {
		p.want(p.viewers[u])
	}
	m.here = slices.DeleteFunc(m.here, func(u chat.UserID) bool { return p.viewers[u] == nil || slices.Contains(m.people, u) })
	switch {
	case len(m.here) == 0:
	case len(m.people) == 0, len(m.people) > maxMoved:
		for _, u := range m.here {
			p.want(p.viewers[u])
		}
	default:
		p.moves = append(p.moves, m)
	}
}

// readRelations reads what somebody who moved is to those who are here.
func (p *presences) readRelations(ctx context.Context) {
	if p.sighting || len(p.moves) == 0 {
		return
	}
	m := p.moves[0]
	p.moves, p.sighting = p.moves[1:], true
	p.reading(ctx, func(ctx context.Context) {
		read := &relationsRead{move: m, moved: make(map[chat.UserID]movedRead, len(m.people))}
		read.err = p.hub.guard("presence", func() (err error) {
			for _, u := range m.people {
				if read.moved[u], err = p.readMoved(ctx, u, m.here); err != nil {
					return err
				}
			}
			return nil
		})
		p.mail.put(func(l *post) { l.relations = read })
	})
}

func (p *presences) readMoved(ctx context.Context, u chat.UserID, here []chat.UserID) (read movedRead, err error) {
	of, err := p.hub.source.Relations(ctx, here[0], []chat.UserID{u})
	if err != nil {
		return read, err
	}
	read.self, read.exists = of[u]
	read.relations, err = p.hub.source.Relations(ctx, u, here)
	return read, err
}

func (p *presences) takeRelations(read *relationsRead) {
	if !p.sighted(read.err) {
		p.moves = append(p.moves, read.move)
		return
	}
	for u, moved := range read.moved {
		for _, here := range read.move.here {
			if v := p.viewers[here]; v != nil && v.known && moved.exists {
				moved.self.User = u
				moved.self.Relation = moved.relations[here].Relation
				p.meet(v, moved.self)
			}
		}
	}
}

// meet notes what a viewer and somebody who moved are to each other now.
func (p *presences) meet(v *viewer, w chat.Watched) {
	at, watches := v.place(w.User)
	related := w.Relation.Friends || w.Relation.Share
	switch {
	case watches && related:
		p.relate(v, v.watches[at], relationOf(w.Relation))
	case watches:
		t := v.watches[at]
		v.watches = slices.Delete(v.watches, at, at+1)
		p.end(v, t)
	case related && len(v.watches) <= chat.MaxWatched:
		p.begin(v, w, false)
	}
}
