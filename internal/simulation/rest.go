package simulation

import (
	"context"
	"errors"
	"time"

	"github.com/parley-chat/parley/client"
	"github.com/parley-chat/parley/internal/chat"
	"github.com/parley-chat/parley/internal/check"
)

// requestWithin is when a client gives a request up.
const requestWithin = 6 * time.Second

var errUnanswered = errors.New("not answered")

// answer is what a request came to; note writes down what is known from it.
type answer struct {
	note func(*check.Call)
	err  error
}

// ask is one REST request to whatever node the load balancer finds: over there it is a call of the rules. A node
// that dies or is held meanwhile leaves open what happened. It returns when the answer is there.
func (d *device) ask(o check.Operation, do func(context.Context, *chat.Service) (note func(*check.Call), err error)) error {
	call := d.witness.Begin(o)
	luck := d.w.chance.of("request of " + d.name)
	p := d.w.someProcess(luck)
	if p == nil {
		err := &client.Error{Code: client.CodeNetwork, Message: "no node answers", Retryable: true}
		call.End(err)
		return err
	}
	d.log("asks %s: %s %s", p.id, o.Op, o.Conversation)
	way := luck.between(200*time.Microsecond, 30*time.Millisecond)
	ctx, cancel := context.WithTimeout(context.Background(), requestWithin)
	defer cancel()
	answers := make(chan answer, 1)
	d.w.errands.Go(func() {
		time.Sleep(way)
		a := answer{err: errUnanswered}
		if p.gate.pass() {
			a.note, a.err = do(ctx, p.rules)
			time.Sleep(way)
			if !p.gate.pass() {
				a = answer{err: errUnanswered}
			}
		}
		answers <- a
	})
	a := answer{err: context.DeadlineExceeded}
	select {
	case a = <-answers:
	case <-ctx.Done():
	}
	if a.err == nil && a.note != nil {
		a.note(call)
	}
	err := told(a.err)
	d.log("is answered by %s: %s: %v", p.id, o.Op, errorWord(err))
	call.End(err)
	return err
}

func errorWord(err error) string {
	switch code := client.CodeOf(err); {
	case err == nil:
		return "ok"
	case code != "":
		return code
	}
	return err.Error()
}

// told is an error of the rules as a client reads it.
func told(err error) error {
	var e *chat.Error
	if !errors.As(err, &e) {
		return err
	}
	info := e.Code.Info()
	return &client.Error{Code: string(e.Code), Message: e.Message, Retryable: info.Retryable(), Status: info.Status, Outcome: string(e.Outcome), Err: e.Err}
}

// noted writes down a message that was answered.
func noted(m chat.Message) func(*check.Call) {
	return func(c *check.Call) {
		e := check.EntryOf(messageOf(m))
		c.Message, c.Seq, c.Rev, c.CreatedAt, c.Whole = e.Message, e.Seq, e.Rev, e.CreatedAt, e.Whole
	}
}

// sendREST sends over REST.
func (d *device) sendREST(c, key, body string) {
	d.mu.Lock()
	d.posted[key]++
	d.mu.Unlock()
	_ = d.ask(check.Operation{Op: check.Send, REST: true, Conversation: c, Key: key, Body: check.DigestOf(body)}, func(ctx context.Context, rules *chat.Service) (func(*check.Call), error) {
		type sent struct {
			chat.Sent
			err error
		}
		done := make(chan sent, 1)
		rules.SendMessage(chat.Submission{Conversation: chat.ConversationID(c), Sender: d.person.id, ClientMessageID: key, Content: body},
			func(s chat.Sent, err error) { done <- sent{s, err} })
		select {
		case s := <-done:
			if s.err == nil {
				d.w.journal.name(string(s.Message.ID), "m("+key+")")
			}
			return noted(s.Message), s.err
		case <-ctx.Done():
			return nil, ctx.Err()
		}
	})
}

func (d *device) edit(c, message, body string) {
	_ = d.ask(check.Operation{Op: check.Edit, Conversation: c, Message: message, Body: check.DigestOf(body)}, func(ctx context.Context, rules *chat.Service) (func(*check.Call), error) {
		m, err := rules.EditMessage(ctx, d.person.id, chat.ConversationID(c), chat.MessageID(message), body)
		return noted(m), err
	})
}

func (d *device) remove(c, message string) {
	_ = d.ask(check.Operation{Op: check.Delete, Conversation: c, Message: message}, func(ctx context.Context, rules *chat.Service) (func(*check.Call), error) {
		_, err := rules.DeleteMessage(ctx, d.person.id, chat.ConversationID(c), chat.MessageID(message))
		return nil, err
	})
}

