package httpapi_test

import (
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/parley-chat/parley/internal/chat"
	"github.com/parley-chat/parley/internal/httpapi"
	"github.com/parley-chat/parley/internal/limit"
)

func (w *world) block(p, other person) *answer {
	w.t.Helper()
	return w.ask(p.token, "POST", "/api/blocks", object{"userId": other.id})
}

func (w *world) direct(p, other person) *answer {
	w.t.Helper()
	return w.ask(p.token, "POST", "/api/conversations", object{"type": "direct", "participantIds": []chat.UserID{other.id}})
}

func TestABlockIsMadeAndLifted(t *testing.T) {
	w := newWorld(t)
	anna, ben := w.person("anna"), w.person("ben")
	c := "/api/conversations/" + into[conversation](w.direct(ben, anna).want(201)).ID
	said := w.say(ben, c, "before")
	w.befriend(anna, ben).want(201)
	b := into[standing](w.block(anna, ben).want(201))
	if b.User.Username != "ben" || b.Since == "" {
		t.Errorf("%+v", b)
	}
	if again := into[standing](w.block(anna, ben).want(200)); again != b {
		t.Errorf("again: %+v", again)
	}
	if mine, theirs := w.list(anna, "/api/blocks", 10), w.list(ben, "/api/blocks", 10); !slices.Equal(mine, []string{"ben"}) || len(theirs) > 0 {
		t.Errorf("the lists are %q and %q", mine, theirs)
	}
	if mine, theirs := w.list(anna, "/api/friends", 10), w.list(ben, "/api/friends", 10); len(mine)+len(theirs) > 0 {
		t.Errorf("friends and requests are left: %q and %q", mine, theirs)
	}
	for _, p := range []person{anna, ben} {
		w.ask(p.token, "POST", c+"/messages", object{"content": "x", "clientMessageId": newID()}).wantProblem(403, chat.CodeForbidden)
		w.ask(p.token, "GET", c+"/messages", nil).want(200)
	}
	w.ask(ben.token, "PATCH", c+"/messages/"+said.ID, object{"content": "x"}).wantProblem(403, chat.CodeForbidden)
	if again := into[message](w.ask(ben.token, "POST", c+"/messages", object{"content": "before", "clientMessageId": said.ClientMessageID}).want(200)); again.ID != said.ID {
		t.Errorf("the retry of what was sent before is %+v", again)
	}
	w.ask(ben.token, "DELETE", c+"/messages/"+said.ID, nil).want(204)
	w.ask(ben.token, "DELETE", "/api/blocks/"+string(anna.id), nil).wantProblem(404, chat.CodeNotFound)
	w.ask(anna.token, "DELETE", "/api/blocks/"+string(ben.id), nil).want(204)
	w.ask(anna.token, "DELETE", "/api/blocks/"+string(ben.id), nil).wantProblem(404, chat.CodeNotFound)
	w.say(ben, c, "after")
}

