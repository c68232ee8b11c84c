package chat

import "context"

// decide applies the membership rule once more, to the roster of this moment, and makes the drafts.
func (l *lane) decide(batch []*pendingSend) ([]*pendingSend, []Draft) {
	s := l.service
	drafts := make([]Draft, 0, len(batch))
	kept := batch[:0:0]
	ctx, cancel := context.WithDeadline(context.Background(), deadline(batch))
	defer cancel()
	rosters := l.rosters(ctx, batch)
	for _, p := range batch {
		found := rosters[p.sub.Conversation]
		if found.err != nil && AsError(found.err).Code != CodeNotInConversation {
			s.finish(p, Sent{}, found.err)
			continue
		}
		if _, in := found.roster.Roles[p.sub.Sender]; !in {
			s.answerOutsider(ctx, p)
			continue
		}
		kept = append(kept, p)
		drafts = append(drafts, Draft{
			ID: p.id, Conversation: p.sub.Conversation, Sender: p.sub.Sender,
			ClientMessageID: p.sub.ClientMessageID, Content: p.sub.Content, ContentType: p.sub.ContentType,
			RosterRev: found.roster.Rev,
		})
	}
	return kept, drafts
}

// decidedOn is the roster that all drafts of one conversation in a batch are decided on.
type decidedOn struct {
	roster     Roster
	remembered bool
	err        error
}

// rosters finds the roster of each conversation of a batch. One from memory that a sender is not in is read again
// before anything is decided on it.
func (l *lane) rosters(ctx context.Context, batch []*pendingSend) map[ConversationID]decidedOn {
	out := make(map[ConversationID]decidedOn, 16)
	for _, p := range batch {
		c := p.sub.Conversation
		d, known := out[c]
		if _, in := d.roster.Roles[p.sub.Sender]; known && (in || !d.remembered) {
			continue
		}
		d.roster, d.remembered, d.err = l.service.rosters.including(ctx, c, p.sub.Sender)
		out[c] = d
	}
	return out
}
