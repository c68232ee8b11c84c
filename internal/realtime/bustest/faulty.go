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
	deaf      bool
}

type faultyListener struct {
	realtime.Listener
	lost func(topics []string)

	turn    sync.Mutex // hear and lost are one call at a time
	held    []func()
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
		l.turn.Lock()
		defer l.turn.Unlock()
		for _, deliver := range f.disturb(l, func() { hear(topic, envelope) }) {
			deliver()
		}
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

// disturb decides what a listener hears now.
func (f *Faulty) disturb(l *faultyListener, deliver func()) []func() {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.deaf {
		return nil
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
