package httpapi_test

import (
	"fmt"
	"net/http"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/parley-chat/parley/internal/chat"
	"github.com/parley-chat/parley/internal/httpapi"
	"github.com/parley-chat/parley/internal/limit"
)

const password = "correct horse"

type signedIn struct {
	User        struct{ ID, Username, DisplayName, CreatedAt string }
	AccessToken string
	ExpiresIn   int
}

// cookie finds the refresh cookie that an answer set.
func (a *answer) cookie() *http.Cookie {
	a.t.Helper()
	return a.cookieNamed("refresh")
}

func (a *answer) cookieNamed(name string) *http.Cookie {
	a.t.Helper()
	set := a.Result().Cookies()
	if len(set) != 1 || set[0].Name != name {
		a.t.Fatalf("%s set the cookies %v, want %s alone", a.what, set, name)
	}
	return set[0]
}

func withCookie(c *http.Cookie) header { return header{"Cookie", c.Name + "=" + c.Value} }

func (w *world) register(name string) *answer {
	w.t.Helper()
	return w.ask("", "POST", "/api/auth/register", object{"username": name, "password": password}).want(201)
}

func TestADeviceRegistersRefreshesAndSignsOut(t *testing.T) {
	w := newWorld(t)
	a := w.register("anna")
	in := into[signedIn](a)
	if in.User.Username != "anna" || in.User.DisplayName != "anna" || in.ExpiresIn != 900 {
		t.Errorf("%+v", in)
	}
	c := a.cookie()
	if !c.HttpOnly || !c.Secure || c.SameSite != http.SameSiteStrictMode || c.Path != "/api/auth" || c.Domain != "" || c.MaxAge < 7*24*3600-60 {
		t.Errorf("the cookie is %s", a.Header().Get("Set-Cookie"))
	}
	w.ask(in.AccessToken, "GET", "/api/users/me", nil).want(200)

	refreshed := w.ask("", "POST", "/api/auth/refresh", nil, withCookie(c)).want(200)
	again := w.ask("", "POST", "/api/auth/refresh", nil, withCookie(c)).want(200)
	if refreshed.cookie().Value == c.Value || refreshed.cookie().Value != again.cookie().Value {
		t.Error("a token that comes twice has not one successor")
	}
	access := into[signedIn](refreshed).AccessToken
	out := w.ask("", "POST", "/api/auth/logout", nil, withCookie(refreshed.cookie())).want(204)
	if out.cookie().MaxAge >= 0 || out.cookie().Path != "/api/auth" {
		t.Errorf("signing out sets %s", out.Header().Get("Set-Cookie"))
	}
	w.ask("", "POST", "/api/auth/refresh", nil, withCookie(refreshed.cookie())).wantProblem(401, chat.CodeAuthFailed)
	w.ask(access, "GET", "/api/users/me", nil).wantProblem(401, chat.CodeAuthFailed)
	w.ask("", "POST", "/api/auth/refresh", nil).wantProblem(401, chat.CodeUnauthorized)
	w.ask("", "POST", "/api/auth/logout", nil).want(204)
}

