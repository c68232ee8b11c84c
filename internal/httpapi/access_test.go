package httpapi_test

import (
	"strings"
	"testing"

	"github.com/getkin/kin-openapi/openapi3"

	"github.com/parley-chat/parley/internal/chat"
)

// bodies has a good body for every operation that takes one, so that only who asks can be wrong.
var bodies = map[string]any{
	"updateMe":           object{"displayName": "X"},
	"createConversation": object{"type": "group", "participantIds": []string{}},
	"renameConversation": object{"title": "X"},
	"addParticipants":    object{"participantIds": []string{"01890000-0000-7000-8000-000000000001"}},
	"changeRole":         object{"role": "admin"},
	"sendMessage":        object{"content": "x", "clientMessageId": "x"},
	"editMessage":        object{"content": "x"},
	"markRead":           object{"messageId": "01890000-0000-7000-8000-000000000001"},
	"befriend":           object{"userId": "01890000-0000-7000-8000-000000000001"},
	"block":              object{"userId": "01890000-0000-7000-8000-000000000001"},
}

type operation struct {
	id, method, path string
	signedIn         bool
}

// operations reads every route from the document, so that a new one cannot be forgotten.
func operations(t *testing.T) []operation {
	t.Helper()
	loaded, err := openapi3.NewLoader().LoadFromData(document(t))
	if err != nil {
		t.Fatal(err)
	}
	var all []operation
	for path, item := range loaded.Paths.Map() {
		for method, op := range item.Operations() {
			o := operation{id: op.OperationID, method: method, path: path}
			if op.Security != nil {
				_, o.signedIn = (*op.Security)[0]["bearer"]
			}
			if _, known := bodies[o.id]; !known && o.signedIn && op.RequestBody != nil {
				t.Errorf("the operation %s takes a body and has none in this test", o.id)
			}
			all = append(all, o)
		}
	}
	return all
}

func TestWithoutATokenNothingIsShown(t *testing.T) {
	w := newWorld(t)
	count := 0
	for _, o := range operations(t) {
		if !o.signedIn {
			continue
		}
		count++
		path := strings.NewReplacer("{id}", newID(), "{userId}", newID(), "{messageId}", newID()).Replace(o.path)
		w.ask("", o.method, path, bodies[o.id]).wantProblem(401, chat.CodeUnauthorized)
		w.ask("rubbish", o.method, path, bodies[o.id]).wantProblem(401, chat.CodeAuthFailed)
		w.ask("", o.method, path, bodies[o.id], header{"Authorization", "Basic YTpi"}).wantProblem(401, chat.CodeUnauthorized)
	}
	if count < 17 {
		t.Errorf("only %d operations were tried", count)
	}
}

// A conversation that does not exist, one that the caller is not in and one that they were removed from
// answer alike, on every route, so that nobody can probe ids (C4.10).
func TestAStrangerCannotTellAConversationFromNone(t *testing.T) {
	w := newWorld(t)
	anna, ben, carla := w.person("anna"), w.person("ben"), w.person("carla")
	c := w.group(anna, ben)
	m := w.say(anna, c, "secret")
	w.ask(anna.token, "DELETE", c+"/participants/"+string(ben.id), nil).want(204)
	ended := w.group(anna, carla)
	w.ask(anna.token, "DELETE", ended, nil).want(204)
	conversation := strings.TrimPrefix(c, "/api/conversations/")

	tried := 0
	for _, o := range operations(t) {
		if !strings.Contains(o.path, "{id}") {
			continue
		}
		tried++
		path := func(id string) string {
			return strings.NewReplacer("{id}", id, "{userId}", string(anna.id), "{messageId}", m.ID).Replace(o.path)
		}
		reference := anonymous(w.ask(carla.token, o.method, path(newID()), bodies[o.id]).wantProblem(404, chat.CodeNotInConversation))
		for who, a := range map[string]*answer{
			"a stranger":         w.ask(carla.token, o.method, path(conversation), bodies[o.id]),
			"who was removed":    w.ask(ben.token, o.method, path(conversation), bodies[o.id]),
			"an ended one":       w.ask(carla.token, o.method, path(strings.TrimPrefix(ended, "/api/conversations/")), bodies[o.id]),
			"no UUID":            w.ask(carla.token, o.method, path("rubbish"), bodies[o.id]),
			"upper case":         w.ask(anna.token, o.method, path(strings.ToUpper(conversation)), bodies[o.id]),
			"SQL":                w.ask(carla.token, o.method, path("'%20OR%201=1%20--"), bodies[o.id]),
			"NUL and bad UTF-8":  w.ask(carla.token, o.method, path("%00%ff"), bodies[o.id]),
			"a very long id":     w.ask(carla.token, o.method, path(strings.Repeat("a", 4000)), bodies[o.id]),
			"a path in disguise": w.ask(carla.token, o.method, path("..%2f"+conversation), bodies[o.id]),
		} {
			if got := anonymous(a); got != reference {
				t.Errorf("%s: %s gets %s, want %s", o.id, who, got, reference)
			}
		}
	}
	if tried < 13 {
		t.Errorf("only %d operations were tried", tried)
	}
	// A message of another conversation cannot be reached through one's own.
	own := w.group(carla)
	w.ask(carla.token, "PATCH", own+"/messages/"+m.ID, object{"content": "x"}).wantProblem(404, chat.CodeNotFound)
	w.ask(carla.token, "DELETE", own+"/messages/"+m.ID, nil).wantProblem(404, chat.CodeNotFound)
	w.ask(carla.token, "POST", own+"/read", object{"messageId": m.ID}).wantProblem(404, chat.CodeNotFound)
	w.ask(carla.token, "GET", own+"/messages?around="+m.ID, nil).wantProblem(404, chat.CodeNotFound)
	if after := into[messagesPage](w.ask(anna.token, "GET", c+"/messages", nil).want(200)); len(after.Messages) != 1 || after.Messages[0].Content != "secret" {
		t.Errorf("what is left in the conversation: %+v", after.Messages)
	}
}
