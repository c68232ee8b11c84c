package httpapi_test

import (
	"fmt"
	"testing"

	"github.com/parley-chat/parley/internal/chat"
)

type conversationsPage struct {
	Conversations []conversation
	NextCursor    *string
	HasMore       bool
	Page, Limit   int
}

func TestADirectConversationIsOneForEver(t *testing.T) {
	w := newWorld(t)
	anna, ben, carla := w.person("anna"), w.person("ben"), w.person("carla")
	with := func(ids ...chat.UserID) object { return object{"type": "direct", "participantIds": ids} }
	first := into[conversation](w.ask(anna.token, "POST", "/api/conversations", with(ben.id)).want(201))
	again := into[conversation](w.ask(ben.token, "POST", "/api/conversations", with(anna.id)).want(200))
	if first.ID != again.ID || first.Type != "direct" || first.OwnerID != nil || first.Title != nil || first.LastMessage != nil || first.ParticipantCount != 2 {
		t.Errorf("%+v, %+v", first, again)
	}
	for _, wrong := range []object{
		with(), with(anna.id), with(ben.id, carla.id), with("rubbish"), with(chat.UserID(newID())),
		{"type": "direct", "participantIds": []chat.UserID{ben.id}, "title": "x"}, {"type": "channel", "participantIds": []chat.UserID{}},
		{"type": "direct"}, {"participantIds": []chat.UserID{ben.id}}, {"type": "direct", "participantIds": nil},
		{"type": "direct", "participantIds": "x"}, {"type": "direct", "participantIds": []int{1}},
	} {
		w.ask(anna.token, "POST", "/api/conversations", wrong).wantProblem(422, chat.CodeValidation)
	}
	c := "/api/conversations/" + first.ID
	w.ask(anna.token, "PATCH", c, object{"title": "x"}).wantProblem(403, chat.CodeForbidden)
	w.ask(anna.token, "DELETE", c+"/participants/me", nil).wantProblem(403, chat.CodeForbidden)
	w.ask(anna.token, "POST", c+"/participants", object{"participantIds": []chat.UserID{carla.id}}).wantProblem(403, chat.CodeForbidden)

	w.ask(anna.token, "DELETE", c, nil).want(204)
	if list := into[conversationsPage](w.ask(anna.token, "GET", "/api/conversations", nil).want(200)); len(list.Conversations) != 0 {
		t.Error("a hidden conversation is on the list")
	}
	w.say(ben, c, "still there?")
	if list := into[conversationsPage](w.ask(anna.token, "GET", "/api/conversations", nil).want(200)); len(list.Conversations) != 1 {
		t.Error("a hidden conversation did not come back with its next message")
	}
}

func TestConversationsAreListedByActivity(t *testing.T) {
	w := newWorld(t)
	anna, ben := w.person("anna"), w.person("ben")
	const n = 7
	paths := make([]string, n)
	for i := range paths {
		paths[i] = w.group(anna, ben)
	}
	w.say(ben, paths[2], "news")
	all := into[conversationsPage](w.ask(anna.token, "GET", "/api/conversations", nil).want(200))
	if len(all.Conversations) != n || all.HasMore || all.NextCursor != nil || "/api/conversations/"+all.Conversations[0].ID != paths[2] {
		t.Fatalf("%+v", all)
	}
	first := all.Conversations[0]
	if first.UnreadCount != 1 || first.LastMessage == nil || first.LastMessage.Content != "news" || first.LastSeq != 1 || first.LastRev != 2 || len(first.Participants) != 2 {
		t.Errorf("%+v", first)
	}
	var byCursor, byPage []string
	query := "?limit=3"
	for {
		page := into[conversationsPage](w.ask(anna.token, "GET", "/api/conversations"+query, nil).want(200))
		for _, c := range page.Conversations {
			byCursor = append(byCursor, c.ID)
		}
		if !page.HasMore {
			break
		}
		query = "?limit=3&cursor=" + *page.NextCursor
	}
	for number := 1; number <= 4; number++ {
		page := into[conversationsPage](w.ask(anna.token, "GET", fmt.Sprintf("/api/conversations?limit=3&page=%d", number), nil).want(200))
		if page.Page != number || page.Limit != 3 || page.HasMore != (number < 3) {
			t.Errorf("page %d: %+v", number, page)
		}
		for _, c := range page.Conversations {
			byPage = append(byPage, c.ID)
		}
	}
	for i, c := range all.Conversations {
		if i >= len(byCursor) || i >= len(byPage) || byCursor[i] != c.ID || byPage[i] != c.ID {
			t.Fatalf("by cursor %v, by page %v", byCursor, byPage)
		}
	}
}

