package realtime

import (
	"cmp"
	"slices"
	"time"

	"github.com/parley-chat/parley/internal/chat"
)

// viewer is somebody who is connected here and watches others, themselves among them.
type viewer struct {
	id chat.UserID
	// number grows from one viewer to the next, so that a new one stands at the end of its targets' watchers.
	number    uint64
	watches   []*target // by id
	audiences []*audience
	open      []chat.ConversationID // what their sessions had open when it was read whom they watch
	known     bool                  // that was read
	since     time.Time             // when it was read first
	began     time.Time             // when the last reading began
	wanted    bool                  // it is to be read
	asks      []*ask                // that wait for a reading that begins from now on
	// What they are told at the end of this page: frames, each of one target; and targets of which they were told nothing.
	frames [][]byte
	of     []*target
	fresh  []*target
	noted  bool // they are on the page
}

// audience is one session of a viewer, which is told differences. What it is owed besides is nil once it was told a full
// state: most sessions are owed nothing for hours, and are to cost little.
type audience struct {
	viewer  *viewer
	session *Session
	owed    *owing
}

// owing is the full state that a session is owed.
type owing struct {
	since time.Time // when the session came; zero when this is owed anew
	// upTo is the last target of the state that it was sent. Of later ones it is told nothing else.
	upTo chat.UserID
	// ended are those whom the viewer stopped watching before the session was told so.
	ended map[chat.UserID]struct{}
	// before are those whom the viewer watched before a fault; the session may have been told of them.
	before []*target
}

// had reports whether the session was told of a target, so that it is told what changes.
func (a *audience) had(u chat.UserID) bool { return a.owed == nil || u <= a.owed.upTo }

// end notes that somebody is to be told as offline with the state.
func (o *owing) end(u chat.UserID) {
	if o.ended == nil {
		o.ended = make(map[chat.UserID]struct{})
	}
	o.ended[u] = struct{}{}
}

// owe has a session told everything, and anew what it was told already.
func (p *presences) owe(a *audience) *owing {
	if a.owed == nil {
		a.owed = new(owing)
		p.owed[a] = struct{}{}
	}
	a.owed.upTo = ""
	return a.owed
}

// settled notes that a session is owed nothing any more. A map keeps the room of all that it ever held at once.
func (p *presences) settled(a *audience) {
	a.owed = nil
	delete(p.owed, a)
	if len(p.owed) == 0 {
		p.owed = make(map[*audience]struct{})
	}
}

// place finds somebody among those whom the viewer watches.
func (v *viewer) place(u chat.UserID) (at int, there bool) {
	return slices.BinarySearchFunc(v.watches, u, func(t *target, id chat.UserID) int { return cmp.Compare(t.id, id) })
}

// arrived takes a session that opened.
func (p *presences) arrived(s *Session) *audience {
	v := p.viewers[s.User]
	if v == nil {
		p.numbered++
		v = &viewer{id: s.User, number: p.numbered}
		p.viewers[s.User] = v
		p.sees(v, s.User, oneself)
		p.want(v)
	}
	a := &audience{viewer: v, session: s}
	v.audiences = append(v.audiences, a)
	p.owe(a).since = p.now
	return a
}

// departed takes a session that closed, and forgets whom its person watched when it was their last.
func (p *presences) departed(s *Session) {
	v := p.viewers[s.User]
	if v == nil {
		return
	}
	v.audiences = slices.DeleteFunc(v.audiences, func(a *audience) bool {
		if a.session == s {
			delete(p.owed, a)
		}
		return a.session == s
	})
	if len(v.audiences) > 0 {
		return
	}
	delete(p.viewers, s.User)
	for _, t := range v.watches {
		p.unwatch(v, t)
	}
	p.pairs.Add(-int64(len(v.watches)))
	v.watches = nil
	for _, a := range v.asks {
		a.fail(errGone)
	}
}

