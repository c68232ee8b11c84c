package storetest

import (
	"crypto/sha256"
	"errors"
	"fmt"
	"math/rand/v2"
	"testing"
	"time"

	"github.com/parley-chat/parley/internal/auth"
	"github.com/parley-chat/parley/internal/chat"
)

// writer does one thing after the other through one store.
type writer struct {
	world
	*record
	t       *testing.T
	name    string
	rng     *rand.Rand
	reader  chat.UserID
	rosters map[chat.ConversationID]int64 // the roster that this node decides on
	tokens  [][]byte                      // refresh tokens that may be spent

	interrupt func()
}

func (x *writer) run(steps int) {
	for range steps {
		if x.interrupt != nil && x.rng.IntN(15) == 0 {
			x.interrupt()
		}
		if err := x.step(); err != nil && !x.passing(err) {
			x.t.Errorf("%s: %v", x.name, err)
			return
		}
	}
}

func (x *writer) step() error {
	switch n := x.rng.IntN(100); {
	case n < 40:
		return x.append()
	case n < 55:
		return x.edit()
	case n < 62:
		return x.remove()
	case n < 70:
		return x.revise()
	case n < 80:
		return x.advance()
	case n < 84:
		_, err := x.HideConversation(ctx, x.anywhere().ID, x.someone())
		if code(err) == chat.CodeNotInConversation {
			return nil
		}
		return err
	case n < 97:
		return x.account()
	case n < 98:
		return x.erase()
	}
	_, _, err := x.Conversations(ctx, chat.ListQuery{Viewer: x.someone(), Limit: 20})
	return err
}

func (x *writer) someone() chat.UserID { return x.staying[x.rng.IntN(len(x.staying))] }

// anywhere is a conversation, most often the first.
func (x *writer) anywhere() chat.Conversation {
	c := x.conversations[max(0, x.rng.IntN(2*len(x.conversations))-len(x.conversations))]
	c.RosterRev = max(1, x.rosters[c.ID])
	return c
}

// decide tries a change on the roster that is known, and again on the one that is there.
func (x *writer) decide(change func(c chat.Conversation) error) error {
	c := x.anywhere()
	for {
		err := change(c)
		x.unsure(err, c.ID, 1)
		if !errors.Is(err, chat.ErrStale) {
			return err
		}
		roster, err := x.Roster(ctx, c.ID)
		if err != nil {
			return err
		}
		x.rosters[c.ID], c.RosterRev = roster.Rev, roster.Rev
	}
}

// append sends a batch of drafts for many conversations in any order, now and then one that was sent before.
func (x *writer) append() error {
	var drafts []chat.Draft
	for range 1 + x.rng.IntN(12) {
		sender := x.someone()
		if x.rng.IntN(4) == 0 {
			sender = x.mortals[x.rng.IntN(len(x.mortals))]
		}
		drafts = append(drafts, draft(x.anywhere(), sender, x.name))
	}
	if again, some := x.sentBefore(); some && x.rng.IntN(3) == 0 {
		again.ID, again.RosterRev = newID[chat.MessageID](), max(1, x.rosters[again.Conversation])
		drafts = append(drafts, again)
	}
	x.rng.Shuffle(len(drafts), func(i, j int) { drafts[i], drafts[j] = drafts[j], drafts[i] })
	for try := 0; len(drafts) > 0; try++ {
		appended, err := x.AppendMessages(ctx, drafts)
		if x.passing(err) && try < appendTries {
			// Under the same keys, as the rules do it, until the answer is known.
			continue
		}
		if err != nil {
			for _, d := range drafts {
				x.unsure(err, d.Conversation, 1)
			}
			return err
		}
		if drafts, err = x.confirmed(drafts, appended); err != nil {
			return err
		}
	}
	return nil
}

// confirmed notes answers and returns the drafts that must be decided again.
func (x *writer) confirmed(drafts []chat.Draft, appended []chat.Appended) ([]chat.Draft, error) {
	var left []chat.Draft
	for i, a := range appended {
		switch d := drafts[i]; {
		case errors.Is(a.Err, chat.ErrStale):
			roster, err := x.Roster(ctx, d.Conversation)
			if err != nil && !x.passing(err) {
				return nil, err
			}
			if err == nil {
				x.rosters[d.Conversation], d.RosterRev = roster.Rev, roster.Rev
			}
			left = append(left, d)
		case a.Err != nil:
			return nil, a.Err
		default:
			if err := x.stores(d, a); err != nil {
				return nil, err
			}
		}
	}
	return left, nil
}

// stores notes the answer to one draft. A retry must get the first answer again.
func (x *writer) stores(d chat.Draft, a chat.Appended) error {
	x.mu.Lock()
	defer x.mu.Unlock()
	first, known := x.stored[keyOf(d)]
	switch {
	case known && (first.ID != a.Message.ID || first.Seq != a.Message.Seq || !a.Duplicate):
		return fmt.Errorf("seq %d was confirmed again as seq %d, duplicate %v", first.Seq, a.Message.Seq, a.Duplicate)
	case known:
		return nil
	case a.Duplicate && !x.lossy:
		return fmt.Errorf("seq %d is new and called a duplicate", a.Message.Seq)
	}
	x.stored[keyOf(d)] = a.Message
	x.drafts, x.sent = append(x.drafts, d), append(x.sent, a.Message)
	if a.Duplicate {
		// It was stored by a try whose answer was lost, and may have been changed since.
		x.unknown[d.Conversation]++
		return nil
	}
	return x.took(d.Conversation, a.Message.Rev, x.name)
}

