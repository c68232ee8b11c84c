package store_test

import (
	"testing"

	"github.com/parley-chat/parley/internal/chat"
	"github.com/parley-chat/parley/internal/store"
	"github.com/parley-chat/parley/internal/store/storetest"
)

// readBy counts who has read a message, both ways.
func (in inside) readBy(t *testing.T, m chat.Message) int {
	t.Helper()
	counts, err := in.ReadCounts(t.Context(), m.Conversation, []chat.Counted{{Message: m.ID, Seq: m.Seq, Sender: m.Sender}})
	if err != nil {
		t.Fatal(err)
	}
	listed, _, err := in.Readers(t.Context(), m.Conversation, m.ID, chat.ReaderCursor{}, 100)
	if err != nil {
		t.Fatal(err)
	}
	if counts[m.ID] != int64(len(listed)) {
		t.Errorf("counted %d, listed %v", counts[m.ID], listed)
	}
	return len(listed)
}

func TestSomebodyCanLetOthersKnowInOneConversationOnly(t *testing.T) {
	onEach(t, func(t *testing.T, in inside) {
		c, m, u := readIn(t, in.Store)
		for _, step := range []struct {
			account  bool
			override any
			want     int
		}{{true, nil, 1}, {true, false, 0}, {false, true, 1}, {false, nil, 0}, {true, true, 1}} {
			in.exec(t, "UPDATE conversation_participants SET read_receipts_enabled = $1 WHERE user_id = $2", step.override, string(u))
			if _, err := in.UpdateMe(t.Context(), u, chat.ProfileEdit{ReadReceiptsEnabled: &step.account}, false); err != nil {
				t.Fatal(err)
			}
			if n := in.readBy(t, m); n != step.want {
				t.Errorf("%+v: read by %d", step, n)
			}
			positions, err := in.ReadPositions(t.Context(), c.ID)
			if err != nil || len(positions) != 1+step.want {
				t.Errorf("%+v: positions %v, %v", step, positions, err)
			}
		}
	})
}

// Programs that know schema version 2 move positions and write no steps, also beside one that knows version 3.
func TestPositionsWithoutStepsCountToo(t *testing.T) {
	onEach(t, func(t *testing.T, in inside) {
		c, m, u := readIn(t, in.Store)
		in.exec(t, "DELETE FROM read_receipts")
		if n := in.readBy(t, m); n != 1 {
			t.Errorf("read by %d", n)
		}
		if listed, _, err := in.Readers(t.Context(), c.ID, m.ID, chat.ReaderCursor{}, 1); err != nil || listed[0].User.ID != u || listed[0].ReadAt.IsZero() {
			t.Errorf("the readers are %+v, %v", listed, err)
		}
		shown, err := in.ShownPositions(t.Context(), []chat.ConversationID{c.ID})
		if err != nil || len(shown[c.ID]) != 2 {
			t.Fatalf("shown %+v, %v", shown, err)
		}
		for _, p := range shown[c.ID] {
			if p.Seq != 1 || p.Message != m.ID || p.At.IsZero() {
				t.Errorf("shown %+v", p)
			}
		}
	})
}

func TestWhoWritesStepsNeverWaitsInACircle(t *testing.T) {
	in := onPostgres(t)
	storetest.StepsFromTwoSides(t, in.Store)
	if n := deadlocks(t, in.cfg.DatabaseURL); n != 0 {
		t.Errorf("%d deadlocks", n)
	}
}

// readIn makes a conversation of two in which one person has said something and the other, who is returned, has read it.
func readIn(t *testing.T, s *store.Store) (chat.Conversation, chat.Message, chat.UserID) {
	t.Helper()
	_, ada := conversationsFor(t, s)
	_, bob := conversationsFor(t, s)
	c, _, err := s.CreateConversation(t.Context(), chat.NewConversation{
		ID: newID[chat.ConversationID](), Type: chat.Group, Creator: ada, Participants: []chat.UserID{ada, bob},
	})
	if err != nil {
		t.Fatal(err)
	}
	appended, err := s.AppendMessages(t.Context(), []chat.Draft{draftFor(c, ada, "x")})
	if err != nil || appended[0].Err != nil {
		t.Fatal(appended, err)
	}
	m := appended[0].Message
	if _, moved, err := s.AdvanceRead(t.Context(), c.ID, bob, m.ID, false); err != nil || !moved {
		t.Fatal(moved, err)
	}
	return c, m, bob
}
