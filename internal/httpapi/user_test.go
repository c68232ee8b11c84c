package httpapi_test

import (
	"net/url"
	"strings"
	"testing"

	"github.com/parley-chat/parley/internal/chat"
)

type me struct {
	ID, Username, DisplayName            string
	Email                                *string
	ReadReceiptsEnabled, PresenceEnabled bool
	PresenceSharing                      string
	PresenceInvisible                    bool
}

func TestAProfileChangesWhatIsNamedOnly(t *testing.T) {
	w := newWorld(t)
	anna := w.person("anna")
	patch := func(body any) me { return into[me](w.ask(anna.token, "PATCH", "/api/users/me", body).want(200)) }
	before := into[me](w.ask(anna.token, "GET", "/api/users/me", nil).want(200))
	if same := patch(object{}); same != before {
		t.Errorf("nothing was named and %+v became %+v", before, same)
	}
	after := patch(object{"displayName": " Anna ", "email": "anna@example.org", "readReceiptsEnabled": false, "presenceSharing": "nobody", "presenceInvisible": true})
	if after.DisplayName != "Anna" || after.Email == nil || *after.Email != "anna@example.org" || after.ReadReceiptsEnabled || after.PresenceSharing != "nobody" || !after.PresenceInvisible || after.PresenceEnabled != before.PresenceEnabled {
		t.Errorf("%+v", after)
	}
	if kept := patch(object{"displayName": "A"}); kept.Email == nil {
		t.Error("an absent e-mail was removed")
	}
	if removed := patch(object{"email": nil}); removed.Email != nil {
		t.Errorf("a null e-mail stayed: %s", *removed.Email)
	}
	for _, wrong := range []any{
		object{"displayName": ""}, object{"displayName": strings.Repeat("x", 65)}, object{"displayName": "a\u202eb"}, object{"displayName": 5},
		object{"email": "x"}, object{"email": 5}, object{"presenceSharing": "some"}, object{"readReceiptsEnabled": "no"}, object{"presenceInvisible": "yes"},
		object{"username": "ben"}, object{"passwordHash": "x"}, object{"owner": true}, object{"id": newID()}, `[]`,
	} {
		w.ask(anna.token, "PATCH", "/api/users/me", wrong).wantProblem(422, chat.CodeValidation)
	}
}

func TestPeopleAreFoundByTheBeginningOfTheirNames(t *testing.T) {
	w := newWorld(t)
	anna := w.person("anna")
	w.person("annabel")
	w.person("joanna")
	w.ask(anna.token, "PATCH", "/api/users/me", object{"email": "secret@example.org"}).want(200)
	find := func(q string) string {
		found := into[struct {
			Users      []struct{ Username string }
			NextCursor *string
			HasMore    bool
		}](w.ask(anna.token, "GET", "/api/users/search?q="+url.QueryEscape(q), nil).want(200))
		var names []string
		for _, u := range found.Users {
			names = append(names, u.Username)
		}
		return strings.Join(names, " ")
	}
	for q, want := range map[string]string{"ANNA": "annabel", "jo": "joanna", "secret": "", "secret@example.org": "", "%%": "", "__": "", `a\%`: "", "annabel x": ""} {
		if got := find(q); got != want {
			t.Errorf("%q finds %q, want %q", q, got, want)
		}
	}
	for _, q := range []string{"", "a", " a ", strings.Repeat("x", 65), "a\x00", "a\xff"} {
		w.ask(anna.token, "GET", "/api/users/search?q="+url.QueryEscape(q), nil).wantProblem(422, chat.CodeValidation)
	}
	w.ask(anna.token, "GET", "/api/users/search", nil).wantProblem(422, chat.CodeValidation)
}

func TestAnErasedPersonIsGoneAndTheirMessagesMayStay(t *testing.T) {
	w := newWorld(t)
	ben := w.person("ben")
	for name, withMessages := range map[string]bool{"anna": false, "carla": true} {
		in := into[signedIn](w.register(name))
		anna := person{chat.UserID(in.User.ID), name, in.AccessToken}
		c := w.group(ben, anna)
		said := w.say(anna, c, "my words")
		target := "/api/users/me"
		if withMessages {
			target += "?withMessages=true"
		}
		if out := w.ask(anna.token, "DELETE", target, nil).want(204); out.cookie().MaxAge >= 0 {
			t.Error("the cookie stays")
		}
		w.ask(anna.token, "GET", "/api/users/me", nil).wantProblem(401, chat.CodeAuthFailed)
		w.ask("", "POST", "/api/auth/login", object{"username": name, "password": password}).wantProblem(401, chat.CodeAuthFailed)
		page := into[messagesPage](w.ask(ben.token, "GET", c+"/messages", nil).want(200))
		if got := page.Messages[0]; got.ID != said.ID || (got.DeletedAt != nil) != withMessages || (got.Content == "") != withMessages {
			t.Errorf("withMessages=%v leaves %+v", withMessages, got)
		}
		if left := into[conversation](w.ask(ben.token, "GET", c, nil).want(200)); left.ParticipantCount != 1 {
			t.Errorf("%d participants are left", left.ParticipantCount)
		}
		w.ask("", "POST", "/api/auth/register", object{"username": name, "password": password}).wantProblem(409, chat.CodeConflict)
	}
}
