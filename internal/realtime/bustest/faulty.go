package bustest

import (
	"math/rand/v2"
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
}

type faultyListener struct {
	held []func()
	lost func()
}

// NewFaulty makes a bus faulty; seed decides what goes wrong.
func NewFaulty(bus realtime.Bus, seed uint64) *Faulty {
	return &Faulty{Bus: bus, rand: rand.New(rand.NewPCG(seed, seed))}
}

// Listen hears what survives, in an order of its own.
func (f *Faulty) Listen(hear func(topic string, envelope []byte), lost func()) (stop func()) {
	l := &faultyListener{lost: lost}
	f.mu.Lock()
	f.listeners = append(f.listeners, l)
	f.mu.Unlock()
	return f.Bus.Listen(func(topic string, envelope []byte) {
		for _, deliver := range f.disturb(l, func() { hear(topic, envelope) }) {
			deliver()
		}
	}, lost)
}

// disturb decides what a listener hears now.
func (f *Faulty) disturb(l *faultyListener, deliver func()) []func() {
	f.mu.Lock()
	defer f.mu.Unlock()
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

// Admit tells every listener that something may have been lost, as a bus must sooner or later.
func (f *Faulty) Admit() {
	f.mu.Lock()
	listeners := f.listeners
	f.mu.Unlock()
	for _, l := range listeners {
		l.lost()
	}
}
