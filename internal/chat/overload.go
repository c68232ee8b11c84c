package chat

import (
	"math/rand/v2"
	"sync"
	"sync/atomic"
	"time"
)

// Work is what a node can leave out, in the order in which it does: what comes first is missed least. Sends stand behind
// all of it; they are refused only when the queue cannot answer them in time ([lane.wouldWait]).
type Work int32

const (
	// WorkTyping is what others are told of who types: it is dropped.
	WorkTyping Work = iota + 1
	// WorkPresence is what others are told of who is there: it is told later, as it is then.
	WorkPresence
	// WorkReceipts is what devices acknowledge and how many have read: it is done later, once for all that came meanwhile.
	WorkReceipts
	// WorkReads are pages of history and lists: they are refused, to be asked again.
	WorkReads
	workKinds
)

// String is the work's name in metrics and logs.
func (w Work) String() string {
	return [...]string{WorkTyping: "typing", WorkPresence: "presence", WorkReceipts: "receipts", WorkReads: "reads"}[w]
}

const (
	// lookEvery is how often a node that has something to do looks how much it is.
	lookEvery = 50 * time.Millisecond
	// calmLooks is for how many looks in a row there must be less to do before one more kind of work is done again.
	calmLooks = 5
	// idleLooks is after how many looks without anything to do it stops looking, until there is.
	idleLooks = 20
	// fullWait and fullLate are how long the oldest send has waited, and how late a look is, when that is as much as a full
	// queue. A confirmation is to come within half a second in 95 of 100 cases (seed DOC-004).
	fullWait = time.Second
	fullLate = time.Second
	// calmer is to which part of its threshold the pressure must fall before work is done again.
	calmer = 0.7
)

// enter is at which pressure each kind of work is left out.
var enter = [workKinds]float64{WorkTyping: 0.4, WorkPresence: 0.55, WorkReceipts: 0.7, WorkReads: 0.85}

// overload says what is left out at this moment. It goes by three signs, of which the gravest counts: how full the queue of
// sends is, how long the oldest of them has waited, and how late this process gets to run. The level rises and falls by one
// kind of work at a time: a burst that is over after a moment costs nobody anything but typing.
//
// Nobody looks while nothing is sent and nobody asks.
type overload struct {
	// queue says how full the fullest queue is, 0 to 1, and how long the oldest send has waited.
	queue func(now time.Time) (fill float64, waited time.Duration)
	// changed is told when the level leaves 0, and when it is back there.
	changed func(overloaded bool)

	level    atomic.Int32 // the last kind of work that is left out; 0 is none
	watching atomic.Bool
	shed     [workKinds]atomic.Int64
	refused  atomic.Int64 // sends

	mu    sync.Mutex // held by the look that is under way
	due   time.Time
	late  time.Duration // of the look before
	calm  int           // looks in a row with less to do
	idle  int           // looks in a row with nothing to do
	timer *time.Timer
}

// watch sees to it that somebody looks.
func (o *overload) watch() {
	if o.watching.Load() || !o.watching.CompareAndSwap(false, true) {
		return
	}
	o.mu.Lock()
	defer o.mu.Unlock()
	o.due, o.late, o.calm, o.idle = time.Now().Add(lookEvery), 0, 0, 0
	o.timer = time.AfterFunc(lookEvery, o.look)
}

func (o *overload) look() {
	now := time.Now()
	fill, waited := o.queue(now)
	o.mu.Lock()
	defer o.mu.Unlock()
	late := max(0, now.Sub(o.due))
	// One late look is a pause of the machine, such as that of a collection; two in a row are no chance.
	pressure := max(fill, waited.Seconds()/fullWait.Seconds(), min(late, o.late).Seconds()/fullLate.Seconds())
	o.late = late
	o.move(pressure)
	if o.idle++; pressure > 0 || o.level.Load() > 0 {
		o.idle = 0
	}
	if o.idle >= idleLooks {
		o.watching.Store(false)
		return
	}
	o.due = now.Add(lookEvery)
	o.timer.Reset(lookEvery)
}

// move goes one step towards what the pressure asks for.
func (o *overload) move(pressure float64) {
	level := Work(o.level.Load())
	switch {
	case level+1 < workKinds && pressure >= enter[level+1]:
		o.calm = 0
		o.level.Store(int32(level + 1))
		if level == 0 {
			o.changed(true)
		}
	case level > 0 && pressure < calmer*enter[level]:
		if o.calm++; o.calm < calmLooks {
			return
		}
		o.calm = 0
		o.level.Store(int32(level - 1))
		if level == 1 {
			o.changed(false)
		}
	default:
		o.calm = 0
	}
}

