package store_test

import (
	"errors"
	"sync"
	"testing"

	"github.com/parley-chat/parley/internal/chat"
	"github.com/parley-chat/parley/internal/pgtest"
	"github.com/parley-chat/parley/internal/store"
)

// TestAServerThatStopsMidBatchIsNamedAndLosesNothing stops PostgreSQL while sixteen senders write, both ways a
// server can go, and then counts: what was confirmed is there once, what was not is there once or not at all.
func TestAServerThatStopsMidBatchIsNamedAndLosesNothing(t *testing.T) {
	server := pgtest.Start(t)
	s := opened(t, store.Config{DatabaseURL: server.NewDatabase(t)})
	cs, ada := conversationsFor(t, s)
	for _, fault := range []struct {
		name string
		stop func()
	}{{"shut down", server.Stop}, {"crashed", server.Crash}} {
		t.Run(fault.name, func(t *testing.T) {
			var mu sync.Mutex
			confirmed, failed := map[string]chat.Message{}, []chat.Draft{}
			running := make(chan struct{})
			var once sync.Once
			var wg sync.WaitGroup
			for i := range 16 {
				wg.Go(func() {
					for n := 0; ; n++ {
						drafts := []chat.Draft{draftFor(cs[i], ada, "x"), draftFor(cs[i], ada, "y"), draftFor(cs[(i+1)%len(cs)], ada, "z")}
						if n%2 == 0 {
							drafts = drafts[:1]
						}
						appended, err := s.AppendMessages(t.Context(), drafts)
						mu.Lock()
						if err != nil {
							failed = append(failed, drafts...)
							mu.Unlock()
							if code := chat.AsError(err).Code; code != chat.CodeDBConnectionLost && code != chat.CodeDBTimeout {
								t.Errorf("named %s: %v", code, err)
							}
							return
						}
						for _, a := range appended {
							confirmed[a.Message.ClientMessageID] = a.Message
						}
						if len(confirmed) > 50 {
							once.Do(func() { close(running) })
						}
						mu.Unlock()
					}
				})
			}
			<-running
			fault.stop()
			wg.Wait()

			if _, err := s.Roster(t.Context(), cs[0].ID); chat.AsError(err).Code != chat.CodeDBConnectionLost {
				t.Errorf("reading from a server that is down: %v", err)
			}
			if err := s.Ping(t.Context()); chat.AsError(err).Code != chat.CodeDBConnectionLost {
				t.Errorf("ping: %v", err)
			}
			if err := server.Restart(); err != nil {
				t.Fatal(err)
			}
			for _, want := range confirmed {
				got, err := s.MessageByClientID(t.Context(), want.Conversation, ada, want.ClientMessageID)
				if err != nil || got != want {
					t.Fatalf("a confirmed message is %+v, %v", got, err)
				}
			}
			for _, d := range failed {
				appended, err := s.AppendMessages(t.Context(), []chat.Draft{d})
				if err != nil || appended[0].Err != nil {
					t.Fatalf("trying again: %+v, %v", appended, err)
				}
			}
			findings, err := s.Check(t.Context())
			if err != nil || len(findings) > 0 {
				t.Errorf("the doctor says %v, %v", findings, err)
			}
		})
	}
}

func TestACommitWithoutAnAnswerIsUnknown(t *testing.T) {
	server := pgtest.Start(t)
	s := opened(t, store.Config{DatabaseURL: server.NewDatabase(t)})
	cs, ada := conversationsFor(t, s)
	server.Crash()
	// The pool's connections are dead and do not know it: whatever is sent on one may have arrived.
	var unknown, refused int
	for range 50 {
		_, err := s.AppendMessages(t.Context(), []chat.Draft{draftFor(cs[0], ada, "x")})
		var e *chat.Error
		if !errors.As(err, &e) || e.Code != chat.CodeDBConnectionLost {
			t.Fatalf("got %v", err)
		}
		if e.Outcome == chat.OutcomeUnknown {
			unknown++
		} else {
			refused++
		}
	}
	// A connection that cannot even be made has carried nothing.
	if refused == 0 {
		t.Errorf("%d unknown, none refused", unknown)
	}
}

func TestAnAddressWhereNoDatabaseIsGivesAClearError(t *testing.T) {
	for _, url := range []string{"postgres://127.0.0.1:1/parley?sslmode=disable", "mysql://secret:word@host/db", "postgres://user:secret%zz@host/db"} {
		_, err := store.Open(t.Context(), store.Config{DatabaseURL: url})
		if err == nil {
			t.Fatalf("%s opened", url)
		}
		if msg := err.Error(); contains(msg, "secret") {
			t.Errorf("the error tells the password: %s", msg)
		}
	}
}
