package httpapi_test

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/parley-chat/parley/internal/chat"
)

// standing is somebody on a list of people.
type standing struct {
	User          struct{ ID, Username, DisplayName string }
	Status, Since string
}

type people struct {
	Friends, Blocks []standing
	NextCursor      *string
	HasMore         bool
}

// list is the whole of a list of people, in pages, as "name status".
func (w *world) list(p person, path string, limit int) []string {
	w.t.Helper()
	names := []string{}
	for cursor := ""; ; {
		page := into[people](w.ask(p.token, "GET", fmt.Sprintf("%s?limit=%d%s", path, limit, cursor), nil).want(200))
		for _, f := range slices.Concat(page.Friends, page.Blocks) {
			if f.Since == "" || f.User.ID == "" {
				w.t.Fatalf("%+v", f)
			}
			names = append(names, strings.TrimSpace(f.User.Username+" "+f.Status))
		}
		if page.HasMore != (page.NextCursor != nil) {
			w.t.Fatalf("hasMore is %v and the cursor %v", page.HasMore, page.NextCursor)
		}
		if !page.HasMore {
			return names
		}
		cursor = "&cursor=" + *page.NextCursor
	}
}

func (w *world) befriend(p, other person) *answer {
	w.t.Helper()
	return w.ask(p.token, "POST", "/api/friends", object{"userId": other.id})
}

func TestAFriendshipIsAskedForAcceptedAndEnded(t *testing.T) {
	w := newWorld(t)
	anna, ben := w.person("anna"), w.person("ben")
	expect := func(when string, annas, bens []string) {
		t.Helper()
		if a, b := w.list(anna, "/api/friends", 10), w.list(ben, "/api/friends", 10); !slices.Equal(a, annas) || !slices.Equal(b, bens) {
			t.Errorf("%s: the lists are %q and %q", when, a, b)
		}
	}
	of := func(p person) string { return "/api/friends/" + string(p.id) }
	expect("nothing", []string{}, []string{})
	asked := into[standing](w.befriend(anna, ben).want(201))
	if asked.Status != "outgoing" || asked.User.ID != string(ben.id) || asked.User.DisplayName != "BEN" {
		t.Errorf("%+v", asked)
	}
	if again := into[standing](w.befriend(anna, ben).want(200)); again != asked {
		t.Errorf("asked again: %+v", again)
	}
	expect("asked", []string{"ben outgoing"}, []string{"anna incoming"})
	w.ask(anna.token, "POST", of(ben)+"/accept", nil).wantProblem(404, chat.CodeNotFound)
	if f := into[standing](w.ask(ben.token, "POST", of(anna)+"/accept", nil).want(200)); f.Status != "friends" {
		t.Errorf("%+v", f)
	}
	w.ask(ben.token, "POST", of(anna)+"/accept", nil).want(200)
	w.befriend(ben, anna).want(200)
	expect("accepted", []string{"ben friends"}, []string{"anna friends"})
	w.ask(anna.token, "DELETE", of(ben), nil).want(204)
	w.ask(anna.token, "DELETE", of(ben), nil).wantProblem(404, chat.CodeNotFound)
	expect("ended", []string{}, []string{})
	w.befriend(ben, anna).want(201)
	w.ask(anna.token, "DELETE", of(ben), nil).want(204)
	w.befriend(ben, anna).want(201)
	if f := into[standing](w.befriend(anna, ben).want(200)); f.Status != "friends" {
		t.Errorf("asked back: %+v", f)
	}
	expect("asked back", []string{"ben friends"}, []string{"anna friends"})
}

func TestListsOfPeopleComeInPages(t *testing.T) {
	w := newWorld(t)
	anna := w.person("anna")
	var friends, blocked []string
	for i := range 5 {
		f, b := w.person(fmt.Sprintf("friend%d", i)), w.person(fmt.Sprintf("blocked%d", i))
		if i%2 == 0 {
			w.befriend(anna, f).want(201)
			friends = append([]string{f.name + " outgoing"}, friends...)
		} else {
			w.befriend(f, anna).want(201)
			friends = append([]string{f.name + " incoming"}, friends...)
		}
		w.block(anna, b).want(201)
		blocked = append([]string{b.name}, blocked...)
	}
	for _, limit := range []int{1, 2, 5, 100} {
		if got := w.list(anna, "/api/friends", limit); !slices.Equal(got, friends) {
			t.Errorf("friends in pages of %d: %q", limit, got)
		}
		if got := w.list(anna, "/api/blocks", limit); !slices.Equal(got, blocked) {
			t.Errorf("blocks in pages of %d: %q", limit, got)
		}
	}
	cursors := map[string]string{}
	for _, path := range []string{"/api/friends", "/api/blocks"} {
		cursors[path] = *into[people](w.ask(anna.token, "GET", path+"?limit=1", nil).want(200)).NextCursor
		for _, wrong := range []string{"limit=0", "limit=101", "limit=x", "cursor=x", "cursor=%00", "cursor=" + strings.Repeat("A", 34)} {
			w.ask(anna.token, "GET", path+"?"+wrong, nil).wantProblem(422, chat.CodeValidation)
		}
	}
	w.ask(anna.token, "GET", "/api/friends?cursor="+cursors["/api/blocks"], nil).wantProblem(422, chat.CodeValidation)
	w.ask(anna.token, "GET", "/api/blocks?cursor="+cursors["/api/friends"], nil).wantProblem(422, chat.CodeValidation)
}

func TestWhoIsNobodyIsNotBefriendedOrBlocked(t *testing.T) {
	w := newWorld(t)
	anna := w.person("anna")
	for _, path := range []string{"/api/friends", "/api/blocks"} {
		w.ask(anna.token, "POST", path, object{"userId": anna.id}).wantProblem(422, chat.CodeValidation)
		for _, nobody := range []string{newID(), "rubbish", "", "' OR 1=1 --", "\x00", strings.ToUpper(string(w.person("p" + path[5:8]).id)), strings.Repeat("a", 4000)} {
			w.ask(anna.token, "POST", path, object{"userId": nobody}).wantProblem(404, chat.CodeNotFound)
		}
		for _, wrong := range []any{object{}, object{"userId": 5}, object{"userId": nil}, object{"userId": newID(), "x": 1}, `[]`, `{`} {
			w.ask(anna.token, "POST", path, wrong).wantProblem(422, chat.CodeValidation)
		}
		for _, nobody := range []string{newID(), "rubbish", string(anna.id), "%00%ff"} {
			w.ask(anna.token, "DELETE", path+"/"+nobody, nil).wantProblem(404, chat.CodeNotFound)
		}
	}
	for _, nobody := range []string{newID(), "rubbish", string(anna.id), "%00%ff"} {
		w.ask(anna.token, "POST", "/api/friends/"+nobody+"/accept", nil).wantProblem(404, chat.CodeNotFound)
	}
}
