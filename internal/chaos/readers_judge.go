package chaos

import (
	"cmp"
	"fmt"
	"maps"
	"slices"

	"github.com/parley-chat/parley/internal/check"
)

// allRead says what is wrong where everybody of a group but the sender has read one message and all is settled. It excuses
// nothing: what faults may lose for a while, the readers have to have brought back by then.
func allRead(h *check.History, group, message string) []string {
	j := &readersJudge{h: h, group: group, message: message, seqs: map[string]int64{}}
	for i := range h.Database.Messages {
		m := &h.Database.Messages[i]
		j.seqs[m.Message] = m.Seq
		if m.Message == message {
			j.sender = m.Sender
		}
	}
	if j.sender == "" {
		return []string{"the message that was to be read is not stored"}
	}
	j.stored()
	j.shown()
	j.listed()
	j.forward()
	return j.wrong
}

// readersJudge collects what is wrong.
type readersJudge struct {
	h              *check.History
	group, message string
	sender         string
	seqs           map[string]int64 // of messages
	readers        int64            // as many as there have to be
	wrong          []string
}

// say keeps the first few of a kind: a thousand people may lack the same.
func (j *readersJudge) say(format string, args ...any) {
	if len(j.wrong) < 20 {
		j.wrong = append(j.wrong, fmt.Sprintf(format, args...))
	}
}

// stored: everybody's position is at the message, and a step says when.
func (j *readersJudge) stored() {
	seq := j.seqs[j.message]
	for i := range j.h.Database.Participants {
		p := &j.h.Database.Participants[i]
		if p.Conversation != j.group || p.User == j.sender || p.LeftAt != 0 {
			continue
		}
		j.readers++
		if p.ReadMessage != j.message || p.ReadSeq != seq {
			j.say("stored: user %s has read up to seq %d, not %d", p.User, p.ReadSeq, seq)
		}
		if p.StepSeq != seq {
			j.say("stored: the furthest step of user %s is at seq %d, not %d", p.User, p.StepSeq, seq)
		}
	}
	if j.readers == 0 {
		j.say("nobody is there to read: nothing is proven")
	}
}

// shown: whoever was ever told how many have read it was told the exact number last, and every live connection was told.
func (j *readersJudge) shown() {
	last := map[string]int64{}
	for i := range j.h.Observations {
		o := &j.h.Observations[i]
		switch o.Event {
		case check.Online:
			last[o.Client] = -1
		case check.ReadCounted:
			for _, c := range o.Counts {
				if c.Message == j.message {
					last[o.Client] = c.Readers
				}
			}
		}
	}
	for _, client := range slices.Sorted(maps.Keys(last)) {
		if last[client] != j.readers {
			j.say("%s was told last that %d have read it, not %d", client, last[client], j.readers)
		}
	}
	if int64(len(last)) <= j.readers {
		j.say("%d clients were connected, of %d people", len(last), j.readers+1)
	}
}

// listed: each list that was read in the end names everybody once, and their number.
func (j *readersJudge) listed() {
	type list struct {
		users map[string]bool
		rows  int
		last  *check.Operation
	}
	lists := map[string]*list{}
	for i := range j.h.Operations {
		o := &j.h.Operations[i]
		if o.Op != check.Readers || o.Message != j.message || o.Begin < j.h.Run.Settled || o.Result != check.OK {
			continue
		}
		l := lists[o.Traversal]
		if l == nil {
			l = &list{users: map[string]bool{}}
			lists[o.Traversal] = l
		}
		for _, r := range o.Readers {
			l.users[r.User] = true
			l.rows++
		}
		l.last = o
	}
	for _, name := range slices.Sorted(maps.Keys(lists)) {
		l := lists[name]
		if int64(len(l.users)) != j.readers || l.rows != len(l.users) || l.last.Count != j.readers || !l.last.Last || l.users[j.sender] {
			j.say("the list of %s has %d rows of %d people and says that %d have read it, not %d", l.last.Client, l.rows, len(l.users), l.last.Count, j.readers)
		}
	}
	if len(lists) == 0 {
		j.say("nobody read who has read it: nothing is proven")
	}
}

// forward: what anybody was told of their own position, by events and in lists, never went back.
func (j *readersJudge) forward() {
	type told struct {
		serial, seq int64
	}
	positions := map[string][]told{} // by client
	for i := range j.h.Observations {
		o := &j.h.Observations[i]
		if o.Event == check.ReadSynced && o.Conversation == j.group {
			positions[o.Client] = append(positions[o.Client], told{o.Serial, j.seqs[o.Message]})
		}
	}
	for i := range j.h.Operations {
		o := &j.h.Operations[i]
		for _, l := range o.Conversations {
			if o.Op == check.List && o.Result == check.OK && l.Conversation == j.group {
				positions[o.Client] = append(positions[o.Client], told{o.Returned, l.ReadSeq})
			}
		}
	}
	for _, client := range slices.Sorted(maps.Keys(positions)) {
		all := positions[client]
		slices.SortStableFunc(all, func(a, b told) int { return cmp.Compare(a.serial, b.serial) })
		for i := range all[1:] {
			if all[i+1].seq < all[i].seq {
				j.say("%s was told of an own position at seq %d and then at seq %d", client, all[i].seq, all[i+1].seq)
			}
		}
	}
}
