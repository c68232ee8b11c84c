package bench

import (
	"fmt"
	"slices"
	"sync"
	"time"
)

// openRate is the open loop of P8, in messages a second.
const openRate = 500

// openLoop sends messages when they are due, whether those before are confirmed or not. A time counts from when its message
// was due.
type openLoop struct {
	load *load

	mu                  sync.Mutex
	due                 []time.Time // of the messages of all turns
	from                int         // the first that is measured in this turn
	left                int         // what is not confirmed
	all                 chan struct{}
	confirmed, received []time.Duration
}

// newOpenLoop makes one of people who have joined and do not listen yet.
func newOpenLoop(l *load) *openLoop {
	o := &openLoop{load: l}
	l.onSent = func(_ *chatter, text []byte) { o.note(&o.confirmed, text, true) }
	l.onEvent = func(_ *chatter, text []byte) { o.note(&o.received, text, false) }
	return o
}

func (o *openLoop) note(to *[]time.Duration, text []byte, confirms bool) {
	i, now := numberOf(text), time.Now()
	o.mu.Lock()
	defer o.mu.Unlock()
	if i >= o.from && i < len(o.due) {
		*to = append(*to, now.Sub(o.due[i]))
	}
	if confirms {
		if o.left--; o.left == 0 {
			close(o.all)
		}
	}
}

// messages is how many are sent in a turn.
func (o *openLoop) messages(during time.Duration) int {
	return int((warmUp + during).Seconds() * openRate)
}

// turn sends for a while and returns what the confirmations took since the warm-up, when all have come.
func (o *openLoop) turn(during time.Duration) (confirmed []time.Duration, err error) {
	n, began := o.messages(during), time.Now()
	all := make(chan struct{})
	o.mu.Lock()
	first := len(o.due)
	for i := range n {
		o.due = append(o.due, began.Add(time.Duration(i)*time.Second/openRate))
	}
	due := o.due[first:]
	o.from, o.left, o.all = first+int(warmUp.Seconds()*openRate), n, all
	o.confirmed, o.received = nil, nil
	o.mu.Unlock()
	for i := range n {
		if err := o.load.wait(time.Until(due[i])); err != nil {
			return nil, err
		}
		// 7 and 200 have no common divisor: neighbours in time are in different conversations.
		c := o.load.chatters[i*7%len(o.load.chatters)]
		if err := c.write(sendFrame(c.target.id, c.prefix, first+i)); err != nil {
			return nil, err
		}
	}
	select {
	case <-all:
	case err := <-o.load.failed:
		return nil, err
	case <-time.After(patience):
		return nil, fmt.Errorf("sends are not confirmed after %v", patience)
	}
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.confirmed, nil
}

// arrivals is what it took in the last turn until the messages were at the others, as far as they are.
func (o *openLoop) arrivals() []time.Duration {
	o.mu.Lock()
	defer o.mu.Unlock()
	return slices.Clone(o.received)
}
