package httpapi_test

import (
	"encoding/json"
	"fmt"
	"log/slog"
	"net/url"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/parley-chat/parley/internal/chat"
	"github.com/parley-chat/parley/internal/httpapi"
	"github.com/parley-chat/parley/internal/limit"
)

type messagesPage struct {
	Messages    []message
	NextCursor  *string
	NewerCursor *string
	HasMore     bool
}

func TestAResentMessageIsTheSameMessage(t *testing.T) {
	w := newWorld(t)
	anna, ben := w.person("anna"), w.person("ben")
	c := w.group(anna, ben)
	draft := object{"content": "hello", "clientMessageId": "one"}
	first := into[message](w.ask(anna.token, "POST", c+"/messages", draft).want(201))
	again := into[message](w.ask(anna.token, "POST", c+"/messages", draft).want(200))
	if first.ID != again.ID || first.Seq != 1 || again.Seq != 1 || first.CreatedAt != again.CreatedAt {
		t.Errorf("first %+v, again %+v", first, again)
	}
	other := w.ask(anna.token, "POST", c+"/messages", object{"content": "another", "clientMessageId": "one"}).wantProblem(422, chat.CodeValidation)
	if p := into[problem](other); p.Reason != "idempotency_conflict" || p.Outcome != "rejected" {
		t.Errorf("%+v", p)
	}
	w.ask(ben.token, "POST", c+"/messages", draft).want(201)
}

func TestTheSameMessageSentAtOnceIsStoredOnce(t *testing.T) {
	w := newWorld(t)
	anna, ben := w.person("anna"), w.person("ben")
	c := w.group(anna, ben)
	answers := make([]*answer, 20)
	var crowd sync.WaitGroup
	for i := range answers {
		crowd.Go(func() {
			answers[i] = w.ask(anna.token, "POST", c+"/messages", object{"content": "once", "clientMessageId": "same"})
		})
	}
	crowd.Wait()
	created := 0
	for _, a := range answers {
		if a.Code == 201 {
			created++
		} else {
			a.want(200)
		}
		if m := into[message](a); m.Seq != 1 {
			t.Errorf("an answer has seq %d", m.Seq)
		}
	}
	if created != 1 {
		t.Errorf("%d answers say that they created it", created)
	}
}

func TestHistoryPagesBothWaysWithoutGaps(t *testing.T) {
	w := newWorld(t)
	anna, ben := w.person("anna"), w.person("ben")
	c := w.group(anna, ben)
	const n = 23
	var ids []string
	for i := range n {
		ids = append(ids, w.say(anna, c, fmt.Sprint(i)).ID)
	}
	for _, direction := range []string{"older", "newer"} {
		var seen []string
		query := url.Values{"limit": {"5"}, "direction": {direction}}
		for {
			page := into[messagesPage](w.ask(ben.token, "GET", c+"/messages?"+query.Encode(), nil).want(200))
			for _, m := range page.Messages {
				seen = append(seen, m.Content)
			}
			if page.HasMore != (page.NextCursor != nil) {
				t.Fatalf("hasMore %v with cursor %v", page.HasMore, page.NextCursor)
			}
			if !page.HasMore {
				break
			}
			query.Set("cursor", *page.NextCursor)
		}
		if len(seen) != n {
			t.Fatalf("%s: %d messages, want %d", direction, len(seen), n)
		}
		for i, content := range seen {
			want := fmt.Sprint(i)
			if direction == "older" {
				want = fmt.Sprint(n - 1 - i)
			}
			if content != want {
				t.Errorf("%s: message %d is %s, want %s", direction, i, content, want)
			}
		}
	}
	around := into[messagesPage](w.ask(ben.token, "GET", c+"/messages?limit=5&around="+ids[10], nil).want(200))
	if len(around.Messages) != 5 || around.Messages[2].ID != ids[10] || !around.HasMore || around.NewerCursor == nil {
		t.Fatalf("around: %+v", around)
	}
	newer := into[messagesPage](w.ask(ben.token, "GET", c+"/messages?limit=2&direction=newer&cursor="+*around.NewerCursor, nil).want(200))
	if newer.Messages[0].ID != ids[13] {
		t.Errorf("after the page around 10 comes %s, want 13", newer.Messages[0].Content)
	}
	older := into[messagesPage](w.ask(ben.token, "GET", c+"/messages?limit=2&cursor="+*around.NextCursor, nil).want(200))
	if older.Messages[0].ID != ids[7] {
		t.Errorf("before the page around 10 comes %s, want 7", older.Messages[0].Content)
	}
}

