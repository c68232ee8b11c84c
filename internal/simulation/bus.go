package simulation

import (
	"container/heap"
	"fmt"
	"maps"
	"slices"
	"sync"
	"time"

	"github.com/parley-chat/parley/internal/realtime"
)

// network carries envelopes between the processes, as badly as the weather is.
type network struct {
	w *world

	mu     sync.Mutex
	ears   []*ear
	parted map[[2]int]bool // pairs of places that do not reach each other
	censor func(topic string, envelope []byte) verdict
}

// verdict is what a censor does with an envelope for another process.
type verdict uint8

const (
	pass        verdict = iota
	drop                // and say nothing
	dropTell            // and say so 50 ms later
	dropTellAll         // and say 50 ms later that anything may have been lost
)

// censored sets a censor, or takes it away with nil.
func (n *network) censored(by func(topic string, envelope []byte) verdict) {
	n.mu.Lock()
	defer n.mu.Unlock()
	n.censor = by
}

func (n *network) judge(topic string, envelope []byte) verdict {
	n.mu.Lock()
	by := n.censor
	n.mu.Unlock()
	if by == nil {
		return pass
	}
	return by(topic, envelope)
}

func newNetwork(w *world) *network { return &network{w: w, parted: make(map[[2]int]bool)} }

// bus is one process's access to the network. It satisfies realtime.Bus.
type bus struct {
	*network
	process *process
}

var _ realtime.Bus = bus{}

// Peers reports true: other nodes come and go.
func (b bus) Peers() bool { return true }

// Publish hands an envelope to every listener that follows the topic, the publisher's own too.
func (b bus) Publish(topic string, envelope []byte) {
	if b.process.gate.isHeld() {
		envelope = slices.Clone(envelope)
		go func() {
			if b.process.gate.pass() {
				b.Publish(topic, envelope)
			}
		}()
		return
	}
	b.mu.Lock()
	ears := b.ears
	b.mu.Unlock()
	for _, e := range ears {
		if e.follows(topic) {
			b.carry(e, topic, slices.Clone(envelope))
		}
	}
}

// carry brings one envelope to one listener, or not.
func (b bus) carry(e *ear, topic string, envelope []byte) {
	w := b.w
	luck := w.chance.of(fmt.Sprintf("%s %d>%d", topic, b.process.node.place, e.process.node.place))
	air := w.weather()
	wait := luck.between(200*time.Microsecond, 3*time.Millisecond)
	if luck.is(air.slow) {
		wait += luck.between(0, 400*time.Millisecond)
	}
	if luck.is(air.slow / 10) {
		wait += luck.between(0, 4*time.Second)
	}
	late := luck.between(50*time.Millisecond, 2*time.Second)
	judged := b.judge(topic, envelope)
	switch {
	case b.process == e.process:
		// What a node hears of itself it must not do again.
		e.add(parcel{due: wait, topic: topic, envelope: envelope})
	case judged == drop:
	case judged == dropTell:
		e.add(parcel{due: 50 * time.Millisecond, lost: []string{topic}})
	case judged == dropTellAll:
		e.add(parcel{due: 50 * time.Millisecond, all: true})
	case b.apart(b.process.node.place, e.process.node.place):
		e.miss()
	case luck.is(air.lost):
		w.journal.add("bus", "loses an envelope of %s for %s, says so in %v", topic, e.process.id, late)
		e.add(parcel{due: wait + late, lost: []string{topic}})
	case luck.is(air.silent) && topic != realtime.SystemTopic:
		// What a look at the store every 5 seconds finds by itself; the bus owes the rest a word.
		w.journal.add("bus", "loses an envelope of %s for %s and says nothing", topic, e.process.id)
	default:
		e.add(parcel{due: wait, topic: topic, envelope: envelope})
		if luck.is(air.doubled) {
			e.add(parcel{due: wait + luck.between(0, 300*time.Millisecond), topic: topic, envelope: envelope})
		}
	}
}

