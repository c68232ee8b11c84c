package chat_test

import (
	"context"
	"fmt"
	"sync/atomic"
	"testing"
	"time"

	"github.com/parley-chat/parley/internal/chat"
	"github.com/parley-chat/parley/internal/pgtest"
	"github.com/parley-chat/parley/internal/store"
)

func (w *world) direct(t *testing.T, u, other chat.UserID) chat.ConversationID {
	t.Helper()
	c, _, err := w.CreateConversation(t.Context(), u, chat.Direct, []chat.UserID{other}, "")
	if err != nil {
		t.Fatal(err)
	}
	return c.ID
}

func (w *world) block(t *testing.T, u, other chat.UserID) {
	t.Helper()
	if _, _, err := w.Block(t.Context(), u, other); err != nil {
		t.Fatal(err)
	}
}

func TestABlockIsToldToWhoMadeItAndTheEndOfAFriendshipToBoth(t *testing.T) {
	w := newWorld(t, 2)
	ada, bob := w.people[0], w.people[1]
	c := w.direct(t, ada, bob)
	w.befriend(t, ada, bob)
	w.heard.told = nil
	b, changed, err := w.Block(t.Context(), ada, bob)
	if err != nil || !changed || b.User.ID != bob || b.Since.IsZero() {
		t.Errorf("blocked: %+v, %v, %v", b, changed, err)
	}
	w.heard.expectTold(t, "blocking a friend", watching(ada), watching(bob), fmt.Sprintf("block %s %s true", ada, bob),
		friend(ada, bob, chat.NotFriends), friend(bob, ada, chat.NotFriends))
	if again, changed, err := w.Block(t.Context(), ada, bob); err != nil || changed || again != b {
		t.Errorf("again: %+v, %v, %v", again, changed, err)
	}
	w.heard.expectTold(t, "blocking again", watching(ada), watching(bob))
	revised := w.heard.announced(chat.ConversationRevised)
	if last := revised[len(revised)-1]; len(revised) != 2 || last.Conversation != c || last.Rev != 2 || last.State.RosterRev != 2 || last.State.Viewer != "" || last.Joined != nil {
		t.Errorf("announced: %+v", revised)
	}
	w.block(t, bob, ada)
	w.heard.expectTold(t, "blocking back", watching(ada), watching(bob), fmt.Sprintf("block %s %s true", bob, ada))
	for _, u := range []chat.UserID{ada, bob} {
		other := ada
		if u == ada {
			other = bob
		}
		if err := w.Unblock(t.Context(), u, other); err != nil {
			t.Fatal(err)
		}
		wantCode(t, w.Unblock(t.Context(), u, other), chat.CodeNotFound)
	}
	if revised := w.heard.announced(chat.ConversationRevised); len(revised) != 3 || revised[2].Rev != 3 {
		t.Errorf("announced in the end: %+v", revised)
	}
	w.send(t, c, bob, newID(), "hello again")
}

func TestNobodyBlocksThemselvesOrNobody(t *testing.T) {
	w := newWorld(t, 1)
	ada := w.people[0]
	_, _, err := w.Block(t.Context(), ada, ada)
	wantCode(t, err, chat.CodeValidation)
	for _, other := range []chat.UserID{chat.UserID(newID()), "nonsense", ""} {
		_, _, err = w.Block(t.Context(), ada, other)
		wantCode(t, err, chat.CodeNotFound)
	}
	for _, other := range []chat.UserID{ada, chat.UserID(newID()), "nonsense"} {
		wantCode(t, w.Unblock(t.Context(), ada, other), chat.CodeNotFound)
	}
}