func TestMessagesAreEditedAndDeletedByWhomTheyMayBe(t *testing.T) {
	w := newWorld(t)
	anna, ben := w.person("anna"), w.person("ben")
	c := w.group(anna, ben)
	m := w.say(ben, c, "frist")
	path := c + "/messages/" + m.ID
	w.ask(anna.token, "PATCH", path, object{"content": "mine"}).wantProblem(403, chat.CodeForbidden)
	edited := into[message](w.ask(ben.token, "PATCH", path, object{"content": "first"}).want(200))
	if edited.Content != "first" || edited.EditedAt == nil || edited.Seq != m.Seq || edited.Rev != m.Rev+1 {
		t.Errorf("%+v", edited)
	}
	w.ask(anna.token, "DELETE", path, nil).want(204)
	w.ask(ben.token, "DELETE", path, nil).want(204)
	w.ask(ben.token, "PATCH", path, object{"content": "again"}).wantProblem(404, chat.CodeNotFound)
	page := into[messagesPage](w.ask(ben.token, "GET", c+"/messages", nil).want(200))
	if len(page.Messages) != 1 || page.Messages[0].DeletedAt == nil || page.Messages[0].Content != "" {
		t.Errorf("what is left: %+v", page.Messages)
	}
	theirs := w.say(anna, c, "the owner's")
	w.ask(ben.token, "DELETE", c+"/messages/"+theirs.ID, nil).wantProblem(403, chat.CodeForbidden)
}

func TestContentComesBackByteForByte(t *testing.T) {
	w := newWorld(t)
	anna, ben := w.person("anna"), w.person("ben")
	c := w.group(anna, ben)
	for _, content := range []string{
		"<script>alert(1)</script>", "'; DROP TABLE messages; --", "\\u0000", `{"a":1}`, "a\r\nb\tc", "  kept  ",
		"e\u0301 \u00e9 \u1e9b\u0323", "👩‍👩‍👧‍👦 🏳️‍🌈", "ﷺ", "\u202eevil", "\ufeffbom", "\u2028a\u2029", "%s%n%x", "&amp;<>&",
		"\x01\x1f\x7f\u0080", "\U0010ffff\U0001f600", "𠜎𠜱", "עברית العربية", strings.Repeat("🙂", 4000), strings.Repeat("x", 4000),
		"$1 $$ ${x} {{.}}", "\ufffd", "Ω≈ç√∫˜µ≤≥÷",
	} {
		m := w.say(anna, c, content)
		if m.Content != content {
			t.Errorf("%.40q was answered as %.40q", content, m.Content)
		}
		page := into[messagesPage](w.ask(ben.token, "GET", c+"/messages?limit=1", nil).want(200))
		if page.Messages[0].Content != content {
			t.Errorf("%.40q came back as %.40q", content, page.Messages[0].Content)
		}
	}
}

