package workload

import (
	"context"
	"fmt"
	"math/rand/v2"
	"sync"
	"time"

	"github.com/parley-chat/parley/client"
	"github.com/parley-chat/parley/internal/check"
)

const password = "correct horse battery staple"

// person is one client: a live connection, requests over REST, and what they know.
type person struct {
	*check.Person
	name    string
	user    client.User
	w       *Workload
	way     *way
	random  *rand.Rand // used by the goroutine of chat alone
	restful bool       // sends mostly over REST
	second  bool       // another device of a user, on which they mostly read
	// wanders is how long this client stays on a connection; 0 stays as long as it can.
	wanders time.Duration

	mu     sync.Mutex
	online bool
	last   map[string][]string // the newest messages seen, by conversation
	revs   map[string]int64    // how far the live connection has come, by conversation
	// follows are the conversations that the live connection follows or is about to. Of others it hears too (C3.8).
	follows map[string]bool
	own     []draft // what was sent of late
}

// draft is something that was sent, confirmed or not.
type draft struct {
	client.Draft
	message string // its id; "" when no answer came
}

// newPerson makes a client of a new user, or another device of the user of first.
func (w *Workload) newPerson(ctx context.Context, i, device int, ws ways, first *person) (*person, error) {
	p := &person{
		name: fmt.Sprintf("%s-%03d", w.prefix, i), w: w, second: device > 0, way: ws.way(i+device*7, w.cfg.Gentle), last: map[string][]string{}, revs: map[string]int64{}, follows: map[string]bool{},
		random: rand.New(rand.NewPCG(w.cfg.Seed, uint64(i)<<8|uint64(device))), restful: i%4 == 3,
	}
	if i%4 == 1 && !w.cfg.Gentle {
		p.wanders = 2*time.Second + time.Duration(p.random.IntN(4000))*time.Millisecond
	}
	c, err := client.New(w.cfg.BaseURL, client.Options{HTTP: p.way.client})
	if err != nil {
		return nil, err
	}
	if first == nil {
		p.user, err = c.Register(ctx, client.Registration{Username: p.name, Password: password})
	} else {
		p.user, err = c.Login(ctx, first.name, password)
	}
	if err != nil {
		return nil, err
	}
	name := fmt.Sprintf("p%03d", i)
	if device > 0 {
		name += fmt.Sprintf("/%d", device)
	}
	p.Person = w.cfg.Recorder.Person(name, p.group(), p.user, c)
	p.Live = c.Live(client.LiveOptions{Handle: p.handle, Heard: p.Hear, DeviceID: name})
	return p, nil
}

// group is the lane in the time line.
func (p *person) group() string {
	switch {
	case p.restful:
		return "REST"
	case p.wanders > 0:
		return "wanderers"
	}
	return "clients"
}

// handle has everything recorded, and learns from it.
func (p *person) handle(e client.Event) {
	p.Person.Handle(e)
	switch e := e.(type) {
	case client.Online:
		p.note(func() { p.online = true })
		// Into which conversations somebody was taken meanwhile is in the list and nowhere else.
		go p.lookAround()
	case client.Offline:
		p.note(func() { p.online = false })
	case client.MessageReceived:
		p.reached(e.Message.ConversationID, e.Message.Rev, e.Message.ID)
	case client.MessageUpdated:
		p.reached(e.Message.ConversationID, e.Message.Rev, "")
	case client.MessageDeleted:
		p.reached(e.Message.ConversationID, e.Message.Rev, "")
	case client.ConversationUpdated:
		p.reached(e.ConversationID, e.Rev, "")
	case client.CaughtUp:
		p.reached(e.ConversationID, e.Rev, "")
	case client.ConversationAdded:
		p.subscribe(e.Conversation.ID, 0)
	case client.ConversationRemoved:
		p.unfollowed(e.ConversationID)
	case client.Failed:
		if !e.Err.Retryable {
			p.unfollowed(e.Ref)
		}
	}
}

func (p *person) note(f func()) {
	p.mu.Lock()
	defer p.mu.Unlock()
	f()
}