func TestInABlockedDirectConversationNeitherWritesAndBothDeleteAndRead(t *testing.T) {
	w := newWorld(t, 2)
	ada, bob := w.people[0], w.people[1]
	c := w.direct(t, ada, bob)
	// Another node, on which all is remembered as it was.
	o := w.other(t)
	said := map[chat.UserID]chat.Message{}
	for _, u := range w.people {
		said[u] = w.send(t, c, u, "before-"+string(u)[30:], "before")
	}
	o.remembers(t, c)
	w.block(t, ada, bob)
	for _, n := range []*world{w, o} {
		for _, u := range w.people {
			wantCode(t, (<-n.post(c, u, newID(), "hello")).err, chat.CodeForbidden)
			_, err := n.EditMessage(t.Context(), u, c, said[u].ID, "hello")
			wantCode(t, err, chat.CodeForbidden)
			for _, text := range []string{"before", "other words"} {
				a := <-n.post(c, u, "before-"+string(u)[30:], text)
				if text == "before" && (a.err != nil || !a.Duplicate || a.Message.ID != said[u].ID) {
					t.Errorf("a retry of what was sent before: %+v", a)
				}
				if text != "before" {
					wantCode(t, a.err, chat.CodeValidation)
				}
			}
			if _, err := n.Messages(t.Context(), u, chat.HistoryRequest{HistoryQuery: chat.HistoryQuery{Conversation: c, Limit: 10}}); err != nil {
				t.Errorf("reading: %v", err)
			}
			if _, err := n.AdvanceRead(t.Context(), u, c, said[ada].ID); err != nil {
				t.Errorf("saying what was read: %v", err)
			}
		}
		for _, u := range w.people {
			wantCode(t, n.Typing(t.Context(), u, c, true, ""), chat.CodeForbidden)
		}
	}
	if err := w.AcknowledgeDelivery(t.Context(), ada, c, said[bob].Seq); err != nil || len(w.heard.acks) > 0 {
		t.Errorf("an ack of who is blocked: %v, told %v", err, w.heard.acks)
	}
	if got := w.heard.typed() + o.heard.typed(); got != "[][]" {
		t.Errorf("typing was told: %s", got)
	}
	for _, u := range w.people {
		if m, err := o.DeleteMessage(t.Context(), u, c, said[u].ID); err != nil || !m.Deleted() {
			t.Errorf("deleting one's own: %v", err)
		}
	}
	if err := w.Unblock(t.Context(), ada, bob); err != nil {
		t.Fatal(err)
	}
	// The other node remembers the block, and is told of nothing.
	for _, u := range w.people {
		if err := o.Typing(t.Context(), u, c, true, ""); err != nil {
			t.Errorf("typing after the block was lifted: %v", err)
		}
	}
	w.block(t, ada, bob)
	o.remembers(t, c)
	if err := w.Unblock(t.Context(), ada, bob); err != nil {
		t.Fatal(err)
	}
	o.send(t, c, bob, newID(), "after")
}

// alike expects that somebody is answered as a person is who does not exist.
func alike(t *testing.T, what string, ask func(chat.UserID) error, who chat.UserID) {
	t.Helper()
	is, nobody := ask(who), ask(chat.UserID(newID()))
	if is == nil || nobody == nil || is.Error() != nobody.Error() {
		t.Errorf("%s: %v, and of nobody %v", what, is, nobody)
	}
}

func TestWithABlockBetweenThemPeopleAreToEachOtherAsIfTheyDidNotExist(t *testing.T) {
	w := newWorld(t, 4)
	ada, bob, cyd, dan := w.people[0], w.people[1], w.people[2], w.people[3]
	there := w.direct(t, bob, dan)
	w.block(t, dan, bob)
	w.block(t, ada, bob)
	for _, pair := range [][2]chat.UserID{{ada, bob}, {bob, ada}} {
		u, blocked := pair[0], pair[1]
		g := w.group(t, u, cyd)
		alike(t, "befriending", func(other chat.UserID) error { _, _, err := w.Befriend(t.Context(), u, other); return err }, blocked)
		alike(t, "accepting", func(other chat.UserID) error { _, err := w.AcceptFriend(t.Context(), u, other); return err }, blocked)
		alike(t, "unfriending", func(other chat.UserID) error { return w.Unfriend(t.Context(), u, other) }, blocked)
		alike(t, "a direct conversation", func(other chat.UserID) error {
			_, _, err := w.CreateConversation(t.Context(), u, chat.Direct, []chat.UserID{other}, "")
			return err
		}, blocked)
		alike(t, "a group", func(other chat.UserID) error {
			_, _, err := w.CreateConversation(t.Context(), u, chat.Group, []chat.UserID{cyd, other}, "")
			return err
		}, blocked)
		alike(t, "adding", func(other chat.UserID) error {
			_, err := w.AddParticipants(t.Context(), u, g, []chat.UserID{dan, other})
			return err
		}, blocked)
		if found, err := w.SearchUsers(t.Context(), u, "person"); err != nil || len(found) == 0 {
			t.Errorf("found %v, %v", found, err)
		} else {
			for _, f := range found {
				if f.ID == blocked {
					t.Error("found by the search")
				}
			}
		}
	}
	// Who is blocked learns nothing of it from blocking and unblocking in turn.
	if _, changed, err := w.Block(t.Context(), bob, ada); err != nil || !changed {
		t.Errorf("blocking back: %v, %v", changed, err)
	}
	wantCode(t, w.Unblock(t.Context(), bob, cyd), chat.CodeNotFound)
	if c, created, err := w.CreateConversation(t.Context(), bob, chat.Direct, []chat.UserID{dan}, ""); err != nil || created || c.ID != there {
		t.Errorf("the direct conversation that there is: %+v, %v, %v", c, created, err)
	}
	// Somebody else may bring both together.
	g := w.group(t, cyd, ada, bob)
	w.send(t, g, bob, newID(), "to all")
}