func TestWhatIsNoMessageIsRefusedAndNothingIsStored(t *testing.T) {
	w := newWorld(t)
	anna, ben := w.person("anna"), w.person("ben")
	c := w.group(anna, ben)
	quoted := func(s string) string {
		text, err := json.Marshal(s)
		if err != nil {
			t.Fatal(err)
		}
		return string(text)
	}
	content := func(text string) string { return `{"clientMessageId":"x","content":` + text + `}` }
	deep := strings.Repeat("[", 20_000) + strings.Repeat("]", 20_000)
	for name, body := range map[string]string{
		"empty":                          content(`""`),
		"white space only":               content(quoted(" \t\n\u00a0\u3000")),
		"zero width only":                content(quoted("\u200b\u200d\u2060")),
		"4,001 code points":              content(quoted(strings.Repeat("é", 4001))),
		"16 KiB and one":                 content(quoted(strings.Repeat("🙂", 4096) + "x")),
		"NUL":                            content(`"a\u0000b"`),
		"a lone high surrogate":          content(`"\ud83d"`),
		"a lone low surrogate":           content(`"\udc00"`),
		"surrogates the wrong way round": content(`"\ude00\ud83d"`),
		"invalid UTF-8":                  content("\"a\xffb\""),
		"overlong UTF-8":                 content("\"\xc0\xaf\""),
		"content is a number":            content(`5`),
		"content is null":                content(`null`),
		"content is a list":              content(`["a"]`),
		"no content":                     `{"clientMessageId":"x"}`,
		"no clientMessageId":             `{"content":"a"}`,
		"an empty clientMessageId":       `{"content":"a","clientMessageId":""}`,
		"a long clientMessageId":         `{"content":"a","clientMessageId":"` + strings.Repeat("x", 65) + `"}`,
		"a clientMessageId with a space": `{"content":"a","clientMessageId":"a b"}`,
		"a clientMessageId in Unicode":   `{"content":"a","clientMessageId":"é"}`,
		"another contentType":            `{"content":"a","clientMessageId":"x","contentType":"html"}`,
		"an unknown member":              `{"content":"a","clientMessageId":"x","senderId":"` + string(ben.id) + `"}`,
		"a seq":                          `{"content":"a","clientMessageId":"x","seq":1}`,
		"another case":                   `{"Content":"a","clientMessageId":"x"}`,
		"a doubled key":                  `{"content":"a","content":"b","clientMessageId":"x"}`,
		"no JSON":                        `content=a`,
		"cut short":                      `{"content":"a"`,
		"something after it":             `{"content":"a","clientMessageId":"x"}{}`,
		"a comment":                      `{"content":"a"/**/,"clientMessageId":"x"}`,
		"a list":                         `[]`,
		"null":                           `null`,
		"a string":                       `"hello"`,
		"nothing":                        ``,
		"20,000 deep":                    deep,
		"20,000 deep in a member":        `{"content":` + deep + `,"clientMessageId":"x"}`,
	} {
		t.Run(name, func(t *testing.T) {
			a := w.ask(anna.token, "POST", c+"/messages", body)
			a.t = t
			a.wantProblem(422, chat.CodeValidation)
			if len(into[problem](a).Errors) == 0 && body != "" {
				t.Errorf("no field is named: %s", a.Body)
			}
		})
	}
	page := into[messagesPage](w.ask(anna.token, "GET", c+"/messages", nil).want(200))
	if len(page.Messages) != 0 {
		t.Errorf("%d messages were stored", len(page.Messages))
	}
}

func TestABodyMayHave128KiBAndNotMore(t *testing.T) {
	w := newWorld(t)
	anna := w.person("anna")
	c := w.group(anna)
	padded := func(size int) string {
		body := `{"content":"a","clientMessageId":"x"}`
		return body + strings.Repeat(" ", size-len(body))
	}
	w.ask(anna.token, "POST", c+"/messages", padded(128<<10)).want(201)
	w.ask(anna.token, "POST", c+"/messages", padded(128<<10+1)).wantProblem(413, chat.CodeValidation)
}

func TestBrokenPagesAreRefused(t *testing.T) {
	w := newWorld(t)
	anna := w.person("anna")
	c := w.group(anna)
	m := w.say(anna, c, "one")
	w.say(anna, c, "two")
	list := w.ask(anna.token, "GET", c+"/messages?limit=1", nil).want(200)
	good := *into[messagesPage](list).NextCursor
	for _, query := range []string{
		"limit=0", "limit=-1", "limit=101", "limit=9223372036854775808", "limit=ten", "limit=1.5", "limit=1e1",
		"cursor=x", "cursor=" + good[:len(good)-1], "cursor=" + good + "A", "cursor=" + url.QueryEscape(good+"="), "cursor=" + strings.Repeat("A", len(good)),
		"cursor=" + url.QueryEscape("' OR 1=1"), "cursor=%00", "cursor=" + strings.Repeat("A", 5000),
		"direction=up", "direction=newer&around=" + m.ID, "cursor=" + good + "&around=" + m.ID,
	} {
		w.ask(anna.token, "GET", c+"/messages?"+query, nil).wantProblem(422, chat.CodeValidation)
	}
	for _, query := range []string{"limit=0", "limit=101", "cursor=x", "cursor=" + good, "page=0", "page=-1", "page=x", "page=1&cursor=x"} {
		w.ask(anna.token, "GET", "/api/conversations?"+query, nil).wantProblem(422, chat.CodeValidation)
	}
	for _, query := range []string{"limit=0", "limit=101", "cursor=x", "cursor=" + good} {
		w.ask(anna.token, "GET", c+"/participants?"+query, nil).wantProblem(422, chat.CodeValidation)
	}
	for _, query := range []string{"limit=0", "limit=101", "afterRev=-1", "afterRev=x"} {
		w.ask(anna.token, "GET", c+"/changes?"+query, nil).wantProblem(422, chat.CodeValidation)
	}
	w.ask(anna.token, "GET", c+"/messages?around="+newID(), nil).wantProblem(404, chat.CodeNotFound)
	w.ask(anna.token, "GET", c+"/messages?around=rubbish", nil).wantProblem(404, chat.CodeNotFound)
	other := w.group(anna)
	page := into[messagesPage](w.ask(anna.token, "GET", other+"/messages?cursor="+good, nil).want(200))
	if len(page.Messages) != 0 {
		t.Error("a cursor of another conversation shows its messages")
	}
}