// Shed reports whether to leave out work of a kind now, and counts it.
func (s *Service) Shed(w Work) bool {
	s.overload.watch()
	if Work(s.overload.level.Load()) < w {
		return false
	}
	s.overload.shed[w].Add(1)
	return true
}

// OverloadStats are what a node leaves out, and has left out since the start.
type OverloadStats struct {
	Level        Work // the last kind of work that is left out now; 0 is none
	Shed         map[Work]int64
	RefusedSends int64
}

// Overload says what this node leaves out.
func (s *Service) Overload() OverloadStats {
	out := OverloadStats{
		Level: Work(s.overload.level.Load()), Shed: make(map[Work]int64), RefusedSends: s.overload.refused.Load(),
	}
	for w := WorkTyping; w < workKinds; w++ {
		out.Shed[w] = s.overload.shed[w].Load()
	}
	return out
}

// queued looks at all lanes. Who waits for a row that somebody keeps locked, or for a store that is away, waits no less when
// work is left out.
func (s *Service) queued(now time.Time) (full float64, waited time.Duration) {
	for _, l := range s.lanes {
		l.mu.Lock()
		for _, list := range [2][]*pendingSend{l.inFlight, l.queue} {
			if len(list) > 0 && !l.heldUp && !l.pace.isWaiting() {
				waited = max(waited, now.Sub(list[0].arrived))
			}
		}
		if !l.pace.isWaiting() {
			full = max(full, l.full())
		}
		l.mu.Unlock()
	}
	return full, waited
}

// Overloaded refuses what there is no time for. Who was refused at one moment is not to come back at one moment: the wait is
// between atLeast and twice that, and a second at least.
func Overloaded(message string, atLeast time.Duration) *Error {
	atLeast = max(atLeast, time.Second)
	return &Error{
		Code: CodeDBTimeout, Reason: ReasonOverloaded, Message: message,
		RetryAfter: atLeast + rand.N(atLeast), Outcome: OutcomeRejected,
	}
}

// waitAtMost is the longest estimated wait with which a send is let in: the estimate may be a fifth too short.
const waitAtMost = 2400 * time.Millisecond

// pace is how long the batches of a lane take, from when they are taken until they are handed out, without what they wait for
// a store that is away.
type pace struct {
	usual time.Duration
	began time.Time // of the batch in flight, or of the last one; as much later as it has waited
	waits time.Time // since when it does; zero when it does not
	mute  bool      // that batch says nothing of how quick things are
}

func (p *pace) wait(now time.Time) { p.waits = now }

func (p *pace) goOn(now time.Time) { p.began, p.waits = p.began.Add(now.Sub(p.waits)), time.Time{} }

func (p *pace) isWaiting() bool { return !p.waits.IsZero() }

// elapsed is how long the batch in flight has taken.
func (p *pace) elapsed(now time.Time) time.Duration {
	if p.isWaiting() {
		now = p.waits
	}
	return now.Sub(p.began)
}

// failed notes that a batch failed. It says how slow the database is when that was the reason, and nothing else.
func (p *pace) failed(err error) {
	e := AsError(err)
	p.mute = e.Code != CodeDBTimeout || e.Reason == ReasonLocked
}

// took notes that the batch in flight is through.
func (p *pace) took() {
	if !p.mute {
		p.usual = (p.usual + time.Since(p.began)) / 2
	}
}

// wouldWait estimates how long a send that comes now waits for its answer: the rest of the batch in flight, those that stand
// before it, and its own. A batch that takes longer than usual is taken for what is usual now, until its time is up and it is
// about to end. With nothing before it a send is always let in: somebody has to find out that the database is quick again.
// The caller has the lock.
func (l *lane) wouldWait(now time.Time) time.Duration {
	if len(l.queue) == 0 && l.inFlight == nil {
		return 0
	}
	rest, usual := time.Duration(0), l.pace.usual
	if elapsed := l.pace.elapsed(now); l.inFlight != nil && elapsed < answerWithin {
		rest, usual = max(0, usual-elapsed), max(usual, elapsed)
	}
	return rest + time.Duration(1+len(l.queue)/maxBatch)*usual
}