// reached notes how far a conversation has been delivered, and the newest message in it, if it is one.
func (p *person) reached(conversation string, rev int64, message string) {
	p.note(func() {
		p.revs[conversation] = max(p.revs[conversation], rev)
		if message != "" {
			seen := append(p.last[conversation], message)
			p.last[conversation] = seen[max(0, len(seen)-keptDrafts):]
		}
	})
}

// unfollowed notes that a conversation is not followed any more: whoever comes back into it while away finds
// it in the list.
func (p *person) unfollowed(conversation string) {
	p.note(func() {
		delete(p.revs, conversation)
		delete(p.follows, conversation)
	})
}

// subscribe follows a conversation past a rev.
func (p *person) subscribe(conversation string, from int64) {
	p.note(func() { p.follows[conversation] = true })
	p.Subscribe(conversation, from)
}

// followAll follows what is on the own list and not followed yet.
func (p *person) followAll(list []client.Conversation) {
	for _, c := range list {
		followed := false
		p.note(func() { followed = p.follows[c.ID] })
		if !followed {
			p.subscribe(c.ID, 0)
		}
	}
}

// lookAround lists the own conversations and follows those that are new.
func (p *person) lookAround() {
	ctx, cancel := context.WithTimeout(context.Background(), requestWithin)
	defer cancel()
	list, err := p.List(ctx)
	if err != nil {
		return
	}
	p.followAll(list)
}

// chat does one thing after the other until ctx ends.
func (p *person) chat(ctx context.Context) {
	// Not all of what is done is a draft, and some of it is several.
	every := time.Duration(float64(time.Second) * float64(len(p.w.people)) / p.w.cfg.Rate)
	hop := time.Now().Add(p.wanders)
	for pause(ctx, time.Duration(p.random.ExpFloat64()*float64(every))) {
		if p.wanders > 0 && time.Now().After(hop) {
			hop = time.Now().Add(p.wanders)
			p.way.hop(p.random.IntN(2) == 0)
		}
		p.act(ctx)
	}
}

// act draws what to do and does it.
func (p *person) act(ctx context.Context) {
	// What is under way when the run ends is finished.
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), 20*time.Second)
	defer cancel()
	rooms := p.w.roomsOf(p)
	if len(rooms) == 0 {
		return
	}
	r := p.choose(rooms)
	if p.second && p.random.IntN(3) == 0 {
		p.read(ctx, r)
		return
	}
	switch n := p.random.IntN(1000); {
	case n < 560:
		p.sendOne(ctx, r)
	case n < 620:
		p.sendSeveral(ctx, r)
	case n < 670:
		p.sendDoubled(ctx, r)
	case n < 720:
		p.sendAgain(ctx)
	case n < 735:
		p.abandon(ctx, r)
	case n < 775:
		p.edit(ctx)
	case n < 800:
		p.delete(ctx)
	case n < 860:
		p.read(ctx, r)
	case n < 870:
		p.readTwice(ctx, r)
	case n < 876:
		_ = p.LetKnow(ctx, p.random.IntN(3) > 0)
	case n < 884:
		p.whoRead(ctx, r)
	case n < 897:
		p.page(ctx, rooms)
	case n < 910:
		_, _ = p.List(ctx)
	case n < 925:
		p.follow(r)
	case n < 940:
		p.Live.Typing(r.id, p.random.IntN(2) == 0)
	case n < 950:
		p.way.hop(true)
	case n < 960:
		p.openBrief(ctx)
	case n < 965:
		p.renew(ctx)
	default:
		p.moveOn(ctx)
	}
}

// renew replaces the token, and asks again at once when the answer is lost, as every client does: a token
// that comes back later is taken for a stolen one (C5.7).
func (p *person) renew(ctx context.Context) {
	for p.Client.Refresh(ctx) != nil && pause(ctx, 100*time.Millisecond) {
	}
}

// choose draws a conversation: the hot one and the small ones more often than the big one.
func (p *person) choose(rooms []*room) *room {
	for range 4 {
		r := rooms[p.random.IntN(len(rooms))]
		switch {
		case r.kind == hot:
			return r
		case r.kind == big && p.random.IntN(4) > 0:
		default:
			return r
		}
	}
	return rooms[0]
}
