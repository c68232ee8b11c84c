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
	count atomic.Int64 // of those in of

	mu    sync.Mutex
	of    map[*byte]*mark
	order []*byte // by when they were marked; some may have been told since
}

type mark struct {
	of    chat.Trace
	began time.Time
	told  int
}

func newMarks(tell func(of chat.Trace, began time.Time)) *marks {
	if tell == nil {
		return nil
	}
	return &marks{tell: tell, of: make(map[*byte]*mark)}
}

// put marks a frame that is handed to outboxes next.
func (m *marks) put(frame []byte, of chat.Trace) {
	if m == nil || !of.Sampled {
		return
	}
	now := time.Now()
	m.mu.Lock()
	defer m.mu.Unlock()
	for len(m.order) > 0 {
		oldest := m.of[m.order[0]]
		if oldest != nil && len(m.order) < maxMarks && now.Sub(oldest.began) < marksLast {
			break
		}
		delete(m.of, m.order[0])
		m.order = m.order[1:]
	}
	m.of[&frame[0]] = &mark{of: of, began: now}
	m.order = append(m.order, &frame[0])
	m.count.Store(int64(len(m.of)))
}

// written tells of those of the frames that are marked, when they were written to a socket.
func (m *marks) written(frames [][]byte) {
	if m == nil || m.count.Load() == 0 {
		return
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	for _, f := range frames {
		marked := m.of[&f[0]]
		if marked == nil {
			continue
		}
		m.tell(marked.of, marked.began)
		if marked.told++; marked.told == marksTold {
			delete(m.of, &f[0])
		}
	}
	m.count.Store(int64(len(m.of)))
}

// Mark has it told when a frame, which is about to be sent to a session, is written to its socket, if its trace is recorded.
func (h *Hub) Mark(frame []byte, of chat.Trace) { h.marks.put(frame, of) }

// Written says that frames of an outbox were written to a socket.
func (h *Hub) Written(frames [][]byte) { h.marks.written(frames) }
