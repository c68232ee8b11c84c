package workload

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"sync"
	"time"

	"github.com/parley-chat/parley/client"
)

const (
	// giveUpAfter is when a person stops trying to send something.
	giveUpAfter = 15 * time.Second
	// impatience is when a person who hears nothing drops the connection and takes another.
	impatience = 5 * time.Second
	// keptDrafts is how many of the own drafts a person remembers.
	keptDrafts = 40
)

// draft writes something that nobody has written before.
func (p *person) draft(r *room) client.Draft {
	key := client.NewClientMessageID()
	text := fmt.Sprintf("%s to %s", key, r.kind)
	switch p.random.IntN(50) {
	case 0:
		text += strings.Repeat(" lorem", 600)
	case 1:
		text += " 👩‍👩‍👧‍👦 ☕ Ωμέγα \u202eabc"
	default:
		text += strings.Repeat(" word", p.random.IntN(20))
	}
	return client.Draft{ConversationID: r.id, Content: text, ClientMessageID: key}
}

// once sends a draft over one way, and says what came of it.
func (p *person) once(ctx context.Context, d client.Draft, rest bool) (message string, err error) {
	if rest {
		m, err := p.SendREST(ctx, d)
		return m.ID, err
	}
	// A connection that swallows everything looks like one that is slow. Somebody who waits tries another.
	hop := time.AfterFunc(impatience, func() { p.way.hop(true) })
	defer hop.Stop()
	sent, err := p.Send(ctx, d)
	return sent.MessageID, err
}

// deliver sends a draft until it is confirmed, refused for good or given up.
func (p *person) deliver(ctx context.Context, r *room, d client.Draft, rest bool) {
	ctx, cancel := context.WithTimeout(ctx, giveUpAfter)
	defer cancel()
	from := p.w.cfg.Recorder.Now()
	message, err := p.insist(ctx, d, rest)
	p.waited(r, from, err)
	p.remember(draft{d, message})
}

// insist sends a draft again as long as that may help.
func (p *person) insist(ctx context.Context, d client.Draft, rest bool) (message string, err error) {
	for wait := 50 * time.Millisecond; ; wait = min(2*wait, time.Second) {
		message, err := p.once(ctx, d, rest)
		var e *client.Error
		if err == nil || !errors.As(err, &e) || !e.Retryable || ctx.Err() != nil {
			return message, err
		}
		if !pause(ctx, max(wait, e.RetryAfter)) {
			return "", err
		}
		rest = p.random.IntN(2) == 0
	}
}

func (p *person) remember(d draft) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.own = append(p.own, d); len(p.own) > keptDrafts {
		p.own = p.own[1:]
	}
}

// recall draws one of the own drafts; stored asks for one that is known to be stored.
func (p *person) recall(stored bool) (draft, bool) {
	p.mu.Lock()
	defer p.mu.Unlock()
	for range 5 {
		if len(p.own) == 0 {
			break
		}
		if d := p.own[p.random.IntN(len(p.own))]; !stored || d.message != "" {
			return d, true
		}
	}
	return draft{}, false
}

// sendOne sends one message and waits for its answer.
func (p *person) sendOne(ctx context.Context, r *room) {
	rest := p.random.IntN(8) == 0
	if p.restful {
		rest = p.random.IntN(8) > 0
	}
	p.deliver(ctx, r, p.draft(r), rest)
}

// sendSeveral has several messages to one conversation under way at once over the live connection.
func (p *person) sendSeveral(ctx context.Context, r *room) {
	ctx, cancel := context.WithTimeout(ctx, giveUpAfter)
	defer cancel()
	var answered sync.WaitGroup
	var keys []string
	for range 2 + p.random.IntN(6) {
		d, from := p.draft(r), p.w.cfg.Recorder.Now()
		answered.Add(1)
		keys = append(keys, p.SendAsync(d, func(sent client.Sent, err error) {
			p.waited(r, from, err)
			p.remember(draft{d, sent.MessageID})
			answered.Done()
		}))
	}
	all := make(chan struct{})
	go func() {
		answered.Wait()
		close(all)
	}()
	select {
	case <-all:
	case <-ctx.Done():
		for _, key := range keys {
			p.Live.GiveUp(key, ctx.Err())
		}
		<-all
	}
}

// sendDoubled sends the same draft over both ways at once, and most likely to two nodes.
func (p *person) sendDoubled(ctx context.Context, r *room) {
	d := p.draft(r)
	var both sync.WaitGroup
	both.Go(func() {
		rest, cancel := context.WithTimeout(ctx, giveUpAfter)
		defer cancel()
		_, _ = p.SendREST(rest, d)
	})
	p.deliver(ctx, r, d, false)
	both.Wait()
}

// sendAgain sends something again that was sent a while ago, answered or not, over either way.
func (p *person) sendAgain(ctx context.Context) {
	if d, is := p.recall(false); is {
		ctx, cancel := context.WithTimeout(ctx, giveUpAfter)
		defer cancel()
		_, _ = p.once(ctx, d.Draft, p.random.IntN(2) == 0)
	}
}

// abandon drops the connection while a send is under way, and does not ask again what came of it, or
// much later.
func (p *person) abandon(ctx context.Context, r *room) {
	if p.w.cfg.Gentle {
		return
	}
	d := p.draft(r)
	ctx, cancel := context.WithTimeout(ctx, time.Duration(p.random.IntN(3000))*time.Microsecond)
	defer cancel()
	if p.random.IntN(2) == 0 {
		_, _ = p.SendREST(ctx, d)
	} else {
		_, _ = p.Send(ctx, d)
	}
	p.way.hop(true)
	p.remember(draft{d, ""})
}
