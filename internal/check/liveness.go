package check

import (
	"maps"
	"slices"
	"time"
)

// answersInTime: while nothing is broken every operation is answered within its bound, and when no fault
// was made at all none stays without an answer (C2.6).
func answersInTime(x *index, f *finding) {
	away := x.away()
	for i := range x.h.Operations {
		o := &x.h.Operations[i]
		bound := x.b.Request
		switch {
		case o.Async, o.Op == Connect, o.Op == Disconnect:
			continue
		case o.Op == Send && !o.REST && !apart(away[o.Client], o.Begin, o.End):
			// It waited for its client to connect again, and only then for the server.
			continue
		case o.Op == Send:
			bound = x.b.Send
		}
		f.Checked++
		records := []source{did(o)}
		switch took := o.End - o.Begin; {
		case o.Result == Info && len(x.faults) == 0:
			f.violated(x, x.of(o), records, "%s was not answered, and nothing was broken", o.Op)
		case took > bound && x.calm(o.Begin, o.End):
			f.violated(x, x.of(o), records, "%s took %v while nothing was broken; %v is the bound", o.Op, took.Round(time.Millisecond), bound)
		}
	}
}

// away is when each client had no connection.
func (x *index) away() map[string][]span {
	out := make(map[string][]span)
	for _, s := range x.streams {
		since, online := time.Duration(0), false
		for _, o := range s.saw {
			switch {
			case o.Event == Online && !online:
				out[s.client], online = append(out[s.client], span{since, o.At}), true
			case o.Event == Offline && online:
				since, online = o.At, false
			}
		}
		if !online {
			out[s.client] = append(out[s.client], span{since, x.h.Run.Ended})
		}
	}
	return out
}

// of is the conversation that an operation is about; nil when it is about none.
func (x *index) of(o *Operation) *conversation {
	if o.Conversation == "" {
		return nil
	}
	return x.conversation(o.Conversation)
}

// recovers: after the last fault a send comes through in 10 seconds, and every client has a connection and
// all it missed in 30.
func recovers(x *index, f *finding) {
	healed := x.h.Run.Healed
	if healed == 0 {
		return
	}
	firstSend(x, f, healed)
	if by := healed + x.b.AllLive; x.h.Run.Ended >= by {
		for _, s := range x.streams {
			liveBy(x, f, s, by)
		}
	}
}

func firstSend(x *index, f *finding, healed time.Duration) {
	by := healed + x.b.FirstSend
	var tried *Operation
	for i := range x.h.Operations {
		o := &x.h.Operations[i]
		if o.Op != Send || o.End < healed || o.Begin > by || o.Result == Fail {
			continue
		}
		if o.Result == OK && o.End <= by {
			f.Checked++
			return
		}
		tried = o
	}
	if tried != nil && x.h.Run.Ended >= by {
		f.Checked++
		f.violated(x, x.of(tried), []source{did(tried)}, "no send came through within %v after the last fault, at %s", x.b.FirstSend, clock(healed))
	}
}

// liveBy looks at whether a client that wants a connection has one at a time, or has had all it asked for
// since the last one began.
func liveBy(x *index, f *finding, s *stream, by time.Duration) {
	wanted := false
	for _, o := range s.did {
		if o.Begin > by {
			break
		}
		switch o.Op {
		case Connect:
			wanted = true
		case Disconnect:
			wanted = false
		}
	}
	if !wanted {
		return
	}
	f.Checked++
	var last *Observation
	behind := make(map[string]*Observation) // by conversation
	for _, o := range s.saw {
		if o.At > by {
			break
		}
		switch o.Event {
		case Online, Offline:
			last = o
			clear(behind)
		case CatchingUp:
			behind[o.Conversation] = o
		case CaughtUp, ConversationRemoved:
			delete(behind, o.Conversation)
		}
	}
	switch {
	case last == nil:
		f.violated(x, nil, nil, "client %s had no connection %v after the last fault, at %s, and never had one", s.client, x.b.AllLive, clock(x.h.Run.Healed))
	case last.Event == Offline:
		f.violated(x, nil, []source{saw(last)}, "a client had no connection %v after the last fault, at %s", x.b.AllLive, clock(x.h.Run.Healed))
	}
	for _, c := range slices.Sorted(maps.Keys(behind)) {
		if o := behind[c]; by-o.At > x.b.Send && !s.unsubscribed(o, by) {
			f.violated(x, x.conversation(o.Conversation), []source{saw(o)}, "a client had not caught up %v after the last fault, at %s", x.b.AllLive, clock(x.h.Run.Healed))
		}
	}
}

// unsubscribed reports whether the client gave up, before a time, what it was catching up with.
func (s *stream) unsubscribed(o *Observation, by time.Duration) bool {
	return slices.ContainsFunc(s.did, func(d *Operation) bool {
		return d.Op == Unsubscribe && d.Conversation == o.Conversation && d.Called > o.Serial && d.Begin <= by
	})
}