// markReadLive asks over the connection, which answers with receipt:synced.
func (d *device) markReadLive(c, message, command string) {
	d.mu.Lock()
	defer d.mu.Unlock()
	if !d.online {
		return
	}
	call := d.witness.Begin(check.Operation{Op: check.MarkRead, Async: true, Conversation: c, Message: message})
	d.log("asks for %s of %s", command, c)
	name := "messageId"
	if command == "receipt:sync" {
		name = "lastReadMessageId"
	}
	d.command(map[string]any{"type": command, "conversationId": c, name: message})
	call.End(errUnanswered)
}

func (d *device) markRead(c, message string) error {
	return d.ask(check.Operation{Op: check.MarkRead, Conversation: c, Message: message}, func(ctx context.Context, rules *chat.Service) (func(*check.Call), error) {
		state, err := rules.AdvanceRead(ctx, d.person.id, chat.ConversationID(c), chat.MessageID(message))
		return func(call *check.Call) {
			call.Unread, call.ReadMessage = state.UnreadCount, string(state.LastReadMessageID)
		}, err
	})
}

// letKnow has others know what the person reads from now on, or not.
func (d *device) letKnow(on bool) error {
	return d.ask(check.Operation{Op: check.Privacy, On: on}, func(ctx context.Context, rules *chat.Service) (func(*check.Call), error) {
		_, err := rules.UpdateMe(ctx, d.person.id, chat.ProfileEdit{ReadReceiptsEnabled: &on})
		return nil, err
	})
}

// whoRead reads who has read a message, in pages.
func (d *device) whoRead(traversal, c, message string, limit int) error {
	var after chat.ReaderCursor
	for {
		last := false
		err := d.ask(check.Operation{Op: check.Readers, Conversation: c, Message: message, Traversal: traversal}, func(ctx context.Context, rules *chat.Service) (func(*check.Call), error) {
			page, err := rules.MessageReaders(ctx, d.person.id, chat.ConversationID(c), chat.MessageID(message), after, limit)
			return func(call *check.Call) {
				for _, r := range page.Readers {
					call.Readers = append(call.Readers, check.Reader{User: string(r.User.ID), At: r.ReadAt.UnixMicro()})
					after = chat.ReaderCursor{ReadAt: r.ReadAt, User: r.User.ID}
				}
				call.Count, call.Last, last = page.Count, !page.HasMore, !page.HasMore
			}, err
		})
		if err != nil || last {
			return err
		}
	}
}

func (d *device) create(kind chat.ConversationType, others []*person, title string) (id string) {
	var people []string
	var ids []chat.UserID
	for _, p := range others {
		people, ids = append(people, string(p.id)), append(ids, p.id)
	}
	_ = d.ask(check.Operation{Op: check.Create, People: people}, func(ctx context.Context, rules *chat.Service) (func(*check.Call), error) {
		c, _, err := rules.CreateConversation(ctx, d.person.id, kind, ids, title)
		return func(call *check.Call) {
			call.Conversation, id = string(c.ID), string(c.ID)
			revised(c)(call)
		}, err
	})
	return id
}

// revised writes down a conversation that was answered.
func revised(c chat.Conversation) func(*check.Call) {
	return func(call *check.Call) { call.Rev, call.Roster = c.LastRev, check.RosterOf(conversationOf(c)) }
}

func (d *device) rename(c, title string) {
	_ = d.ask(check.Operation{Op: check.Rename, Conversation: c}, func(ctx context.Context, rules *chat.Service) (func(*check.Call), error) {
		after, err := rules.RenameConversation(ctx, d.person.id, chat.ConversationID(c), title)
		return revised(after), err
	})
}

func (d *device) admit(c string, who *person) error {
	return d.ask(check.Operation{Op: check.Add, Conversation: c, People: []string{string(who.id)}}, func(ctx context.Context, rules *chat.Service) (func(*check.Call), error) {
		after, err := rules.AddParticipants(ctx, d.person.id, chat.ConversationID(c), []chat.UserID{who.id})
		return revised(after), err
	})
}

func (d *device) expel(c string, who *person) error {
	return d.ask(check.Operation{Op: check.Remove, Conversation: c, People: []string{string(who.id)}}, func(ctx context.Context, rules *chat.Service) (func(*check.Call), error) {
		return nil, rules.RemoveParticipant(ctx, d.person.id, chat.ConversationID(c), who.id)
	})
}