func TestChangesBringAClientUpToDate(t *testing.T) {
	w := newWorld(t)
	anna, ben := w.person("anna"), w.person("ben")
	c := w.group(anna, ben)
	kept, edited, deleted := w.say(anna, c, "kept"), w.say(anna, c, "edited"), w.say(anna, c, "deleted")
	w.ask(anna.token, "PATCH", c+"/messages/"+edited.ID, object{"content": "edited since"}).want(200)
	w.ask(anna.token, "DELETE", c+"/messages/"+deleted.ID, nil).want(204)
	type page struct {
		Changes []struct {
			Type    string
			Message *message
			Rev     int64
		}
		LastRev int64
		HasMore bool
	}
	all := into[page](w.ask(ben.token, "GET", c+"/changes", nil).want(200))
	var types []string
	for _, change := range all.Changes {
		types = append(types, change.Type)
	}
	if got := strings.Join(types, " "); got != "conversation:updated message:received message:updated message:deleted" || all.LastRev != 6 || all.HasMore {
		t.Errorf("%s up to %d", got, all.LastRev)
	}
	rest := into[page](w.ask(ben.token, "GET", c+"/changes?limit=1&afterRev="+fmt.Sprint(kept.Rev), nil).want(200))
	if len(rest.Changes) != 1 || rest.Changes[0].Message.Content != "edited since" || !rest.HasMore {
		t.Errorf("%+v", rest)
	}
	none := into[page](w.ask(ben.token, "GET", c+"/changes?afterRev=999", nil).want(200))
	if len(none.Changes) != 0 || none.HasMore {
		t.Errorf("past the end: %+v", none)
	}
}

func TestASendThatTheDatabaseKeepsWaitingIsAnsweredWithinThreeSeconds(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t)
		anna := w.person("anna")
		c := w.group(anna)
		// Rules that nobody runs commit nothing, as with a database that does not answer.
		stuck := chat.New(chat.Config{NewID: newID}, w.store, silence{})
		w.handler = httpapi.New(httpapi.Config{Log: slog.New(slog.DiscardHandler)}, stuck, w.auth, limit.Unlimited{})
		began := time.Now()
		a := w.ask(anna.token, "POST", c+"/messages", object{"content": "a", "clientMessageId": "x"}).wantProblem(503, chat.CodeDBTimeout)
		if took := time.Since(began); took > 3*time.Second {
			t.Errorf("it took %v", took)
		}
		if p := into[problem](a); p.Outcome != "unknown" || p.RetryAfterMs == 0 || a.Header().Get("Retry-After") == "" {
			t.Errorf("%+v", p)
		}
	})
}

func TestAPageOfReadersGoesOnOnlyInTheListOfItsMessage(t *testing.T) {
	w := newWorld(t)
	anna, bert, cyd := w.person("anna"), w.person("bert"), w.person("cyd")
	c := w.group(anna, bert, cyd)
	one, two := w.say(anna, c, "one"), w.say(anna, c, "two")
	for _, p := range []person{bert, cyd} {
		w.ask(p.token, "POST", c+"/read", object{"messageId": two.ID}).want(200)
	}
	type page struct {
		Receipts   []object `json:"receipts"`
		NextCursor *string  `json:"nextCursor"`
	}
	list := func(m message, query string) *answer {
		return w.ask(anna.token, "GET", c+"/messages/"+m.ID+"/receipts?limit=1"+query, nil)
	}
	next := *into[page](list(one, "").want(200)).NextCursor
	if rest := into[page](list(one, "&cursor="+next).want(200)); len(rest.Receipts) != 1 || rest.NextCursor != nil {
		t.Errorf("the rest is %+v", rest)
	}
	list(two, "&cursor="+next).wantProblem(422, chat.CodeValidation)
	list(one, "&cursor="+next[:len(next)-1]).wantProblem(422, chat.CodeValidation)
}