func TestLoginsInSlotsStandBesideEachOther(t *testing.T) {
	w := newWorld(t)
	anna := w.register("anna").cookie()
	slot := header{"Parley-Slot", "ben_2-x"}
	w.ask("", "POST", "/api/auth/register", object{"username": "ben", "password": password}, slot).want(201).cookieNamed("refresh_ben_2-x")
	ben := w.ask("", "POST", "/api/auth/login", object{"username": "ben", "password": password}, slot).want(200).cookieNamed("refresh_ben_2-x")
	if !ben.HttpOnly || !ben.Secure || ben.SameSite != http.SameSiteStrictMode || ben.Path != anna.Path || ben.Domain != "" || ben.MaxAge < 7*24*3600-60 {
		t.Errorf("the cookie is %s", ben)
	}
	// A browser sends both cookies every time.
	both := func() header { return header{"Cookie", anna.String() + "; " + ben.String()} }
	refresh := func(name, cookie string, more ...header) *http.Cookie {
		a := w.ask("", "POST", "/api/auth/refresh", nil, append(more, both())...).want(200)
		if got := into[signedIn](a).User.Username; got != name {
			t.Errorf("refreshing %s makes %s", cookie, got)
		}
		return a.cookieNamed(cookie)
	}
	ben = refresh("ben", "refresh_ben_2-x", slot)
	anna = refresh("anna", "refresh")
	w.ask("", "POST", "/api/auth/refresh", nil, both(), header{"Parley-Slot", "carla"}).wantProblem(401, chat.CodeUnauthorized)

	if out := w.ask("", "POST", "/api/auth/logout", nil, both(), slot).want(204).cookieNamed("refresh_ben_2-x"); out.MaxAge >= 0 {
		t.Errorf("signing out sets %s", out)
	}
	w.ask("", "POST", "/api/auth/refresh", nil, both(), slot).wantProblem(401, chat.CodeAuthFailed)
	anna = refresh("anna", "refresh")
	link, _, err := w.auth.OwnerLink(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	w.ask("", "POST", "/api/auth/owner", object{"token": link, "username": "otto", "password": password}, slot).want(201).cookieNamed("refresh_ben_2-x")
	w.ask("", "POST", "/api/auth/logout", nil, both()).want(204).cookie()
	// Whoever erases an account takes no cookie from another window.
	w.ask(w.person("carla").token, "DELETE", "/api/users/me", nil, slot).want(204).cookieNamed("refresh_ben_2-x")
}

func TestASlotThatBreaksItsRuleIsRefused(t *testing.T) {
	w := newWorld(t)
	w.register("anna")
	for _, bad := range []string{"", "Ben", "a b", "a.b", "a;b", "a=b", "ä", strings.Repeat("x", 33)} {
		for path, body := range map[string]any{
			"/api/auth/login": object{"username": "anna", "password": password}, "/api/auth/register": object{"username": "ben", "password": password},
			"/api/auth/owner": object{"token": "x", "username": "ben", "password": password}, "/api/auth/refresh": nil, "/api/auth/logout": nil,
		} {
			a := w.ask("", "POST", path, body, header{"Parley-Slot", bad}).wantProblem(422, chat.CodeValidation)
			if p := into[problem](a); len(p.Errors) != 1 || p.Errors[0].Field != "Parley-Slot" {
				t.Errorf("%s with %q: %+v", path, bad, p.Errors)
			}
		}
	}
	w.ask("", "POST", "/api/auth/login", object{"username": "anna", "password": password}, header{"Parley-Slot", strings.Repeat("x", 32)}).want(200)
}

func TestSigningOutByAccessTokenEndsThatLoginOnly(t *testing.T) {
	w := newWorld(t)
	first := into[signedIn](w.register("anna"))
	second := into[signedIn](w.ask("", "POST", "/api/auth/login", object{"username": "anna", "password": password}).want(200))
	w.ask(first.AccessToken, "POST", "/api/auth/logout", object{}).want(204)
	w.ask(first.AccessToken, "GET", "/api/users/me", nil).wantProblem(401, chat.CodeAuthFailed)
	w.ask(second.AccessToken, "GET", "/api/users/me", nil).want(200)
}

func TestAHundredTabsThatRefreshAtOnceStaySignedIn(t *testing.T) {
	w := newWorld(t)
	c := w.register("anna").cookie()
	tabs := make([]*answer, 100)
	var all sync.WaitGroup
	for i := range tabs {
		all.Go(func() { tabs[i] = w.ask("", "POST", "/api/auth/refresh", nil, withCookie(c)) })
	}
	all.Wait()
	successors := map[string]bool{}
	for _, tab := range tabs {
		successors[tab.want(200).cookie().Value] = true
	}
	if len(successors) != 1 {
		t.Fatalf("there are %d successors", len(successors))
	}
	w.ask("", "POST", "/api/auth/refresh", nil, withCookie(tabs[0].cookie())).want(200)
}

func TestAStolenRefreshTokenEndsTheLogin(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t)
		stolen := w.register("anna").cookie()
		next := w.ask("", "POST", "/api/auth/refresh", nil, withCookie(stolen)).want(200)
		time.Sleep(31 * time.Second)
		w.ask("", "POST", "/api/auth/refresh", nil, withCookie(stolen)).wantProblem(401, chat.CodeAuthFailed)
		w.ask("", "POST", "/api/auth/refresh", nil, withCookie(next.cookie())).wantProblem(401, chat.CodeAuthFailed)
		w.ask(into[signedIn](next).AccessToken, "GET", "/api/users/me", nil).wantProblem(401, chat.CodeAuthFailed)
		w.ask("", "POST", "/api/auth/login", object{"username": "anna", "password": password}).want(200)
	})
}

