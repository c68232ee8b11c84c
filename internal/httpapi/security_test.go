package httpapi_test

import (
	"bytes"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"os"
	"regexp"
	"slices"
	"strings"
	"testing"
	"testing/fstest"

	"github.com/parley-chat/parley/internal/chat"
	"github.com/parley-chat/parley/internal/httpapi"
	"github.com/parley-chat/parley/internal/limit"
)

func TestEveryAnswerHasTheSecurityHeaders(t *testing.T) {
	w := newWorld(t)
	anna := w.person("anna")
	for target, policy := range map[string]string{
		"/": "default-src 'self'", "/c/some/page": "default-src 'self'", "/api/users/me": "default-src 'none'",
		"/api/nothing": "default-src 'none'", "/api/docs": "default-src 'none'", "/health/live": "default-src 'none'",
	} {
		h := w.ask(anna.token, "GET", target, nil).Header()
		csp := h.Get("Content-Security-Policy")
		if !strings.HasPrefix(csp, policy) || !strings.Contains(csp, "frame-ancestors 'none'") || strings.Contains(csp, "unsafe") {
			t.Errorf("%s has the policy %q", target, csp)
		}
		for name, want := range map[string]string{
			"X-Content-Type-Options": "nosniff", "Referrer-Policy": "no-referrer", "Cross-Origin-Opener-Policy": "same-origin", "X-Frame-Options": "DENY",
		} {
			if got := h.Get(name); got != want {
				t.Errorf("%s has %s: %q", target, name, got)
			}
		}
		if h.Get("Access-Control-Allow-Origin") != "" {
			t.Errorf("%s is open to other sites", target)
		}
	}
	if got := w.ask(anna.token, "GET", "/api/users/me", nil).Header().Get("Cache-Control"); got != "no-store" {
		t.Errorf("an account may be cached: %q", got)
	}
}

func TestATokenInTheURLIsRefused(t *testing.T) {
	w := newWorld(t)
	anna := w.person("anna")
	for _, name := range []string{"token", "access_token"} {
		for _, path := range []string{"/api/users/me", "/api/conversations", "/"} {
			a := w.ask("", "GET", path+"?"+name+"="+anna.token, nil).wantProblem(400, chat.CodeValidation)
			if strings.Contains(a.Body.String(), anna.token) || !strings.Contains(a.Body.String(), "Authorization") {
				t.Errorf("%s", a.Body)
			}
		}
	}
}

func TestUnknownPathsAndMethodsAreProblems(t *testing.T) {
	w := newWorld(t)
	anna := w.person("anna")
	c := w.group(anna)
	for _, target := range []string{"/api", "/api/", "/api/nothing", "/api/users", "/api/users/me/x", c + "/", c + "/nothing", "/API/users/me", "/health/", "/health/x"} {
		a := w.ask(anna.token, "GET", target, nil)
		if strings.HasPrefix(target, "/API") {
			a.want(200) // not the API: the page of the web client
			continue
		}
		a.wantProblem(404, chat.CodeNotFound)
	}
	for target, allow := range map[string]string{
		"/api/users/me": "DELETE, GET, HEAD, PATCH", c: "DELETE, GET, HEAD, PATCH", "/api/auth/login": "POST", c + "/messages": "GET, HEAD, POST",
	} {
		for _, method := range []string{"PUT", "OPTIONS", "TRACE", "CONNECT", "BREW"} {
			a := w.ask(anna.token, method, target, nil)
			if method == "CONNECT" {
				continue // net/http treats its target as a host
			}
			a.wantProblem(405, chat.CodeValidation)
			if got := a.Header().Get("Allow"); got != allow {
				t.Errorf("%s %s: Allow is %q, want %q", method, target, got, allow)
			}
		}
	}
	w.ask("", "POST", "/", nil).want(405)
}

func TestABodyOfAnotherTypeIsRefused(t *testing.T) {
	w := newWorld(t)
	anna := w.person("anna")
	c := w.group(anna)
	body := object{"content": "a", "clientMessageId": "x"}
	for _, kind := range []string{"text/plain", "application/xml", "application/x-www-form-urlencoded", "application/foo+json"} {
		w.ask(anna.token, "POST", c+"/messages", body, header{"Content-Type", kind}).wantProblem(415, chat.CodeValidation)
	}
	w.ask(anna.token, "POST", c+"/messages", body, header{"Content-Type", ""}).wantProblem(415, chat.CodeValidation)
	w.ask(anna.token, "POST", c+"/messages", body, header{"Content-Type", "application/json; charset=utf-8"}).want(201)
	w.ask(anna.token, "GET", "/api/users/me", nil, header{"Accept", "text/html"}).want(200)
}

