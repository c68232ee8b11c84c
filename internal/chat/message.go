package chat

import (
	"context"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"
)

const (
	// MaxContentRunes is the longest message in Unicode code points (seed DOC-001, C2.5).
	MaxContentRunes = 4000
	// MaxContentBytes is the longest message in bytes: 4,000 code points of four bytes.
	MaxContentBytes = 4 * MaxContentRunes
	// MaxClientMessageID is the longest clientMessageId in bytes (C2.5).
	MaxClientMessageID = 64
)

// Message is a stored message. A tombstone has DeletedAt set and no content.
type Message struct {
	ID              MessageID
	Conversation    ConversationID
	Sender          UserID
	Seq             int64
	Rev             int64
	Content         string
	ContentType     string // "text"
	ClientMessageID string
	CreatedAt       time.Time
	UpdatedAt       time.Time
	EditedAt        time.Time // zero if never
	DeletedAt       time.Time // zero if not
}

// Deleted reports whether the message is a tombstone.
func (m *Message) Deleted() bool { return !m.DeletedAt.IsZero() }

// Submission is what a person sends.
type Submission struct {
	Conversation    ConversationID
	Sender          UserID
	ClientMessageID string
	Content         string
	ContentType     string // "" is read as "text"
	Origin          SessionID
	Trace           Trace // of the send; zero for none
}

// Sent confirms a submission: the message is committed on disk (C2.1).
type Sent struct {
	Message   Message
	Duplicate bool // it was stored by an earlier try; this is the first answer again (C2.3)
}

// SendMessage checks a submission, stores it and has it announced. It returns without waiting for the
// store; answer is called exactly once, within 3 seconds, from another goroutine or from this one, and
// must not block. Errors
// carry an Outcome: with OutcomeUnknown the same submission may be sent again without being doubled.
//
// Submissions of one sender to one conversation are stored in the order of these calls. That the
// sender leaves does not stop the write (C2.8), so there is no way to cancel it.
func (s *Service) SendMessage(sub Submission, answer func(Sent, error)) {
	arrived := time.Now()
	var sent Sent
	err := check(&sub)
	if err == nil {
		if sent.Message, sent.Duplicate = s.seen.find(&sub); !sent.Duplicate {
			if err = s.lane(sub.Conversation).enqueue(sub, arrived, answer); err == nil {
				return
			}
		}
	}
	s.finish(&pendingSend{sub: sub, arrived: arrived, answer: answer}, sent, err)
}

// check applies the rules that need nothing but the submission. Who may send is decided in the lane,
// where the answer cannot be overtaken by a later submission.
func check(sub *Submission) error {
	if sub.ContentType == "" {
		sub.ContentType = "text"
	}
	if sub.ContentType != "text" {
		return Invalid("contentType", "The content type must be \"text\".")
	}
	if err := CheckClientMessageID(sub.ClientMessageID); err != nil {
		return err
	}
	if err := CheckContent(sub.Content); err != nil {
		return err
	}
	if !ValidID(string(sub.Conversation)) {
		return NotInConversation()
	}
	return nil
}

// answerRefused answers somebody who may not write in the conversation. A retry of what they sent while they could gets
// the first answer again (C2.3): to call it rejected would be untrue, and so it would be when the store cannot say.
func (s *Service) answerRefused(ctx context.Context, p *pendingSend, refusal error) {
	m, err := s.store.MessageByClientID(ctx, p.sub.Conversation, p.sub.Sender, p.sub.ClientMessageID)
	switch {
	case err == nil:
		s.finishStored(p, m, true)
	case AsError(err).Code == CodeNotFound:
		s.finish(p, Sent{}, refusal)
	default:
		unsure := *AsError(err)
		unsure.Outcome = OutcomeUnknown
		s.finish(p, Sent{}, &unsure)
	}
}

// CheckContent holds the rule for message text (C2.5): 1 to 4,000 code points of valid UTF-8, no NUL,
// not only white space or characters that show nothing. What passes is stored byte for byte.
func CheckContent(content string) error { return checkText("content", "message", content) }

// checkText is the rule of CheckContent for any noun's text.
func checkText(field, noun, text string) error {
	switch {
	case text == "":
		return Invalid(field, "The %s is empty.", noun)
	case len(text) > MaxContentBytes || utf8.RuneCountInString(text) > MaxContentRunes:
		return Invalid(field, "The %s is longer than %d characters.", noun, MaxContentRunes)
	case !utf8.ValidString(text):
		return Invalid(field, "The %s is not valid UTF-8.", noun)
	case strings.IndexByte(text, 0) >= 0:
		return Invalid(field, "The %s contains a NUL character.", noun)
	case strings.IndexFunc(text, shows) < 0:
		return Invalid(field, "The %s has only white space.", noun)
	}
	return nil
}

// shows reports whether a character leaves a mark: white space and format characters (zero width
// spaces and joiners) do not.
func shows(r rune) bool { return !unicode.IsSpace(r) && !unicode.Is(unicode.Cf, r) }