func TestANameIsTakenInEveryCaseAndUnicodeForm(t *testing.T) {
	w := newWorld(t)
	w.register("Zoë")
	for _, same := range []string{"zoë", "ZOË", "Zoe\u0308", "Ｚoë"} {
		a := w.ask("", "POST", "/api/auth/register", object{"username": same, "password": password}).wantProblem(409, chat.CodeConflict)
		if p := into[problem](a); len(p.Errors) != 1 || p.Errors[0].Field != "username" {
			t.Errorf("%s: %+v", same, p)
		}
	}
}

func TestAccountsThatBreakARuleAreRefused(t *testing.T) {
	w := newWorld(t)
	for body, field := range map[string]string{
		`{"username":"ab","password":"12345678"}`:                                                        "username",
		`{"username":"` + strings.Repeat("a", 33) + `","password":"12345678"}`:                           "username",
		`{"username":"a b","password":"12345678"}`:                                                       "username",
		`{"username":"a\u0000b","password":"12345678"}`:                                                  "username",
		`{"username":"anna","password":"1234567"}`:                                                       "password",
		`{"username":"anna","password":"` + strings.Repeat("x", 257) + `"}`:                              "password",
		`{"username":"anna","password":12345678}`:                                                        "password",
		`{"username":"anna"}`:                                                                            "",
		`{"username":"anna","password":"12345678","displayName":"` + strings.Repeat("x", 65) + `"}`:      "displayName",
		`{"username":"anna","password":"12345678","displayName":"\u202egnp.exe"}`:                        "displayName",
		`{"username":"anna","password":"12345678","displayName":"\u200b"}`:                               "displayName",
		`{"username":"anna","password":"12345678","email":"nobody"}`:                                     "email",
		`{"username":"anna","password":"12345678","email":"` + strings.Repeat("x", 250) + `@a.example"}`: "email",
		`{"username":"anna","password":"12345678","owner":true}`:                                         "owner",
		`{"username":"anna","password":"12345678","id":"x"}`:                                             "id",
		`{"username":"anna","username":"ben","password":"12345678"}`:                                     "",
	} {
		a := w.ask("", "POST", "/api/auth/register", body).wantProblem(422, chat.CodeValidation)
		p := into[problem](a)
		if len(p.Errors) == 0 || p.Errors[0].Field != field {
			t.Errorf("%.80s: %+v, want the field %q", body, p.Errors, field)
		}
		if strings.Contains(a.Body.String(), "12345678") {
			t.Errorf("the answer echoes the password: %s", a.Body)
		}
	}
}

func TestAnUnknownNameAndAWrongPasswordGetTheSameBytes(t *testing.T) {
	w := newWorld(t)
	w.register("anna")
	wrong := w.ask("", "POST", "/api/auth/login", object{"username": "anna", "password": "not this one"}).wantProblem(401, chat.CodeAuthFailed)
	unknown := w.ask("", "POST", "/api/auth/login", object{"username": "nobody", "password": "not this one"}).wantProblem(401, chat.CodeAuthFailed)
	if a, b := anonymous(wrong), anonymous(unknown); a != b {
		t.Errorf("%s\n%s", a, b)
	}
}

// anonymous is a problem without what differs by request.
func anonymous(a *answer) string {
	a.t.Helper()
	p := into[problem](a)
	p.TraceID = ""
	return fmt.Sprintf("%d %+v", a.Code, p)
}

