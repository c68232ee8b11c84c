package chat

import "time"

// Announcement is a word of the operator to everybody who is connected (seed DOC-007, C4.6).
type Announcement struct {
	ID        string // a UUIDv7
	Text      string
	Author    string    // who said it, for the record and never shown; "" when unknown
	CreatedAt time.Time // by the database's clock
}

// CheckAnnouncement holds an announcement's text to the rule for messages (C2.5).
func CheckAnnouncement(text string) error { return checkText("text", "announcement", text) }
