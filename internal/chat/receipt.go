package chat

import "context"

// ReadThreshold is the size from which a conversation is large: its readers are counted and not named, and its
// participants are no longer told how far each other's devices are (C3.4, C6.3).
const ReadThreshold = 10

// AdvanceRead moves the actor's read position to a message, inclusive, tells the actor's other sessions, and shows the
// others as far as the actor lets them know. It never moves back (C6.1). With message "" it only reads the position.
// CodeNotFound when the message is not in the conversation.
func (s *Service) AdvanceRead(ctx context.Context, actor UserID, c ConversationID, m MessageID) (ReadState, error) {
	r, _, err := s.role(ctx, c, actor)
	if err != nil {
		return ReadState{}, err
	}
	switch {
	case m == "":
		return s.readState(ctx, actor, c)
	case !ValidID(string(m)):
		return ReadState{}, NotFound("message")
	case s.large(r):
		return s.gathering.read(ctx, actor, c, m)
	}
	return s.readNow(ctx, actor, c, m)
}

// large reports whether readers are counted and not named.
func (s *Service) large(r Roster) bool { return len(r.Roles) >= s.cfg.ReadThreshold }

func (s *Service) readState(ctx context.Context, actor UserID, c ConversationID) (ReadState, error) {
	waiting := s.waitingOf(ctx, actor)
	state, _, err := s.store.AdvanceRead(ctx, c, actor, "", true)
	if err != nil {
		return ReadState{}, err
	}
	return s.ahead(ctx, actor, state, waiting)
}

// ahead moves one state to where the steps put it that wait.
func (s *Service) ahead(ctx context.Context, u UserID, state ReadState, waiting []Step) (ReadState, error) {
	states := map[UserID]ReadState{u: state}
	err := s.putAhead(ctx, state.Conversation, states, waiting)
	return states[u], err
}

// readNow writes a step at once and shows it.
func (s *Service) readNow(ctx context.Context, actor UserID, c ConversationID, m MessageID) (ReadState, error) {
	// What the actor read while the conversation was large may wait to be written still.
	waiting := s.waitingOf(ctx, actor)
	shows, err := s.store.ShowReading(ctx, c, []UserID{actor})
	if err != nil {
		return ReadState{}, err
	}
	state, shown, err := s.store.AdvanceRead(ctx, c, actor, m, !shows[actor].Reading)
	if err != nil {
		return ReadState{}, err
	}
	if state, err = s.ahead(ctx, actor, state, waiting); err != nil {
		return ReadState{}, err
	}
	s.announcer.ReadAdvanced(actor, state)
	// What was committed and not told is found where what was told is compared with the store: a repetition tells nobody.
	if shown {
		s.announcer.PositionShown(Shown{
			Conversation: c, User: actor, Message: state.LastReadMessageID, Seq: state.LastReadSeq, At: state.LastReadAt,
		})
		s.reportRead(ReadReport{c, actor, state.LastReadMessageID, state.LastReadSeq, TraceOf(ctx)})
	}
	return state, nil
}

func (s *Service) reportRead(r ReadReport) {
	if s.cfg.ReadShown != nil {
		s.cfg.ReadShown(r)
	}
}

// ReadStates returns where the people named have read to. When what runs ahead of the store is away it may be behind.
func (s *Service) ReadStates(ctx context.Context, c ConversationID, users []UserID) (map[UserID]ReadState, error) {
	waiting, _ := s.cfg.Readers.Pending(ctx, users)
	return s.statesAhead(ctx, c, users, waiting)
}

// TrueReadState is where a person has read to; an error when that is not known for sure. in is false when they are not
// in the conversation.
func (s *Service) TrueReadState(ctx context.Context, c ConversationID, u UserID) (state ReadState, in bool, err error) {
	waiting, err := s.cfg.Readers.Pending(ctx, []UserID{u})
	if err != nil {
		return ReadState{}, false, err
	}
	states, err := s.statesAhead(ctx, c, []UserID{u}, waiting)
	state, in = states[u]
	return state, in, err
}

func (s *Service) statesAhead(ctx context.Context, c ConversationID, users []UserID, waiting []Step) (map[UserID]ReadState, error) {
	states, err := s.store.ReadStates(ctx, c, users)
	if err != nil {
		return nil, err
	}
	return states, s.putAhead(ctx, c, states, waiting)
}

