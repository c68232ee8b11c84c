package chaos

import (
	"cmp"
	"context"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/parley-chat/parley/client"
)

const (
	// calmBefore is how long nothing is broken before a failure, so that it is known what is normal.
	calmBefore = 3 * time.Second
	// answeredWithin is the seed's three seconds (C2.6).
	answeredWithin = 3 * time.Second
	// noticedWithin is when a node must know that a part of it is away: it asks every second and waits a second (C8.5).
	noticedWithin = 5 * time.Second
	// firstWithin is when a send is confirmed again after what was away is back, and healedWithin when everything is as before.
	firstWithin  = 5 * time.Second
	healedWithin = 15 * time.Second
	// normalFor is how long confirmations have to be as quick as before to be called so.
	normalFor = 3 * time.Second
	// never is of what did not come while it was waited for.
	never = time.Hour
	// quickEnough is the seed's 95th percentile of a confirmation (DOC-004).
	quickEnough = 500 * time.Millisecond
)

// outage is something that is away, or slow, for a while, and what people are promised meanwhile.
type outage struct {
	kind, target string // of the record
	lasts        time.Duration
	part         string // which /health/ready has to tell of; "" for none
	noticed      string // by what else it is noticed; "" for nothing
	cause        func(r *failures) (mend func(ctx context.Context) error, err error)

	codes    []string      // with which tries may fail, always to be tried again; none when each first try is confirmed
	answered time.Duration // within which each try is answered
	sockets  bool          // no connection is lost
	crossing time.Duration // 95th percentile between nodes meanwhile; 0 is not asked for
	back     time.Duration // within which who lost a connection has one again; 0 is not asked for
	first    time.Duration // within which a send is confirmed again; 0 for firstWithin
	healed   time.Duration // within which everything is as before; 0 for healedWithin
}

// Outage is what came of one.
type Outage struct {
	Lasted      time.Duration `json:"lastedNs"`
	Answers     []answer      `json:"answers"`     // of the tries that met with it
	Clients     int           `json:"clients"`     // who wrote meanwhile
	Undisturbed int           `json:"undisturbed"` // of them those whose first tries were all confirmed
	Drafts      int           `json:"drafts"`      // written meanwhile
	Open        int           `json:"open"`        // of them those that were not confirmed when it was over
	Late        int           `json:"late"`        // tries that were answered later than they may be
	Lost        int           `json:"lost"`        // connections
	LongestLost time.Duration `json:"longestLostNs"`
	Crossed     int           `json:"crossed"` // receptions at other nodes
	CrossedP95  time.Duration `json:"crossedP95Ns"`
	NormalP95   time.Duration `json:"normalP95Ns"` // of confirmations, before

	FirstNode    time.Duration `json:"firstNodeNs"` // said that it is so
	AllNodes     time.Duration `json:"allNodesNs"`
	FirstRefused time.Duration `json:"firstRefusedNs"`
	First        time.Duration `json:"firstNs"`    // confirmed, after it
	Normal       time.Duration `json:"normalNs"`   // until confirmations were as quick as before
	Whole        time.Duration `json:"wholeNs"`    // until all nodes said that all is well
	CaughtUp     time.Duration `json:"caughtUpNs"` // until everything written before its end was confirmed and with everybody
}

// play breaks it, mends it, waits until all is as before and judges.
func (o outage) play(r *failures, ctx context.Context, row *Failure) error {
	// The calm after one failure is that before the next one.
	if !pause(ctx, r.calm+calmBefore-r.recorder.Now()) {
		return context.Cause(ctx)
	}
	out := &Outage{}
	row.Outage = out
	broke := r.recorder.Now()
	out.NormalP95 = r.talk.p95(broke-calmBefore, broke)
	over := r.recorder.Fault(o.kind, o.target, row.Name)
	mend, err := o.cause(r)
	if err != nil {
		over()
		return err
	}
	pause(ctx, o.lasts)
	ending := r.recorder.Now()
	err = mend(context.WithoutCancel(ctx))
	ended := r.recorder.Now()
	over()
	if err != nil {
		return err
	}
	out.Lasted = ending - broke
	late := r.recover(ctx, out, ending, ended)
	r.calm = r.recorder.Now() - normalFor
	r.describeOutage(o, out, broke, ended, row)
	o.judge(r, out, row)
	return late
}

