package bustest

import (
	"math/rand/v2"
	"slices"
	"sync"

	"github.com/parley-chat/parley/internal/realtime"
)

// Faulty is a bus that does what the contract of realtime.Bus allows and some that it does not: it
// drops, doubles and turns round what each listener hears. It says that it lost something only when
// [Faulty.Admit] is called.
type Faulty struct {
	realtime.Bus

	mu        sync.Mutex
	rand      *rand.Rand
	listeners []*faultyListener
	calm      bool
	deaf      bool
	frozen    bool
	degraded  bool
}

type faultyListener struct {
	realtime.Listener
	lost func(topics []string)

	turn    sync.Mutex // hear and lost are one call at a time
	held    []func()
	backlog []func() // of while the bus was frozen
	stopped bool
}

// NewFaulty makes a bus faulty; seed decides what goes wrong.
func NewFaulty(bus realtime.Bus, seed uint64) *Faulty {
	return &Faulty{Bus: bus, rand: rand.New(rand.NewPCG(seed, seed))}
}

// Listen hears what survives, in an order of its own.
func (f *Faulty) Listen(hear func(topic string, envelope []byte), lost func(topics []string)) realtime.Listener {
	l := &faultyListener{lost: lost}
	l.Listener = f.Bus.Listen(func(topic string, envelope []byte) {
		f.give(l, func() { hear(topic, envelope) })
	}, l.admit)
	f.mu.Lock()
	defer f.mu.Unlock()
	f.listeners = append(f.listeners, l)
	return l
}

func (l *faultyListener) admit(topics []string) {
	l.turn.Lock()
	defer l.turn.Unlock()
	if !l.stopped {
		l.lost(topics)
	}
}

// Stop stops listening; what was held back is lost.
func (l *faultyListener) Stop() {
	l.Listener.Stop()
	l.turn.Lock()
	defer l.turn.Unlock()
	l.stopped = true
}

func (f *Faulty) give(l *faultyListener, deliver func()) {
	l.turn.Lock()
	defer l.turn.Unlock()
	f.mu.Lock()
	if f.frozen {
		l.backlog = append(l.backlog, deliver)
		f.mu.Unlock()
		return
	}
	f.mu.Unlock()
	for _, deliver := range f.disturb(l, deliver) {
		deliver()
	}
}

// Freeze has envelopes wait for their listeners, as they wait for a process that stands still.
func (f *Faulty) Freeze() {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.frozen = true
}

// Thaw has every listener hear what waited, and then what comes.
func (f *Faulty) Thaw() {
	f.mu.Lock()
	f.frozen = false
	listeners := slices.Clone(f.listeners)
	f.mu.Unlock()
	for _, l := range listeners {
		l.turn.Lock()
		backlog := l.backlog
		l.backlog = nil
		for _, deliver := range backlog {
			if !l.stopped {
				deliver()
			}
		}
		l.turn.Unlock()
	}
}

// disturb decides what a listener hears now.
func (f *Faulty) disturb(l *faultyListener, deliver func()) []func() {
	f.mu.Lock()
	defer f.mu.Unlock()
	switch {
	case f.deaf:
		return nil
	case f.calm:
		return []func(){deliver}
	}
	switch f.rand.IntN(8) {
	case 0: // dropped
		return nil
	case 1: // doubled
		return []func(){deliver, deliver}
	case 2: // held back
		l.held = append(l.held, deliver)
		return nil
	case 3: // overtakes what was held back
		late := l.held
		l.held = nil
		return append([]func(){deliver}, late...)
	}
	return []func(){deliver}
}

// Calm has the bus do nothing wrong but what it is told to.
func (f *Faulty) Calm() *Faulty {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.calm = true
	return f
}

// Degraded reports what [Faulty.Degrade] said last.
func (f *Faulty) Degraded() bool {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.degraded
}

// Degrade has the bus know that it carries nothing, or that it does again. It carries nothing while it is deaf.
func (f *Faulty) Degrade(degraded bool) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.degraded = degraded
}

// Deafen has nobody hear anything from now on, or hear again.
func (f *Faulty) Deafen(deaf bool) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.deaf = deaf
}

// Admit tells every listener that something may have been lost, of the topics or, without any, of all. A bus
// must do so sooner or later.
func (f *Faulty) Admit(topics ...string) {
	f.mu.Lock()
	listeners := slices.Clone(f.listeners)
	f.mu.Unlock()
	for _, l := range listeners {
		l.admit(topics)
	}
}
