package httpapi_test

import (
	"testing"
	"time"

	"github.com/parley-chat/parley/internal/chat"
	"github.com/parley-chat/parley/internal/httpapi"
	"github.com/parley-chat/parley/internal/limit"
)

func TestEachLimitHoldsForItsRoutes(t *testing.T) {
	two := func(name string) limit.Rule { return limit.Rule{Name: name, Limit: 2, Window: time.Hour} }
	w := newWorld(t, func(c *httpapi.Config) {
		c.Limits = limit.Rules{Send: two("send"), History: two("history"), Search: two("search"), Register: two("register")}
	})
	anna, ben := w.person("anna"), w.person("ben")
	c := w.group(anna, ben)
	send := func(p person) *answer {
		return w.ask(p.token, "POST", c+"/messages", object{"content": "a", "clientMessageId": newID()})
	}
	send(anna).want(201)
	send(anna).want(201)
	a := send(anna).wantProblem(429, chat.CodeRateLimited)
	if a.Header().Get("RateLimit") == "" || a.Header().Get("Retry-After") != "1800" {
		t.Errorf("headers: %v", a.Header())
	}
	send(ben).want(201)

	w.ask(anna.token, "GET", c+"/messages", nil).want(200)
	w.ask(anna.token, "GET", c+"/changes", nil).want(200)
	w.ask(anna.token, "GET", c+"/messages", nil).wantProblem(429, chat.CodeRateLimited)

	w.ask(anna.token, "GET", "/api/users/search?q=be", nil).want(200)
	w.ask(anna.token, "GET", "/api/users/search?q=be", nil).want(200)
	w.ask(anna.token, "GET", "/api/users/search?q=be", nil).wantProblem(429, chat.CodeRateLimited)

	w.register("carla")
	w.register("dora")
	w.ask("", "POST", "/api/auth/register", object{"username": "emil", "password": password}).wantProblem(429, chat.CodeRateLimited)
}

func TestAddressesAreToldApartBehindATrustedProxy(t *testing.T) {
	trusted, err := limit.TrustProxies([]string{"192.0.2.0/24"}) // where httptest's requests come from
	if err != nil {
		t.Fatal(err)
	}
	w := newWorld(t, func(c *httpapi.Config) {
		c.Addresses = trusted
		c.Limits = limit.Rules{LoginAddress: limit.Rule{Name: "login-address", Limit: 1, Window: time.Hour}}
	})
	try := func(forwarded string) *answer {
		return w.ask("", "POST", "/api/auth/login", object{"username": "anna", "password": "some password"}, header{"X-Forwarded-For", forwarded})
	}
	try("198.51.100.1").wantProblem(401, chat.CodeAuthFailed)
	try("1.2.3.4, 198.51.100.1").wantProblem(429, chat.CodeRateLimited)
	try("198.51.100.2").wantProblem(401, chat.CodeAuthFailed)
	try("2001:db8:0:1::1").wantProblem(401, chat.CodeAuthFailed)
	try("2001:db8:0:1::2").wantProblem(429, chat.CodeRateLimited)
}
