package simulation

import (
	"context"
	"fmt"
	"time"

	"github.com/parley-chat/parley/internal/chat"
	"github.com/parley-chat/parley/internal/store"
)

// way is one process's way to the database, which is as bad as the weather is. It satisfies chat.Store.
type way struct {
	chat.Store // what is not on the way of a message goes straight through
	process    *process
}

var _ chat.Store = (*way)(nil)

func newWay(p *process, s *store.Store) *way {
	return &way{Store: s.WithClock(func() time.Time { return time.Now().Add(p.node.ahead) }), process: p}
}

func lost(outcome chat.Outcome) error {
	return &chat.Error{Code: chat.CodeDBConnectionLost, Message: "The database cannot be reached.", Outcome: outcome}
}

func late(outcome chat.Outcome) error {
	return &chat.Error{Code: chat.CodeDBTimeout, Message: "The database did not answer in time.", Outcome: outcome}
}

// rest lets time pass, or reports that ctx ended first.
func rest(ctx context.Context, d time.Duration) error {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
		return nil
	case <-ctx.Done():
		return late("")
	}
}

// wait is the way in one direction.
func (s *way) wait(ctx context.Context, luck lot) error {
	wait := luck.between(50*time.Microsecond, time.Millisecond)
	if luck.is(s.process.world.weather().sluggish) {
		wait += luck.between(0, 800*time.Millisecond)
	}
	return rest(ctx, wait)
}

// arrive brings a call to the database, if it gets there.
func (s *way) arrive(ctx context.Context, luck lot) error {
	p := s.process
	if !p.gate.pass() || p.node.unplugged() {
		return lost("")
	}
	if err := s.wait(ctx, luck); err != nil {
		return err
	}
	if !p.gate.pass() || p.node.unplugged() {
		return lost("")
	}
	if ctx.Err() != nil {
		return late("")
	}
	return nil
}

func reading[T any](s *way, ctx context.Context, name string, about any, read func(context.Context) (T, error)) (T, error) {
	luck := s.process.world.chance.of(fmt.Sprint(name, " of ", s.process.id, " about ", about))
	var none T
	if err := s.arrive(ctx, luck); err != nil {
		return none, err
	}
	if luck.is(s.process.world.weather().unreadable) {
		s.process.log("cannot %s", name)
		return none, lost("")
	}
	out, err := read(ctx)
	// What was read may be old by the time it is here.
	if restErr := s.wait(ctx, luck); restErr != nil {
		return none, restErr
	}
	if !s.process.gate.pass() {
		return none, lost("")
	}
	return out, err
}

// writing is a transaction. What can go wrong is before the commit, at it, and between it and the answer.
func writing[T any](s *way, ctx context.Context, name string, cs []chat.ConversationID, write func(context.Context) (T, error)) (T, error) {
	w := s.process.world
	luck := w.chance.of(fmt.Sprint(name, " of ", s.process.id, " about ", cs[0]))
	var none T
	if err := s.arrive(ctx, luck); err != nil {
		return none, err
	}
	if until := w.lockedUntil(cs); time.Now().Before(until) {
		// The database gives a statement 2 seconds to get a row that somebody keeps.
		if err := rest(ctx, min(2*time.Second, time.Until(until))); err != nil {
			return none, err
		}
		if time.Now().Before(until) {
			return none, &chat.Error{Code: chat.CodeDBTimeout, Reason: chat.ReasonLocked, Message: "The database did not answer in time."}
		}
	}
	s.process.burn("before it can " + name)
	air := w.weather()
	switch {
	case s.process.gate.isDead():
		return none, lost("")
	case luck.is(air.failing):
		s.process.log("cannot %s: the transaction fails", name)
		return none, lost("")
	case luck.is(air.belated):
		return none, s.belated(ctx, name, luck.between(10*time.Millisecond, 5500*time.Millisecond), func() error {
			_, err := write(context.WithoutCancel(ctx))
			return err
		})
	}
	out, err := write(ctx)
	s.process.burn("between the commit and the answer of " + name)
	switch {
	case s.process.gate.isDead():
		return none, lost(chat.OutcomeUnknown)
	case err != nil:
		return none, err
	case luck.is(w.weather().unsure):
		s.process.log("does not learn that it could %s", name)
		return none, lost(chat.OutcomeUnknown)
	}
	if s.wait(ctx, luck) != nil {
		s.process.log("does not wait for the answer of %s", name)
		return none, late(chat.OutcomeUnknown)
	}
	if !s.process.gate.pass() {
		return none, lost(chat.OutcomeUnknown)
	}
	return out, nil
}