// Listen registers a listener.
func (b bus) Listen(hear func(string, []byte), lost func([]string)) realtime.Listener {
	e := &ear{
		network: b.network, process: b.process, hear: hear, lost: lost, topics: make(map[string]bool),
		wake: make(chan struct{}, 1), stop: make(chan struct{}), done: make(chan struct{}),
	}
	b.mu.Lock()
	b.ears = append(slices.Clone(b.ears), e)
	b.mu.Unlock()
	go e.listen()
	return e
}

// part cuts two places off from each other until the returned function is called: then each is told that it
// may have missed something, in its own time.
func (n *network) part(a, b int) (mend func()) {
	n.mu.Lock()
	n.parted[[2]int{a, b}], n.parted[[2]int{b, a}] = true, true
	n.mu.Unlock()
	return func() {
		n.mu.Lock()
		delete(n.parted, [2]int{a, b})
		delete(n.parted, [2]int{b, a})
		ears := n.ears
		n.mu.Unlock()
		for _, e := range ears {
			if p := e.process.node.place; p == a || p == b {
				e.confess(n.w.chance.of("mended").between(10*time.Millisecond, 2*time.Second))
			}
		}
	}
}

func (n *network) apart(a, b int) bool {
	n.mu.Lock()
	defer n.mu.Unlock()
	return n.parted[[2]int{a, b}]
}

// litter publishes what is no envelope of ours, or one of a version that nobody knows yet.
func (n *network) litter(l lot) {
	n.mu.Lock()
	ears := n.ears
	n.mu.Unlock()
	for _, e := range ears {
		topics := e.followed()
		if len(topics) == 0 {
			continue
		}
		rubbish := pick(l, []string{"", "{", "null", "[]", `{"type":"changes","serverId":"x","payload":[{}]}`, `{"type":"tomorrow","serverId":"x","payload":{}}`,
			`{"type":"changes","serverId":"x","payload":7}`, "\xff\xfe", `{"type":"suspect","serverId":"x","payload":{}}`})
		e.add(parcel{due: time.Millisecond, topic: pick(l, topics), envelope: []byte(rubbish)})
	}
}

// parcel is something for a listener: an envelope, what may have been lost, or topics that come into force.
type parcel struct {
	due      time.Duration // from when it is added
	at       time.Time
	order    int
	topic    string
	envelope []byte
	lost     []string
	all      bool // anything may have been lost
	follow   []string
	unfollow []string
}

// ear is one process's listener.
type ear struct {
	*network
	process *process
	hear    func(string, []byte)
	lost    func([]string)

	mu     sync.Mutex
	topics map[string]bool
	inbox  inbox
	added  int
	asked  time.Time // when the newest Follow or Unfollow comes into force: none overtakes another
	missed bool      // something was lost in a partition
	wake   chan struct{}
	stop   chan struct{}
	done   chan struct{}
	once   sync.Once
}

func (e *ear) follows(topic string) bool {
	e.mu.Lock()
	defer e.mu.Unlock()
	return e.topics[topic]
}

func (e *ear) followed() []string {
	e.mu.Lock()
	defer e.mu.Unlock()
	return slices.Sorted(maps.Keys(e.topics))
}

func (e *ear) add(p parcel) {
	e.mu.Lock()
	p.at = time.Now().Add(p.due)
	e.push(p)
	e.mu.Unlock()
	e.rouse()
}

// push puts a parcel in its place. The lock is held.
func (e *ear) push(p parcel) {
	e.added++
	p.order = e.added
	heap.Push(&e.inbox, p)
}

func (e *ear) rouse() {
	select {
	case e.wake <- struct{}{}:
	default:
	}
}

func (e *ear) miss() {
	e.mu.Lock()
	defer e.mu.Unlock()
	e.missed = true
}

// confess says after a while that anything may have been lost, if something was.
func (e *ear) confess(after time.Duration) {
	e.mu.Lock()
	missed := e.missed
	e.missed = false
	e.mu.Unlock()
	if missed {
		e.add(parcel{due: after, all: true})
	}
}

