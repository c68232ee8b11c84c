package check

import (
	"crypto/sha256"
	"encoding/binary"
	"fmt"
	"strconv"
	"strings"
	"time"

	"github.com/parley-chat/parley/client"
)

// Digest stands for a text: 64 bits of its SHA-256. A history never holds what people wrote. 0 is the
// digest of no text.
type Digest uint64

// DigestOf returns the digest of a text.
func DigestOf(text string) Digest {
	if text == "" {
		return 0
	}
	sum := sha256.Sum256([]byte(text))
	return max(1, Digest(binary.BigEndian.Uint64(sum[:])))
}

func (d Digest) String() string { return fmt.Sprintf("%016x", uint64(d)) }

// MarshalText writes it in hex.
func (d Digest) MarshalText() ([]byte, error) { return []byte(d.String()), nil }

// UnmarshalText reads what MarshalText writes.
func (d *Digest) UnmarshalText(text []byte) error {
	n, err := strconv.ParseUint(string(text), 16, 64)
	*d = Digest(n)
	return err
}

// EntryOf notes a message.
func EntryOf(m client.Message) Entry {
	return entry(m.ConversationID, m.ContentType, m.Content, micro(&m.UpdatedAt), micro(m.EditedAt), micro(m.DeletedAt), Entry{
		Message: m.ID, Sender: m.SenderID, Key: m.ClientMessageID, Seq: m.Seq, Rev: m.Rev, CreatedAt: micro(&m.CreatedAt),
	})
}

// entry completes e with what is made of the fields that it does not hold.
func entry(conversation, contentType, content string, updated, edited, deleted int64, e Entry) Entry {
	e.Body, e.Edited, e.Deleted = DigestOf(content), edited != 0, deleted != 0
	e.Whole = DigestOf(strings.Join([]string{
		e.Message, conversation, e.Sender, e.Key, contentType, strconv.FormatInt(e.Seq, 10), strconv.FormatInt(e.Rev, 10),
		strconv.FormatInt(e.CreatedAt, 10), strconv.FormatInt(updated, 10), strconv.FormatInt(edited, 10), strconv.FormatInt(deleted, 10), content,
	}, "\x00"))
	return e
}

// RosterOf notes a conversation without its messages.
func RosterOf(c client.Conversation) *Roster {
	var title, owner string
	if c.Title != nil {
		title = *c.Title
	}
	if c.OwnerID != nil {
		owner = *c.OwnerID
	}
	seats := make([]seat, len(c.Participants))
	for i, p := range c.Participants {
		seats[i] = seat{p.User.ID, p.Role}
	}
	return roster(c.Type, title, owner, seats, c.ParticipantCount)
}

// seat is one person's place in a roster.
type seat struct{ user, role string }

// shownSeats is how many participants a conversation shows (C5.3).
const shownSeats = 20

func roster(kind, title, owner string, seats []seat, count int) *Roster {
	r := &Roster{Count: count}
	parts := []string{kind, title, owner, strconv.Itoa(count)}
	for _, s := range seats[:min(len(seats), shownSeats)] {
		parts = append(parts, s.user, s.role)
		r.People = append(r.People, s.user)
	}
	r.Whole = DigestOf(strings.Join(parts, "\x00"))
	return r
}

func micro(t *time.Time) int64 {
	if t == nil || t.IsZero() {
		return 0
	}
	return t.UnixMicro()
}
