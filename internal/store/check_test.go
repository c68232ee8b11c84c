package store_test

import (
	"slices"
	"strings"
	"testing"

	"github.com/parley-chat/parley/internal/chat"
	"github.com/parley-chat/parley/internal/store"
)

func sorted(list []string) []string {
	slices.Sort(list)
	return list
}

func TestTheDoctorFindsWhatMustNotBe(t *testing.T) {
	// Each in a conversation of its own, {c}.
	damages := []struct{ rule, statement string }{
		{"A message belongs to a conversation that exists.", "UPDATE messages SET conversation_id = '01890000-0000-7000-8000-000000000000' WHERE seq = 3 AND conversation_id = '{c}'"},
		{"A message's sender is or was a participant.", "UPDATE messages SET sender_id = '01890000-0000-7000-8000-000000000000' WHERE seq = 2 AND conversation_id = '{c}'"},
		{"The messages of a conversation are numbered 1, 2, 3 … up to its last seq.", "DELETE FROM messages WHERE seq = 2 AND conversation_id = '{c}'"},
		{"No message and no participant is at a rev past its conversation's.", "UPDATE messages SET rev = 99 WHERE seq = 1 AND conversation_id = '{c}'"},
		{"The times of a conversation's messages rise with their seq.", "UPDATE messages SET created_at = (SELECT max(created_at) FROM messages) WHERE seq = 1 AND conversation_id = '{c}'"},
		{"A deleted message holds no text.", "UPDATE messages SET deleted_at = created_at WHERE seq = 1 AND conversation_id = '{c}'"},
		{"No read or delivered position is past the last message.", "UPDATE conversation_participants SET last_read_seq = 99 WHERE conversation_id = '{c}'"},
		{"A step of reading is to a message of its conversation, at its seq.", "INSERT INTO read_receipts SELECT conversation_id, id, sender_id, 2, created_at FROM messages WHERE seq = 1 AND conversation_id = '{c}'"},
		{"A step of reading is by somebody who is or was a participant, has not been erased, and has a position that far.", "INSERT INTO read_receipts SELECT conversation_id, id, sender_id, seq, created_at FROM messages WHERE seq = 1 AND conversation_id = '{c}'"},
		{"The times of somebody's steps do not go back.", "INSERT INTO read_receipts SELECT conversation_id, id, sender_id, -seq, created_at FROM messages WHERE conversation_id = '{c}'"},
		{"A direct conversation is between the two people it is filed under.", "UPDATE conversations SET type = 'direct' WHERE id = '{c}'"},
		{"A group that goes on has one owner, who is in it.", "UPDATE conversation_participants SET role = 'member' WHERE conversation_id = '{c}'"},
		{"An erased person has no e-mail, no password and no live login.", "UPDATE users SET deleted_at = created_at, email = 'a@b.c'"},
		{"With a block between two people there is no friendship and no request.", "INSERT INTO blocks SELECT user_low, user_high, created_at FROM friendships"},
		{"An erased person is nobody's friend, and neither blocks nor is blocked.", "UPDATE users SET deleted_at = created_at"},
	}
	onEach(t, func(t *testing.T, in inside) {
		cs, ada := conversationsFor(t, in.Store)
		for _, c := range cs {
			if _, err := in.AppendMessages(t.Context(), []chat.Draft{draftFor(c, ada, "1"), draftFor(c, ada, "2"), draftFor(c, ada, "3")}); err != nil {
				t.Fatal(err)
			}
		}
		if _, err := in.Befriend(t.Context(), ada, personFor(t, in.Store), false); err != nil {
			t.Fatal(err)
		}
		if findings, err := in.Check(t.Context()); err != nil || len(findings) != 0 {
			t.Fatalf("sound data: %v, %v", findings, err)
		}
		for i, damage := range damages {
			in.exec(t, strings.ReplaceAll(damage.statement, "{c}", string(cs[i].ID)))
			findings, err := in.Check(t.Context())
			if err != nil {
				t.Fatal(err)
			}
			if !slices.ContainsFunc(findings, func(f store.Finding) bool { return f.Rule == damage.rule && f.Count > 0 && f.Example != "" }) {
				t.Errorf("%s: found %v", damage.rule, findings)
			}
		}
	})
}
