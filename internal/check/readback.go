package check

import (
	"cmp"
	"maps"
	"slices"
	"strings"
)

// readBack makes up for a database that cannot be read: what was read over REST when all had settled. It
// knows of conversations and their messages, and not of the people.
func (x *index) readBack() *Database {
	listed := make(map[string]*Listed)
	read := make(map[string][]StoredMessage)
	for i := range x.h.Operations {
		if o := &x.h.Operations[i]; o.Op == List && x.final(o) {
			for n := range o.Conversations {
				listed[o.Conversations[n].Conversation] = &o.Conversations[n]
			}
		}
	}
	for _, t := range x.traversals() {
		c := t.first().Conversation
		if _, was := read[c]; !was && t.last().Last && x.final(t.first()) {
			read[c] = t.messages()
		}
	}
	db := &Database{}
	for _, id := range slices.Sorted(maps.Keys(listed)) {
		l := listed[id]
		if _, was := read[id]; !was || l.Roster == nil {
			continue
		}
		db.Conversations = append(db.Conversations, StoredConversation{ID: id, LastSeq: l.LastSeq, LastRev: l.LastRev, Roster: l.Roster})
		db.Messages = append(db.Messages, read[id]...)
	}
	return db
}

// messages are what a traversal read, by seq.
func (t *traversal) messages() []StoredMessage {
	var out []StoredMessage
	for _, o := range t.pages {
		for _, e := range o.Entries {
			out = append(out, StoredMessage{t.first().Conversation, e})
		}
	}
	slices.SortFunc(out, func(a, b StoredMessage) int {
		return cmp.Or(cmp.Compare(a.Seq, b.Seq), strings.Compare(a.Message, b.Message))
	})
	return out
}