// recover waits until everything is as before, and notes when.
func (r *failures) recover(ctx context.Context, out *Outage, ending, ended time.Duration) error {
	since := func() time.Duration { return max(0, r.recorder.Now()-ended) }
	out.First, out.Normal, out.CaughtUp, out.Whole = never, never, never, never
	normal := max(quickEnough, 2*out.NormalP95)
	return await(ctx, "everything is as before", func() bool {
		now := r.recorder.Now()
		if at := r.talk.confirmedSince(ending); out.First == never && at > 0 {
			out.First = max(0, at-ended)
		}
		if out.CaughtUp == never && r.talk.complete(ended) {
			out.CaughtUp = since()
		}
		if out.Whole == never && r.signs.well() {
			out.Whole = since()
		}
		at := r.talk.normal(ended, now, normal)
		if at >= 0 && now >= at+normalFor {
			out.Normal = at - ended
		}
		return out.First != never && out.CaughtUp != never && out.Whole != never && at >= 0 && now >= at+normalFor
	})
}

// describeOutage takes in what people met with between some times.
func (r *failures) describeOutage(o outage, out *Outage, broke, ended time.Duration, row *Failure) {
	r.talk.met(out, broke, ended, o.answered+r.Bounds.Slack)
	if o.part != "" {
		out.FirstNode, out.AllNodes = r.signs.told(o.part, broke)
	}
	var detected []string
	switch {
	case o.part == "" && o.noticed == "":
	case o.part == "":
		detected = append(detected, o.noticed)
	case out.FirstNode == 0:
		detected = append(detected, "no node says so")
	case out.AllNodes == 0:
		detected = append(detected, fmt.Sprintf("a node says so after %s, not all do", short(out.FirstNode)))
	default:
		detected = append(detected, fmt.Sprintf("`/health/ready` of the first node after %s, of all after %s", short(out.FirstNode), short(out.AllNodes)))
	}
	if out.FirstRefused > 0 {
		detected = append(detected, "a client is told first after "+short(out.FirstRefused))
	}
	if out.Lost > 0 {
		detected = append(detected, fmt.Sprintf("%d connections are lost, for %s at most", out.Lost, short(out.LongestLost)))
	}
	row.Detected = strings.Join(detected, "; ")
	var got []string
	for i := range out.Answers {
		got = append(got, out.Answers[i].String())
	}
	got = append(got, fmt.Sprintf("%d of %d clients had every first try confirmed", out.Undisturbed, out.Clients))
	got = append(got, fmt.Sprintf("of %d drafts written meanwhile %d were open at its end", out.Drafts, out.Open))
	if out.Crossed > 0 {
		got = append(got, fmt.Sprintf("between nodes 95 %% within %s", short(out.CrossedP95)))
	}
	row.Client = strings.Join(got, "; ")
	row.Recovered = fmt.Sprintf("first confirmation %s, 95 %% as quick as before %s, all nodes well %s, everything with everybody %s",
		after(out.First), after(out.Normal), after(out.Whole), after(out.CaughtUp))
}

// judge holds an outage to what is promised.
func (o outage) judge(r *failures, out *Outage, row *Failure) {
	slack := r.Bounds.Slack
	if out.Drafts == 0 {
		row.say("nobody wrote anything: nothing is proven")
	}
	if out.Late > 0 {
		row.say("%d tries were answered later than after %v", out.Late, o.answered+slack)
	}
	for _, a := range out.Answers {
		switch {
		case a.Code == "":
		case !slices.Contains(o.codes, a.Code):
			row.say("%d tries got %s, which nothing here justifies", a.Number, a.Code)
		case !a.Retryable || a.Outcome != client.Rejected && a.Outcome != client.Unknown:
			row.say("%d tries got %s with retryable %v and outcome %q", a.Number, a.Code, a.Retryable, a.Outcome)
		}
	}
	if given := r.talk.givenUp(); len(given) > 0 {
		row.say("drafts were given up: %s", strings.Join(given, ", "))
	}
	if o.sockets && out.Lost > 0 {
		row.say("%d connections were lost", out.Lost)
	}
	if o.back > 0 {
		row.within(o.back+slack, out.LongestLost, "getting a connection again")
	}
	switch {
	case o.crossing == 0 || r.cluster.Front == nil:
	case out.Crossed == 0:
		row.say("nothing crossed between nodes: nothing is proven of that")
	default:
		row.within(o.crossing+slack, out.CrossedP95, "the way between nodes (95 %%)")
	}
	if o.part != "" && o.lasts >= noticedWithin+slack && (out.AllNodes == 0 || out.AllNodes > noticedWithin+slack) {
		row.say("not all nodes said within %v that it is so: /health/ready", noticedWithin+slack)
	}
	row.within(cmp.Or(o.first, firstWithin)+slack, out.First, "the first confirmation after it")
	healed := cmp.Or(o.healed, healedWithin) + slack
	row.within(healed, out.Normal, "getting as quick as before")
	row.within(healed, out.CaughtUp, "having everything with everybody")
	row.within(healed, out.Whole, "being well, as the nodes see it,")
}
