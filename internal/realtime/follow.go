package realtime

import "sync"

// follows counts who needs a topic of the bus on this node, and follows it as long as somebody does; nil on a
// node that is alone. Its lock is held while the listener is asked, so that what is asked for comes in order.
type follows struct {
	mu       sync.Mutex
	counts   map[string]int
	listener Listener // nil before Run
}

func newFollows() *follows { return &follows{counts: map[string]int{SystemTopic: 1}} }

// listen hands over the listener, which follows from now on what is needed.
func (f *follows) listen(l Listener) {
	if f == nil {
		return
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	f.listener = l
	topics := make([]string, 0, len(f.counts))
	for t := range f.counts {
		topics = append(topics, t)
	}
	l.Follow(topics...)
}

// add notes one more need of each topic.
func (f *follows) add(topics ...string) {
	if f == nil {
		return
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	var fresh []string
	for _, t := range topics {
		switch f.counts[t]++; f.counts[t] {
		case 0: // somebody gave it up a moment ago who took it at the same time
			delete(f.counts, t)
		case 1:
			fresh = append(fresh, t)
		}
	}
	if f.listener != nil && len(fresh) > 0 {
		f.listener.Follow(fresh...)
	}
}

// remove takes one need of each topic back.
func (f *follows) remove(topics ...string) {
	if f == nil {
		return
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	var over []string
	for _, t := range topics {
		if f.counts[t]--; f.counts[t] == 0 {
			delete(f.counts, t)
			over = append(over, t)
		}
	}
	if f.listener != nil && len(over) > 0 {
		f.listener.Unfollow(over...)
	}
}

func (f *follows) count() int {
	if f == nil {
		return 0
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	return len(f.counts)
}
