package realtime

import (
	"context"
	"maps"
	"slices"
	"sync/atomic"
	"time"

	"github.com/parley-chat/parley/internal/chat"
)

const (
	// gatherPresence is how long changes are gathered before those who watch are told: one that is taken back meanwhile
	// is told to nobody.
	gatherPresence = 200 * time.Millisecond
	// gatherViewers is how long those who came are gathered before it is read whom they watch. A session is told nothing of
	// presence before that has passed.
	gatherViewers = 300 * time.Millisecond
	// gatherDoubts is how long those whose presence is to be read are gathered.
	gatherDoubts = 50 * time.Millisecond
	// rereadAfter is how long it lasts at least until it is read again whom somebody watches, whatever happens.
	rereadAfter = time.Second
	// roundEvery is how often a part of all is read again though nothing was told as lost. A person's presence has its
	// turn once a minute, which costs Redis a microsecond; whom somebody watches, which costs the store milliseconds, every
	// ten minutes.
	roundEvery            = time.Second
	doubtsOf, sightingsOf = 60, 600
	// unsureAfter is when presence is read again that could not be read, or not for sure.
	unsureAfter = 5 * time.Second
	// startWithin is how long the first state waits for the presence of everybody in it. The others are told later.
	startWithin = 2 * time.Second
)

// presences are who watches whom on this node, and what they were told (C7). One goroutine has all of it (run); the others
// put what they know into its mail, and wait for nothing.
type presences struct {
	hub  *Hub
	mail mail
	outlook

	numbered uint64 // viewers so far
	heard    uint64 // announcements so far
	now      time.Time
	next     time.Time // when there is something to do though no mail comes

	follow, unfollow []string // topics

	viewerN   atomic.Int64
	targetN   atomic.Int64
	owedN     atomic.Int64
	pairs     atomic.Int64
	told      atomic.Uint64
	states    atomic.Uint64
	sightings atomic.Uint64
	doubts    atomic.Uint64
}

// outlook is what is known, and what is to be told and to be read. A fault may leave it half changed; then a new one takes
// its place (restart.go).
type outlook struct {
	viewers map[chat.UserID]*viewer
	targets map[chat.UserID]*target
	owed    map[*audience]struct{}

	changed   []*target // that may have to be told at tellAt
	tellAt    time.Time
	private   bool      // one of changed is a change of what somebody lets others know
	page      []*viewer // who is told something at the end of this page
	batches   int       // of messages that had been handed out at the last look
	trafficAt time.Time // when there was one more

	wanted     []*viewer // it is to be read whom they watch
	moves      []move
	sighting   bool      // one of these is being read
	sightAt    time.Time // not before, after a failure
	sightPause time.Duration
	doubtful   []*target // their presence is to be read at doubtAt
	doubtAt    time.Time
	unsure     []unsureOne // it is later
	doubting   bool        // presence is being read
	doubtPause time.Duration

	asks     []*ask // that wait for somebody's presence
	roundAt  time.Time
	degraded time.Time // when all were doubted last since the bus was
	toSight  turnsOf[*viewer]
	toDoubt  turnsOf[*target]
}

func newPresences(h *Hub) *presences {
	return &presences{hub: h, mail: newMail(), outlook: newOutlook()}
}

func newOutlook() outlook {
	return outlook{
		viewers: make(map[chat.UserID]*viewer), targets: make(map[chat.UserID]*target), owed: make(map[*audience]struct{}),
	}
}

// run watches and tells until ctx ends.
func (p *presences) run(ctx context.Context) {
	timer := time.NewTimer(0)
	defer timer.Stop()
	for {
		select {
		case <-p.mail.wake:
		case <-timer.C:
		case <-ctx.Done():
			return
		}
		if !p.survives(func(l post) { p.step(ctx, l) }) {
			rest(ctx, unsureAfter)
		}
		if p.next.IsZero() {
			timer.Stop()
			continue
		}
		timer.Reset(time.Until(p.next))
	}
}

// step takes what was in the mail, and does what is due.
func (p *presences) step(ctx context.Context, l post) {
	p.now, p.next = time.Now(), time.Time{}
	p.take(l)
	p.followTopics()
	p.deliver(ctx)
	if len(p.changed) > 0 && p.due(p.tellAt) {
		p.tellOrWait(ctx)
	}
	if len(p.owed) > 0 {
		p.tellOwed(ctx)
	}
	p.answer()
	if len(p.viewers) > 0 && p.due(p.roundAt) {
		p.round()
	}
	p.doubtAgain()
	p.readMore(ctx)
	p.viewerN.Store(int64(len(p.viewers)))
	p.targetN.Store(int64(len(p.targets)))
	p.owedN.Store(int64(len(p.owed)))
}

// due reports whether a time has come, and sees to it that it is looked at when it comes.
func (p *presences) due(at time.Time) bool {
	if !p.now.Before(at) {
		return true
	}
	if p.next.IsZero() || at.Before(p.next) {
		p.next = at
	}
	return false
}

// followTopics follows who is watched now and gives up who is not, those first that are both.
func (p *presences) followTopics() {
	if len(p.follow) > 0 {
		p.hub.follows.add(p.follow...)
	}
	if len(p.unfollow) > 0 {
		p.hub.follows.remove(p.unfollow...)
	}
	p.follow, p.unfollow = nil, nil
}

// change notes that what is known of a target changed.
func (p *presences) change(t *target) {
	if !t.known || t.changed {
		return
	}
	t.changed = true
	if len(p.changed) == 0 {
		p.tellAt = laterOf(p.tellAt, p.now.Add(gatherPresence))
	}
	p.changed = append(p.changed, t)
}

func laterOf(a, b time.Time) time.Time {
	if a.After(b) {
		return a
	}
	return b
}

func (p *presences) stats(s *Stats) {
	s.Viewers, s.Watched, s.StatesOwed = int(p.viewerN.Load()), int(p.targetN.Load()), int(p.owedN.Load())
	s.Pairs, s.PresencesTold, s.StatesTold = p.pairs.Load(), p.told.Load(), p.states.Load()
	s.WatchingReads, s.PresencesAsked = p.sightings.Load(), p.doubts.Load()
}

// round compares the next ones whose turn it is.
func (p *presences) round() {
	p.roundAt = p.now.Add(roundEvery)
	p.due(p.roundAt)
	p.toSight.next(p.now, sightingsOf, p.viewers, p.want)
	p.toDoubt.next(p.now, doubtsOf, p.targets, p.doubt)
	if bus, may := p.hub.bus.(Degrading); may && bus.Degraded() && p.now.Sub(p.degraded) >= unsureAfter {
		p.degraded = p.now
		p.doubtAll()
	}
}

// turnsOf are those whose turn in a round is still to come.
type turnsOf[T any] struct {
	rest  []T
	began time.Time
}

// next visits those whose turn it is, when a round of all has so many parts. A round takes no less time than these.
func (r *turnsOf[T]) next(now time.Time, parts int, all map[chat.UserID]T, visit func(T)) {
	if len(r.rest) == 0 && now.Sub(r.began) >= time.Duration(parts)*roundEvery {
		r.began, r.rest = now, slices.Collect(maps.Values(all))
	}
	n := min(len(r.rest), (len(all)+parts-1)/parts)
	for _, one := range r.rest[:n] {
		visit(one)
	}
	r.rest = r.rest[n:]
}
