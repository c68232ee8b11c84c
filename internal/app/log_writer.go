package app

import (
	"bytes"
	"io"
	"sync"
	"time"
)

// maxLogWaiting is how many bytes of the log wait at most for where they go.
const maxLogWaiting = 1 << 20

// LogWriter takes what is logged without ever waiting for where it goes: neither a slow disk nor a full pipe that nobody reads
// holds up a message. Up to 1 MiB waits; what comes while that is full is dropped and counted. What the process had not
// written when it was killed is lost.
type LogWriter struct {
	to io.Writer

	mu      sync.Mutex
	waiting []byte
	spare   []byte
	dropped uint64
	writing chan struct{} // closed when all is written; nil when nothing is
}

// NewLogWriter builds a writer. Each Write is an entry, which is written whole or dropped whole.
func NewLogWriter(to io.Writer) *LogWriter { return &LogWriter{to: to} }

// Write never fails.
func (l *LogWriter) Write(entry []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if len(l.waiting)+len(entry) > maxLogWaiting {
		l.dropped++
		return len(entry), nil
	}
	l.waiting = append(l.waiting, entry...)
	if l.writing == nil {
		l.writing = make(chan struct{})
		go l.write(l.writing)
	}
	return len(entry), nil
}

// write writes what waits until nothing does.
func (l *LogWriter) write(done chan struct{}) {
	defer close(done)
	for {
		l.mu.Lock()
		if len(l.waiting) == 0 {
			l.writing = nil
			l.mu.Unlock()
			return
		}
		some := l.waiting
		l.waiting, l.spare = l.spare[:0], nil
		l.mu.Unlock()
		n, err := l.to.Write(some)
		l.mu.Lock()
		if err != nil {
			// It has nowhere else to be reported: nobody reads the pipe any more, or the disk is full.
			l.dropped += uint64(bytes.Count(some[n:], []byte{'\n'}))
		}
		l.spare = some
		l.mu.Unlock()
	}
}

// Flush waits until what was logged is written, at most for the time given, and reports whether it is.
func (l *LogWriter) Flush(within time.Duration) bool {
	l.mu.Lock()
	writing := l.writing
	l.mu.Unlock()
	if writing == nil {
		return true
	}
	patience := time.NewTimer(within)
	defer patience.Stop()
	select {
	case <-writing:
		return true
	case <-patience.C:
		return false
	}
}

// Dropped is how many entries found no room, or could not be written.
func (l *LogWriter) Dropped() uint64 {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.dropped
}
