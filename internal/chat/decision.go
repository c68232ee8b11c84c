package chat

import "context"

// decide applies the rule who may write once more, to the roster of this moment, and makes the drafts.
func (l *lane) decide(batch []*pendingSend) ([]*pendingSend, []Draft) {
	s := l.service
	drafts := make([]Draft, 0, len(batch))
	kept := batch[:0:0]
	ctx, cancel := context.WithDeadline(context.Background(), deadline(batch))
	defer cancel()
	rosters := l.rosters(ctx, batch)
	for _, p := range l.staying(batch) {
		found := rosters[p.sub.Conversation]
		if found.err != nil && AsError(found.err).Code != CodeNotInConversation {
			e := *AsError(found.err)
			if p.unsure {
				e.Outcome = OutcomeUnknown
			}
			s.finish(p, Sent{}, &e)
			continue
		}
		if refusal := found.roster.refuses(p.sub.Sender); refusal != nil {
			s.answerRefused(ctx, p, refusal)
			continue
		}
		kept = append(kept, p)
		drafts = append(drafts, Draft{
			ID: p.id, Conversation: p.sub.Conversation, Sender: p.sub.Sender,
			ClientMessageID: p.sub.ClientMessageID, Content: p.sub.Content, ContentType: p.sub.ContentType,
			RosterRev: found.roster.Rev, Trace: p.sub.Trace,
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

// rosters finds the roster of each conversation of a batch. One from memory that refuses a sender is read again before
// anything is decided on it.
func (l *lane) rosters(ctx context.Context, batch []*pendingSend) map[ConversationID]decidedOn {
	out := make(map[ConversationID]decidedOn, 16)
	for _, p := range batch {
		c := p.sub.Conversation
		d, known := out[c]
		if known && (!d.remembered || d.roster.refuses(p.sub.Sender) == nil) {
			continue
		}
		d.err = l.read(ctx, func() (err error) {
			d.roster, d.remembered, err = l.service.rosters.letting(ctx, c, p.sub.Sender)
			return err
		})
		out[c] = d
	}
	return out
}

// read is tried for what only reads: a store that cannot be reached is tried again, and nothing is written whatever comes
// of it. One that did not answer in time has had the time that there is.
func (l *lane) read(ctx context.Context, ask func() error) error {
	var slow error
	err := l.tried(ctx, func() error {
		err := ask()
		if err != nil && AsError(err).Code == CodeDBTimeout {
			slow = err
			return nil
		}
		return err
	})
	if err == nil {
		err = slow
	}
	return err
}
