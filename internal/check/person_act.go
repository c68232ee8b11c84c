package check

import (
	"context"
	"errors"
	"fmt"

	"github.com/parley-chat/parley/client"
)

// errUnanswered is the outcome of what is asked for over the live connection: it answers with events.
var errUnanswered = errors.New("not answered")

// SendREST sends over REST.
func (p *Person) SendREST(ctx context.Context, d client.Draft) (client.Message, error) {
	if d.ClientMessageID == "" {
		d.ClientMessageID = client.NewClientMessageID()
	}
	call := p.Begin(Operation{Op: Send, REST: true, Conversation: d.ConversationID, Key: d.ClientMessageID, Body: DigestOf(d.Content)})
	m, err := p.Client.SendMessage(ctx, d)
	call.answered(m, err)
	return m, err
}

// Edit edits an own message over REST.
func (p *Person) Edit(ctx context.Context, conversation, message, content string) (client.Message, error) {
	call := p.Begin(Operation{Op: Edit, Conversation: conversation, Message: message, Body: DigestOf(content)})
	m, err := p.Client.EditMessage(ctx, conversation, message, content)
	call.answered(m, err)
	return m, err
}

// answered notes a message that was answered. A retry is answered with the message as it is now, which
// says nothing of the draft's own rev.
func (c *Call) answered(m client.Message, err error) {
	if err == nil {
		e := EntryOf(m)
		c.Message, c.Seq, c.Rev, c.CreatedAt, c.Whole = e.Message, e.Seq, e.Rev, e.CreatedAt, e.Whole
	}
	c.End(err)
}

// Delete deletes a message over REST.
func (p *Person) Delete(ctx context.Context, conversation, message string) error {
	call := p.Begin(Operation{Op: Delete, Conversation: conversation, Message: message})
	err := p.Client.DeleteMessage(ctx, conversation, message)
	call.End(err)
	return err
}

// MarkRead moves the own read position over REST.
func (p *Person) MarkRead(ctx context.Context, conversation, message string) (client.ReadState, error) {
	call := p.Begin(Operation{Op: MarkRead, Conversation: conversation, Message: message})
	state, err := p.Client.MarkRead(ctx, conversation, message)
	if err == nil {
		call.Unread = state.UnreadCount
		if state.LastReadMessageID != nil {
			call.ReadMessage = *state.LastReadMessageID
		}
	}
	call.End(err)
	return state, err
}

// LetKnow has others know what the person reads from now on, or not.
func (p *Person) LetKnow(ctx context.Context, on bool) error {
	call := p.Begin(Operation{Op: Privacy, On: on})
	_, err := p.Client.UpdateMe(ctx, client.ProfileEdit{ReadReceiptsEnabled: &on})
	call.End(err)
	return err
}

// Readers reads who has read a message, all pages of limit, 1 to 100.
func (p *Person) Readers(ctx context.Context, conversation, message string, limit int) error {
	name := fmt.Sprintf("%s#%d", p.Actor().Client, p.recorder.name())
	for cursor := ""; ; {
		call := p.Begin(Operation{Op: Readers, Conversation: conversation, Message: message, Traversal: name})
		page, err := p.Client.Readers(ctx, conversation, message, cursor, limit)
		for _, r := range page.Receipts {
			call.Readers = append(call.Readers, Reader{r.User.ID, micro(&r.ReadAt)})
		}
		call.Count, call.Last = page.ReadCount, err == nil && !page.HasMore
		call.End(err)
		switch {
		case err != nil:
			return err
		case !page.HasMore:
			return nil
		case page.NextCursor == nil:
			return errors.New("there is more, and no cursor to it")
		}
		cursor = *page.NextCursor
	}
}

// EditLive, DeleteLive and MarkReadLive ask over the live connection. What comes of it is only seen.
func (p *Person) EditLive(conversation, message, content string) {
	call := p.Begin(Operation{Op: Edit, Async: true, Conversation: conversation, Message: message, Body: DigestOf(content)})
	p.Live.Edit(conversation, message, content)
	call.End(errUnanswered)
}

// DeleteLive is Delete over the live connection.
func (p *Person) DeleteLive(conversation, message string) {
	call := p.Begin(Operation{Op: Delete, Async: true, Conversation: conversation, Message: message})
	p.Live.Delete(conversation, message)
	call.End(errUnanswered)
}

// MarkReadLive is MarkRead over the live connection.
func (p *Person) MarkReadLive(conversation, message string) {
	call := p.Begin(Operation{Op: MarkRead, Async: true, Conversation: conversation, Message: message})
	p.Live.MarkRead(conversation, message)
	call.End(errUnanswered)
}

// Create opens a conversation.
func (p *Person) Create(ctx context.Context, n client.NewConversation) (client.Conversation, error) {
	call := p.Begin(Operation{Op: Create, People: n.ParticipantIDs})
	c, err := p.Client.CreateConversation(ctx, n)
	call.Conversation = c.ID
	call.revised(c, err)
	return c, err
}

