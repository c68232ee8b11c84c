package httpapi_test

import (
	"strings"
	"testing"
	"time"

	"github.com/parley-chat/parley/internal/chat"
	"github.com/parley-chat/parley/internal/httpapi"
	"github.com/parley-chat/parley/internal/limit"
)

func TestEveryRefusalOfASendHasAnOutcomeAndNothingElseHas(t *testing.T) {
	w := newWorld(t, func(c *httpapi.Config) { c.Limits.Send = limit.Rule{Name: "send", Limit: 6, Window: time.Hour} })
	anna, ben, eve := w.person("anna"), w.person("ben"), w.person("eve")
	c := w.group(anna, ben)
	whole := object{"content": "a", "clientMessageId": newID()}
	with := func(name string, value any) object {
		o := object{"content": "a", "clientMessageId": newID()}
		o[name] = value
		return o
	}
	has := func(want string, a *answer) {
		t.Helper()
		if p := into[problem](a); p.Outcome != want {
			t.Errorf("%s answered %s, want the outcome %q", a.what, a.Body, want)
		}
	}
	send := func(token string, body any, more ...header) *answer {
		return w.ask(token, "POST", c+"/messages", body, more...)
	}
	has("rejected", send("", whole).wantProblem(401, chat.CodeUnauthorized))
	has("rejected", send(eve.token, whole).wantProblem(404, chat.CodeNotInConversation))
	has("rejected", send(anna.token, with("strange", 1)).wantProblem(422, chat.CodeValidation))
	has("rejected", send(anna.token, with("content", strings.Repeat("a", 4001))).wantProblem(422, chat.CodeValidation))
	has("rejected", send(anna.token, whole, header{"Content-Type", "text/plain"}).wantProblem(415, chat.CodeValidation))
	has("rejected", w.ask(anna.token, "POST", c+"/messages?token=x", whole).wantProblem(400, chat.CodeValidation))
	for range 4 {
		send(anna.token, whole)
	}
	has("rejected", send(anna.token, whole).wantProblem(429, chat.CodeRateLimited))

	has("", w.ask(anna.token, "PATCH", c+"/messages/"+newID(), object{"content": ""}).wantProblem(422, chat.CodeValidation))
	has("", w.ask(eve.token, "GET", c+"/messages", nil).wantProblem(404, chat.CodeNotInConversation))
	w.store.Close()
	has("", w.ask(anna.token, "GET", c+"/messages", nil))
	has("", w.ask("", "POST", "/api/auth/login", object{"username": "anna", "password": password}))
	has("unknown", send(ben.token, with("content", "b")))
}