// CheckClientMessageID holds the rule for the client's key: 1 to 64 printable ASCII characters (C2.5).
func CheckClientMessageID(id string) error {
	if id == "" || len(id) > MaxClientMessageID {
		return Invalid("clientMessageId", "The clientMessageId must have 1 to %d characters.", MaxClientMessageID)
	}
	for i := range len(id) {
		if id[i] < 0x21 || id[i] > 0x7e {
			return Invalid("clientMessageId", "The clientMessageId must be printable ASCII without spaces.")
		}
	}
	return nil
}

// EditMessage replaces the content of the actor's own message (C5.6). Editing to the same text changes
// nothing and takes no rev. Where one has blocked the other nothing is edited: the text would reach them.
func (s *Service) EditMessage(ctx context.Context, actor UserID, c ConversationID, id MessageID, content string) (Message, error) {
	if err := CheckContent(content); err != nil {
		return Message{}, err
	}
	var out Message
	err := s.decided(ctx, c, actor, func(r Roster, _ Role) error {
		m, err := s.Message(ctx, c, id)
		if err != nil {
			return err
		}
		if m.Deleted() {
			return NotFound("message")
		}
		if m.Sender != actor {
			return Forbidden("Only the sender can edit a message.")
		}
		if refusal := r.refuses(actor); refusal != nil {
			return refusal
		}
		if m.Content == content {
			out = m
			return nil
		}
		out, err = s.store.EditMessage(ctx, Edit{Conversation: c, Message: id, Content: content, RosterRev: r.Rev})
		if err != nil {
			return err
		}
		s.announcer.Announce([]Change{{Conversation: c, Rev: out.Rev, Kind: MessageEdited, Message: &out, Trace: TraceOf(ctx)}})
		return nil
	})
	return out, err
}

// DeleteMessage turns a message into a tombstone: the sender's own, or any as a group's owner or admin
// (C5.6). Deleting a tombstone succeeds and changes nothing.
func (s *Service) DeleteMessage(ctx context.Context, actor UserID, c ConversationID, id MessageID) (Message, error) {
	var out Message
	err := s.decided(ctx, c, actor, func(r Roster, role Role) error {
		m, err := s.Message(ctx, c, id)
		if err != nil {
			return err
		}
		moderates := r.Type == Group && (role == RoleOwner || role == RoleAdmin)
		if m.Sender != actor && !moderates {
			return Forbidden("Only the sender or an admin can delete a message.")
		}
		var already bool
		out, already, err = s.store.DeleteMessage(ctx, Deletion{Conversation: c, Message: id, RosterRev: r.Rev})
		if err != nil || already {
			return err
		}
		s.announcer.Announce([]Change{{Conversation: c, Rev: out.Rev, Kind: MessageDeleted, Message: &out, Trace: TraceOf(ctx)}})
		return nil
	})
	return out, err
}

// Message reads one message of a conversation whose membership the caller has checked.
func (s *Service) Message(ctx context.Context, c ConversationID, id MessageID) (Message, error) {
	if !ValidID(string(id)) {
		return Message{}, NotFound("message")
	}
	return s.store.Message(ctx, c, id)
}

// HistoryRequest asks for a page of history (C3.5). At most one of Around and the position is set.
type HistoryRequest struct {
	HistoryQuery
	Around MessageID
}

// HistoryPage is a page of messages: newest first, or oldest first when Newer was asked for.
type HistoryPage struct {
	Messages []Message
	HasMore  bool // further messages in the direction asked for (older ones for Around)
	HasNewer bool // of an Around page: newer messages follow it
}

// Messages reads a page of history.
func (s *Service) Messages(ctx context.Context, actor UserID, q HistoryRequest) (page HistoryPage, err error) {
	err = s.reading(ctx, q.Conversation, actor, func() (err error) {
		if q.Around != "" {
			page, err = s.messagesAround(ctx, q)
		} else {
			page.Messages, page.HasMore, err = s.store.Messages(ctx, q.HistoryQuery)
		}
		return err
	})
	if err != nil {
		return HistoryPage{}, err
	}
	return page, nil
}

func (s *Service) messagesAround(ctx context.Context, q HistoryRequest) (HistoryPage, error) {
	m, err := s.Message(ctx, q.Conversation, q.Around)
	if err != nil {
		return HistoryPage{}, err
	}
	side := q.HistoryQuery
	side.CreatedAt, side.ID = m.CreatedAt, m.ID
	side.Newer, side.Limit = true, (q.Limit-1)/2
	var page HistoryPage
	if side.Limit > 0 {
		newer, hasNewer, err := s.store.Messages(ctx, side)
		if err != nil {
			return HistoryPage{}, err
		}
		page.HasNewer = hasNewer
		for i := len(newer) - 1; i >= 0; i-- {
			page.Messages = append(page.Messages, newer[i])
		}
	}
	page.Messages = append(page.Messages, m)
	side.Newer, side.Limit = false, q.Limit-len(page.Messages)
	if side.Limit > 0 {
		older, hasMore, err := s.store.Messages(ctx, side)
		if err != nil {
			return HistoryPage{}, err
		}
		page.HasMore = hasMore
		page.Messages = append(page.Messages, older...)
	}
	return page, nil
}