func TestAnotherSiteCannotUseTheCookie(t *testing.T) {
	w := newWorld(t, func(c *httpapi.Config) { c.Origins = []string{"https://chat.example.org"} })
	c := withCookie(w.register("anna").cookie())
	for _, path := range []string{"/api/auth/refresh", "/api/auth/logout", "/api/auth/login"} {
		for _, site := range []header{
			{"Sec-Fetch-Site", "cross-site"}, {"Sec-Fetch-Site", "same-site"}, {"Origin", "https://evil.example"},
			{"Origin", "null"}, {"Origin", "https://example.com.evil.example"},
		} {
			w.ask("", "POST", path, nil, c, site).wantProblem(403, chat.CodeForbidden)
		}
		for _, kind := range []string{"text/plain", "application/x-www-form-urlencoded", "multipart/form-data; boundary=x", "application/json-seq", "application/json; charset=utf-16", "rubbish;;"} {
			w.ask("", "POST", path, `{}`, c, header{"Content-Type", kind}).wantProblem(415, chat.CodeValidation)
		}
		w.ask("", "GET", path, nil, c).wantProblem(405, chat.CodeValidation)
	}
	w.ask("", "POST", "/api/auth/refresh", nil, c, header{"Sec-Fetch-Site", "same-origin"}).want(200)
	w.ask("", "POST", "/api/auth/refresh", nil, c, header{"Sec-Fetch-Site", "cross-site"}, header{"Origin", "https://chat.example.org"}).want(200)
}

func TestAnInsecureCookieIsForPlainHTTPOnly(t *testing.T) {
	w := newWorld(t, func(c *httpapi.Config) { c.InsecureCookie = true })
	if c := w.register("anna").cookie(); c.Secure || !c.HttpOnly || c.SameSite != http.SameSiteStrictMode {
		t.Errorf("the cookie is %s", c)
	}
}

func TestTheOwnerRegistersByLink(t *testing.T) {
	w := newWorld(t)
	link, _, err := w.auth.OwnerLink(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	body := object{"token": link, "username": "anna", "password": password, "displayName": "Anna"}
	w.ask("", "POST", "/api/auth/owner", object{"token": "x", "username": "anna", "password": password}).wantProblem(401, chat.CodeAuthFailed)
	w.ask("", "POST", "/api/auth/owner", body).want(201).cookie()
	body["username"] = "ben"
	w.ask("", "POST", "/api/auth/owner", body).wantProblem(401, chat.CodeAuthFailed)
}

func TestLoginIsLimitedByAccountAndByAddress(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, func(c *httpapi.Config) {
			c.Limits = limit.Rules{
				Login: limit.Rule{Name: "login", Limit: 3, Window: time.Hour}, LoginAddress: limit.Rule{Name: "login-address", Limit: 5, Window: time.Hour},
			}
		})
		try := func(name, forwarded string) *answer {
			return w.ask("", "POST", "/api/auth/login", object{"username": name, "password": "some password"}, header{"X-Forwarded-For", forwarded})
		}
		for i := range 3 {
			a := try([]string{"anna", "ANNA", "aNNa"}[i], fmt.Sprintf("198.51.100.%d", i)).wantProblem(401, chat.CodeAuthFailed)
			if i == 0 {
				if got := a.Header().Get("RateLimit-Policy"); got != `"login-address";q=5;w=3600, "login";q=3;w=3600` {
					t.Errorf("RateLimit-Policy: %s", got)
				}
				if got := a.Header().Get("RateLimit"); got != `"login-address";r=4;t=720, "login";r=2;t=1200` {
					t.Errorf("RateLimit: %s", got)
				}
			}
		}
		a := try("anna", "198.51.100.9").wantProblem(429, chat.CodeRateLimited)
		p := into[problem](a)
		if got := a.Header().Get("Retry-After"); got != "1200" || p.RetryAfterMs != 1_200_000 {
			t.Errorf("Retry-After is %s, retryAfterMs %d", got, p.RetryAfterMs)
		}
		try("ben", "203.0.113.1").wantProblem(401, chat.CodeAuthFailed)
		// Five addresses were invented in X-Forwarded-For, and all of them came from one.
		try("carla", "203.0.113.2").wantProblem(429, chat.CodeRateLimited)
	})
}
