package bench

import (
	"bytes"
	"fmt"
	"sync"
	"sync/atomic"
	"time"
)

const (
	// floodEvery is how often each person sends all that is due by then, in one write.
	floodEvery = 10 * time.Millisecond
	// floodAtOnce bounds that: who is behind catches up in several writes.
	floodAtOnce = 64
)

// flood is a load whose people send whatever becomes of what they sent before, and note what does.
type flood struct {
	load   *load
	people []*flooder
	depth  atomic.Int32 // each answer is followed by another send, while this is not 0
}

// flooder is one of them.
type flooder struct {
	*chatter
	flood *flood

	mu      sync.Mutex
	sends   []floodSend // by their numbers, from 1 on
	waiting int
	unsure  int
}

// floodSend is what became of a send.
type floodSend struct {
	at      time.Time
	took    time.Duration // 0 while there is no answer
	refused bool
}

// newFlood makes one of people who have joined and do not listen yet.
func newFlood(l *load) *flood {
	f := &flood{load: l}
	of := make(map[*chatter]*flooder, len(l.chatters))
	for _, c := range l.chatters {
		p := &flooder{chatter: c, flood: f}
		of[c], f.people = p, append(f.people, p)
	}
	l.onSent = func(c *chatter, text []byte) { of[c].note(text, false) }
	l.onRefused = func(c *chatter, text []byte) { of[c].note(text, true) }
	return f
}

// note takes an answer, and sends the next message of a closed loop.
func (p *flooder) note(text []byte, refused bool) {
	n, now := numberOf(text), time.Now()
	p.mu.Lock()
	if n < 1 || n > len(p.sends) || p.sends[n-1].took != 0 {
		p.mu.Unlock()
		p.load.fail(fmt.Errorf("an answer to what was not sent, or a second one: %s", text))
		return
	}
	p.sends[n-1].took, p.sends[n-1].refused = max(1, now.Sub(p.sends[n-1].at)), refused
	p.waiting--
	if refused && !bytes.Contains(text, []byte(`"outcome":"rejected"`)) {
		p.unsure++
	}
	p.mu.Unlock()
	if p.flood.depth.Load() > 0 {
		if err := p.sendMore(1); err != nil {
			p.load.fail(err)
		}
	}
}

// sendMore sends n messages in one write.
func (p *flooder) sendMore(n int) error {
	frames := make([]string, n)
	p.mu.Lock()
	now := time.Now()
	for i := range frames {
		p.sends = append(p.sends, floodSend{at: now})
		frames[i] = sendFrame(p.target.id, p.prefix, len(p.sends))
	}
	p.waiting += n
	p.mu.Unlock()
	return p.write(frames...)
}

// closed has each person keep depth messages outstanding for a while.
func (f *flood) closed(depth int, during time.Duration) error {
	f.depth.Store(int32(depth))
	defer f.depth.Store(0)
	for _, p := range f.people {
		if err := p.sendMore(depth); err != nil {
			return err
		}
	}
	return f.load.wait(during)
}

// open has all people together send rate messages a second for a while.
func (f *flood) open(rate float64, during time.Duration) error {
	var writers sync.WaitGroup
	began := time.Now()
	for i, p := range f.people {
		// They send at different moments.
		offset := floodEvery * time.Duration(i) / time.Duration(len(f.people))
		writers.Go(func() {
			if err := p.stream(began.Add(offset), rate/float64(len(f.people)), during); err != nil {
				f.load.fail(err)
			}
		})
	}
	writers.Wait()
	return nil
}

func (p *flooder) stream(began time.Time, rate float64, during time.Duration) error {
	sent := 0
	for next := began; next.Sub(began) < during && !p.load.closing.Load(); next = next.Add(floodEvery) {
		time.Sleep(time.Until(next))
		due := int(min(time.Since(began), during).Seconds()*rate) - sent
		for due > 0 {
			n := min(due, floodAtOnce)
			if err := p.sendMore(n); err != nil {
				return err
			}
			sent, due = sent+n, due-n
		}
	}
	return nil
}

// answered waits until every send is answered.
func (f *flood) answered() error {
	deadline := time.Now().Add(patience)
	for _, p := range f.people {
		for {
			p.mu.Lock()
			waiting := p.waiting
			p.mu.Unlock()
			if waiting == 0 {
				break
			}
			if time.Now().After(deadline) {
				return fmt.Errorf("%d sends of one person are not answered after %v", waiting, patience)
			}
			if err := f.load.wait(time.Millisecond); err != nil {
				return err
			}
		}
	}
	return nil
}

// phase is a part of a flood, and what it came to.
type phase struct {
	began, ended time.Time
	cpu          CPU
	memory       float64 // most resident memory of the server, in MiB

	rate               float64 // confirmations that came, a second
	sent               int
	confirmations      int // that came
	refusals           int // of what was sent
	confirmed, refused []time.Duration
}

func (p phase) lasted() time.Duration { return p.ended.Sub(p.began) }

func (p phase) holds(t time.Time) bool { return !t.Before(p.began) && t.Before(p.ended) }

// rate is how many confirmations a second came in a phase.
func (f *flood) rate(p phase) float64 { return f.count(p).rate }

// count fills in what a phase came to. Rates go by when answers came, times by when messages were sent.
func (f *flood) count(p phase) phase {
	p.sent, p.confirmations, p.refusals, p.confirmed, p.refused = 0, 0, 0, nil, nil
	for _, one := range f.people {
		one.mu.Lock()
		for _, s := range one.sends {
			if s.took != 0 && !s.refused && p.holds(s.at.Add(s.took)) {
				p.confirmations++
			}
			if !p.holds(s.at) {
				continue
			}
			p.sent++
			switch {
			case s.took == 0:
			case s.refused:
				p.refusals++
				p.refused = append(p.refused, s.took)
			default:
				p.confirmed = append(p.confirmed, s.took)
			}
		}
		one.mu.Unlock()
	}
	p.rate = float64(p.confirmations) / p.lasted().Seconds()
	return p
}

// unsure is how many sends were answered with an outcome that nobody knows.
func (f *flood) unsure() (n int) {
	for _, p := range f.people {
		p.mu.Lock()
		n += p.unsure
		p.mu.Unlock()
	}
	return n
}

// unwellUntil is how long after a moment the last message was sent that was refused or confirmed too late.
func (f *flood) unwellUntil(since time.Time) (last time.Duration) {
	for _, p := range f.people {
		p.mu.Lock()
		for _, s := range p.sends {
			if s.at.After(since) && (s.refused || s.took > wellWithin) {
				last = max(last, s.at.Sub(since)+s.took)
			}
		}
		p.mu.Unlock()
	}
	return last
}

// memoryWatch looks again and again how much memory the servers have.
type memoryWatch struct {
	bytes atomic.Int64 // the most since the last reset
	ended chan struct{}
	done  chan struct{}
}

func watchMemory(pids []int) *memoryWatch {
	w := &memoryWatch{ended: make(chan struct{}), done: make(chan struct{})}
	go func() {
		defer close(w.done)
		tick := time.NewTicker(50 * time.Millisecond)
		defer tick.Stop()
		for {
			w.bytes.Store(max(w.bytes.Load(), sum(pids, rssOf)))
			select {
			case <-tick.C:
			case <-w.ended:
				return
			}
		}
	}()
	return w
}

func (w *memoryWatch) reset() { w.bytes.Store(0) }

// most is in MiB.
func (w *memoryWatch) most() float64 { return float64(w.bytes.Load()) / (1 << 20) }

func (w *memoryWatch) stop() {
	close(w.ended)
	<-w.done
}
