package store

import (
	"time"

	"github.com/parley-chat/parley/internal/chat"
)

// readOnlyFor is how long a client waits until it asks again whether there is room.
const readOnlyFor = 30 * time.Second

// SetReadOnly has the store take nothing more that makes it grow, or take it again. What signs people in and out, what notes
// when somebody was seen and which nodes there are, what changes in its place (profile, privacy, roles), and what takes away (deletions, leaving, blocks)
// goes on: it is
// small, and nobody is to be kept from it because a disk is nearly full.
func (s *Store) SetReadOnly(is bool) { s.readOnly.Store(is) }

// writable refuses what makes the store grow while it is read-only.
func (s *Store) writable() error {
	if !s.readOnly.Load() {
		return nil
	}
	return &chat.Error{
		Code: chat.CodeDBConnectionLost, Reason: chat.ReasonReadOnly, Outcome: chat.OutcomeRejected, RetryAfter: readOnlyFor,
		Message: "The disk of the server is nearly full. It can be read, and nothing can be written until there is room.",
	}
}
