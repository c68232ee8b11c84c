package store

import (
	"strings"
	"testing"
	"time"

	"github.com/google/uuid"

	"github.com/parley-chat/parley/internal/auth"
	"github.com/parley-chat/parley/internal/chat"
)

func TestAFullDiskIsSaidAndNothingIsLostWhenThereIsRoomAgain(t *testing.T) {
	s, err := Open(t.Context(), Config{DataDir: t.TempDir()})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := s.Close(); err != nil {
			t.Error(err)
		}
	})
	if err := s.Migrate(t.Context()); err != nil {
		t.Fatal(err)
	}
	ada := id[chat.UserID]()
	a := auth.Account{User: chat.User{ID: ada, Username: "ada", DisplayName: "Ada", CreatedAt: time.Now()}, UsernameKey: "ada"}
	if err := s.CreateAccount(t.Context(), a, false); err != nil {
		t.Fatal(err)
	}
	c, _, err := s.CreateConversation(t.Context(), chat.NewConversation{ID: id[chat.ConversationID](), Type: chat.Group, Creator: ada, Participants: []chat.UserID{ada}})
	if err != nil {
		t.Fatal(err)
	}
	send := func() error {
		appended, err := s.AppendMessages(t.Context(), []chat.Draft{{
			ID: id[chat.MessageID](), Conversation: c.ID, Sender: ada, ClientMessageID: uuid.NewString(),
			Content: strings.Repeat("x", 16_000), ContentType: "text", RosterRev: c.RosterRev,
		}})
		if err == nil {
			err = appended[0].Err
		}
		return err
	}
	// SQLite's own limit fails exactly as a disk does.
	limit := func(pages string) {
		t.Helper()
		if _, err := s.db.(*sqliteDB).writer.conn.ExecContext(t.Context(), "PRAGMA max_page_count = "+pages); err != nil {
			t.Fatal(err)
		}
	}
	limit("100")
	stored := 0
	for err = send(); err == nil; err = send() {
		stored++
	}
	if e := chat.AsError(err); e.Code != chat.CodeDBConnectionLost || !strings.Contains(e.Message, "disk") {
		t.Errorf("got %v", err)
	}
	if page, _, err := s.Messages(t.Context(), chat.HistoryQuery{Conversation: c.ID, Limit: 100}); err != nil || len(page) != stored {
		t.Errorf("%d of %d can be read: %v", len(page), stored, err)
	}
	limit("100000")
	if err := send(); err != nil {
		t.Errorf("with room again: %v", err)
	}
	if findings, err := s.Check(t.Context()); err != nil || len(findings) > 0 {
		t.Errorf("the doctor says %v, %v", findings, err)
	}
}
