package chat

import (
	"context"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"
)

// User is what everyone may know of a person (C9).
type User struct {
	ID          UserID
	Username    string
	DisplayName string
	CreatedAt   time.Time
	// DeletedAt is set when the person was erased; the name is then that of a deleted user (C5.10).
	DeletedAt time.Time
}

// Sharing says who sees a person's presence (seed DOC-006).
type Sharing string

const (
	ShareEveryone Sharing = "everyone"
	ShareFriends  Sharing = "friends"
	ShareNobody   Sharing = "nobody"
)

// Me is what a person sees of their own account.
type Me struct {
	User
	Email               string // "" when none
	ReadReceiptsEnabled bool
	PresenceEnabled     bool
	PresenceSharing     Sharing
	PresenceInvisible   bool
}

// ProfileEdit changes what it names and leaves the rest.
type ProfileEdit struct {
	DisplayName         *string
	Email               *string // "" removes it
	ReadReceiptsEnabled *bool
	PresenceEnabled     *bool
	PresenceSharing     *Sharing
	PresenceInvisible   *bool
}

// ProfileChange is what became of an account by an edit.
type ProfileChange struct {
	Me
	PrivacyChange
}

// PrivacyChange is what became of what a person lets others know.
type PrivacyChange struct {
	// Receipts is set when the person lets others know in another way than before what they read.
	Receipts bool
	// Presence is set when their Privacy is another one than before, and Visible when they are invisible no more.
	Presence, Visible bool
	Privacy           Privacy   // as it is then
	SeenAt            time.Time // when they were seen last, as it is noted then
	// Shown are the conversations in which others may know by it that they have read further.
	Shown []ConversationID
}

// MaxDisplayName is the longest display name in Unicode code points.
const MaxDisplayName = 64

// CheckDisplayName holds the rule for display names: 1 to 64 code points of valid UTF-8 of which one
// leaves a mark, without control characters and bidirectional controls. White space around it is cut off.
func CheckDisplayName(name string) (string, error) {
	name = strings.TrimSpace(name)
	if name == "" || !utf8.ValidString(name) || utf8.RuneCountInString(name) > MaxDisplayName ||
		strings.ContainsFunc(name, misleads) || strings.IndexFunc(name, shows) < 0 {
		return "", Invalid("displayName", "A display name has 1 to %d printable characters.", MaxDisplayName)
	}
	return name, nil
}

// CheckEmail holds the rule for e-mail addresses: at most 254 bytes (RFC 5321 §4.5.3.1) with one @
// between non-empty parts and no white space or control characters. Nothing is sent to it.
func CheckEmail(email string) error {
	local, domain, found := strings.Cut(email, "@")
	if len(email) > 254 || !utf8.ValidString(email) || !found || local == "" || domain == "" || strings.Contains(domain, "@") ||
		strings.ContainsFunc(email, func(r rune) bool { return unicode.IsSpace(r) || misleads(r) }) {
		return Invalid("email", "This is not an e-mail address.")
	}
	return nil
}

// Me returns the actor's own account.
func (s *Service) Me(ctx context.Context, actor UserID) (Me, error) { return s.store.Me(ctx, actor) }

// UpdateMe changes the actor's profile and privacy settings.
func (s *Service) UpdateMe(ctx context.Context, actor UserID, e ProfileEdit) (Me, error) {
	if e.DisplayName != nil {
		name, err := CheckDisplayName(*e.DisplayName)
		if err != nil {
			return Me{}, err
		}
		e.DisplayName = &name
	}
	if e.Email != nil && *e.Email != "" {
		if err := CheckEmail(*e.Email); err != nil {
			return Me{}, err
		}
	}
	if e.PresenceSharing != nil {
		switch *e.PresenceSharing {
		case ShareEveryone, ShareFriends, ShareNobody:
		default:
			return Me{}, Invalid("presenceSharing", "presenceSharing must be \"everyone\", \"friends\" or \"nobody\".")
		}
	}
	done, err := s.editing(ctx, e)
	if err != nil {
		return Me{}, err
	}
	defer done()
	hides := e.PresenceInvisible != nil && *e.PresenceInvisible
	if e.PresenceInvisible != nil && !hides {
		s.beforeShown(ctx, actor)
	}
	after, err := s.store.UpdateMe(ctx, actor, e, hides && s.there(ctx, []UserID{actor})(actor))
	s.profileChanged(ctx, actor, e, after.PrivacyChange, err)
	return after.Me, err
}

const (
	// editsAtOnce is how many edits of what people let others know are under way on a node: messages have the rest of the
	// connections to the database, which are at least 5 (C8.9).
	editsAtOnce = 2
	// editWithin is how long one waits for that.
	editWithin = 3 * time.Second
)

// editing waits until there is room for an edit of what somebody lets others know, until done. Who waited for too long is
// answered CodeDBTimeout.
func (s *Service) editing(ctx context.Context, e ProfileEdit) (done func(), err error) {
	if e.ReadReceiptsEnabled == nil && e.PresenceEnabled == nil && e.PresenceSharing == nil && e.PresenceInvisible == nil {
		return func() {}, nil
	}
	ctx, cancel := context.WithTimeout(ctx, editWithin)
	defer cancel()
	select {
	case s.edits <- struct{}{}:
		return func() { <-s.edits }, nil
	case <-ctx.Done():
		return nil, crowdedOut(ctx.Err())
	}
}

// maxFound is the most people that a search returns (C5.10).
const maxFound = 20

// SearchUsers finds people by prefix of username or display name, from 2 characters on (C5.10).
func (s *Service) SearchUsers(ctx context.Context, actor UserID, q string) ([]User, error) {
	q = strings.TrimSpace(q)
	if n := utf8.RuneCountInString(q); n < 2 || n > MaxDisplayName || !utf8.ValidString(q) || strings.IndexByte(q, 0) >= 0 {
		return nil, Invalid("q", "Search for 2 to %d characters.", MaxDisplayName)
	}
	return s.store.SearchUsers(ctx, actor, q, maxFound)
}

// EraseMe erases the actor: out of all groups, the account a deleted user, and with withMessages every
// message a tombstone (C5.10). Ending the logins is the caller's part. It may be repeated after a crash.
func (s *Service) EraseMe(ctx context.Context, actor UserID, withMessages bool) error {
	ids, err := s.store.ConversationIDs(ctx, actor)
	if err != nil {
		return err
	}
	for _, c := range ids {
		r, err := s.Roster(ctx, c)
		if err == nil && r.Type == Group {
			err = s.leave(ctx, actor, c)
		}
		if err != nil && AsError(err).Code != CodeNotInConversation {
			return err
		}
	}
	friends, err := s.everyFriend(ctx, actor)
	if err != nil {
		return err
	}
	// What it changed before it failed has to be told as well: a repetition does not find it any more.
	changed, err := s.store.EraseUser(ctx, actor, withMessages)
	for _, c := range changed {
		s.announcer.Suspect(c)
	}
	if err == nil {
		s.tellGone(actor, friends)
		// Who watched them is told what they would be told of an id of nobody.
		s.privacyChanged(ctx, actor, Privacy{Rev: MaxPresenceRev, Sharing: ShareNobody}, time.Time{})
	}
	return err
}
