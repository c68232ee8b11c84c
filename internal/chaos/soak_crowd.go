package chaos

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	mathrand "math/rand/v2"
	"sync"
	"sync/atomic"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/parley-chat/parley/client"
)

const (
	// soakGroup is how many people are in each conversation.
	soakGroup = 10
	// soakVisit is how long somebody stays connected, on average, and soakPause how long they are away.
	soakVisit, soakPause = 8 * time.Second, 500 * time.Millisecond
	// soakInFlight is the most sends that wait for their answers: beyond it the load waits too.
	soakInFlight = 2000
)

// soakCrowd is people who chat in groups of ten. Each third one stays; the others come and go all the time.
type soakCrowd struct {
	people []*soakPerson

	living   context.Context
	leave    context.CancelFunc
	working  sync.WaitGroup
	inFlight chan struct{}

	confirmed, failed, visits, pages atomic.Int64
	why                              atomic.Pointer[string] // the last send failed
}

// soakPerson is one of them.
type soakPerson struct {
	client *client.Client
	id     string
	group  string
	others []string

	live   atomic.Pointer[client.Live] // nil while they are away
	newest atomic.Pointer[string]      // the message that they saw last
	rev    atomic.Int64                // up to where they have seen their group
	online atomic.Bool
}

// soakTally is what the crowd has done.
type soakTally struct{ confirmed, failed, visits, pages int64 }

func (c *soakCrowd) tally() soakTally {
	return soakTally{c.confirmed.Load(), c.failed.Load(), c.visits.Load(), c.pages.Load()}
}

// newSoakCrowd signs n people up and makes their groups.
func newSoakCrowd(ctx context.Context, url string, n int) (*soakCrowd, error) {
	c := &soakCrowd{people: make([]*soakPerson, n), inFlight: make(chan struct{}, soakInFlight)}
	group, groupCtx := errgroup.WithContext(ctx)
	group.SetLimit(4)
	for i := range n {
		group.Go(func() error {
			one, err := client.New(url, client.Options{})
			if err != nil {
				return err
			}
			me, err := one.Register(groupCtx, client.Registration{Username: "soak-" + rand.Text()[:12], Password: rand.Text()})
			c.people[i] = &soakPerson{client: one, id: me.ID}
			return err
		})
	}
	if err := group.Wait(); err != nil {
		return nil, err
	}
	for first := 0; first < n; first += soakGroup {
		if err := gatherSoak(ctx, c.people[first:min(n, first+soakGroup)]); err != nil {
			return nil, err
		}
	}
	return c, nil
}

// gatherSoak puts people into one group.
func gatherSoak(ctx context.Context, people []*soakPerson) error {
	var ids []string
	for _, p := range people[1:] {
		ids = append(ids, p.id)
	}
	made, err := people[0].client.CreateConversation(ctx, client.NewConversation{Type: "group", Title: "Soak", ParticipantIDs: ids})
	for _, p := range people {
		p.group, p.others = made.ID, ids
	}
	return err
}

// start has everybody come.
func (c *soakCrowd) start(ctx context.Context) {
	c.living, c.leave = context.WithCancel(ctx)
	for i, p := range c.people {
		c.working.Go(func() {
			if i%3 == 0 {
				c.visit(p, 0)
				return
			}
			for c.living.Err() == nil {
				c.visit(p, time.Duration((0.5+mathrand.Float64())*float64(soakVisit)))
				pause(c.living, time.Duration((0.5+mathrand.Float64())*float64(soakPause)))
			}
		})
	}
}

// arrived waits until nearly everybody is there, or for a minute: who comes and goes is not there all the time.
func (c *soakCrowd) arrived(ctx context.Context) error {
	for range 600 {
		there := 0
		for _, p := range c.people {
			if p.online.Load() {
				there++
			}
		}
		if there*10 >= len(c.people)*8 {
			return nil
		}
		if !pause(ctx, 100*time.Millisecond) {
			return ctx.Err()
		}
	}
	return errors.New("not everybody could connect within a minute")
}

// stop has everybody leave, and waits until they have.
func (c *soakCrowd) stop() {
	if c.leave != nil {
		c.leave()
		c.working.Wait()
	}
}

