package client

import (
	"encoding/json"
	"sync"
	"time"
)

// Sent confirms a send: the message is committed on the server's disk (C2.1).
type Sent struct {
	ConversationID  string
	ClientMessageID string
	MessageID       string
	Seq             int64
	Rev             int64
	Timestamp       time.Time // the message's createdAt
}

// unanswered is a send that the server has not answered.
type unanswered struct {
	draft  Draft
	frame  []byte
	writes int // how often it was written to a socket
	answer func(Sent, error)
}

// outbox holds what is to be written: commands for the socket of the moment, and sends until they are
// answered, over any number of sockets.
type outbox struct {
	wake chan struct{} // there may be something to write

	mu       sync.Mutex
	commands [][]byte
	sends    []*unanswered // in the order in which they were made
	next     int           // the first of sends not yet written to this socket
	open     bool          // this socket is ready for sends
	ended    error         // why nothing is taken any more
}

func newOutbox() *outbox { return &outbox{wake: make(chan struct{}, 1)} }

// add takes a send. What cannot be taken is answered at once.
func (o *outbox) add(d Draft, answer func(Sent, error)) {
	s := &unanswered{draft: d, answer: answer, frame: encode(command{
		Type: "message:send", ConversationID: d.ConversationID, Content: d.Content,
		ContentType: "text", ClientMessageID: d.ClientMessageID,
	})}
	o.mu.Lock()
	err := o.ended
	if err == nil && o.find(d.ClientMessageID) >= 0 {
		err = &Error{Code: CodeConflict, Message: "This clientMessageId is under way already.", Outcome: Rejected}
	}
	if err == nil {
		o.sends = append(o.sends, s)
	}
	o.mu.Unlock()
	if err != nil {
		answer(Sent{}, err)
		return
	}
	o.rouse()
}

// command queues a frame for the socket of the moment.
func (o *outbox) command(c command) {
	o.mu.Lock()
	o.commands = append(o.commands, encode(c))
	o.mu.Unlock()
	o.rouse()
}

// reset begins a new socket: commands were for the old one, sends wait until release.
func (o *outbox) reset() {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.commands, o.next, o.open = nil, 0, false
}

// release lets the sends go out, those first that were written to an earlier socket.
func (o *outbox) release() {
	o.mu.Lock()
	o.open = true
	o.mu.Unlock()
	o.rouse()
}

// take returns the frames to be written now.
func (o *outbox) take() [][]byte {
	o.mu.Lock()
	defer o.mu.Unlock()
	frames := o.commands
	o.commands = nil
	if o.open {
		for _, s := range o.sends[o.next:] {
			s.writes++
			frames = append(frames, s.frame)
		}
		o.next = len(o.sends)
	}
	return frames
}

// remove takes a send out, or returns nil when there is none under this key.
func (o *outbox) remove(clientMessageID string) *unanswered {
	o.mu.Lock()
	defer o.mu.Unlock()
	i := o.find(clientMessageID)
	if i < 0 {
		return nil
	}
	s := o.sends[i]
	o.sends = append(o.sends[:i], o.sends[i+1:]...)
	if i < o.next {
		o.next--
	}
	return s
}

// end answers everything that waits; nothing is taken after it.
func (o *outbox) end(why error) {
	o.mu.Lock()
	left := o.sends
	o.sends, o.next, o.ended = nil, 0, &Error{Code: CodeNetwork, Message: "The connection has ended.", Outcome: Rejected, Err: why}
	o.mu.Unlock()
	for _, s := range left {
		s.answer(Sent{}, s.gaveUp(why))
	}
}

// gaveUp is the error of a send that nobody waits for any more.
func (s *unanswered) gaveUp(why error) *Error {
	e := &Error{Code: CodeNetwork, Message: "The send was given up before it was confirmed.", Retryable: true, Outcome: Unknown, Err: why}
	if s.writes == 0 {
		e.Outcome = Rejected
	}
	return e
}

func (o *outbox) find(clientMessageID string) int {
	for i, s := range o.sends {
		if s.draft.ClientMessageID == clientMessageID {
			return i
		}
	}
	return -1
}

func (o *outbox) rouse() {
	select {
	case o.wake <- struct{}{}:
	default:
	}
}

func encode(c command) []byte {
	text, err := json.Marshal(c)
	if err != nil {
		panic(err) // strings and integers always encode
	}
	return text
}
