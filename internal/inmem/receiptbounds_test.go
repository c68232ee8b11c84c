package inmem_test

import (
	"context"
	"errors"
	"fmt"
	"testing"
	"testing/synctest"
	"time"

	"github.com/parley-chat/parley/internal/chat"
	"github.com/parley-chat/parley/internal/inmem"
)

func seed(t *testing.T, r *inmem.Readers, c chat.ConversationID, positions map[chat.UserID]int64) {
	t.Helper()
	epoch, err := r.Epoch(context.Background(), c)
	if err == nil {
		err = r.Seed(context.Background(), c, positions, epoch)
	}
	if err != nil {
		t.Fatal(err)
	}
}

func known(r *inmem.Readers, c chat.ConversationID) bool {
	_, _, err := r.Counts(context.Background(), c, nil)
	return err == nil
}

func TestPositionsOfAQuietConversationAreKnownForADay(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := inmem.NewReaders()
		remembers := func(c chat.ConversationID) bool {
			seed(t, r, c, map[chat.UserID]int64{"anna": 0})
			counts, _, err := r.Counts(t.Context(), c, []chat.Counted{{Message: "1", Seq: 1}})
			return err == nil && counts["1"] == 1
		}
		seed(t, r, "used", map[chat.UserID]int64{"anna": 1})
		seed(t, r, "quiet", map[chat.UserID]int64{"anna": 1})
		for range 3 {
			time.Sleep(23 * time.Hour)
			if !remembers("used") {
				t.Fatal("what is used is forgotten")
			}
		}
		if remembers("quiet") {
			t.Error("what is quiet for 69 hours is known")
		}
	})
}

func TestWhatWasQuietTheLongestIsForgottenWhenThereIsTooMuch(t *testing.T) {
	r := inmem.NewReaders().Bounded(20, 100)
	for i := range 10 {
		seed(t, r, chat.ConversationID(fmt.Sprint(i)), map[chat.UserID]int64{"anna": 1, "ben": 1, "cem": 1})
		if !known(r, "0") {
			t.Fatalf("what is used is forgotten after %d", i)
		}
	}
	kept := 0
	for i := range 10 {
		if known(r, chat.ConversationID(fmt.Sprint(9-i))) {
			kept++
		}
	}
	if kept < 2 || kept > 5 {
		t.Errorf("%d conversations of 3 people are kept, want what 20 positions hold", kept)
	}
}

func TestAFullQueueTakesNothingMore(t *testing.T) {
	r := inmem.NewReaders().Bounded(100, 3)
	seed(t, r, "room", map[chat.UserID]int64{"anna": 0})
	for seq := range int64(4) {
		err := r.Advance(t.Context(), "room", []chat.Step{{User: "anna", Seq: seq + 1}}, chat.ByReading)
		if (err != nil) != (seq == 3) || errors.Is(err, chat.ErrUnseeded) {
			t.Errorf("step %d is answered by %v", seq+1, err)
		}
	}
	counts, _, err := r.Counts(t.Context(), "room", []chat.Counted{{Message: "3", Seq: 3}, {Message: "4", Seq: 4}})
	if err != nil || counts["3"] != 1 || counts["4"] != 0 {
		t.Errorf("counts are %v (%v)", counts, err)
	}
}
