package app_test

import (
	"fmt"
	"testing"

	"github.com/parley-chat/parley/client"
	"github.com/parley-chat/parley/internal/app"
	"github.com/parley-chat/parley/internal/pgtest"
	"github.com/parley-chat/parley/internal/port"
	"github.com/parley-chat/parley/internal/store"
)

func TestClientsGoOnAfterAMoveAsAfterAnyRestart(t *testing.T) {
	free, err := port.Free()
	if err != nil {
		t.Fatal(err)
	}
	data := t.TempDir()
	env := []string{"PARLEY_DATA=" + data, fmt.Sprint("PARLEY_PORT=", free)}
	n := run(t, env...)
	ada, bert := join(t, n, "ada"), join(t, n, "bert")
	c := direct(t, ada, bert)
	var revs []int64
	for i := range 30 {
		say(t, ada, c, fmt.Sprint("message ", i))
		revs = append(revs, await[client.MessageReceived](t, bert).Message.Rev)
	}
	page, err := bert.Messages(t.Context(), c, client.HistoryQuery{Limit: 10})
	if err != nil {
		t.Fatal(err)
	}
	n.stop(t)

	target := pgtest.NewDatabase(t)
	moved, err := app.Move(t.Context(), store.Move{From: data, To: target})
	if err != nil || moved.Rows == 0 {
		t.Fatal(moved, err)
	}

	// The same folder, for its signing key, and the same address. Nobody signs in again.
	run(t, append(env, "DATABASE_URL="+target)...)
	await[client.Online](t, ada)
	await[client.Online](t, bert)
	say(t, ada, c, "on PostgreSQL")
	if m := await[client.MessageReceived](t, bert).Message; m.Content != "on PostgreSQL" || m.Seq != 31 {
		t.Errorf("the first that bert gets afterwards is seq %d, %q", m.Seq, m.Content)
	}
	older, err := bert.Messages(t.Context(), c, client.HistoryQuery{Limit: 10, Cursor: *page.NextCursor})
	if err != nil || len(older.Messages) != 10 || older.Messages[0].Content != "message 19" {
		t.Errorf("the page after a cursor of before: %+v, %v", older.Messages, err)
	}
	changes, err := bert.Changes(t.Context(), c, revs[25], 100)
	if err != nil || len(changes.Changes) != 5 {
		t.Errorf("what changed past a rev of before: %d changes, %v", len(changes.Changes), err)
	}
	if err := bert.Refresh(t.Context()); err != nil {
		t.Errorf("a refresh token of before: %v", err)
	}
}
