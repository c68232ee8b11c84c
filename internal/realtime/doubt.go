package realtime

import (
	"context"
	"slices"
	"time"

	"github.com/parley-chat/parley/internal/chat"
)

// presencesRead is what was read of targets' presence.
type presencesRead struct {
	targets []*target
	mark    uint64 // the number of the last announcement before
	there   map[chat.UserID]chat.Presence
	left    map[chat.UserID]chat.Watched // when those who left were seen last, as the store has it
	sure    bool
	err     error
}

// doubt has a target's presence read.
func (p *presences) doubt(t *target) {
	if t == nil || t.doubted {
		return
	}
	t.doubted = true
	if len(p.doubtful) == 0 {
		p.doubtAt = p.now.Add(gatherDoubts)
	}
	p.doubtful = append(p.doubtful, t)
}

func (p *presences) doubtAll() {
	for _, t := range p.targets {
		p.doubt(t)
	}
}

// loseAll has everything read: anything may have been missed.
func (p *presences) loseAll() {
	p.doubtAll()
	for _, v := range p.viewers {
		p.want(v)
	}
}

// unsureOne is a target that is to be read again at a time.
type unsureOne struct {
	target *target
	at     time.Time
}

// doubtLater has a target read again after a while.
func (p *presences) doubtLater(t *target) {
	p.unsure = append(p.unsure, unsureOne{t, p.now.Add(unsureAfter)})
}

// doubtAgain has those read whose time has come.
func (p *presences) doubtAgain() {
	for len(p.unsure) > 0 && p.due(p.unsure[0].at) {
		p.doubt(p.unsure[0].target)
		p.unsure = p.unsure[1:]
	}
}

// readPresences reads some of those that are doubted.
func (p *presences) readPresences(ctx context.Context) {
	read := &presencesRead{mark: p.heard}
	var ids []chat.UserID
	for len(p.doubtful) > 0 && len(ids) < maxDoubts {
		t := p.doubtful[0]
		p.doubtful = p.doubtful[1:]
		if t.doubted = false; p.targets[t.id] == t {
			read.targets, ids = append(read.targets, t), append(ids, t.id)
		}
	}
	if len(ids) == 0 {
		return
	}
	p.doubting = true
	p.doubts.Add(uint64(len(ids)))
	reader, left := read.targets[0].watchers[0].viewer.id, p.lastSeen(read.targets)
	p.reading(ctx, func(ctx context.Context) {
		read.err = p.hub.guard("presence", func() error { return p.readThese(ctx, read, ids, reader, left) })
		p.mail.put(func(l *post) { l.presences = read })
	})
}

// lastSeen are those of the targets of whom it is to be read when they were seen last, and who may know it, if they are not
// there: those who left, and those who are connected here all the same, of whom nothing else is read.
func (p *presences) lastSeen(of []*target) (ids []chat.UserID) {
	for _, t := range of {
		if t.lacks || !t.missed.IsZero() || p.viewers[t.id] != nil || !t.known && p.now.Sub(t.permitted) > unsureAfter {
			ids = append(ids, t.id)
		}
	}
	return ids
}

func (p *presences) readThese(ctx context.Context, read *presencesRead, ids []chat.UserID, reader chat.UserID, left []chat.UserID) (err error) {
	if read.there, read.sure, err = p.hub.source.Presences(ctx, ids); err != nil || !read.sure {
		return err
	}
	left = slices.DeleteFunc(left, func(u chat.UserID) bool {
		found, there := read.there[u]
		return there && (found.Status != chat.StatusOffline || !found.SeenAt.IsZero())
	})
	if len(left) > 0 {
		read.left, err = p.hub.source.Relations(ctx, reader, left)
	}
	return err
}

// takePresences takes what was read. Who could not be read stays what they were told to be, and is asked for again.
func (p *presences) takePresences(read *presencesRead) {
	p.doubting = false
	if p.doubtPause = 0; read.err != nil {
		// Who was not asked for yet waits as well.
		p.doubtPause = min(max(2*p.doubtPause, gatherViewers), unsureAfter)
		p.doubtAt = p.now.Add(p.doubtPause)
	}
	for _, t := range read.targets {
		if p.targets[t.id] != t {
			continue
		}
		found, there := read.there[t.id]
		switch {
		case read.err != nil:
			p.doubtLater(t)
		case !read.sure && (!there || found.Privacy.Invisible || found.Privacy.Secret()):
			// Who is there and lets nobody know it is as unknown as who is not.
			t.is(withPrivacy(t.now, found.Privacy))
			p.doubtLater(t)
		default:
			if w, left := read.left[t.id]; left {
				p.permit(t, w)
			}
			before := t.now.Privacy
			p.takePresence(t, found, there, read.mark)
			p.learn(t, before)
		}
		// What is not known by now is told without it.
		t.lacks = false
		p.change(t)
	}
}

// takePresence takes what was read for sure. Who was told as there and is not found without anybody's having said so
// is looked for until that has been so for a while: whoever notices says it in a moment, with the time.
func (p *presences) takePresence(t *target, found chat.Presence, there bool, mark uint64) {
	first := !t.known
	found.User = t.id
	left := !there || found.Status == chat.StatusOffline && !found.Privacy.Invisible && !found.Privacy.Secret()
	if !left {
		t.missed = time.Time{}
	}
	switch {
	case t.heard > mark && there:
		t.hear(found)
	case t.heard > mark:
	case left && !first && t.now.Status != chat.StatusOffline && !p.miss(t):
	case there:
		t.read(found)
	default:
		t.leave()
	}
	if t.known = true; first {
		p.reveal(t)
	}
}

// miss notes that a target was not found. It reports whether that has been so for a while.
func (p *presences) miss(t *target) (long bool) {
	if t.missed.IsZero() {
		t.missed = p.now
		p.doubtLater(t)
	}
	return p.now.Sub(t.missed) >= unsureAfter
}

// reveal tells a target's presence to all its watchers, who were told nothing of it.
func (p *presences) reveal(t *target) {
	t.lacks, t.told, t.item = false, t.now, nil
	for _, pair := range t.watchers {
		if pair.viewer.known {
			p.introduce(pair.viewer, t)
		}
	}
}