func TestTheTraceIsTheCallersOrANewOne(t *testing.T) {
	w := newWorld(t)
	const trace, span = "4bf92f3577b34da6a3ce929d0e0e4736", "00f067aa0ba902b7"
	a := w.ask("", "GET", "/api/users/me", nil, header{"Traceparent", "00-" + trace + "-" + span + "-01"}).wantProblem(401, chat.CodeUnauthorized)
	if got := a.Header().Get("Traceparent"); !strings.HasPrefix(got, "00-"+trace+"-") || strings.Contains(got, span) {
		t.Errorf("it was answered with %s", got)
	}
	if p := into[problem](a); p.TraceID != trace {
		t.Errorf("the problem has %s", p.TraceID)
	}
	for _, broken := range []string{"", "x", "00-" + strings.Repeat("0", 32) + "-" + span + "-01", "00-" + strings.ToUpper(trace) + "-" + span + "-01", "ff-" + trace + "-" + span + "-01", "00-" + trace + "-" + span + "-01\r\nX: y"} {
		a := w.ask("", "GET", "/api/users/me", nil, header{"Traceparent", broken})
		if p := into[problem](a); !regexp.MustCompile(`^[0-9a-f]{32}$`).MatchString(p.TraceID) || p.TraceID == trace {
			t.Errorf("%q leads to the trace %q", broken, p.TraceID)
		}
	}
}

func TestTheLogTellsRoutesAndNoSecrets(t *testing.T) {
	var log bytes.Buffer
	w := newWorld(t, func(c *httpapi.Config) {
		c.Log = slog.New(slog.NewJSONHandler(&log, &slog.HandlerOptions{Level: slog.LevelDebug}))
	})
	const canary = "canary"
	a := w.ask("", "POST", "/api/auth/register", object{"username": "anna", "password": canary + "-password", "email": canary + "@example.org", "displayName": canary})
	in := into[signedIn](a.want(201))
	c := w.group(person{chat.UserID(in.User.ID), "anna", in.AccessToken})
	w.say(person{token: in.AccessToken}, c, canary+" words")
	w.ask(in.AccessToken, "GET", "/api/users/search?q="+canary, nil).want(200)
	w.ask("", "POST", "/api/auth/refresh", nil, withCookie(a.cookie())).want(200)
	w.ask("", "POST", "/api/auth/refresh", nil, header{"Cookie", "refresh=" + canary}).want(401)
	w.ask(canary, "GET", "/api/users/me", nil, header{"User-Agent", canary}).want(401)
	w.ask(in.AccessToken, "POST", c+"/messages", `{"content":"`+canary).want(422)
	w.ask("", "POST", "/api/auth/login", object{"username": canary, "password": canary + canary}).want(401)
	w.ask("", "GET", "/api/users/me?token="+canary, nil).want(400)
	text := log.String()
	for _, secret := range []string{canary, in.AccessToken, a.cookie().Value} {
		if strings.Contains(text, secret) {
			t.Errorf("%.20s… is in the log", secret)
		}
	}
	for _, there := range []string{`"route":"POST /api/conversations/{id}/messages"`, `"status":201`, `"method":"POST"`, `"traceId":"`, `"ms":`} {
		if !strings.Contains(text, there) {
			t.Errorf("the log lacks %s:\n%s", there, text)
		}
	}
}

func TestAPanicIsAProblemThatShowsNothing(t *testing.T) {
	var log bytes.Buffer
	// Without an authenticator the first request that needs one dereferences nil.
	h := httpapi.New(httpapi.Config{Log: slog.New(slog.NewJSONHandler(&log, nil))}, nil, nil, limit.Unlimited{})
	r := httptest.NewRequest("GET", "/api/users/me", nil)
	r.Header.Set("Authorization", "Bearer x")
	a := &answer{httptest.NewRecorder(), t, "GET /api/users/me"}
	h.ServeHTTP(a, r)
	a.wantProblem(500, chat.CodeInternal)
	if strings.Contains(a.Body.String(), "nil pointer") {
		t.Errorf("the client is shown %s", a.Body)
	}
	if !strings.Contains(log.String(), "nil pointer") || !strings.Contains(log.String(), into[problem](a).TraceID) {
		t.Errorf("the log says %s", log.String())
	}
}

