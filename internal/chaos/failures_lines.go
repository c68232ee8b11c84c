package chaos

import (
	"context"
	"fmt"
	"slices"
	"sync"
	"time"

	"github.com/parley-chat/parley/client"
	"github.com/parley-chat/parley/internal/chaos/cluster"
	"github.com/parley-chat/parley/internal/chaos/proxy"
)

const (
	// againWithin is how long a try may take that has to wait for a connection first: until it is given up.
	againWithin = noAnswerWithin + time.Second
	// connectedWithin is when who lost a connection has one again, and everything, although no node was to be reached: the backoff
	// of clients draws up to 1, 2, 4, 8 and 16 s (I14b).
	connectedWithin = 30 * time.Second
	// cutMidSend is how many sends are cut off.
	cutMidSend = 40
)

// lineScenes are those between clients and nodes.
func lineScenes() []FailureScene {
	lost := []string{client.CodeNetwork}
	return []FailureScene{
		{
			Name: "network of the clients cut for 2 s", Of: "DOC-006 disconnect; DOC-008 `NETWORK_ERROR`", Shape: cluster.Full,
			Holds: "every draft is stored once in the end; everybody is connected again, and everything as before, within 30 s",
			About: "every connection of clients is reset and none is let through",
			play: outage{
				kind: "clients-refused", target: "nginx", lasts: 2 * time.Second, codes: lost, answered: againWithin, back: connectedWithin, healed: connectedWithin,
				cause: func(r *failures) (func(context.Context) error, error) {
					r.cluster.Front.Set(proxy.Weather{Refuse: true})
					return func(context.Context) error { r.cluster.Front.Set(proxy.Weather{}); return nil }, nil
				},
			}.play,
		},
		{
			Name: "a node dies", Of: "DOC-006 crash of a node; DOC-008 `NETWORK_ERROR`", Shape: cluster.Full,
			Holds: "every draft is stored once in the end; whom it served is served by another within 3 s; everything as before within 15 s",
			About: "one of three is killed (SIGKILL), and started again after 2 s",
			play:  outage{kind: "kill", target: "node1", lasts: 2 * time.Second, codes: append(lost, ofDatabase...), answered: againWithin, back: servedWithin, cause: killFirst}.play,
		},
		{
			Name: "disconnect in the middle of a send", Of: "DOC-004 client disconnect mid-send", Shape: cluster.Full, Short: true,
			Holds: "each is confirmed on a later connection within 13 s, and stored once",
			About: fmt.Sprintf("%d times a client's connection is reset within 3 ms after it wrote a message", cutMidSend),
			play:  midSend,
		},
		{
			Name: "disconnect in the middle of a send", Of: "DOC-004 client disconnect mid-send", Shape: cluster.SQLite, Short: true,
			Holds: "each is confirmed on a later connection within 13 s, and stored once",
			About: fmt.Sprintf("%d times a client's connection is reset within 3 ms after it wrote a message", cutMidSend),
			play:  midSend,
		},
		{
			Name: "a device takes no message", Of: "DOC-004 ACK timeout", Shape: cluster.Full,
			Holds: "it is sent again on the same connection within 12 s, three times at most, and nobody else gets it twice",
			About: "a device that acknowledges what it gets stops doing so",
			play:  ackOwed,
		},
	}
}

func killFirst(r *failures) (func(context.Context) error, error) {
	n := r.cluster.Nodes[0]
	n.Kill()
	return n.Start, nil
}

// midSend has connections break off in the middle of sends.
func midSend(r *failures, ctx context.Context, row *Failure) error {
	over := r.recorder.Fault("clients-cut", "clients", row.Name)
	began := r.recorder.Now()
	var sending sync.WaitGroup
	var mu sync.Mutex
	var took []time.Duration
	for i := range cutMidSend {
		p := r.talk.people[i%len(r.talk.people)]
		if p.rest {
			continue
		}
		sending.Go(func() {
			d := r.talk.draft(p)
			from := time.Now()
			cut := time.AfterFunc(time.Duration(i%4)*time.Millisecond, p.line.cut)
			defer cut.Stop()
			if err := r.talk.once(ctx, p, d); err != nil {
				r.talk.deliver(ctx, p, d)
				mu.Lock()
				row.say("a send was answered with %s, although the client was to send it again by itself", err.Code)
				mu.Unlock()
			}
			mu.Lock()
			took = append(took, time.Since(from))
			mu.Unlock()
		})
		pause(ctx, 50*time.Millisecond)
	}
	sending.Wait()
	over()
	out := &Outage{}
	r.talk.met(out, began, r.recorder.Now(), againWithin+r.Bounds.Slack)
	if out.Late > 0 {
		row.say("%d tries were answered later than after %v", out.Late, againWithin+r.Bounds.Slack)
	}
	if out.Lost == 0 {
		row.say("no connection was lost: nothing is proven")
	}
	slices.Sort(took)
	row.Detected = fmt.Sprintf("at once by both sides; %d connections lost, for %s at most", out.Lost, short(out.LongestLost))
	row.Client = fmt.Sprintf("%d sends confirmed after %s, over as many connections as it took", len(took), spread(took))
	row.Recovered = "with the confirmation"
	r.calm = r.recorder.Now()
	return await(ctx, "everybody has everything again", func() bool { return r.talk.complete(r.recorder.Now()) })
}