// sees makes a viewer watch somebody.
func (p *presences) sees(v *viewer, u chat.UserID, r relation) *target {
	t := p.targets[u]
	if t == nil {
		t = newTarget(u)
		p.targets[u] = t
		p.follow = append(p.follow, PresenceTopic(u))
		p.doubt(t)
	}
	at, _ := t.place(v)
	t.watchers = slices.Insert(t.watchers, at, pair{v, r})
	at, _ = v.place(u)
	v.watches = slices.Insert(v.watches, at, t)
	p.pairs.Add(1)
	return t
}

// unwatch takes a viewer from a target's watchers, and forgets the target with the last of them.
func (p *presences) unwatch(v *viewer, t *target) {
	if at, there := t.place(v); there {
		t.watchers = slices.Delete(t.watchers, at, at+1)
	}
	if len(t.watchers) == 0 {
		delete(p.targets, t.id)
		p.unfollow = append(p.unfollow, PresenceTopic(t.id))
	}
}

// watch has a viewer watch those whom the store names, themselves as ever, and tells them what that changes.
func (p *presences) watch(v *viewer, list []chat.Watched) {
	slices.SortFunc(list, func(a, b chat.Watched) int { return cmp.Compare(a.User, b.User) })
	before, first := v.watches, !v.known
	v.watches = make([]*target, 0, len(list)+1)
	for len(list) > 0 || len(before) > 0 {
		switch {
		case len(before) == 0 || len(list) > 0 && list[0].User < before[0].id:
			p.begin(v, list[0], first)
			list = list[1:]
		case len(list) > 0 && list[0].User == before[0].id:
			v.watches = append(v.watches, before[0])
			p.relate(v, before[0], relationOf(list[0].Relation))
			p.permit(before[0], list[0])
			list, before = list[1:], before[1:]
		case before[0].id == v.id:
			v.watches = append(v.watches, before[0])
			before = before[1:]
		default:
			p.end(v, before[0])
			before = before[1:]
		}
	}
	if first {
		v.known, v.since = true, p.now
	}
}

// begin makes a viewer watch somebody who is the next of a list.
func (p *presences) begin(v *viewer, w chat.Watched, first bool) {
	if w.User == v.id {
		return
	}
	t := p.sees(v, w.User, relationOf(w.Relation))
	p.permit(t, w)
	if t.told.Privacy.Invisible && t.told.SeenAt.IsZero() && t.watchedByThemselves(v) {
		// Who is invisible and connected here was told of to themselves, who are told no time.
		t.told.SeenAt, t.item = t.now.SeenAt, nil
	}
	if t.known && !first {
		p.introduce(v, t)
	}
}

// permit takes what the store says of a target. Who may be seen again has to be looked for.
func (p *presences) permit(t *target, w chat.Watched) {
	before := t.now.Privacy
	knew := before.Rev >= 0
	newer := t.permit(w.Privacy, w.SeenAt)
	p.learn(t, before)
	t.permitted = p.now
	if newer && knew {
		p.doubt(t)
	}
	if newer || t.now != t.told {
		p.change(t)
	}
}

// relate notes what a viewer and a target are to each other now.
func (p *presences) relate(v *viewer, t *target, r relation) {
	at, there := t.place(v)
	if !there || t.watchers[at].relation&oneself != 0 {
		return
	}
	was := t.watchers[at].relation
	t.watchers[at].relation = r
	if before, after := seenBy(t.told, was), seenBy(t.told, r); was != r && t.known && !alike(before, after) {
		p.tell(v, t, changedFrame(after))
	}
}

// end stops a viewer's watching somebody, who is not on their list any more and was told to them last as offline.
func (p *presences) end(v *viewer, t *target) {
	at, there := t.place(v)
	if !there {
		return
	}
	nothing := chat.Presence{User: t.id, Status: chat.StatusOffline}
	if t.known && !alike(seenBy(t.told, t.watchers[at].relation), nothing) {
		p.tell(v, t, changedFrame(nothing))
	}
	p.pairs.Add(-1)
	p.unwatch(v, t)
}