// visit is one connection of somebody, who does there what people do, until they leave: after a time, or with all.
func (c *soakCrowd) visit(p *soakPerson, lasting time.Duration) {
	ctx, end := context.WithCancel(c.living)
	if lasting > 0 {
		ctx, end = context.WithTimeout(c.living, lasting)
	}
	defer end()
	live := p.client.Live(client.LiveOptions{DeviceID: "soak", DeviceType: "desktop", Handle: func(e client.Event) {
		switch e := e.(type) {
		case client.MessageReceived:
			p.newest.Store(&e.Message.ID)
			p.rev.Store(e.Message.Rev)
		case client.Online:
			p.online.Store(true)
		case client.Offline:
			p.online.Store(false)
		}
	}})
	live.Subscribe(p.group, p.rev.Load())
	p.live.Store(live)
	c.visits.Add(1)
	var acting sync.WaitGroup
	acting.Go(func() { c.act(ctx, p, live) })
	// What ends it besides the leaving, the client mends by itself or counts as a send that failed.
	_ = live.Run(ctx)
	p.live.Store(nil)
	p.online.Store(false)
	end()
	acting.Wait()
}

// act is what somebody does beside sending: they type, read history, mark what they have read, and look who is there.
func (c *soakCrowd) act(ctx context.Context, p *soakPerson, live *client.Live) {
	live.SubscribePresence(p.others...)
	for turn := 0; pause(ctx, time.Duration((0.5+mathrand.Float64())*float64(time.Second))); turn++ {
		switch turn % 4 {
		case 0:
			live.Typing(p.group, true)
		case 1:
			if newest := p.newest.Load(); newest != nil {
				live.MarkRead(p.group, *newest)
			}
		case 2:
			if _, err := p.client.Messages(ctx, p.group, client.HistoryQuery{Limit: 50}); err == nil {
				c.pages.Add(1)
			}
		case 3:
			live.Typing(p.group, false)
		}
	}
}

// send has somebody who is there send a message, and calls then with how it went. It reports whether anybody is there.
func (c *soakCrowd) send(then func(ok bool)) bool {
	for range 2 * len(c.people) {
		p := c.people[mathrand.IntN(len(c.people))]
		live := p.live.Load()
		if live == nil {
			continue
		}
		select {
		case c.inFlight <- struct{}{}:
		case <-c.living.Done():
			return false
		}
		live.SendAsync(client.Draft{ConversationID: p.group, Content: "What is said while the days go by."}, func(_ client.Sent, err error) {
			<-c.inFlight
			// Who left in the middle sends it again on the next visit; here it is only not counted.
			switch {
			case err == nil:
				c.confirmed.Add(1)
			case client.CodeOf(err) != client.CodeNetwork:
				c.failed.Add(1)
				why := err.Error()
				c.why.Store(&why)
			}
			if then != nil {
				then(err == nil)
			}
		})
		return true
	}
	return false
}

// capacity is how many messages a second these people can send, two outstanding for each.
func (c *soakCrowd) capacity(ctx context.Context, during time.Duration) (float64, error) {
	var going atomic.Bool
	going.Store(true)
	var again func(bool)
	again = func(bool) {
		if going.Load() && c.living.Err() == nil {
			// In a goroutine of its own: answers are given from the goroutine of a connection, which must not wait.
			go c.send(again)
		}
	}
	for range 2 * len(c.people) {
		again(true)
	}
	pause(ctx, during/4)
	began, before := time.Now(), c.confirmed.Load()
	pause(ctx, during)
	rate := float64(c.confirmed.Load()-before) / time.Since(began).Seconds()
	going.Store(false)
	if rate == 0 {
		return 0, fmt.Errorf("nothing was confirmed within %v", during)
	}
	return rate, ctx.Err()
}

// load sends so many messages a second until everybody leaves.
func (c *soakCrowd) load(rate float64) {
	c.working.Go(func() {
		const slice = 20 * time.Millisecond
		tick := time.NewTicker(slice)
		defer tick.Stop()
		owed := 0.0
		for {
			select {
			case <-tick.C:
			case <-c.living.Done():
				return
			}
			for owed += rate * slice.Seconds(); owed >= 1; owed-- {
				c.send(nil)
			}
		}
	})
}
