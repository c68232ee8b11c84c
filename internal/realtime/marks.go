package realtime

import (
	"sync"
	"sync/atomic"
	"time"

	"github.com/parley-chat/parley/internal/chat"
)

const (
	// maxMarks bounds the frames that are marked at once. The oldest is forgotten first.
	maxMarks = 256
	// marksLast is for how long a frame is marked; it is not written any more then, or by somebody slow.
	marksLast = 30 * time.Second
	// marksTold is of how many sockets one frame's writing is told.
	marksTold = 8
)

// marks are the frames of traces that are recorded, on their way to sockets. A frame is known by where it lies in memory: it is
// shared by all who get it, and is itself what their writers take. A nil one, where nobody records, marks nothing.
type marks struct {
	tell  func(of chat.Trace, began time.Time)
	of    sync.Map     // *mark by *byte; every socket looks here for every frame that it has written
	count atomic.Int64 // of those in of

	mu    sync.Mutex
	order []marked // by when they were marked; some may have been told since
}

type mark struct {
	of    chat.Trace
	began time.Time
	told  atomic.Int32
}

type marked struct {
	frame *byte
	mark  *mark
}

func newMarks(tell func(of chat.Trace, began time.Time)) *marks {
	if tell == nil {
		return nil
	}
	return &marks{tell: tell}
}

// put marks a frame that is handed to outboxes next.
func (m *marks) put(frame []byte, of chat.Trace) {
	if m == nil || !of.Sampled {
		return
	}
	next := marked{&frame[0], &mark{of: of, began: time.Now()}}
	m.mu.Lock()
	defer m.mu.Unlock()
	for len(m.order) > 0 && (len(m.order) >= maxMarks || next.mark.began.Sub(m.order[0].mark.began) >= marksLast) {
		m.forget(m.order[0])
		m.order = m.order[1:]
	}
	if _, again := m.of.Swap(next.frame, next.mark); !again {
		m.count.Add(1)
	}
	m.order = append(m.order, next)
}

func (m *marks) forget(one marked) {
	if m.of.CompareAndDelete(one.frame, one.mark) {
		m.count.Add(-1)
	}
}

// written tells of those of the frames that are marked, when they were written to a socket.
func (m *marks) written(frames [][]byte) {
	if m == nil || m.count.Load() == 0 {
		return
	}
	for _, f := range frames {
		found, is := m.of.Load(&f[0])
		if !is {
			continue
		}
		one := found.(*mark)
		switch told := one.told.Add(1); {
		case told < marksTold:
			m.tell(one.of, one.began)
		case told == marksTold:
			m.tell(one.of, one.began)
			m.forget(marked{&f[0], one})
		}
	}
}

// Mark has it told when a frame, which is about to be sent to a session, is written to its socket, if its trace is recorded.
func (h *Hub) Mark(frame []byte, of chat.Trace) { h.marks.put(frame, of) }

// Written says that frames of an outbox were written to a socket.
func (h *Hub) Written(frames [][]byte) { h.marks.written(frames) }