// belated commits a transaction after it was given up: its statement had been on its way (C2.6).
func (s *way) belated(ctx context.Context, name string, after time.Duration, write func() error) error {
	s.process.log("gives up to %s, which goes on for %v", name, after)
	s.process.world.errands.Go(func() {
		time.Sleep(after)
		if err := write(); err != nil {
			s.process.log("%s, given up before, came to nothing: %v", name, err)
			return
		}
		s.process.log("%s, given up before, is committed", name)
	})
	if err := rest(ctx, min(after/2, 2*time.Second)); err != nil {
		return late(chat.OutcomeUnknown)
	}
	return lost(chat.OutcomeUnknown)
}

// pair is two results in one.
type pair[A, B any] struct {
	a A
	b B
}

func paired[A, B any](a A, b B, err error) (pair[A, B], error) { return pair[A, B]{a, b}, err }

func apart[A, B any](p pair[A, B], err error) (A, B, error) { return p.a, p.b, err }

func conversationsOf(drafts []chat.Draft) []chat.ConversationID {
	out := make([]chat.ConversationID, len(drafts))
	for i := range drafts {
		out[i] = drafts[i].Conversation
	}
	return out
}

// AppendMessages satisfies chat.Store.
func (s *way) AppendMessages(ctx context.Context, drafts []chat.Draft) ([]chat.Appended, error) {
	return writing(s, ctx, "append", conversationsOf(drafts), func(ctx context.Context) ([]chat.Appended, error) {
		return s.Store.AppendMessages(ctx, drafts)
	})
}

// EditMessage satisfies chat.Store.
func (s *way) EditMessage(ctx context.Context, e chat.Edit) (chat.Message, error) {
	return writing(s, ctx, "edit", []chat.ConversationID{e.Conversation}, func(ctx context.Context) (chat.Message, error) { return s.Store.EditMessage(ctx, e) })
}

// DeleteMessage satisfies chat.Store.
func (s *way) DeleteMessage(ctx context.Context, d chat.Deletion) (chat.Message, bool, error) {
	return apart(writing(s, ctx, "delete", []chat.ConversationID{d.Conversation}, func(ctx context.Context) (pair[chat.Message, bool], error) {
		return paired(s.Store.DeleteMessage(ctx, d))
	}))
}

// Message satisfies chat.Store.
func (s *way) Message(ctx context.Context, c chat.ConversationID, id chat.MessageID) (chat.Message, error) {
	return reading(s, ctx, "read a message", id, func(ctx context.Context) (chat.Message, error) { return s.Store.Message(ctx, c, id) })
}

// MessageByClientID satisfies chat.Store.
func (s *way) MessageByClientID(ctx context.Context, c chat.ConversationID, sender chat.UserID, key string) (chat.Message, error) {
	return reading(s, ctx, "look up a retry", key, func(ctx context.Context) (chat.Message, error) { return s.Store.MessageByClientID(ctx, c, sender, key) })
}

// Messages satisfies chat.Store.
func (s *way) Messages(ctx context.Context, q chat.HistoryQuery) ([]chat.Message, bool, error) {
	return apart(reading(s, ctx, "read a page", q.Conversation, func(ctx context.Context) (pair[[]chat.Message, bool], error) {
		return paired(s.Store.Messages(ctx, q))
	}))
}

