package protocol

import (
	"encoding/base64"
	"encoding/binary"
	"encoding/hex"
	"strings"
	"time"

	"github.com/parley-chat/parley/internal/chat"
)

// A cursor is base64url, without padding, of one byte that says what list it belongs to, the moment in
// microseconds since 1970 as 8 bytes, and the id's 16 bytes (C5.5); one of readers has the 16 bytes of the message's id too.
// There is exactly one text for each position; every other text is refused.
type cursorKind byte

const (
	messageCursor      cursorKind = 'm'
	conversationCursor cursorKind = 'c'
	participantCursor  cursorKind = 'p'
	readerCursor       cursorKind = 'r'
	friendCursor       cursorKind = 'f'
	blockCursor        cursorKind = 'b'
)

const cursorBytes = 1 + 8 + 16

var cursorText = base64.RawURLEncoding.Strict()

// EncodeMessageCursor names the position of a message in its conversation's history.
func EncodeMessageCursor(createdAt time.Time, id chat.MessageID) string {
	return encodeCursor(messageCursor, createdAt, string(id))
}

// DecodeMessageCursor reads it back. A broken cursor is a VALIDATION_ERROR.
func DecodeMessageCursor(cursor string) (createdAt time.Time, id chat.MessageID, err error) {
	createdAt, text, err := decodeCursor(messageCursor, cursor)
	return createdAt, chat.MessageID(text), err
}

// EncodeConversationCursor names the position of a conversation in a person's list.
func EncodeConversationCursor(updatedAt time.Time, id chat.ConversationID) string {
	return encodeCursor(conversationCursor, updatedAt, string(id))
}

// DecodeConversationCursor reads it back. A broken cursor is a VALIDATION_ERROR.
func DecodeConversationCursor(cursor string) (updatedAt time.Time, id chat.ConversationID, err error) {
	updatedAt, text, err := decodeCursor(conversationCursor, cursor)
	return updatedAt, chat.ConversationID(text), err
}

// EncodeParticipantCursor names the position of a participant in a conversation's list of people.
func EncodeParticipantCursor(c chat.ParticipantCursor) string {
	return encodeCursor(participantCursor, c.JoinedAt, string(c.User))
}

// DecodeParticipantCursor reads it back. A broken cursor is a VALIDATION_ERROR.
func DecodeParticipantCursor(cursor string) (chat.ParticipantCursor, error) {
	joinedAt, text, err := decodeCursor(participantCursor, cursor)
	return chat.ParticipantCursor{JoinedAt: joinedAt, User: chat.UserID(text)}, err
}

// EncodeReaderCursor names the position of somebody in the list of those who have read the message.
func EncodeReaderCursor(m chat.MessageID, c chat.ReaderCursor) string {
	var of [16]byte
	putID(of[:], string(m))
	return cursorText.EncodeToString(append(cursorOf(readerCursor, c.ReadAt, string(c.User)), of[:]...))
}

// DecodeReaderCursor reads it back. A broken cursor, and one of another message, is a VALIDATION_ERROR.
func DecodeReaderCursor(m chat.MessageID, cursor string) (chat.ReaderCursor, error) {
	b, err := cursorText.DecodeString(cursor)
	if err != nil || len(b) != cursorBytes+16 || len(cursor) != cursorText.EncodedLen(len(b)) || idText(b[cursorBytes:]) != strings.ToLower(string(m)) {
		return chat.ReaderCursor{}, brokenCursor()
	}
	readAt, text, err := positionOf(readerCursor, b[:cursorBytes])
	return chat.ReaderCursor{ReadAt: readAt, User: chat.UserID(text)}, err
}

// EncodeFriendCursor names the position of somebody in a person's list of friends and requests.
func EncodeFriendCursor(c chat.PersonCursor) string {
	return encodeCursor(friendCursor, c.Since, string(c.User))
}

// DecodeFriendCursor reads it back. A broken cursor is a VALIDATION_ERROR.
func DecodeFriendCursor(cursor string) (chat.PersonCursor, error) {
	since, text, err := decodeCursor(friendCursor, cursor)
	return chat.PersonCursor{Since: since, User: chat.UserID(text)}, err
}

// EncodeBlockCursor names the position of somebody in the list of whom a person has blocked.
func EncodeBlockCursor(c chat.PersonCursor) string {
	return encodeCursor(blockCursor, c.Since, string(c.User))
}

// DecodeBlockCursor reads it back. A broken cursor is a VALIDATION_ERROR.
func DecodeBlockCursor(cursor string) (chat.PersonCursor, error) {
	since, text, err := decodeCursor(blockCursor, cursor)
	return chat.PersonCursor{Since: since, User: chat.UserID(text)}, err
}

func encodeCursor(kind cursorKind, at time.Time, id string) string {
	return cursorText.EncodeToString(cursorOf(kind, at, id))
}

func cursorOf(kind cursorKind, at time.Time, id string) []byte {
	b := make([]byte, cursorBytes)
	b[0] = byte(kind)
	binary.BigEndian.PutUint64(b[1:], uint64(at.UnixMicro()))
	putID(b[9:], id)
	return b
}

func decodeCursor(kind cursorKind, cursor string) (time.Time, string, error) {
	if len(cursor) != cursorText.EncodedLen(cursorBytes) {
		return time.Time{}, "", brokenCursor()
	}
	b, err := cursorText.DecodeString(cursor)
	if err != nil || len(b) != cursorBytes {
		return time.Time{}, "", brokenCursor()
	}
	return positionOf(kind, b)
}

func positionOf(kind cursorKind, b []byte) (time.Time, string, error) {
	micros := int64(binary.BigEndian.Uint64(b[1:]))
	if cursorKind(b[0]) != kind || micros < 0 || micros > latest {
		return time.Time{}, "", brokenCursor()
	}
	return time.UnixMicro(micros).UTC(), idText(b[9:]), nil
}

func brokenCursor() error {
	return chat.Invalid("cursor", "This cursor is not one that the server gave out for this list.")
}

// latest is the end of the year 9999, past which a time has no RFC 3339 text.
var latest = time.Date(9999, 12, 31, 23, 59, 59, 999_999_000, time.UTC).UnixMicro()

// putID writes the 16 bytes of a UUID in its canonical text.
func putID(dst []byte, id string) {
	var digits [32]byte
	n := 0
	for i := 0; i < len(id) && n < len(digits); i++ {
		if id[i] != '-' {
			digits[n] = id[i]
			n++
		}
	}
	// What is no UUID leaves zeros: a position that nothing has.
	_, _ = hex.Decode(dst[:16], digits[:n&^1])
}

func idText(b []byte) string {
	var text [36]byte
	hex.Encode(text[0:8], b[0:4])
	hex.Encode(text[9:13], b[4:6])
	hex.Encode(text[14:18], b[6:8])
	hex.Encode(text[19:23], b[8:10])
	hex.Encode(text[24:36], b[10:16])
	text[8], text[13], text[18], text[23] = '-', '-', '-', '-'
	return string(text[:])
}
