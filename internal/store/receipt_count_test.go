package store

import (
	"math/rand/v2"
	"testing"

	"github.com/parley-chat/parley/internal/chat"
)

func TestWhatIsUnreadOfManyPeopleAtOnceEqualsARecount(t *testing.T) {
	eachBare(t, 12, func(t *testing.T, p *planned) {
		ctx := t.Context()
		c, _, err := p.CreateConversation(ctx, chat.NewConversation{ID: id[chat.ConversationID](), Type: chat.Group, Creator: p.people[0], Participants: p.people})
		if err != nil {
			t.Fatal(err)
		}
		p.conversations = []chat.Conversation{c}
		drafts := make([]chat.Draft, 200)
		for i := range drafts {
			drafts[i] = p.draft(0, 0)
			drafts[i].Sender = p.people[0]
		}
		appended, err := p.AppendMessages(ctx, drafts)
		if err != nil {
			t.Fatal(err)
		}
		random := rand.New(rand.NewPCG(1, 2))
		live := make([]int64, len(appended)+1) // how many are not deleted up to a seq
		for i, a := range appended {
			if live[i+1] = live[i] + 1; random.IntN(2) == 0 {
				live[i+1]--
				if _, _, err := p.DeleteMessage(ctx, chat.Deletion{Conversation: c.ID, Message: a.Message.ID, RosterRev: c.RosterRev}); err != nil {
					t.Fatal(err)
				}
			}
		}
		var seqs []int64
		// Two read nothing, two are at one place.
		for i, at := range []int{0, 7, 7, 199, 200, 50, 51, 120, 121} {
			if seqs = append(seqs, int64(at)); at == 0 {
				continue
			}
			if _, _, err := p.AdvanceRead(ctx, c.ID, p.people[i+1], appended[at-1].Message.ID, false); err != nil {
				t.Fatal(err)
			}
		}
		states, err := p.ReadStates(ctx, c.ID, p.people[1:])
		if err != nil || len(states) != 11 {
			t.Fatalf("%d states, %v", len(states), err)
		}
		for u, state := range states {
			if want := live[200] - live[state.LastReadSeq]; state.UnreadCount != want || state.LastSeq != 200 {
				t.Errorf("%s is at %d and has %d unread of %d, not %d", u, state.LastReadSeq, state.UnreadCount, state.LastSeq, want)
			}
		}
		unread, last, err := p.UnreadAfter(ctx, c.ID, seqs)
		if err != nil || last != 200 {
			t.Fatal(last, err)
		}
		for _, seq := range seqs {
			if n, asked := unread[seq]; !asked || n != live[200]-live[seq] {
				t.Errorf("past %d are %d, not %d", seq, n, live[200]-live[seq])
			}
		}
	})
}