func (d *device) quit(c string) {
	_ = d.ask(check.Operation{Op: check.Leave, Conversation: c}, func(ctx context.Context, rules *chat.Service) (func(*check.Call), error) {
		return nil, rules.RemoveParticipant(ctx, d.person.id, chat.ConversationID(c), d.person.id)
	})
}

func (d *device) promote(c string, who *person, role chat.Role) {
	_ = d.ask(check.Operation{Op: check.Role, Conversation: c, People: []string{string(who.id)}}, func(ctx context.Context, rules *chat.Service) (func(*check.Call), error) {
		_, err := rules.ChangeRole(ctx, d.person.id, chat.ConversationID(c), who.id, role)
		return nil, err
	})
}

func (d *device) discard(c string) {
	_ = d.ask(check.Operation{Op: check.Drop, Conversation: c}, func(ctx context.Context, rules *chat.Service) (func(*check.Call), error) {
		return nil, rules.DeleteConversation(ctx, d.person.id, chat.ConversationID(c))
	})
}

// list reads the own conversations, and follows those that it did not know of.
func (d *device) list() error {
	var found []chat.Conversation
	err := d.ask(check.Operation{Op: check.List}, func(ctx context.Context, rules *chat.Service) (func(*check.Call), error) {
		all, more, err := rules.Conversations(ctx, chat.ListQuery{Viewer: d.person.id, Limit: 100})
		return func(call *check.Call) {
			found = all
			for _, c := range all {
				call.Conversations = append(call.Conversations, listed(c))
			}
			call.Last = !more
		}, err
	})
	d.mu.Lock()
	defer d.mu.Unlock()
	d.listed = d.listed || err == nil && d.online
	for _, c := range found {
		d.show(string(c.ID), time.Now())
	}
	return err
}

func listed(c chat.Conversation) check.Listed {
	l := check.Listed{
		Conversation: string(c.ID), LastSeq: c.LastSeq, LastRev: c.LastRev, Unread: c.UnreadCount, ReadSeq: c.LastReadSeq,
		ReadMessage: string(c.LastReadMessageID), Roster: check.RosterOf(conversationOf(c)),
	}
	if c.LastMessage != nil {
		e := check.EntryOf(messageOf(*c.LastMessage))
		l.LastMessage = &e
	}
	return l
}

// traverse reads the history from one end to the other, with time between the pages. An error ends it.
func (d *device) traverse(traversal, c string, newer bool, limit int, pause time.Duration) error {
	q := chat.HistoryRequest{HistoryQuery: chat.HistoryQuery{Conversation: chat.ConversationID(c), Newer: newer, Limit: limit}}
	for {
		last := false
		err := d.ask(check.Operation{Op: check.Page, Conversation: c, Traversal: traversal, Newer: newer}, func(ctx context.Context, rules *chat.Service) (func(*check.Call), error) {
			page, err := rules.Messages(ctx, d.person.id, q)
			return func(call *check.Call) {
				for _, m := range page.Messages {
					call.Entries = append(call.Entries, check.EntryOf(messageOf(m)))
					q.CreatedAt, q.ID = m.CreatedAt, m.ID
				}
				call.Last, last = !page.HasMore, !page.HasMore
			}, err
		})
		if err != nil || last {
			return err
		}
		time.Sleep(pause)
	}
}

func messageOf(m chat.Message) client.Message {
	return client.Message{
		ID: string(m.ID), ConversationID: string(m.Conversation), SenderID: string(m.Sender), Seq: m.Seq, Rev: m.Rev, Content: m.Content,
		ContentType: m.ContentType, ClientMessageID: m.ClientMessageID, CreatedAt: m.CreatedAt, UpdatedAt: m.UpdatedAt,
		EditedAt: orNil(m.EditedAt), DeletedAt: orNil(m.DeletedAt),
	}
}

func orNil(t time.Time) *time.Time {
	if t.IsZero() {
		return nil
	}
	return &t
}

func conversationOf(c chat.Conversation) client.Conversation {
	out := client.Conversation{ID: string(c.ID), Type: string(c.Type), ParticipantCount: c.ParticipantCount, LastSeq: c.LastSeq, LastRev: c.LastRev}
	if c.Title != "" {
		out.Title = &c.Title
	}
	if c.OwnerID != "" {
		owner := string(c.OwnerID)
		out.OwnerID = &owner
	}
	for _, p := range c.Participants {
		out.Participants = append(out.Participants, client.Participant{User: client.User{ID: string(p.User.ID)}, Role: string(p.Role), JoinedAt: p.JoinedAt})
	}
	return out
}
