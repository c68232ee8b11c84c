package chat

// Ids are UUIDs in lower-case text, made by the server as version 7 (RFC 9562, C1.1). The types keep
// one kind of id from standing where another is meant.
type (
	UserID         string
	ConversationID string
	MessageID      string
	// LoginID names one signed-in device: a family of refresh tokens (C5.7).
	LoginID string
	// SessionID names one live socket. It lives as long as the socket and is never stored.
	SessionID string
)

// ValidID reports whether s is a UUID in the canonical lower-case form that the server hands out.
// Everything else is unknown to every store, so callers answer as for an id that does not exist.
func ValidID(s string) bool {
	if len(s) != 36 {
		return false
	}
	for i := range len(s) {
		c := s[i]
		switch i {
		case 8, 13, 18, 23:
			if c != '-' {
				return false
			}
		default:
			if (c < '0' || c > '9') && (c < 'a' || c > 'f') {
				return false
			}
		}
	}
	return true
}
