package chat

import "time"

// lateCommit is how long after it was given up a transaction may still commit: the database ends a statement
// after 3 seconds and an idle transaction after 5.
const lateCommit = 6 * time.Second

// failed answers a batch whose transaction failed. Its conversations may hold what was never announced.
func (s *Service) failed(batch []*pendingSend, err error) {
	told := make(map[ConversationID]bool)
	for _, p := range batch {
		e := *AsError(err)
		if e.Code == CodeInternal || e.Outcome == "" || p.unsure {
			e.Outcome = OutcomeUnknown
		}
		s.finish(p, Sent{}, &e)
		if c := p.sub.Conversation; !told[c] {
			told[c] = true
			s.unsure(c)
		}
	}
}

// unsure has a conversation compared with the store now, and again when a commit that was given up is through
// or will never be.
func (s *Service) unsure(c ConversationID) {
	s.announcer.Suspect(c)
	time.AfterFunc(lateCommit, func() { s.announcer.Suspect(c) })
}

// Sending is a message on its way through this node.
type Sending struct {
	Origin SessionID // the live session that sent it
	// Confirmed says that the session is told of it by message:sent; else that it is still to be answered.
	Confirmed bool
}

// Sending returns the messages of a conversation that live sessions sent and that this node is storing or announcing.
// One that was answered with an error is not among them: its session needs the event, if it is stored after all.
func (s *Service) Sending(c ConversationID) map[MessageID]Sending {
	l := s.lane(c)
	l.mu.Lock()
	defer l.mu.Unlock()
	out := make(map[MessageID]Sending)
	for _, p := range l.inFlight {
		if how := p.answered.Load(); p.sub.Conversation == c && p.sub.Origin != "" && how != refused {
			out[p.id] = Sending{p.sub.Origin, how == confirmed}
		}
	}
	return out
}

// finishStored answers with what is in the store, once it is sure that it is what was sent.
func (s *Service) finishStored(p *pendingSend, m Message, duplicate bool) {
	untouched := m.EditedAt.IsZero() && !m.Deleted()
	if duplicate && untouched && (m.Content != p.sub.Content || m.ContentType != p.sub.ContentType) {
		s.finish(p, Sent{}, &Error{
			Code: CodeValidation, Field: "clientMessageId", Reason: ReasonIdempotencyConflict,
			Message: "This clientMessageId was used for another message.", Outcome: OutcomeRejected,
		})
		return
	}
	if untouched {
		// Of what was changed since, only the store knows what it is now.
		s.seen.remember(&p.sub, m)
	}
	s.finish(p, Sent{Message: m, Duplicate: duplicate}, nil)
}

// finish answers a send once.
func (s *Service) finish(p *pendingSend, sent Sent, err error) {
	how := confirmed
	if err != nil {
		how = refused
	}
	if !p.answered.CompareAndSwap(unanswered, how) {
		return
	}
	if err != nil {
		e := AsError(err)
		if e.Outcome == "" {
			rejected := *e
			rejected.Outcome = OutcomeRejected
			e = &rejected
		}
		err = e
	}
	p.answer(sent, err)
	if s.cfg.Sent != nil {
		report := SendReport{
			Conversation: p.sub.Conversation, Sender: p.sub.Sender, Message: sent.Message.ID,
			ClientMessageID: p.sub.ClientMessageID, Trace: p.sub.Trace, Duplicate: sent.Duplicate,
			Latency: time.Since(p.arrived), Err: err,
		}
		if err == nil {
			// Else the lane may have it still.
			report.Taken, report.Committed = p.taken, p.committed
		}
		s.cfg.Sent(report)
	}
}