func TestAGroupIsRunByItsOwnerAndAdmins(t *testing.T) {
	w := newWorld(t)
	anna, ben, carla, dora := w.person("anna"), w.person("ben"), w.person("carla"), w.person("dora")
	c := w.group(anna, ben, carla)
	named := into[conversation](w.ask(anna.token, "PATCH", c, object{"title": " Walks "}).want(200))
	if named.Title == nil || *named.Title != "Walks" {
		t.Errorf("title: %v", named.Title)
	}
	unnamed := into[conversation](w.ask(anna.token, "PATCH", c, object{"title": nil}).want(200))
	if unnamed.Title != nil {
		t.Errorf("title: %v", *unnamed.Title)
	}
	w.ask(ben.token, "PATCH", c, object{"title": "Ben's"}).wantProblem(403, chat.CodeForbidden)
	w.ask(anna.token, "PATCH", c, object{}).wantProblem(422, chat.CodeValidation)
	w.ask(ben.token, "POST", c+"/participants", object{"participantIds": []chat.UserID{dora.id}}).wantProblem(403, chat.CodeForbidden)
	w.ask(anna.token, "PATCH", c+"/participants/"+string(ben.id), object{"role": "admin"}).want(200)
	w.ask(anna.token, "PATCH", c+"/participants/"+string(ben.id), object{"role": "king"}).wantProblem(422, chat.CodeValidation)
	w.ask(anna.token, "PATCH", c+"/participants/"+newID(), object{"role": "admin"}).wantProblem(404, chat.CodeNotFound)
	added := into[conversation](w.ask(ben.token, "POST", c+"/participants", object{"participantIds": []chat.UserID{dora.id}}).want(200))
	if added.ParticipantCount != 4 {
		t.Errorf("%d participants", added.ParticipantCount)
	}
	w.ask(ben.token, "POST", c+"/participants", object{"participantIds": []string{newID()}}).wantProblem(422, chat.CodeValidation)

	type page struct {
		Participants []struct {
			User struct{ ID, Username string }
			Role string
		}
		NextCursor *string
		HasMore    bool
	}
	one := into[page](w.ask(carla.token, "GET", c+"/participants?limit=3", nil).want(200))
	two := into[page](w.ask(carla.token, "GET", c+"/participants?limit=3&cursor="+*one.NextCursor, nil).want(200))
	if len(one.Participants) != 3 || len(two.Participants) != 1 || two.HasMore || two.Participants[0].User.Username != "dora" || one.Participants[0].Role != "owner" {
		t.Errorf("%+v, %+v", one, two)
	}

	w.ask(ben.token, "DELETE", c+"/participants/"+string(anna.id), nil).wantProblem(403, chat.CodeForbidden)
	w.ask(ben.token, "DELETE", c+"/participants/"+string(carla.id), nil).want(204)
	w.ask(carla.token, "POST", c+"/messages", object{"content": "x", "clientMessageId": "x"}).wantProblem(404, chat.CodeNotInConversation)
	w.ask(anna.token, "DELETE", c+"/participants/me", nil).want(204)
	left := into[conversation](w.ask(ben.token, "GET", c, nil).want(200))
	if left.OwnerID == nil || *left.OwnerID != string(ben.id) {
		t.Errorf("the owner is %v, want ben, the admin", left.OwnerID)
	}
	w.ask(dora.token, "DELETE", c, nil).want(204)
	w.ask(ben.token, "DELETE", c, nil).want(204)
	w.ask(ben.token, "GET", c, nil).wantProblem(404, chat.CodeNotInConversation)
}

func TestAGroupOfOneThousandAndOneIsRefused(t *testing.T) {
	w := newWorld(t)
	anna := w.person("anna")
	ids := make([]string, 1000)
	for i := range ids {
		ids[i] = newID()
	}
	a := w.ask(anna.token, "POST", "/api/conversations", object{"type": "group", "participantIds": ids}).wantProblem(422, chat.CodeValidation)
	if p := into[problem](a); p.Errors[0].Field != "participantIds" {
		t.Errorf("%+v", p)
	}
}

func TestReadingClearsTheBadge(t *testing.T) {
	w := newWorld(t)
	anna, ben := w.person("anna"), w.person("ben")
	c := w.group(anna, ben)
	first, second := w.say(anna, c, "one"), w.say(anna, c, "two")
	type state struct {
		ConversationID    string
		UnreadCount       int64
		LastReadMessageID string
		LastReadAt        string
	}
	read := func(id string) state {
		return into[state](w.ask(ben.token, "POST", c+"/read", object{"messageId": id}).want(200))
	}
	if s := read(first.ID); s.UnreadCount != 1 || s.LastReadMessageID != first.ID || s.LastReadAt == "" {
		t.Errorf("%+v", s)
	}
	if s := read(second.ID); s.UnreadCount != 0 {
		t.Errorf("%+v", s)
	}
	if s := read(first.ID); s.UnreadCount != 0 || s.LastReadMessageID != second.ID {
		t.Errorf("it moved back: %+v", s)
	}
	w.ask(ben.token, "POST", c+"/read", object{"messageId": newID()}).wantProblem(404, chat.CodeNotFound)
	w.ask(ben.token, "POST", c+"/read", object{"messageId": "rubbish"}).wantProblem(404, chat.CodeNotFound)
	w.ask(ben.token, "POST", c+"/read", object{"messageId": ""}).wantProblem(422, chat.CodeValidation)
}
