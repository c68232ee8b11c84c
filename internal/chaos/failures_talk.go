package chaos

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"sync"
	"time"

	"github.com/parley-chat/parley/client"
	"github.com/parley-chat/parley/internal/check"
)

const (
	// roomSize is how many talk to each other: few enough that who has read what is told one by one, and nothing of it is late.
	roomSize = 8
	// mostOpen is how many drafts of one person may wait; who has so many waits with them.
	mostOpen = 3
	// noAnswerWithin is when a try is given up for one that is never answered. It is over every bound, so that what is late is
	// seen as late.
	noAnswerWithin = 12 * time.Second
	// insistFor is how long a person tries again what may succeed later: longer than the longest outage and what follows.
	insistFor = 150 * time.Second
)

// talker is somebody who writes steadily, over the live connection or over REST, and hears over the live connection.
type talker struct {
	*check.Person
	user   string
	room   string
	rest   bool
	line   *line
	random *rand.Rand
}

// written is a draft from when it was written until it was confirmed.
type written struct {
	room      string
	from      time.Duration
	lastTry   time.Duration // when the try began that was made last
	tries     int
	confirmed time.Duration // 0 while it is not
	given     string        // the code with which it was given up; "" while it is not
	said      bool          // that it was given up
	rev       int64
	node      string // to which it was sent last; "" over REST
}

// try is one try to send a draft, and its answer.
type try struct {
	client   string
	from, to time.Duration
	err      *client.Error // nil when it was confirmed
}

// reception is a message that came to somebody else than its sender.
type reception struct {
	at, took time.Duration // took counts from the try that stored it
	crossed  bool          // between nodes
}

// talk is people who write in rooms, and all that came of it.
type talk struct {
	recorder *check.Recorder
	people   []*talker
	rooms    []string

	mu         sync.Mutex
	drafts     map[string]*written // by clientMessageId
	order      []*written          // all of them as they were written
	tries      []try
	receptions []reception
	online     map[*talker]bool
	lost       []lostConnection
	caughtUp   map[*talker]bool // with their room, on this connection
	read       map[readBy]int64 // how many have read a message, as somebody was told last
	faults     []string

	living    context.Context
	leave     context.CancelFunc
	connected sync.WaitGroup
	chatting  sync.WaitGroup
	quiet     context.CancelFunc // ends the writing
}

// lostConnection is a stretch in which somebody had none.
type lostConnection struct {
	client   string
	from, to time.Duration // to is 0 while it lasts
}

// readBy is a message in the eyes of somebody.
type readBy struct {
	who     *talker
	message string
}

func newTalk(ctx context.Context, recorder *check.Recorder) *talk {
	t := &talk{recorder: recorder, drafts: map[string]*written{}, online: map[*talker]bool{}, caughtUp: map[*talker]bool{}, read: map[readBy]int64{}}
	t.living, t.leave = context.WithCancel(context.WithoutCancel(ctx))
	return t
}

// join makes a talker of an account. Of four one writes over REST.
func (t *talk) join(own *client.Client, user client.User, l *line, seed uint64) *talker {
	i := len(t.people)
	p := &talker{user: user.ID, rest: i%4 == 3, line: l, random: rand.New(rand.NewPCG(seed, uint64(i)))}
	group := "WebSocket"
	if p.rest {
		group = "REST"
	}
	p.Person = t.recorder.Person(fmt.Sprintf("t%02d", i), group, user, own)
	p.Live = own.Live(client.LiveOptions{Handle: func(e client.Event) { t.hear(p, e) }, Heard: p.Hear, DeviceID: p.Actor().Client})
	t.people = append(t.people, p)
	return p
}

// open opens the rooms and connects everybody to theirs.
func (t *talk) open(ctx context.Context) error {
	for first := 0; first < len(t.people); first += roomSize {
		some := t.people[first:min(first+roomSize, len(t.people))]
		c, err := create(ctx, some, fmt.Sprintf("room %d", len(t.rooms)))
		if err != nil {
			return err
		}
		t.rooms = append(t.rooms, c)
		for _, p := range some {
			p.room = c
		}
	}
	for _, p := range t.people {
		p.Subscribe(p.room, 0)
		t.connected.Go(func() {
			if err := p.Run(t.living); err != nil {
				t.note(func() {
					t.faults = append(t.faults, fmt.Sprintf("the connection of %s gave up: %v", p.Actor().Client, err))
				})
			}
		})
	}
	return await(ctx, "everybody is connected", t.allConnected)
}

// create has the first of some people open a group with the others.
func create(ctx context.Context, some []*talker, title string) (string, error) {
	n := client.NewConversation{Type: "group", Title: title}
	for _, p := range some[1:] {
		n.ParticipantIDs = append(n.ParticipantIDs, p.user)
	}
	c, err := some[0].Create(ctx, n)
	return c.ID, err
}

// start has everybody write, at so many drafts a second all together, until [talk.hush].
func (t *talk) start(ctx context.Context, rate float64) {
	ctx, t.quiet = context.WithCancel(ctx)
	every := time.Duration(float64(time.Second) * float64(len(t.people)) / rate)
	for _, p := range t.people {
		t.chatting.Go(func() { t.write(ctx, p, every) })
	}
}

// hush ends the writing and returns when nothing waits any more.
func (t *talk) hush() {
	t.quiet()
	t.chatting.Wait()
}

// end ends every connection.
func (t *talk) end() {
	t.leave()
	t.connected.Wait()
}

