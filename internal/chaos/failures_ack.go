package chaos

import (
	"context"
	"encoding/json"
	"fmt"
	"strings"
	"time"

	"github.com/coder/websocket"

	"github.com/parley-chat/parley/client"
)

// resentWithin is when a device is sent again what it owes an ack for: after 10 s (C3.4), and what it takes to look.
const resentWithin = 12 * time.Second

// deaf is a device on a bare socket, which acknowledges only what it is told to.
type deaf struct {
	conn *websocket.Conn
	room string
}

// frame is what the scene reads of a frame.
type frame struct {
	Type    string         `json:"type"`
	Code    string         `json:"code"`
	Message client.Message `json:"message"`
}

// newDeaf connects another device of a person, which follows their room.
func newDeaf(ctx context.Context, url string, p *talker) (*deaf, error) {
	token, err := p.Client.AccessToken(ctx)
	if err != nil {
		return nil, err
	}
	conn, _, err := websocket.Dial(ctx, strings.Replace(url, "http", "ws", 1)+"/ws", &websocket.DialOptions{Subprotocols: []string{"chat.v1"}})
	if err != nil {
		return nil, err
	}
	conn.SetReadLimit(1 << 20)
	d := &deaf{conn, p.room}
	if err := d.say(ctx, map[string]any{"type": "auth", "token": token, "deviceId": "deaf"}); err != nil {
		return nil, err
	}
	if _, err := d.await(ctx, "auth:success", ""); err != nil {
		return nil, err
	}
	if err := d.say(ctx, map[string]any{"type": "subscribe", "conversationId": p.room}); err != nil {
		return nil, err
	}
	_, err = d.await(ctx, "caught:up", "")
	return d, err
}

func (d *deaf) say(ctx context.Context, frame map[string]any) error {
	text, err := json.Marshal(frame)
	if err != nil {
		return err
	}
	return d.conn.Write(ctx, websocket.MessageText, text)
}

// await reads until a frame of a type comes, and of a message when its id is given.
func (d *deaf) await(ctx context.Context, kind, message string) (f frame, err error) {
	for {
		_, text, err := d.conn.Read(ctx)
		if err != nil {
			return f, fmt.Errorf("%w: a bare socket waits for %s: %w", errLate, kind, err)
		}
		f = frame{}
		if json.Unmarshal(text, &f) == nil && f.Type == kind && (message == "" || f.Message.ID == message) {
			return f, nil
		}
	}
}

// ackOwed has a device acknowledge one message and not those that follow, and waits until it is sent the first of these again.
func ackOwed(r *failures, ctx context.Context, row *Failure) error {
	ctx, cancel := context.WithTimeout(ctx, readersPatience)
	defer cancel()
	d, err := newDeaf(ctx, r.front(), r.talk.people[0])
	if err != nil {
		return err
	}
	defer d.conn.CloseNow()
	known, err := d.await(ctx, "message:received", "")
	if err != nil {
		return err
	}
	if err := d.say(ctx, map[string]any{"type": "message:ack", "conversationId": d.room, "seq": known.Message.Seq}); err != nil {
		return err
	}
	owed, err := d.await(ctx, "message:received", "")
	if err != nil {
		return err
	}
	began := time.Now()
	if _, err := d.await(ctx, "message:received", owed.Message.ID); err != nil {
		return err
	}
	took := time.Since(began)
	row.within(resentWithin+r.Bounds.Slack, took, "being sent again what was not acknowledged")
	row.Detected = fmt.Sprintf("the ack is owed for 10 s; sent again after %s", short(took))
	row.Client = "the device gets the message again and knows it by its `rev`; its sender has had the confirmation all the while"
	row.Recovered = "with the next ack"
	return nil
}
