package check_test

import (
	"bytes"
	"context"
	"errors"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/parley-chat/parley/client"
	"github.com/parley-chat/parley/internal/check"
)

func TestAHistoryIsReadAsItWasWritten(t *testing.T) {
	h := recorded(t)
	var file bytes.Buffer
	if err := h.Write(&file); err != nil {
		t.Fatal(err)
	}
	back, err := check.Read(&file)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(h, back); diff != "" {
		t.Error(diff)
	}
}

func TestAnOperationWithoutAnAnswerMayHaveHappened(t *testing.T) {
	r := check.NewRecorder()
	call := r.Witness("ada", "").Begin(check.Operation{Op: check.Send, Key: "k"})
	h := r.History()
	if len(h.Operations) != 1 || h.Operations[0].Result != check.Info || h.Operations[0].Returned <= h.Operations[0].Called {
		t.Errorf("got %+v", h.Operations)
	}
	call.End(nil)
	if again := r.History(); len(again.Operations) != 1 || again.Operations[0].Result != check.OK {
		t.Errorf("after the answer: %+v", again.Operations)
	}
	if h.Operations[0].Result != check.Info {
		t.Error("the history that was taken before has changed")
	}
}

func TestOnlyARefusalThatNamesItsReasonIsAFailure(t *testing.T) {
	for name, c := range map[string]struct {
		err  error
		want check.Result
	}{
		"confirmed":           {nil, check.OK},
		"refused":             {&client.Error{Code: client.CodeValidation, Outcome: client.Rejected}, check.Fail},
		"refused over REST":   {&client.Error{Code: client.CodeForbidden, Status: 403}, check.Fail},
		"database away":       {&client.Error{Code: client.CodeDBTimeout, Outcome: client.Unknown}, check.Info},
		"never written":       {&client.Error{Code: client.CodeNetwork, Outcome: client.Rejected, Err: context.Canceled}, check.Fail},
		"no answer":           {&client.Error{Code: client.CodeNetwork}, check.Info},
		"fault of the server": {&client.Error{Code: client.CodeInternal, Status: 500}, check.Info},
		"given up":            {context.DeadlineExceeded, check.Info},
		"something else":      {errors.New("?"), check.Info},
	} {
		if got := check.ResultOf(check.Send, c.err); got != c.want {
			t.Errorf("%s: %s, want %s", name, got, c.want)
		}
	}
}

func TestARecorderWakesWhoWaits(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := check.NewRecorder()
		w := r.Witness("ada", "")
		go func() {
			for range 3 {
				time.Sleep(time.Second)
				w.Begin(check.Operation{Op: check.Send}).End(nil)
			}
		}()
		if err := r.Wait(t.Context(), func(n check.Tally) bool { return n.Confirmed == 3 }); err != nil {
			t.Fatal(err)
		}
		if now := r.Now(); now != 3*time.Second {
			t.Errorf("woken at %v", now)
		}
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		if err := r.Wait(ctx, func(n check.Tally) bool { return n.Confirmed == 4 }); !errors.Is(err, context.DeadlineExceeded) {
			t.Errorf("waited in vain and got %v", err)
		}
	})
}

// recorded is a small history with a record of every sort.
func recorded(t *testing.T) *check.History {
	t.Helper()
	r := check.NewRecorder()
	r.Run(func(run *check.Run) {
		run.Name, run.Seed, run.Started = "test", 7, time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)
	})
	heal := r.Fault("kill", "node-1", "SIGKILL")
	title := "tea"
	conversation := client.Conversation{ID: "c1", Type: "group", Title: &title, ParticipantCount: 1, Participants: []client.Participant{{User: client.User{ID: "u1"}, Role: "owner"}}}
	w := r.Witness("ada/phone", "phones")
	w.Handle(client.Online{UserID: "u1", SessionID: "s1", ServerID: "node-1"})
	call := w.Begin(check.Operation{Op: check.Send, Conversation: "c1", Key: "k1", Body: check.DigestOf("hi")})
	call.Message, call.Seq, call.Rev, call.CreatedAt = "m1", 1, 2, 1_000
	call.End(nil)
	page := w.Begin(check.Operation{Op: check.Page, Conversation: "c1", Traversal: "t1", Newer: true})
	page.Entries, page.Last = []check.Entry{check.EntryOf(client.Message{ID: "m1", ConversationID: "c1", Seq: 1, Rev: 2, Content: "hi"})}, true
	page.End(nil)
	list := w.Begin(check.Operation{Op: check.List})
	list.Conversations = []check.Listed{{Conversation: "c1", LastSeq: 1, Roster: check.RosterOf(conversation)}}
	list.End(nil)
	for _, e := range []client.Event{
		client.MessageReceived{Own: true, Message: client.Message{ID: "m1", ConversationID: "c1", SenderID: "u1", Seq: 1, Rev: 2, Content: "hi"}},
		client.ConversationUpdated{ConversationID: "c1", Rev: 3, Conversation: conversation},
		client.CatchingUp{ConversationID: "c1", AfterRev: 1, LastRev: 3, Hole: true},
		client.Offline{Err: &client.Error{Code: client.CodeNetwork}},
	} {
		w.Handle(e)
	}
	heal()
	h := r.History()
	h.Database = &check.Database{
		Conversations: []check.StoredConversation{{ID: "c1", LastSeq: 1, LastRev: 3, Roster: check.RosterOf(conversation)}},
		Messages:      []check.StoredMessage{{Conversation: "c1", Entry: page.Entries[0]}},
		Participants:  []check.StoredParticipant{{Conversation: "c1", User: "u1", Role: "owner"}},
	}
	return h
}