// write writes draft after draft, and waits when too many wait.
func (t *talk) write(ctx context.Context, p *talker, every time.Duration) {
	slots := make(chan struct{}, mostOpen)
	var sending sync.WaitGroup
	defer sending.Wait()
	for pause(ctx, time.Duration(p.random.ExpFloat64()*float64(every))) {
		select {
		case slots <- struct{}{}:
		default:
			continue
		}
		sending.Go(func() {
			t.deliver(ctx, p, t.draft(p))
			<-slots
		})
	}
}

// draft writes something that nobody has written before.
func (t *talk) draft(p *talker) client.Draft {
	key := client.NewClientMessageID()
	t.note(func() {
		w := &written{room: p.room, from: t.recorder.Now()}
		t.drafts[key], t.order = w, append(t.order, w)
	})
	return client.Draft{ConversationID: p.room, Content: "draft " + key, ClientMessageID: key}
}

// deliver tries to send a draft as long as that may help, as every client's outbox does.
func (t *talk) deliver(ctx context.Context, p *talker, d client.Draft) {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), insistFor)
	defer cancel()
	for wait := 50 * time.Millisecond; ; wait = min(2*wait, time.Second) {
		err := t.once(ctx, p, d)
		if err == nil {
			return
		}
		if !err.Retryable || !pause(ctx, max(wait, err.RetryAfter)) {
			t.note(func() { t.drafts[d.ClientMessageID].given = err.Code })
			return
		}
	}
}

// once sends a draft and notes what was answered.
func (t *talk) once(ctx context.Context, p *talker, d client.Draft) *client.Error {
	ctx, cancel := context.WithTimeout(ctx, noAnswerWithin)
	defer cancel()
	one := try{client: p.Actor().Client, from: t.recorder.Now()}
	t.note(func() {
		w := t.drafts[d.ClientMessageID]
		if w.tries++; !p.rest {
			w.node = p.Actor().Node
		}
		w.lastTry = one.from
	})
	var rev int64
	var err error
	if p.rest {
		var m client.Message
		m, err = p.SendREST(ctx, d)
		rev = m.Rev
	} else {
		var sent client.Sent
		sent, err = p.Send(ctx, d)
		rev = sent.Rev
	}
	if err != nil && !errors.As(err, &one.err) {
		one.err = &client.Error{Code: client.CodeInternal, Message: err.Error(), Err: err}
	}
	t.note(func() {
		one.to = t.recorder.Now()
		t.tries = append(t.tries, one)
		if err == nil {
			t.drafts[d.ClientMessageID].confirmed, t.drafts[d.ClientMessageID].rev = one.to, rev
		}
	})
	return one.err
}

// hear takes in an event of somebody's live connection.
func (t *talk) hear(p *talker, e client.Event) {
	node := p.Actor().Node
	p.Handle(e)
	now := t.recorder.Now()
	t.note(func() {
		switch e := e.(type) {
		case client.Online:
			t.online[p] = true
			for i := range t.lost {
				if l := &t.lost[i]; l.client == p.Actor().Client && l.to == 0 {
					l.to = now
				}
			}
		case client.Offline:
			if t.online[p] {
				t.lost = append(t.lost, lostConnection{client: p.Actor().Client, from: now})
			}
			t.online[p], t.caughtUp[p] = false, false
		case client.CaughtUp:
			t.caughtUp[p] = t.caughtUp[p] || e.ConversationID == p.room
		case client.ReceiptCount:
			for _, c := range e.Counts {
				t.read[readBy{p, c.MessageID}] = c.ReadCount
			}
		case client.MessageReceived:
			if w := t.drafts[e.Message.ClientMessageID]; w != nil && e.Message.SenderID != p.user {
				t.receptions = append(t.receptions, reception{now, now - w.lastTry, w.node != "" && node != "" && w.node != node})
			}
		}
	})
}

// readers is how many have read a message, as somebody was told last.
func (t *talk) readers(p *talker, message string) int64 {
	t.mu.Lock()
	defer t.mu.Unlock()
	return t.read[readBy{p, message}]
}

func (t *talk) note(f func()) {
	t.mu.Lock()
	defer t.mu.Unlock()
	f()
}

func (t *talk) allConnected() bool {
	t.mu.Lock()
	defer t.mu.Unlock()
	for _, p := range t.people {
		if !t.online[p] || !t.caughtUp[p] {
			return false
		}
	}
	return true
}

// complete reports whether all that was written before some time is confirmed, or given up, and everybody of its room has it.
func (t *talk) complete(before time.Duration) bool {
	revs := map[string]int64{}
	open := false
	t.note(func() {
		for _, w := range t.order {
			open = open || w.from < before && w.confirmed == 0 && w.given == ""
			if w.from < before {
				revs[w.room] = max(revs[w.room], w.rev)
			}
		}
	})
	if open {
		return false
	}
	for _, p := range t.people {
		if p.Rev(p.room) < revs[p.room] {
			return false
		}
	}
	return true
}

// await asks until something holds. It is asked for what has no event that one could wait for, or many.
func await(ctx context.Context, what string, holds func() bool) error {
	deadline := time.Now().Add(readersPatience)
	for !holds() {
		if time.Now().After(deadline) {
			return fmt.Errorf("%w: %s, within %v", errLate, what, readersPatience)
		}
		if !pause(ctx, 20*time.Millisecond) {
			return context.Cause(ctx)
		}
	}
	return nil
}
