package workload

import (
	"context"
	"fmt"
	"sync"
	"time"

	"github.com/parley-chat/parley/client"
)

// visitor is somebody who comes and goes, hides and shows themselves, and changes who may know of it. Those who share a small
// conversation with them, their lobby, watch.
type visitor struct {
	*person
	lobby    string
	watchers []*person
	ends     ending
}

// ending is how a visitor is in the end.
type ending int

const (
	endsThere   ending = iota
	endsAway           // idle
	endsGone           // not connected
	endsUnseen         // connected and invisible; reads and writes nothing in the whole run
	endsUnknown        // connected and known to friends alone
	endings
)

// lobbySize is how many visitors share a lobby with as many others: few enough for readers to be named (C6.3).
const lobbySize = 4

// visitors makes people who come and go, and strangers who share nothing with anybody and watch them.
func (w *Workload) visitors(ctx context.Context) error {
	ways := newWays(w.cfg)
	for i := range w.cfg.Visitors {
		p, err := w.newPerson(ctx, w.cfg.Clients+i, 0, ways, nil)
		if err != nil {
			return fmt.Errorf("a visitor: %w", err)
		}
		w.guests = append(w.guests, &visitor{person: p, ends: ending(i) % endings})
	}
	for i := 0; i < len(w.guests); i += lobbySize {
		if err := w.openLobby(ctx, i/lobbySize, w.guests[i:min(i+lobbySize, len(w.guests))]); err != nil {
			return fmt.Errorf("a lobby: %w", err)
		}
	}
	for i := range min(2, w.cfg.Visitors) {
		p, err := w.newPerson(ctx, w.cfg.Clients+w.cfg.Visitors+i, 0, ways, nil)
		if err != nil {
			return fmt.Errorf("a stranger: %w", err)
		}
		w.strangers = append(w.strangers, p)
	}
	return nil
}

// openLobby has somebody open a small conversation with visitors and others who watch them.
func (w *Workload) openLobby(ctx context.Context, number int, guests []*visitor) error {
	var watchers []*person
	for i := range lobbySize {
		watchers = append(watchers, w.people[(number*lobbySize+i)%w.cfg.Clients])
	}
	n := client.NewConversation{Type: "group", Title: fmt.Sprintf("lobby %d", number)}
	for _, p := range watchers[1:] {
		n.ParticipantIDs = append(n.ParticipantIDs, p.user.ID)
	}
	for _, v := range guests {
		n.ParticipantIDs = append(n.ParticipantIDs, v.user.ID)
	}
	c, err := watchers[0].Create(ctx, n)
	if err != nil {
		return err
	}
	for _, v := range guests {
		v.lobby, v.watchers = c.ID, watchers
	}
	_, err = watchers[0].SendREST(ctx, client.Draft{ConversationID: c.ID, Content: "welcome"})
	return err
}

// watch keeps a stranger's connection, who asks for what they may not know.
func (w *Workload) watch(living context.Context, p *person) {
	var all []string
	for _, v := range w.guests {
		all = append(all, v.user.ID)
	}
	for _, q := range w.people[:min(8, w.cfg.Clients)] {
		all = append(all, q.user.ID)
	}
	p.Return(client.LiveOptions{
		Handle: func(e client.Event) {
			p.Person.Handle(e)
			if _, is := e.(client.Online); is {
				p.Watch(all...)
			}
		},
		Heard: p.Hear, DeviceID: p.Actor().Client,
	})
	w.connected.Go(func() {
		if err := p.Run(living); err != nil {
			w.fault("the connection of %s gave up: %v", p.name, err)
		}
	})
}

// visit keeps a visitor's connection until the function returned is called, which returns when it has ended.
func (v *visitor) visit(living context.Context) (leave func()) {
	v.Return(client.LiveOptions{Handle: v.Person.Handle, Heard: v.Hear, DeviceID: v.Actor().Client, DeviceType: "desktop"})
	v.Subscribe(v.lobby, 0)
	living, cancel := context.WithCancel(living)
	ended := make(chan struct{})
	v.w.connected.Go(func() {
		defer close(ended)
		// A login that was ended by its person ends its connection for good.
		_ = v.Run(living)
	})
	return sync.OnceFunc(func() {
		cancel()
		<-ended
	})
}