func (x *writer) sentBefore() (chat.Draft, bool) {
	x.mu.Lock()
	defer x.mu.Unlock()
	if len(x.drafts) == 0 {
		return chat.Draft{}, false
	}
	return x.drafts[x.rng.IntN(len(x.drafts))], true
}

// message is one that was confirmed in the conversation, of anybody.
func (x *writer) message(c chat.ConversationID) (chat.Message, bool) {
	x.mu.Lock()
	defer x.mu.Unlock()
	for range 20 {
		if len(x.sent) == 0 {
			break
		}
		if m := x.sent[x.rng.IntN(len(x.sent))]; m.Conversation == c {
			return m, true
		}
	}
	return chat.Message{}, false
}

func (x *writer) edit() error {
	return x.decide(func(c chat.Conversation) error {
		m, some := x.message(c.ID)
		if !some {
			return nil
		}
		content := fmt.Sprint(x.name, " edits ", x.rng.Uint32())
		edited, err := x.EditMessage(ctx, chat.Edit{Conversation: c.ID, Message: m.ID, Content: content, RosterRev: c.RosterRev})
		if code(err) == chat.CodeNotFound {
			return nil // Somebody has deleted it.
		}
		if err != nil {
			return err
		}
		x.mu.Lock()
		defer x.mu.Unlock()
		if edited.Rev > x.edits[m.ID].Rev {
			x.edits[m.ID] = edited
		}
		return x.took(c.ID, edited.Rev, x.name+" editing")
	})
}

func (x *writer) remove() error {
	return x.decide(func(c chat.Conversation) error {
		m, some := x.message(c.ID)
		if !some {
			return nil
		}
		tombstone, already, err := x.DeleteMessage(ctx, chat.Deletion{Conversation: c.ID, Message: m.ID, RosterRev: c.RosterRev})
		if err != nil || already {
			return err
		}
		x.mu.Lock()
		defer x.mu.Unlock()
		return x.took(c.ID, tombstone.Rev, x.name+" deleting")
	})
}

// revise renames, removes, adds or promotes. The first of the people owns every conversation and stays.
func (x *writer) revise() error {
	title, who, kind := fmt.Sprint(x.name, x.rng.Uint32()), x.staying[1+x.rng.IntN(len(x.staying)-1)], x.rng.IntN(4)
	return x.decide(func(c chat.Conversation) error {
		r := chat.Revision{Conversation: c.ID, RosterRev: c.RosterRev}
		switch kind {
		case 0:
			r.Title = &title
		case 1:
			r.Remove = []chat.UserID{who}
		case 2:
			r.Add = []chat.UserID{who}
		default:
			r.Roles = map[chat.UserID]chat.Role{who: chat.RoleAdmin}
		}
		after, err := x.ReviseConversation(ctx, r)
		if err != nil {
			return err
		}
		x.rosters[c.ID] = after.RosterRev
		x.mu.Lock()
		defer x.mu.Unlock()
		return x.took(c.ID, after.RosterRev, x.name+" revising")
	})
}

func (x *writer) advance() error {
	c := x.anywhere()
	m, some := x.message(c.ID)
	if !some {
		return nil
	}
	r, _, err := x.AdvanceRead(ctx, c.ID, x.reader, m.ID, false)
	if code(err) == chat.CodeNotInConversation {
		return nil // Somebody has removed the reader.
	}
	if err != nil {
		return err
	}
	if r.LastReadSeq < m.Seq {
		return fmt.Errorf("having read seq %d, the read position is %d", m.Seq, r.LastReadSeq)
	}
	x.mu.Lock()
	defer x.mu.Unlock()
	at := seat{c.ID, x.reader}
	x.read[at] = max(x.read[at], r.LastReadSeq)
	return nil
}

// account signs in, spends tokens, signs out, changes passwords and prunes.
func (x *writer) account() error {
	u, at := x.someone(), moment()
	switch n := x.rng.IntN(10); {
	case n < 3:
		if x.rng.IntN(2) == 0 {
			u = x.mortals[x.rng.IntN(len(x.mortals))]
		}
		l := auth.Login{ID: newID[chat.LoginID](), User: u, CreatedAt: at}
		first := tokenFor(l.ID, at)
		if x.rng.IntN(2) == 0 {
			first.ExpiresAt = at // The next pruning takes it.
		}
		if err := x.BeginLogin(ctx, l, first); err != nil {
			if code(err) == chat.CodeNotFound {
				return nil // The person is erased.
			}
			return err
		}
		x.tokens = append(x.tokens, first.Hash)
		return nil
	case n < 7 && len(x.tokens) > 0:
		spent := x.rng.IntN(len(x.tokens))
		_, err := x.RotateRefresh(ctx, x.tokens[spent], at, 0, func(l auth.Login) auth.RefreshToken {
			next := sha256.Sum256(x.tokens[spent])
			return auth.RefreshToken{Hash: next[:], Login: l.ID, IssuedAt: at, ExpiresAt: at.Add(time.Second)}
		})
		return err
	case n == 7:
		_, err := x.EndLogins(ctx, u, at)
		return err
	case n == 8:
		_, err := x.SetPassword(ctx, u, "$argon2id$", at)
		return err
	}
	return x.PruneLogins(ctx, at)
}

func (x *writer) erase() error {
	changed, err := x.EraseUser(ctx, x.mortals[x.rng.IntN(len(x.mortals))], true)
	for _, c := range changed {
		// Of a step that failed nobody knows how many tombstones it left.
		x.unsure(err, c, 1_000)
	}
	return err
}