// Changes satisfies chat.Store.
func (s *way) Changes(ctx context.Context, c chat.ConversationID, afterRev int64, limit int) (chat.Changes, error) {
	return reading(s, ctx, "read changes", c, func(ctx context.Context) (chat.Changes, error) { return s.Store.Changes(ctx, c, afterRev, limit) })
}

// Heads satisfies chat.Store.
func (s *way) Heads(ctx context.Context, cs []chat.ConversationID) (map[chat.ConversationID]chat.Head, error) {
	return reading(s, ctx, "read heads", len(cs), func(ctx context.Context) (map[chat.ConversationID]chat.Head, error) { return s.Store.Heads(ctx, cs) })
}

// Interests satisfies chat.Store.
func (s *way) Interests(ctx context.Context, users []chat.UserID) (map[chat.UserID][]chat.Interest, error) {
	return reading(s, ctx, "read interests", len(users), func(ctx context.Context) (map[chat.UserID][]chat.Interest, error) {
		return s.Store.Interests(ctx, users)
	})
}

// CreateConversation satisfies chat.Store.
func (s *way) CreateConversation(ctx context.Context, n chat.NewConversation) (chat.Conversation, bool, error) {
	return apart(writing(s, ctx, "create", []chat.ConversationID{n.ID}, func(ctx context.Context) (pair[chat.Conversation, bool], error) {
		return paired(s.Store.CreateConversation(ctx, n))
	}))
}

// ReviseConversation satisfies chat.Store.
func (s *way) ReviseConversation(ctx context.Context, r chat.Revision) (chat.Conversation, error) {
	return writing(s, ctx, "revise", []chat.ConversationID{r.Conversation}, func(ctx context.Context) (chat.Conversation, error) { return s.Store.ReviseConversation(ctx, r) })
}

// HideConversation satisfies chat.Store.
func (s *way) HideConversation(ctx context.Context, c chat.ConversationID, u chat.UserID) (int64, error) {
	return writing(s, ctx, "hide", []chat.ConversationID{c}, func(ctx context.Context) (int64, error) { return s.Store.HideConversation(ctx, c, u) })
}

// Conversation satisfies chat.Store.
func (s *way) Conversation(ctx context.Context, c chat.ConversationID, viewer chat.UserID) (chat.Conversation, error) {
	return reading(s, ctx, "read a conversation", c, func(ctx context.Context) (chat.Conversation, error) { return s.Store.Conversation(ctx, c, viewer) })
}

// Conversations satisfies chat.Store.
func (s *way) Conversations(ctx context.Context, q chat.ListQuery) ([]chat.Conversation, bool, error) {
	return apart(reading(s, ctx, "list", q.Viewer, func(ctx context.Context) (pair[[]chat.Conversation, bool], error) {
		return paired(s.Store.Conversations(ctx, q))
	}))
}

// Participants satisfies chat.Store.
func (s *way) Participants(ctx context.Context, c chat.ConversationID, after chat.ParticipantCursor, limit int) ([]chat.Participant, bool, error) {
	return apart(reading(s, ctx, "read participants", c, func(ctx context.Context) (pair[[]chat.Participant, bool], error) {
		return paired(s.Store.Participants(ctx, c, after, limit))
	}))
}

// Roster satisfies chat.Store.
func (s *way) Roster(ctx context.Context, c chat.ConversationID) (chat.Roster, error) {
	return reading(s, ctx, "read a roster", c, func(ctx context.Context) (chat.Roster, error) { return s.Store.Roster(ctx, c) })
}

// ConversationIDs satisfies chat.Store.
func (s *way) ConversationIDs(ctx context.Context, u chat.UserID) ([]chat.ConversationID, error) {
	return reading(s, ctx, "read somebody's conversations", u, func(ctx context.Context) ([]chat.ConversationID, error) { return s.Store.ConversationIDs(ctx, u) })
}