// MessageReaders pages through who has read a message and lets others know, and says how many they are.
// CodeNotFound when the message is not in the conversation.
func (s *Service) MessageReaders(ctx context.Context, actor UserID, c ConversationID, m MessageID, after ReaderCursor, limit int) (page ReaderPage, err error) {
	if !ValidID(string(m)) {
		return ReaderPage{}, NotFound("message")
	}
	r, _, err := s.role(ctx, c, actor)
	if err != nil {
		return ReaderPage{}, err
	}
	if s.large(r) {
		s.listings.write(ctx, c, r.people())
	}
	err = s.reading(ctx, c, actor, func() error {
		message, err := s.store.Message(ctx, c, m)
		if err != nil {
			return err
		}
		if page.Readers, page.HasMore, err = s.store.Readers(ctx, c, m, after, limit); err != nil {
			return err
		}
		counts, err := s.store.ReadCounts(ctx, c, []Counted{{m, message.Seq, message.Sender}})
		page.Count = counts[m]
		return err
	})
	return page, err
}

// ReaderPage is a page of those who have read a message.
type ReaderPage struct {
	Readers []Reader
	HasMore bool
	// Count is of all pages together. It is read after the page: who reads between the two is counted and not yet listed.
	Count int64
}

// Receipts returns what those who follow the conversations see of their readers, for the announcer; nothing of one that has
// ended. When some cannot be read the others are answered all the same, with [UnreadReceipts].
func (s *Service) Receipts(ctx context.Context, cs []ConversationID) (map[ConversationID]Receipts, error) {
	out := make(map[ConversationID]Receipts, len(cs))
	var small, large []ConversationID
	var unread UnreadReceipts
	for _, c := range cs {
		r, err := s.Roster(ctx, c)
		switch {
		case err != nil && (AsError(err).Code == CodeNotFound || AsError(err).Code == CodeNotInConversation):
		case err != nil:
			unread.add(err, c)
		case s.large(r):
			large = append(large, c)
		default:
			small = append(small, c)
		}
	}
	if len(small) > 0 {
		shown, err := s.store.ShownPositions(ctx, small)
		if err != nil {
			unread.add(err, small...)
		}
		for c, some := range shown {
			out[c] = Receipts{Shown: some}
		}
	}
	for _, c := range large {
		counts, err := s.newestCounts(ctx, c)
		if err != nil {
			unread.add(err, c)
			continue
		}
		out[c] = Receipts{Counts: &counts}
	}
	if len(unread.Of) > 0 {
		return out, &unread
	}
	return out, nil
}

// UnreadReceipts is the error that the receipts of some conversations could not be read, the first one for Err.
type UnreadReceipts struct {
	Of  []ConversationID
	Err error
}

func (u *UnreadReceipts) Error() string { return u.Err.Error() }

func (u *UnreadReceipts) Unwrap() error { return u.Err }

func (u *UnreadReceipts) add(err error, cs ...ConversationID) {
	if u.Err == nil {
		u.Err = err
	}
	u.Of = append(u.Of, cs...)
}

// AcknowledgeDelivery notes that a device of actor has everything up to seq and tells the others, in
// small conversations (C3.4). Acks are cumulative; one that brings nothing new is dropped, and so is one of somebody who is
// invisible (C7.1), or who has blocked the other or is blocked: nobody is to learn that they are there.
func (s *Service) AcknowledgeDelivery(ctx context.Context, actor UserID, c ConversationID, seq int64) error {
	r, _, err := s.role(ctx, c, actor)
	if err != nil {
		return err
	}
	if seq < 1 {
		return Invalid("seq", "The seq must be 1 or more.")
	}
	if s.large(r) {
		return nil
	}
	if !s.acks.within(c, seq) {
		heads, err := s.store.Heads(ctx, []ConversationID{c})
		if err != nil {
			return err
		}
		s.acks.reached(c, heads[c].LastSeq)
		seq = min(seq, heads[c].LastSeq)
	}
	if seq < 1 || r.Blocked || s.isInvisible(ctx, actor) || !s.acks.advance(c, actor, seq) {
		return nil
	}
	s.announcer.Delivered(c, actor, seq)
	if s.cfg.Delivered != nil {
		s.cfg.Delivered(DeliveredStep{c, actor, seq})
	}
	return nil
}