// Follow brings topics into force after a moment.
func (e *ear) Follow(topics ...string) { e.ask(parcel{follow: slices.Clone(topics)}) }

// Unfollow gives them up after a moment.
func (e *ear) Unfollow(topics ...string) { e.ask(parcel{unfollow: slices.Clone(topics)}) }

func (e *ear) ask(p parcel) {
	wait := e.w.chance.of("ask "+e.process.id).between(100*time.Microsecond, 5*time.Millisecond)
	e.mu.Lock()
	if p.at = time.Now().Add(wait); p.at.Before(e.asked) {
		p.at = e.asked
	}
	e.asked = p.at
	e.push(p)
	e.mu.Unlock()
	e.rouse()
}

// Stop ends the listener.
func (e *ear) Stop() {
	e.once.Do(func() {
		e.network.mu.Lock()
		e.ears = slices.DeleteFunc(slices.Clone(e.ears), func(other *ear) bool { return other == e })
		e.network.mu.Unlock()
		close(e.stop)
	})
	<-e.done
}

func (e *ear) listen() {
	defer close(e.done)
	for {
		p, wait, some := e.next()
		if some {
			if !e.process.gate.pass() {
				return
			}
			e.deliver(p)
			continue
		}
		timer := time.NewTimer(wait)
		select {
		case <-timer.C:
		case <-e.wake:
		case <-e.stop:
			timer.Stop()
			return
		case <-e.process.gate.dead:
			timer.Stop()
			return
		}
		timer.Stop()
	}
}

// next takes the parcel whose time has come, or says how long to wait.
func (e *ear) next() (p parcel, wait time.Duration, some bool) {
	e.mu.Lock()
	defer e.mu.Unlock()
	select {
	case <-e.stop:
		return p, 0, false
	default:
	}
	if len(e.inbox) == 0 {
		return p, time.Hour, false
	}
	if wait = time.Until(e.inbox[0].at); wait > 0 {
		return p, wait, false
	}
	return heap.Pop(&e.inbox).(parcel), 0, true
}

func (e *ear) deliver(p parcel) {
	switch {
	case p.all:
		e.w.journal.add("bus", "tells %s that anything may have been lost", e.process.id)
		e.lost(nil)
	case p.lost != nil:
		e.lost(p.lost)
	case p.follow != nil:
		e.mu.Lock()
		for _, t := range p.follow {
			e.topics[t] = true
		}
		e.mu.Unlock()
		e.lost(p.follow)
	case p.unfollow != nil:
		e.mu.Lock()
		for _, t := range p.unfollow {
			delete(e.topics, t)
		}
		e.mu.Unlock()
	default:
		e.hear(p.topic, p.envelope)
	}
}

// inbox orders parcels by their time.
type inbox []parcel

func (b inbox) Len() int { return len(b) }
func (b inbox) Less(i, j int) bool {
	if b[i].at.Equal(b[j].at) {
		return b[i].order < b[j].order
	}
	return b[i].at.Before(b[j].at)
}
func (b inbox) Swap(i, j int) { b[i], b[j] = b[j], b[i] }
func (b *inbox) Push(x any)   { *b = append(*b, x.(parcel)) }
func (b *inbox) Pop() any {
	last := len(*b) - 1
	x := (*b)[last]
	*b = (*b)[:last]
	return x
}

// admitLoss tells everybody that anything may have been lost.
func (n *network) admitLoss() {
	n.mu.Lock()
	ears := n.ears
	n.mu.Unlock()
	for _, e := range ears {
		e.add(parcel{all: true})
	}
}

// overflow drops what waits for a process, which is told that anything may have been lost.
func (n *network) overflow(p *process) {
	n.mu.Lock()
	ears := n.ears
	n.mu.Unlock()
	for _, e := range ears {
		if e.process != p {
			continue
		}
		e.mu.Lock()
		e.inbox = slices.DeleteFunc(e.inbox, func(x parcel) bool { return x.envelope != nil })
		heap.Init(&e.inbox)
		e.mu.Unlock()
		e.add(parcel{all: true})
	}
}