// Whatever asks for a person answers of one with whom there is a block, either way, exactly as of one who does not exist:
// with the same status, the same headers and, but for the name of the request, the same body.
func TestWithABlockAPersonIsAnsweredAsIfTheyDidNotExist(t *testing.T) {
	w := newWorld(t)
	anna, ben, carla := w.person("anna"), w.person("ben"), w.person("carla")
	w.befriend(ben, anna).want(201)
	w.block(anna, ben).want(201)
	for _, pair := range [][2]person{{ben, anna}, {anna, ben}} {
		p, blocked := pair[0], pair[1]
		group := w.group(p, carla)
		tried := 0
		for _, ask := range []struct {
			what string
			of   func(id string) *answer
		}{
			{"befriending", func(id string) *answer { return w.ask(p.token, "POST", "/api/friends", object{"userId": id}) }},
			{"accepting", func(id string) *answer { return w.ask(p.token, "POST", "/api/friends/"+id+"/accept", nil) }},
			{"unfriending", func(id string) *answer { return w.ask(p.token, "DELETE", "/api/friends/"+id, nil) }},
			{"a direct conversation", func(id string) *answer {
				return w.ask(p.token, "POST", "/api/conversations", object{"type": "direct", "participantIds": []string{id}})
			}},
			{"a group", func(id string) *answer {
				return w.ask(p.token, "POST", "/api/conversations", object{"type": "group", "participantIds": []string{string(carla.id), id}})
			}},
			{"adding", func(id string) *answer {
				return w.ask(p.token, "POST", group+"/participants", object{"participantIds": []string{id}})
			}},
			{"a role", func(id string) *answer {
				return w.ask(p.token, "PATCH", group+"/participants/"+id, object{"role": "admin"})
			}},
			{"removing", func(id string) *answer { return w.ask(p.token, "DELETE", group+"/participants/"+id, nil) }},
		} {
			tried++
			is, nobody := ask.of(string(blocked.id)), ask.of(newID())
			if is.Code < 400 || anonymous(is) != anonymous(nobody) {
				t.Errorf("%s of %s by %s: %s, and of nobody %s", ask.what, blocked.name, p.name, anonymous(is), anonymous(nobody))
			}
			for name := range is.Header() {
				if _, there := nobody.Header()[name]; !there {
					t.Errorf("%s: the header %s is there only with a block", ask.what, name)
				}
			}
		}
		found := w.ask(p.token, "GET", "/api/users/search?q="+blocked.name, nil).want(200)
		if nobody := w.ask(p.token, "GET", "/api/users/search?q=nobody", nil).want(200); found.Body.String() != nobody.Body.String() {
			t.Errorf("the search of %s finds %s", p.name, found.Body)
		}
		if list := w.list(p, "/api/friends", 10); len(list) > 0 {
			t.Errorf("the list of %s is %q", p.name, list)
		}
	}
	// Blocking back says nothing of the other's block, nor does a conversation that is there.
	w.block(ben, anna).want(201)
	w.ask(ben.token, "DELETE", "/api/blocks/"+string(anna.id), nil).want(204)
	if list := w.list(ben, "/api/blocks", 10); len(list) > 0 {
		t.Errorf("the one who is blocked has the list %q", list)
	}
	c := into[conversation](w.direct(carla, ben).want(201))
	w.block(carla, ben).want(201)
	if again := into[conversation](w.direct(ben, carla).want(200)); again.ID != c.ID {
		t.Errorf("the conversation that is there: %+v", again)
	}
	for _, path := range []string{"/api/conversations", "/api/conversations/" + c.ID} {
		if text := w.ask(ben.token, "GET", path, nil).want(200).Body.String(); strings.Contains(text, "block") {
			t.Errorf("GET %s speaks of a block: %s", path, text)
		}
	}
}

func TestFriendsAndBlocksCountAsChanges(t *testing.T) {
	w := newWorld(t, func(cfg *httpapi.Config) {
		cfg.Limits.ChangeAnything = limit.Rule{Name: "changes", Limit: 5, Window: time.Hour}
	})
	anna, ben := w.person("anna"), w.person("ben")
	w.befriend(anna, ben).want(201)
	w.ask(anna.token, "POST", "/api/friends/"+string(ben.id)+"/accept", nil).want(404)
	w.ask(anna.token, "DELETE", "/api/friends/"+string(ben.id), nil).want(204)
	w.block(anna, ben).want(201)
	w.ask(anna.token, "DELETE", "/api/blocks/"+string(ben.id), nil).want(204)
	for _, a := range []*answer{w.befriend(anna, ben), w.block(anna, ben), w.ask(anna.token, "DELETE", "/api/friends/"+string(ben.id), nil)} {
		a.wantProblem(429, chat.CodeRateLimited)
	}
	w.ask(anna.token, "GET", "/api/friends", nil).want(200)
}