// Rename gives a group another title.
func (p *Person) Rename(ctx context.Context, conversation, title string) (client.Conversation, error) {
	call := p.Begin(Operation{Op: Rename, Conversation: conversation})
	c, err := p.Client.Rename(ctx, conversation, title)
	call.revised(c, err)
	return c, err
}

// Add takes people into a group.
func (p *Person) Add(ctx context.Context, conversation string, users ...string) (client.Conversation, error) {
	call := p.Begin(Operation{Op: Add, Conversation: conversation, People: users})
	c, err := p.Client.AddParticipants(ctx, conversation, users...)
	call.revised(c, err)
	return c, err
}

// revised notes a conversation that was answered; others may have changed it meanwhile.
func (c *Call) revised(after client.Conversation, err error) {
	if err == nil {
		c.Rev, c.Roster = after.LastRev, RosterOf(after)
	}
	c.End(err)
}

// Remove takes somebody out of a group.
func (p *Person) Remove(ctx context.Context, conversation, user string) error {
	call := p.Begin(Operation{Op: Remove, Conversation: conversation, People: []string{user}})
	err := p.Client.RemoveParticipant(ctx, conversation, user)
	call.End(err)
	return err
}

// Leave leaves a group.
func (p *Person) Leave(ctx context.Context, conversation string) error {
	call := p.Begin(Operation{Op: Leave, Conversation: conversation})
	err := p.Client.RemoveParticipant(ctx, conversation, "me")
	call.End(err)
	return err
}

// ChangeRole makes somebody owner, admin or member.
func (p *Person) ChangeRole(ctx context.Context, conversation, user, role string) error {
	call := p.Begin(Operation{Op: Role, Conversation: conversation, People: []string{user}})
	err := p.Client.ChangeRole(ctx, conversation, user, role)
	call.End(err)
	return err
}

// Drop ends an own group, leaves a group, or hides a direct conversation (C5.4).
func (p *Person) Drop(ctx context.Context, conversation string) error {
	call := p.Begin(Operation{Op: Drop, Conversation: conversation})
	err := p.Client.RemoveConversation(ctx, conversation)
	call.End(err)
	return err
}

// Traverse reads a conversation's history from one end to the other, in pages of limit, 1 to 100. newer
// begins with the oldest.
func (p *Person) Traverse(ctx context.Context, conversation string, newer bool, limit int) ([]client.Message, error) {
	name := fmt.Sprintf("%s#%d", p.Actor().Client, p.recorder.name())
	q := client.HistoryQuery{Newer: newer, Limit: limit}
	var all []client.Message
	for {
		page, err := p.page(ctx, name, conversation, q)
		if err != nil {
			return nil, err
		}
		all = append(all, page.Messages...)
		if !page.HasMore {
			return all, nil
		}
		if page.NextCursor == nil {
			return nil, errors.New("there is more, and no cursor to it")
		}
		q.Cursor = *page.NextCursor
	}
}

func (p *Person) page(ctx context.Context, traversal, conversation string, q client.HistoryQuery) (client.MessagePage, error) {
	call := p.Begin(Operation{Op: Page, Conversation: conversation, Traversal: traversal, Newer: q.Newer})
	page, err := p.Client.Messages(ctx, conversation, q)
	for _, m := range page.Messages {
		call.Entries = append(call.Entries, EntryOf(m))
	}
	call.Last = err == nil && !page.HasMore
	call.End(err)
	return page, err
}

// List reads the own conversations, all pages.
func (p *Person) List(ctx context.Context) ([]client.Conversation, error) {
	call := p.Begin(Operation{Op: List})
	var all []client.Conversation
	cursor := ""
	for {
		page, err := p.Client.Conversations(ctx, cursor, 100)
		if err != nil {
			call.End(err)
			return nil, err
		}
		all = append(all, page.Conversations...)
		if !page.HasMore || page.NextCursor == nil {
			break
		}
		cursor = *page.NextCursor
	}
	for _, c := range all {
		call.Conversations = append(call.Conversations, listed(c))
	}
	call.Last = true
	call.End(nil)
	return all, nil
}

func listed(c client.Conversation) Listed {
	l := Listed{Conversation: c.ID, LastSeq: c.LastSeq, LastRev: c.LastRev, Roster: RosterOf(c)}
	if c.UnreadCount != nil {
		l.Unread = *c.UnreadCount
	}
	if c.LastReadSeq != nil {
		l.ReadSeq = *c.LastReadSeq
	}
	if c.LastReadMessageID != nil {
		l.ReadMessage = *c.LastReadMessageID
	}
	if c.LastMessage != nil {
		e := EntryOf(*c.LastMessage)
		l.LastMessage = &e
	}
	return l
}
