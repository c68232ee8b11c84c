package httpapi_test

import (
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/parley-chat/parley/internal/chat"
)

type presence struct {
	UserID, Status, Device string
	LastSeenAt             *string
}

// comes has a person be there, or gone for so long.
func (w *world) comes(p person, heard time.Duration) {
	w.t.Helper()
	privacies, err := w.store.Privacies(w.t.Context(), []chat.UserID{p.id})
	if err == nil {
		_, _, err = w.devices.Beat(w.t.Context(), []chat.Beat{{
			User: p.id, Login: "login", Type: chat.Desktop, Heard: heard, Active: heard, Connected: heard, Privacy: privacies[p.id],
		}})
	}
	if err != nil {
		w.t.Fatal(err)
	}
}

func (w *world) sees(viewer person, of ...person) []presence {
	w.t.Helper()
	ids := make([]string, len(of))
	for i, p := range of {
		ids[i] = string(p.id)
	}
	return into[struct{ Presences []presence }](w.ask(viewer.token, "GET", "/api/presence?userIds="+strings.Join(ids, ","), nil).want(200)).Presences
}

func TestWhoIsThereIsShownToThoseWhoMayKnow(t *testing.T) {
	w := newWorld(t)
	anna, ben, cleo, eve := w.person("anna"), w.person("ben"), w.person("cleo"), w.person("eve")
	nobody := person{id: chat.UserID(newID())}
	w.group(anna, ben, cleo)
	for _, p := range []person{anna, ben, eve} {
		w.comes(p, 0)
	}
	if _, err := w.store.SawLast(t.Context(), map[chat.UserID]time.Time{cleo.id: time.Now()}); err != nil {
		t.Fatal(err)
	}
	seen := w.sees(anna, ben, cleo, eve, nobody, anna)
	for i, want := range []presence{
		{UserID: string(ben.id), Status: "online", Device: "desktop"}, {UserID: string(cleo.id), Status: "offline"},
		{UserID: string(eve.id), Status: "offline"}, {UserID: string(nobody.id), Status: "offline"},
		{UserID: string(anna.id), Status: "online", Device: "desktop"},
	} {
		shown := seen[i].LastSeenAt != nil
		if seen[i].LastSeenAt = nil; seen[i] != want || shown != (i == 1) {
			t.Errorf("anna sees %+v, last seen %v, want %+v", seen[i], shown, want)
		}
	}

	w.ask(ben.token, "PATCH", "/api/users/me", object{"presenceInvisible": true}).want(200)
	if p := w.sees(anna, ben)[0]; p.Status != "offline" || p.Device != "" || p.LastSeenAt == nil {
		t.Errorf("of ben, who is invisible, anna sees %+v", p)
	}
	if p := w.sees(ben, ben)[0]; p.Status != "invisible" || p.LastSeenAt != nil {
		t.Errorf("and ben %+v", p)
	}
	for _, secret := range []object{{"presenceSharing": "nobody"}, {"presenceSharing": "friends"}, {"presenceSharing": "everyone", "presenceEnabled": false}} {
		w.ask(ben.token, "PATCH", "/api/users/me", secret).want(200)
		if p := w.sees(anna, ben)[0]; p != (presence{UserID: string(ben.id), Status: "offline"}) {
			t.Errorf("with %v anna sees %+v", secret, p)
		}
	}
	w.ask(ben.token, "PATCH", "/api/users/me", object{"presenceEnabled": true, "presenceInvisible": false}).want(200)
	if p := w.sees(anna, ben)[0]; p.Status != "online" {
		t.Errorf("of ben, who is visible again, anna sees %+v", p)
	}
}

func TestPresenceIsAskedForWithIDs(t *testing.T) {
	w := newWorld(t)
	anna := w.person("anna")
	many := strings.TrimSuffix(strings.Repeat(newID()+",", 101), ",")
	for _, wrong := range []string{"", "?userIds=", "?userIds=anna", "?userIds=" + newID() + ",x", "?userIds=" + many} {
		w.ask(anna.token, "GET", "/api/presence"+wrong, nil).wantProblem(422, chat.CodeValidation)
	}
	w.ask("", "GET", "/api/presence?userIds="+newID(), nil).wantProblem(401, chat.CodeUnauthorized)
}

func TestWhosePresenceIsFollowedIsListed(t *testing.T) {
	w := newWorld(t)
	anna, ben, cleo := w.person("anna"), w.person("ben"), w.person("cleo")
	path := func(p person) string { return "/api/presence/subscriptions/" + string(p.id) }
	list := func() (names []string) {
		for _, u := range into[struct{ Users []struct{ Username string } }](w.ask(anna.token, "GET", "/api/presence/subscriptions", nil).want(200)).Users {
			names = append(names, u.Username)
		}
		return names
	}
	if names := list(); len(names) != 0 {
		t.Errorf("at first %v are followed", names)
	}
	for range 2 {
		w.ask(anna.token, "PUT", path(cleo), nil).want(204)
		w.ask(anna.token, "PUT", path(ben), nil).want(204)
	}
	w.ask(anna.token, "PUT", path(person{id: chat.UserID(newID())}), nil).want(204)
	if names := list(); !slices.Equal(names, []string{ben.name, cleo.name}) {
		t.Errorf("%v are followed", names)
	}
	w.comes(ben, 0)
	if p := w.sees(anna, ben)[0]; p != (presence{UserID: string(ben.id), Status: "offline"}) {
		t.Errorf("following shows %+v of a stranger", p)
	}
	for range 2 {
		w.ask(anna.token, "DELETE", path(ben), nil).want(204)
	}
	if names := list(); !slices.Equal(names, []string{cleo.name}) {
		t.Errorf("then %v are followed", names)
	}
	w.ask(anna.token, "PUT", path(anna), nil).wantProblem(422, chat.CodeValidation)
	w.ask(anna.token, "PUT", "/api/presence/subscriptions/ben", nil).wantProblem(422, chat.CodeValidation)
}