func TestAfterABlockNoMessageIsStoredHoweverManyAreOnTheirWay(t *testing.T) {
	for _, where := range []struct {
		name string
		cfg  func(*testing.T) store.Config
	}{
		{"sqlite", func(t *testing.T) store.Config { return store.Config{DataDir: t.TempDir()} }},
		{"postgres", func(t *testing.T) store.Config { return store.Config{DatabaseURL: pgtest.NewDatabase(t)} }},
	} {
		t.Run(where.name, func(t *testing.T) {
			w := newWorldOn(t, where.cfg(t), 2, chat.Config{NewID: newID})
			o := w.other(t)
			ada, bob := w.people[0], w.people[1]
			c := w.direct(t, ada, bob)
			for range 5 {
				w.blockAmidSends(t, o, c, ada, bob)
			}
		})
	}
}

// blockAmidSends has somebody blocked who is sending as fast as they can, over two nodes.
func (w *world) blockAmidSends(t *testing.T, o *world, c chat.ConversationID, ada, bob chat.UserID) {
	t.Helper()
	var blocked atomic.Bool
	var confirmed atomic.Int64
	underWay := make(chan struct{})
	done := make(chan error, 4)
	for i := range 4 {
		n := []*world{w, o}[i%2]
		go func() {
			for {
				after := blocked.Load()
				a := <-n.post(c, bob, newID(), "x")
				switch {
				case a.err == nil && after:
					done <- fmt.Errorf("sent after the block, and stored at rev %d", a.Message.Rev)
					return
				case a.err == nil:
					if confirmed.Add(1) == 20 {
						close(underWay)
					}
				case chat.AsError(a.err).Code == chat.CodeForbidden && after:
					done <- nil
					return
				case chat.AsError(a.err).Code != chat.CodeForbidden:
					done <- a.err
					return
				}
			}
		}()
	}
	<-underWay
	w.block(t, ada, bob)
	head := w.head(t, c)
	blocked.Store(true)
	for range 4 {
		if err := <-done; err != nil {
			t.Error(err)
		}
	}
	if after := w.head(t, c); after != head {
		t.Errorf("the conversation was at %+v when the block returned and is at %+v", head, after)
	}
	if err := w.Unblock(t.Context(), ada, bob); err != nil {
		t.Fatal(err)
	}
}

func (w *world) head(t *testing.T, c chat.ConversationID) chat.Head {
	t.Helper()
	heads, err := w.store.Heads(t.Context(), []chat.ConversationID{c})
	if err != nil {
		t.Fatal(err)
	}
	return heads[c]
}

// countingRosters counts what a store is asked.
type countingRosters struct {
	chat.Store
	rosters, lookUps atomic.Int64
}

func (s *countingRosters) Roster(ctx context.Context, c chat.ConversationID) (chat.Roster, error) {
	s.rosters.Add(1)
	return s.Store.Roster(ctx, c)
}

func (s *countingRosters) MessageByClientID(ctx context.Context, c chat.ConversationID, u chat.UserID, key string) (chat.Message, error) {
	s.lookUps.Add(1)
	return s.Store.MessageByClientID(ctx, c, u, key)
}

func TestBlocksCostASendNothing(t *testing.T) {
	w := newWorld(t, 2)
	c := w.direct(t, w.people[0], w.people[1])
	counting := &countingRosters{Store: w.store}
	n := &world{store: w.store, heard: newRecorder(), people: w.people}
	n.Service = chat.New(chat.Config{NewID: newID}, counting, n.heard)
	n.run(t)
	n.TrustRosters(time.Now().Add(time.Hour))
	for range 20 {
		n.send(t, c, w.people[1], newID(), "x")
	}
	if rosters, lookUps := counting.rosters.Load(), counting.lookUps.Load(); rosters != 1 || lookUps != 0 {
		t.Errorf("20 sends read the roster %d times and looked up %d messages", rosters, lookUps)
	}
}
