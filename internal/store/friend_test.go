package store_test

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/parley-chat/parley/internal/chat"
)

// crowd adds people at once, in order of id.
func (in inside) crowd(t *testing.T, n int) []chat.UserID {
	t.Helper()
	now := map[string]string{"sqlite": "0", "postgres": "now()"}[in.Kind()]
	out := make([]chat.UserID, n)
	var rows []string
	for i := range out {
		out[i] = newID[chat.UserID]()
		rows = append(rows, fmt.Sprintf("('%s', 'p%s', 'p%s', 'x', 'x', %s, %s)", out[i], out[i], out[i], now, now))
	}
	in.insert(t, "users (id, username, username_key, display_name, display_key, created_at, updated_at)", rows)
	return out
}

func (in inside) insert(t *testing.T, into string, rows []string) {
	t.Helper()
	for part := range slices.Chunk(rows, 1000) {
		in.exec(t, "INSERT INTO "+into+" VALUES "+strings.Join(part, ", "))
	}
}

func TestRequestsAndBlocksOfOnePersonHaveABound(t *testing.T) {
	onEach(t, func(t *testing.T, in inside) {
		ada := in.crowd(t, 1)[0]
		others := in.crowd(t, chat.MaxBlocks+1)
		now := map[string]string{"sqlite": "0", "postgres": "now()"}[in.Kind()]
		var asked, blocked []string
		for i, u := range others {
			if i < chat.MaxRequests-1 {
				asked = append(asked, fmt.Sprintf("('%s', '%s', '%s', %s)", ada, u, ada, now))
			}
			if i > 1 {
				blocked = append(blocked, fmt.Sprintf("('%s', '%s', %s)", ada, u, now))
			}
		}
		in.insert(t, "friendships (user_low, user_high, requester_id, created_at)", asked)
		last := others[len(others)-2:]
		befriend := func(u, other chat.UserID) error {
			_, err := in.Befriend(t.Context(), u, other, false)
			return err
		}
		if err := befriend(ada, last[0]); err != nil {
			t.Fatalf("the last request: %v", err)
		}
		refusedBound := func(what string, err error) {
			t.Helper()
			if e := chat.AsError(err); e.Code != chat.CodeValidation || e.Field != "userId" || !strings.Contains(e.Message, "000 people") {
				t.Errorf("%s: %v", what, err)
			}
		}
		refusedBound("one more request", befriend(ada, last[1]))
		for _, step := range []struct {
			what string
			err  error
		}{
			{"the same request again", befriend(ada, last[0])},
			{"the request of another", befriend(last[1], ada)},
			{"asking back who asked", befriend(ada, last[1])},
			{"being accepted", befriend(others[0], ada)},
			{"a request when there is room again", befriend(ada, others[chat.MaxRequests+5])},
		} {
			if step.err != nil {
				t.Errorf("%s: %v", step.what, step.err)
			}
		}
		in.exec(t, "DELETE FROM friendships")
		in.insert(t, "blocks (blocker_id, blocked_id, created_at)", blocked)
		block := func(other chat.UserID, blocked bool) error {
			_, err := in.SetBlock(t.Context(), ada, other, blocked)
			return err
		}
		if err := block(others[0], true); err != nil {
			t.Fatalf("the last block: %v", err)
		}
		refusedBound("one more block", block(others[1], true))
		if err := block(others[0], true); err != nil {
			t.Errorf("the same block again: %v", err)
		}
		if err := block(last[0], false); err != nil {
			t.Fatal(err)
		}
		if err := block(others[1], true); err != nil {
			t.Errorf("a block when there is room again: %v", err)
		}
	})
}
