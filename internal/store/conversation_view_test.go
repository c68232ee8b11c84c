package store

import (
	"fmt"
	"path/filepath"
	"strings"
	"testing"

	"github.com/parley-chat/parley/internal/auth"
	"github.com/parley-chat/parley/internal/chat"
	"github.com/parley-chat/parley/internal/pgtest"
)

// eachBare runs a test on an empty store of each kind, with some people in it.
func eachBare(t *testing.T, people int, test func(*testing.T, *planned)) {
	t.Helper()
	dir, url := t.TempDir(), pgtest.NewDatabase(t)
	for _, db := range []struct {
		cfg            Config
		driver, source string
	}{
		{Config{DataDir: dir}, "sqlite", "file:" + filepath.Join(dir, "parley.db") + "?_pragma=busy_timeout(5000)"},
		{Config{DatabaseURL: url}, "pgx", url},
	} {
		p := bare(t, db.cfg, db.driver, db.source, 0)
		for i := range people {
			u, name := id[chat.UserID](), fmt.Sprint("name", i)
			err := p.CreateAccount(t.Context(), auth.Account{User: chat.User{ID: u, Username: name, DisplayName: name, CreatedAt: p.now()}, UsernameKey: name}, false)
			if err != nil {
				t.Fatal(err)
			}
			p.people = append(p.people, u)
		}
		t.Run(p.kind, func(t *testing.T) { test(t, p) })
	}
}

// TestAListIsFourStatementsAndAsksNobodysSteps: nobody is shown with a conversation how far the others have read.
func TestAListIsFourStatementsAndAsksNobodysSteps(t *testing.T) {
	eachBare(t, 3, func(t *testing.T, p *planned) {
		ctx := t.Context()
		for range 5 {
			_, _, err := p.CreateConversation(ctx, chat.NewConversation{ID: id[chat.ConversationID](), Type: chat.Group, Creator: p.people[0], Participants: p.people})
			if err != nil {
				t.Fatal(err)
			}
		}
		p.db = p.r
		listed, _, err := p.Conversations(ctx, chat.ListQuery{Viewer: p.people[1], Limit: 10})
		if err != nil || len(listed) != 5 {
			t.Fatalf("%d listed, %v", len(listed), err)
		}
		list := p.r.seen
		p.r.seen = nil
		if page, _, err := p.Participants(ctx, listed[0].ID, chat.ParticipantCursor{}, 10); err != nil || len(page) != 3 {
			t.Fatalf("%d on the page, %v", len(page), err)
		}
		if len(list) != 4 || len(p.r.seen) != 1 {
			t.Errorf("a list is %d statements and a page of participants %d, not 4 and 1", len(list), len(p.r.seen))
		}
		for _, st := range append(list, p.r.seen...) {
			if strings.Contains(st.query, "read_receipts ") {
				t.Errorf("asks for steps:\n%s", st.query)
			}
		}
	})
}
