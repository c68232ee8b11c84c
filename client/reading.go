package client

import (
	"slices"
	"time"
)

const (
	// readAgainAfter is when a reading that no answer covers is said again.
	readAgainAfter = 10 * time.Second
	// maxReadings is of how many conversations a connection remembers how far was read, those that were read last. All
	// are said after each connect, so they are fewer than what a person may change in a minute (C5.9).
	maxReadings = 100
)

// reading is how far the person said on a connection that they read in a conversation.
type reading struct {
	conversation string
	message      string
	seq          int64     // where the message stands; 0 when that is not known
	said         time.Time // on this socket; zero when it was not yet
	synced       bool      // said as receipt:sync, on this socket
	known        bool      // an answer on this socket covers it
}

// readings are the furthest of each conversation, the one that was read last at the end.
type readings struct{ all []*reading }

// note takes a reading in and returns what is remembered of the conversation now. What is known to stand no further
// changes nothing; where places are not known, what is said later counts as further.
func (rs *readings) note(conversation, message string, seq int64) *reading {
	r := &reading{conversation: conversation, message: message, seq: seq}
	if i := rs.find(conversation); i >= 0 {
		if before := rs.all[i]; before.message == message || seq > 0 && seq <= before.seq {
			r = before
		}
		rs.all = slices.Delete(rs.all, i, i+1)
	}
	if len(rs.all) == maxReadings {
		rs.all = slices.Delete(rs.all, 0, 1)
	}
	rs.all = append(rs.all, r)
	return r
}

// answered notes that the server says how far was read.
func (rs *readings) answered(s ReadState) {
	i := rs.find(s.ConversationID)
	if i < 0 {
		return
	}
	switch r := rs.all[i]; {
	case s.LastReadMessageID != nil && *s.LastReadMessageID == r.message:
		r.seq, r.known = s.LastReadSeq, true
	case r.seq > 0:
		// A server that forgot says less than before, and is told again.
		r.known = s.LastReadSeq >= r.seq
	case r.synced:
		// The answer to a sync is the true position, whatever was asked for.
		r.known = true
	}
}

// refused forgets what the server refuses for good; ref is the message or the conversation.
func (rs *readings) refused(ref string) {
	rs.all = slices.DeleteFunc(rs.all, func(r *reading) bool {
		return r.conversation == ref || r.message == ref && !r.known
	})
}

func (rs *readings) forget(conversation string) {
	if i := rs.find(conversation); i >= 0 {
		rs.all = slices.Delete(rs.all, i, i+1)
	}
}

// renew begins a new socket: a server that died may have forgotten what it answered (C6.4).
func (rs *readings) renew() {
	for _, r := range rs.all {
		r.said, r.synced, r.known = time.Time{}, false, false
	}
}

// due are the frames of what has to be said now, and notes that they are.
func (rs *readings) due(now time.Time) (out []command) {
	for _, r := range rs.all {
		if r.known || !r.said.IsZero() && now.Sub(r.said) < readAgainAfter {
			continue
		}
		r.said, r.synced = now, true
		out = append(out, command{Type: "receipt:sync", ConversationID: r.conversation, LastReadMessageID: r.message})
	}
	return out
}

func (rs *readings) find(conversation string) int {
	return slices.IndexFunc(rs.all, func(r *reading) bool { return r.conversation == conversation })
}
