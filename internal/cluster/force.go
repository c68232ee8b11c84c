package cluster

// inForce lets topics that are followed on two paths be told as in force once, when they are so on both: others
// may publish on either. While a path is down nothing is waited for, and what the other says is told as it
// comes.
type inForce struct {
	follows map[string]struct{}
	waits   map[string]waiting // topics that were not told yet
}

// waiting is from which paths a topic's word has to come.
type waiting struct{ redis, database bool }

func newInForce() inForce {
	return inForce{follows: make(map[string]struct{}), waits: make(map[string]waiting)}
}

// follow takes topics in; both says that both paths are up.
func (f *inForce) follow(topics []string, both bool) {
	for _, topic := range topics {
		if _, followed := f.follows[topic]; followed {
			continue
		}
		f.follows[topic] = struct{}{}
		if both {
			f.waits[topic] = waiting{redis: true, database: true}
		}
	}
}

func (f *inForce) unfollow(topics []string) {
	for _, topic := range topics {
		delete(f.follows, topic)
		delete(f.waits, topic)
	}
}

func (f *inForce) waitNoMore() { clear(f.waits) }

// told takes what one of the paths says and returns what is to be told now.
func (f *inForce) told(byRedis bool, topics []string) (due []string) {
	for _, topic := range topics {
		if topic == Topic {
			continue
		}
		w, waits := f.waits[topic]
		if byRedis {
			w.redis = false
		} else {
			w.database = false
		}
		switch {
		case waits && (w.redis || w.database):
			f.waits[topic] = w
		default:
			delete(f.waits, topic)
			due = append(due, topic)
		}
	}
	return due
}
