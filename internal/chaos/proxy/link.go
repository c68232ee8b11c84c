package proxy

import (
	"bufio"
	"errors"
	"io"
	"math/rand/v2"
	"net"
	"sync"
	"time"
)

// link is one forwarded connection.
type link struct {
	proxy          *Proxy
	client, server *net.TCPConn
	number         uint64 // from 1 on, in the order in which they are made
	lot            float64
	drawn          uint64 // fates of messages

	once sync.Once
	gone chan struct{} // closed when the link was reset
}

// chunk is what was read at once, or how the reading ended.
type chunk struct {
	data []byte
	at   time.Time
	end  error

	channel, message string // of what was published through Redis
	fate             fate
}

func (l *link) hitBy(w Weather) bool { return w.Share == 0 || l.lot < w.Share }

// reset ends both sides with RST; a side that has ended in order already stays as it is.
func (l *link) reset() {
	l.once.Do(func() {
		close(l.gone)
		for _, conn := range []*net.TCPConn{l.client, l.server} {
			if conn != nil {
				_ = conn.SetLinger(0)
				_ = conn.Close()
			}
		}
	})
}

// pump forwards one direction. Reading and writing are two goroutines, so that a delay holds back what
// is under way and not what is sent after it.
func (l *link) pump(from, to *net.TCPConn, read func(io.Reader, chan<- chunk), held func(Weather) bool) {
	chunks := make(chan chunk, 16)
	var reading sync.WaitGroup
	reading.Go(func() { read(from, chunks) })
	l.write(to, chunks, held)
	reading.Wait()
}

func (l *link) read(from io.Reader, chunks chan<- chunk) {
	for {
		buffer := make([]byte, 16<<10)
		n, err := from.Read(buffer)
		select {
		case chunks <- chunk{data: buffer[:n], at: time.Now(), end: err}:
		case <-l.gone:
			return
		}
		if err != nil {
			return
		}
	}
}

// readLossy reads what Redis says, frame by frame, and hands on what is not lost.
func (l *link) readLossy(from io.Reader, chunks chan<- chunk) {
	frames := make(chan chunk, 16)
	var reading sync.WaitGroup
	reading.Go(func() { l.readFrames(bufio.NewReaderSize(from, 16<<10), frames) })
	l.lose(frames, chunks)
	reading.Wait()
}

// readFrames reads frames as long as they are such, and then whatever comes.
func (l *link) readFrames(from *bufio.Reader, frames chan<- chunk) {
	for {
		f, err := readFrame(from)
		c := chunk{data: f.raw, at: time.Now(), channel: f.channel, message: f.message}
		alien := errors.Is(err, errNotRESP)
		if !alien {
			c.end = err
		}
		select {
		case frames <- c:
		case <-l.gone:
			return
		}
		switch {
		case alien:
			l.read(from, frames)
			return
		case err != nil:
			return
		}
	}
}

func (l *link) write(to *net.TCPConn, chunks <-chan chunk, held func(Weather) bool) {
	var due time.Time
	for {
		var c chunk
		select {
		case c = <-chunks:
		case <-l.gone:
			return
		}
		if due = l.due(c, due); !l.wait(due) || !l.fair(held) {
			return
		}
		if len(c.data) > 0 {
			if _, err := to.Write(c.data); err != nil {
				l.reset()
				return
			}
			due = l.paced(len(c.data), due)
		}
		switch {
		case errors.Is(c.end, io.EOF):
			_ = to.CloseWrite()
			return
		case c.end != nil:
			l.reset()
			return
		}
	}
}

// due is when a chunk may go on: never before the one that was before it.
func (l *link) due(c chunk, before time.Time) time.Time {
	w, _ := l.proxy.now()
	at := c.at
	if l.hitBy(w) {
		at = at.Add(w.Delay)
		if w.Jitter > 0 {
			at = at.Add(rand.N(w.Jitter))
		}
	}
	if at.Before(before) {
		return before
	}
	return at
}

// paced is when the next chunk may go on after n bytes.
func (l *link) paced(n int, due time.Time) time.Time {
	w, _ := l.proxy.now()
	if w.BytesPerSecond == 0 || !l.hitBy(w) {
		return due
	}
	return time.Now().Add(time.Duration(n) * time.Second / time.Duration(w.BytesPerSecond))
}

// wait returns at that time. It reports whether the link is still there.
func (l *link) wait(until time.Time) bool {
	d := time.Until(until)
	if d <= 0 {
		return true
	}
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
		return true
	case <-l.gone:
		return false
	}
}

// fair waits while this direction is held. It reports whether the link is still there.
func (l *link) fair(held func(Weather) bool) bool {
	for {
		w, changed := l.proxy.now()
		if !held(w) || !l.hitBy(w) {
			return true
		}
		select {
		case <-changed:
		case <-l.gone:
			return false
		}
	}
}