func TestHealthSaysWhatIsAwayAndWhetherTheNodeCanServe(t *testing.T) {
	health := httpapi.NewHealth("database", "redis", "sockets")
	health.Warnings = []string{"rate limits are off"}
	w := newWorld(t, func(c *httpapi.Config) { c.Health = func() httpapi.Health { return health } })
	ready := func(status int) httpapi.Health {
		t.Helper()
		w.ask("", "GET", "/health/live", nil).want(200)
		return into[httpapi.Health](w.ask("", "GET", "/health/ready", nil).want(status))
	}
	if h := ready(200); h.Status != "ok" || h.Degraded == nil || h.Checks["database"] != "ok" || h.Checks["sockets"] != "ok" || len(h.Warnings) != 1 {
		t.Errorf("%+v", h)
	}
	health.Degrade("redis", "unavailable")
	if h := ready(200); h.Status != "ok" || !slices.Equal(h.Degraded, []string{"redis"}) || h.Checks["redis"] != "unavailable" {
		t.Errorf("%+v", h)
	}
	health.Fail("sockets", "draining")
	if h := ready(503); h.Checks["sockets"] != "draining" || h.Status != "unavailable" {
		t.Errorf("%+v", h)
	}
}

func TestANodeThatIsToldNothingAboutItsHealthIsWell(t *testing.T) {
	newWorld(t).ask("", "GET", "/health/ready", nil).want(200)
}

func TestTheWebClientIsServed(t *testing.T) {
	script := strings.Repeat("console.log('parley');", 100)
	w := newWorld(t, func(c *httpapi.Config) {
		c.Assets = fstest.MapFS{
			"index.html":            {Data: []byte("<!doctype html><title>client</title>")},
			"assets/index-a1b2.js":  {Data: []byte(script)},
			"favicon.svg":           {Data: []byte("<svg/>")},
			"manifest.webmanifest":  {Data: []byte("{}")},
			"assets/deep/x-1.woff2": {Data: []byte("font")},
		}
	})
	for target, want := range map[string]struct {
		status int
		cache  string
		body   string
	}{
		"/":                         {200, "no-cache", "client"},
		"/index.html":               {301, "no-cache", ""},
		"/c/01890000":               {200, "no-cache", "client"},
		"/login":                    {200, "no-cache", "client"},
		"/assets":                   {200, "no-cache", "client"},
		"/assets/":                  {200, "no-cache", "client"},
		"/assets/index-a1b2.js":     {200, "public, max-age=31536000, immutable", "console.log"},
		"/assets/deep/x-1.woff2":    {200, "public, max-age=31536000, immutable", "font"},
		"/favicon.svg":              {200, "no-cache", "<svg/>"},
		"/assets/gone-c3d4.js":      {404, "", "no such file"},
		"/robots.txt":               {404, "", "no such file"},
		"/..%2f..%2fetc%2fpasswd.x": {404, "", "no such file"},
	} {
		a := w.ask("", "GET", target, nil).want(want.status)
		if got := a.Header().Get("Cache-Control"); got != want.cache || !strings.Contains(a.Body.String(), want.body) {
			t.Errorf("%s: Cache-Control %q, %.80s", target, got, a.Body)
		}
	}
	packed := w.ask("", "GET", "/assets/index-a1b2.js", nil, header{"Accept-Encoding", "gzip"}).want(200)
	if packed.Header().Get("Content-Encoding") != "gzip" || packed.Body.Len() >= len(script) {
		t.Errorf("%d bytes as %q", packed.Body.Len(), packed.Header().Get("Content-Encoding"))
	}
	index := w.ask("", "GET", "/", nil)
	w.ask("", "GET", "/", nil, header{"If-None-Match", index.Header().Get("Etag")}).want(http.StatusNotModified)
	if head := w.ask("", "HEAD", "/", nil).want(200); head.Body.Len() != 0 {
		t.Error("HEAD has a body")
	}
}

func TestAServerWithoutTheWebClientSaysSo(t *testing.T) {
	for _, change := range []func(*httpapi.Config){
		func(*httpapi.Config) {}, func(c *httpapi.Config) { c.Assets = fstest.MapFS{".gitkeep": {}} }, func(c *httpapi.Config) { c.Assets = os.DirFS(t.TempDir()) },
	} {
		a := newWorld(t, change).ask("", "GET", "/", nil).want(200)
		if !strings.Contains(a.Body.String(), "make run") || strings.Contains(a.Body.String(), "<script") {
			t.Errorf("%s", a.Body)
		}
	}
}
