package check

import (
	"context"
	"errors"
	"sync/atomic"

	"github.com/parley-chat/parley/client"
)

// Witness writes down what one client does and sees. Its methods may be called from any goroutine, but
// Handle and Observe one after the other, as a connection calls them.
type Witness struct {
	recorder *Recorder
	actor    atomic.Pointer[Actor]
	seen     func(*Observation) // called with each, under the recorder's lock; may be nil
}

// Witness makes the witness of one client, whose name is unique in the run. group is its lane in the time
// line.
func (r *Recorder) Witness(name, group string) *Witness {
	w := &Witness{recorder: r}
	w.actor.Store(&Actor{Client: name, Group: group})
	return w
}

// SignedIn says who the client is. Without it that is known from the first [Online].
func (w *Witness) SignedIn(user string) { w.become(func(a *Actor) { a.User = user }) }

func (w *Witness) become(change func(*Actor)) {
	a := *w.actor.Load()
	change(&a)
	w.actor.Store(&a)
}

// Actor is who the client is at the moment.
func (w *Witness) Actor() Actor { return *w.actor.Load() }

// Call is an operation under way. What is known of it only from its answer is set before End.
type Call struct {
	Operation
	recorder *Recorder
	asked    Operation // as it began, for a history that is taken before its end
}

// Begin notes that an operation begins; o says what is asked for. It is called before the request leaves.
func (w *Witness) Begin(o Operation) *Call {
	c := &Call{Operation: o, recorder: w.recorder}
	c.Actor = w.actor.Load()
	w.recorder.note(func() {
		c.Begin, c.Called = w.recorder.Now(), w.recorder.next()
		c.asked = c.Operation
		w.recorder.open[c] = struct{}{}
	})
	return c
}

// End notes how the operation came out. It is called once, after the answer has come.
func (c *Call) End(err error) {
	r := c.recorder
	c.Result, c.Code = ResultOf(c.Op, err), client.CodeOf(err)
	r.note(func() {
		c.Operation.End, c.Returned = r.Now(), r.next()
		delete(r.open, c)
		r.words.operation(&c.Operation)
		r.history.Operations = append(r.history.Operations, c.Operation)
		if c.Op != Send {
			return
		}
		switch c.Result {
		case OK:
			r.tally.Confirmed++
		case Info:
			r.tally.Unsure++
		case Fail:
			r.tally.Refused++
		}
	})
}

// ResultOf says how an operation came out that returned err. Only a refusal that names its reason is a
// [Fail]; whatever leaves open what happened is [Info].
func ResultOf(op Op, err error) Result {
	var e *client.Error
	switch {
	case err == nil:
		return OK
	case !errors.As(err, &e):
		return Info
	case e.Outcome == client.Rejected:
		return Fail
	case e.Outcome == client.Unknown, e.Code == client.CodeNetwork, e.Status >= 500,
		e.Code == client.CodeDBTimeout, e.Code == client.CodeDBConnectionLost, e.Code == client.CodeInternal,
		errors.Is(err, context.Canceled), errors.Is(err, context.DeadlineExceeded):
		return Info
	}
	return Fail
}

// Observe notes what the connection delivered.
func (w *Witness) Observe(o Observation) {
	o.Actor = w.actor.Load()
	w.recorder.note(func() {
		o.At, o.Serial = w.recorder.Now(), w.recorder.next()
		w.recorder.words.observation(&o)
		w.recorder.history.Observations = append(w.recorder.history.Observations, o)
		w.recorder.tally.Seen++
		if w.seen != nil {
			w.seen(&o)
		}
	})
}

// Handle notes an event of a [client.Live]; it is made for [client.LiveOptions].
func (w *Witness) Handle(e client.Event) {
	switch e := e.(type) {
	case client.Online:
		w.become(func(a *Actor) { a.User, a.Session, a.Node = e.UserID, e.SessionID, e.ServerID })
		w.Observe(Observation{Event: Online})
	case client.Offline:
		w.Observe(Observation{Event: Offline, Code: client.CodeOf(e.Err)})
		w.become(func(a *Actor) { a.Session, a.Node = "", "" })
	default:
		if o, worth := observation(e); worth {
			w.Observe(o)
		}
	}
}

