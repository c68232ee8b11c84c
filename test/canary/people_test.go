package canary_test

import (
	"encoding/json"
	"fmt"
	"net/http"
	"strings"
	"testing"

	"github.com/coder/websocket"
)

// live has two people do what people do, and returns their conversation.
func (p *person) live(t *testing.T, other *person) (group string) {
	t.Helper()
	status, made, _ := p.node.ask("POST", "/api/conversations", p.token, map[string]any{
		"type": "group", "participantIds": []string{other.id}, "title": wrote("title"),
	})
	if status != http.StatusCreated {
		t.Fatalf("%d %v", status, made)
	}
	group = made["id"].(string)
	for _, one := range []*person{p, other} {
		one.connect(t)
		one.write(t, fmt.Sprintf(`{"type":"subscribe","conversationId":%q,"afterRev":0}`, group))
		one.await(t, `"caught:up"`)
	}
	p.write(t, fmt.Sprintf(`{"type":"typing:start","conversationId":%q,"traceparent":"00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01"}`, group))
	other.await(t, `"typing:started"`)
	p.write(t, frame("message:send", group, "content", wrote("text")+forged, "clientMessageId", "one"))
	sent := p.await(t, `"message:sent"`)
	_, rest, _ := strings.Cut(sent, `"messageId":"`)
	message, _, _ := strings.Cut(rest, `"`)
	other.await(t, `"message:received"`)
	other.write(t, fmt.Sprintf(`{"type":"message:ack","conversationId":%q,"seq":1}`, group))
	p.await(t, `"message:delivered"`)
	other.write(t, frame("receipt:read", group, "messageId", message))
	p.await(t, `"receipt:updated"`)
	p.write(t, frame("message:edit", group, "messageId", message, "content", wrote("edit")))
	other.await(t, `"message:updated"`)
	p.write(t, frame("message:delete", group, "messageId", message))
	other.await(t, `"message:deleted"`)
	p.node.ask("GET", "/api/users/search?q="+wrote("search"), p.token, nil)
	p.node.ask("PATCH", "/api/users/me", p.token, map[string]any{"displayName": wrote("newname")})
	p.node.ask("PATCH", "/api/conversations/"+group, p.token, map[string]any{"title": wrote("newtitle")})
	p.node.ask("GET", "/api/conversations/"+group+"/messages?cursor="+wrote("cursor"), p.token, nil)
	status, in, header := p.node.ask("POST", "/api/auth/login", "", map[string]any{"username": p.name, "password": p.password})
	if status != http.StatusOK {
		t.Fatalf("%d %v", status, in)
	}
	again := &person{node: p.node}
	again.keep(in, header)
	return group
}

func frame(kind, conversation string, members ...string) string {
	text := fmt.Sprintf(`{"type":%q,"conversationId":%q`, kind, conversation)
	for i := 0; i < len(members); i += 2 {
		text += fmt.Sprintf(`,%q:%s`, members[i], quote(members[i+1]))
	}
	return text + "}"
}

// quote is text in JSON.
func quote(text string) string {
	data, _ := json.Marshal(text) // a string has JSON
	return string(data)
}

// fail does everything wrong.
func (p *person) fail(t *testing.T, group string) {
	t.Helper()
	for _, f := range []string{
		frame("message:send", group, "content", strings.Repeat(wrote("long"), 200), "clientMessageId", "long"),
		frame("message:send", group, "content", wrote("badkey"), "clientMessageId", wrote("badkey")+forged),
		frame("message:send", wrote("nowhere"), "content", wrote("nowhere"), "clientMessageId", "nowhere"),
		frame("message:edit", group, "messageId", wrote("message"), "content", wrote("edited")),
		frame("receipt:read", group, "messageId", wrote("read")),
		`{"type":"message:send","conversationId":7,"content":"` + wrote("broken") + `","clientMessageId":"b"}`,
		`{"type":"` + wrote("type") + `"}`,
		`{"broken":"` + wrote("broken"),
	} {
		p.write(t, f)
		p.await(t, `error"`)
	}
	for _, request := range []struct {
		method, path, token string
		body                any
	}{
		{"POST", "/api/auth/login", "", map[string]any{"username": p.name, "password": wrote("wrong")}},
		{"POST", "/api/auth/login", "", map[string]any{"username": wrote("nobody") + forged, "password": wrote("wrong")}},
		{"POST", "/api/auth/register", "", map[string]any{"username": p.name, "password": wrote("taken"), "email": wrote("taken") + "@example.org"}},
		{"POST", "/api/auth/login", "", `{"username":"` + wrote("broken") + `","password":"` + wrote("broken")},
		{"GET", "/api/users/me", wrote("token"), nil},
		{"GET", "/api/users/me?access_token=" + wrote("token"), "", nil},
		{"GET", "/api/" + wrote("path"), p.token, nil},
		{wrote("method"), "/api/users/me", p.token, nil},
		{"POST", "/api/conversations/" + group + "/messages", p.token, map[string]any{"content": strings.Repeat(wrote("toolong"), 200), "clientMessageId": "x"}},
		{"POST", "/api/conversations/" + group + "/messages", p.token, map[string]any{"content": wrote("unknown"), "clientMessageId": "y", wrote("member"): 1}},
		{"GET", "/ws?token=" + wrote("token"), "", nil},
	} {
		p.node.ask(request.method, request.path, request.token, request.body)
	}
	stranger := &person{node: p.node, token: wrote("stranger")}
	conn, _, err := websocket.Dial(t.Context(), strings.Replace(p.node.url, "http", "ws", 1)+"/ws", &websocket.DialOptions{Subprotocols: []string{"chat.v1"}})
	if err != nil {
		t.Fatal(err)
	}
	stranger.socket = conn
	stranger.write(t, fmt.Sprintf(`{"type":"auth","token":%q}`, stranger.token))
	stranger.await(t, `"auth:error"`)
	_ = conn.CloseNow()
	// An own connection ends, too.
	last := &person{node: p.node, token: p.token}
	last.connect(t)
	_ = last.socket.Close(websocket.StatusNormalClosure, wrote("reason"))
	p.node.await("told that it has gone", func() bool { return strings.Contains(p.node.log.String(), "websocket.disconnected") })
}