// comeAndGo has a visitor do so until ctx ends, and then be as they are to be in the end.
func (v *visitor) comeAndGo(ctx context.Context) {
	for ctx.Err() == nil {
		leave := v.visit(v.w.living)
		stay := time.Now().Add(v.between(time.Second, 20*time.Second))
		for time.Now().Before(stay) && pause(ctx, v.between(200*time.Millisecond, 2*time.Second)) {
			v.change(ctx)
		}
		if v.random.IntN(5) == 0 {
			v.signOut(ctx)
		}
		leave()
		pause(ctx, v.away())
	}
	v.end()
}

func (v *visitor) between(low, high time.Duration) time.Duration {
	return low + time.Duration(v.random.Int64N(int64(high-low)))
}

// away draws how long somebody is gone: mostly too short to be noticed.
func (v *visitor) away() time.Duration {
	switch n := v.random.IntN(10); {
	case n < 5:
		return v.between(0, 5*time.Second)
	case n < 8:
		return v.between(5*time.Second, 24*time.Second)
	}
	return v.between(35*time.Second, 45*time.Second)
}

// signOut ends the login and signs in again.
func (v *visitor) signOut(ctx context.Context) {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), 2*requestWithin)
	defer cancel()
	if v.Logout(ctx) != nil {
		return
	}
	for {
		if _, err := v.Client.Login(ctx, v.name, password); err == nil || !pause(ctx, 100*time.Millisecond) {
			return
		}
	}
}

// change draws one thing that changes how a visitor is seen, or would show them, and does it.
func (v *visitor) change(ctx context.Context) {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), requestWithin)
	defer cancel()
	other := v.watchers[v.random.IntN(len(v.watchers))]
	silent := v.ends == endsUnseen
	switch n := v.random.IntN(100); {
	case n < 10:
		_ = v.Appear(ctx, v.random.IntN(2) == 0)
	case n < 20:
		v.AppearLive([]string{client.StatusOnline, client.StatusAway, client.StatusInvisible}[v.random.IntN(3)])
	case n < 35:
		v.Idle(v.random.IntN(2) == 0)
	case n < 45:
		_ = v.Share(ctx, []string{"everyone", "everyone", "friends", "nobody", "off"}[v.random.IntN(5)])
	case n < 52:
		if v.Befriend(ctx, other.user.ID) == nil {
			_ = other.Befriend(ctx, v.user.ID)
		}
	case n < 55:
		_ = v.Unfriend(ctx, other.user.ID)
	case n < 58:
		_ = v.Block(ctx, other.user.ID)
	case n < 64:
		_ = v.Unblock(ctx, other.user.ID)
	case n < 80:
		v.Type(v.lobby, true)
	case n < 90 && !silent:
		v.SendAsync(client.Draft{ConversationID: v.lobby, Content: fmt.Sprintf("visitor %x", v.random.Uint64())}, func(client.Sent, error) {})
	case n < 95 && !silent:
		v.way.hop(v.random.IntN(2) == 0)
	}
}

// end has a visitor be as they are to be when all is settled, and says so until it is done.
func (v *visitor) end() {
	ctx, cancel := context.WithTimeout(context.Background(), v.w.cfg.settledWithin())
	defer cancel()
	sharing := map[bool]string{true: "friends", false: "everyone"}[v.ends == endsUnknown]
	for _, set := range []func() error{
		func() error { return v.Appear(ctx, v.ends == endsUnseen) },
		func() error { return v.Share(ctx, sharing) },
	} {
		for set() != nil && pause(ctx, 200*time.Millisecond) {
		}
	}
	if ctx.Err() != nil {
		v.w.fault("%s could not say how they are to be seen", v.Actor().Client)
	}
	if v.ends == endsGone {
		return
	}
	v.visit(v.w.living)
	if v.ends == endsAway {
		v.Idle(true)
	}
}