func observation(e client.Event) (o Observation, worth bool) {
	switch e := e.(type) {
	case client.MessageReceived:
		o = messageEvent(MessageReceived, e.Message)
		o.Own = e.Own
	case client.MessageUpdated:
		o = messageEvent(MessageUpdated, e.Message)
	case client.MessageDeleted:
		o = messageEvent(MessageDeleted, e.Message)
	case client.MessageDelivered:
		o = Observation{Event: MessageDelivered, Conversation: e.ConversationID, Peer: e.UserID, Seq: e.UpToSeq}
	case client.ConversationAdded:
		o = Observation{Event: ConversationAdded, Conversation: e.Conversation.ID, Seq: e.Conversation.LastSeq, Rev: e.Conversation.LastRev, Roster: RosterOf(e.Conversation)}
		if e.Conversation.UnreadCount != nil {
			o.Unread = *e.Conversation.UnreadCount
		}
	case client.ConversationUpdated:
		o = Observation{Event: ConversationUpdated, Conversation: e.ConversationID, Rev: e.Rev, Roster: RosterOf(e.Conversation)}
		o.Roster.Rev = e.Rev
	case client.ConversationRemoved:
		o = Observation{Event: ConversationRemoved, Conversation: e.ConversationID, Code: e.Reason}
	case client.ConversationActivity:
		o = Observation{
			Event: ConversationActivity, Conversation: e.ConversationID, Seq: e.LastSeq, Peer: e.SenderID,
			CreatedAt: micro(&e.Timestamp), Body: DigestOf(e.Preview), Unread: e.UnreadCount,
		}
	case client.ReadSynced:
		o = Observation{Event: ReadSynced, Conversation: e.ReadState.ConversationID, Unread: e.ReadState.UnreadCount}
		if id := e.ReadState.LastReadMessageID; id != nil {
			o.Message = *id
		}
	case client.ReceiptUpdated:
		o = Observation{Event: ReadUpdated, Conversation: e.ConversationID, Peer: e.UserID, Seq: e.Seq}
		if e.MessageID != nil {
			o.Message = *e.MessageID
		}
	case client.ReceiptCount:
		o = Observation{Event: ReadCounted, Conversation: e.ConversationID}
		for _, c := range e.Counts {
			o.Counts = append(o.Counts, Count{c.MessageID, c.ReadCount})
		}
	case client.Typing:
		o = Observation{Event: Typing, Conversation: e.ConversationID, Peer: e.UserID, Stopped: !e.Typing}
	case client.PresenceState:
		o = Observation{Event: PresenceState, Presences: presencesOf(e.Presences...)}
	case client.PresenceChanged:
		o = Observation{Event: PresenceChanged, Presences: presencesOf(e.Presence)}
	case client.CatchingUp:
		o = Observation{Event: CatchingUp, Conversation: e.ConversationID, AfterRev: e.AfterRev, Rev: e.LastRev, Hole: e.Hole}
	case client.CaughtUp:
		o = Observation{Event: CaughtUp, Conversation: e.ConversationID, Rev: e.Rev}
	case client.Failed:
		o = Observation{Event: Failed, Message: e.Ref, Code: e.Err.Code}
	default:
		return o, false
	}
	return o, true
}

func presencesOf(some ...client.Presence) []Presence {
	out := make([]Presence, len(some))
	for i, p := range some {
		out[i] = Presence{User: p.UserID, Status: p.Status, Device: p.Device}
		if p.LastSeenAt != nil {
			out[i].SeenAt = micro(p.LastSeenAt)
		}
	}
	return out
}

func messageEvent(event Event, m client.Message) Observation {
	e := EntryOf(m)
	return Observation{
		Event: event, Conversation: m.ConversationID, Message: e.Message, Peer: e.Sender, Key: e.Key, Seq: e.Seq, Rev: e.Rev,
		CreatedAt: e.CreatedAt, Body: e.Body, Whole: e.Whole, Edited: e.Edited, Deleted: e.Deleted,
	}
}
