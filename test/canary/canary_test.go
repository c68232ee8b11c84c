package canary_test

import (
	"context"
	"crypto/rand"
	"fmt"
	"io"
	"maps"
	"net/http"
	"net/http/httptest"
	"net/url"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/coder/websocket"
	"github.com/jackc/pgx/v5"

	"github.com/parley-chat/parley/internal/chaos/proxy"
	"github.com/parley-chat/parley/internal/pgtest"
	"github.com/parley-chat/parley/internal/redistest"
)

// secrets are the words that must not be said, and what they are.
var secrets = struct {
	sync.Mutex
	words map[string]string
}{words: make(map[string]string)}

// hide remembers a word that must not be said.
func hide(what, word string) string {
	secrets.Lock()
	defer secrets.Unlock()
	if len(word) >= 12 {
		secrets.words[word] = what
	}
	return word
}

// wrote makes a word that is nowhere else.
func wrote(what string) string { return hide(what, "canary"+what+strings.ToLower(rand.Text())) }

// hideToken hides a token and its signature.
func hideToken(what, token string) string {
	hide(what, token)
	hide(what+"'s signature", token[strings.LastIndex(token, ".")+1:])
	return token
}

// forged tries to be an entry of its own, in a log and on a terminal.
const forged = "\r\n{\"level\":\"error\",\"event\":\"forged.entry\"}\r\n\x1b[31mforged\x1b[0m\u2028"

// person is signed in on a node.
type person struct {
	node            *node
	id, token, name string
	password        string
	socket          *websocket.Conn
}

func join(t *testing.T, n *node) *person {
	t.Helper()
	p := &person{node: n, name: hide("username", "canary"+strings.ToLower(rand.Text()[:16])), password: wrote("password")}
	status, in, header := n.ask("POST", "/api/auth/register", "", map[string]any{
		"username": p.name, "password": p.password, "email": wrote("email") + "@example.org", "displayName": wrote("displayname"),
	})
	if status != http.StatusCreated {
		t.Fatalf("register: %d %v", status, in)
	}
	p.keep(in, header)
	return p
}

// keep takes the tokens of an answer.
func (p *person) keep(in map[string]any, header http.Header) (cookie string) {
	p.token = hideToken("access token", in["accessToken"].(string))
	p.id = in["user"].(map[string]any)["id"].(string)
	cookie, _, _ = strings.Cut(header.Get("Set-Cookie"), ";")
	_, refresh, _ := strings.Cut(cookie, "=")
	hideToken("refresh token", refresh)
	return cookie
}

func (p *person) connect(t *testing.T) {
	t.Helper()
	conn, _, err := websocket.Dial(t.Context(), strings.Replace(p.node.url, "http", "ws", 1)+"/ws", &websocket.DialOptions{Subprotocols: []string{"chat.v1"}})
	if err != nil {
		t.Fatal(err)
	}
	conn.SetReadLimit(1 << 20)
	t.Cleanup(func() { _ = conn.CloseNow() })
	p.socket = conn
	p.write(t, fmt.Sprintf(`{"type":"auth","token":%q,"deviceId":%q}`, p.token, wrote("device")))
	p.await(t, `"auth:success"`)
}

func (p *person) write(t *testing.T, frame string) {
	t.Helper()
	if err := p.socket.Write(t.Context(), websocket.MessageText, []byte(frame)); err != nil {
		t.Fatal(err)
	}
}

// await reads until a frame has the text, and returns that.
func (p *person) await(t *testing.T, text string) string {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	for {
		_, frame, err := p.socket.Read(ctx)
		if err != nil {
			t.Fatalf("%s does not come: %v", text, err)
		}
		if strings.Contains(string(frame), text) {
			return string(frame)
		}
	}
}

// through leads to a server over a line that can break, as a user with a password that is hidden.
func through(t *testing.T, server, password string) (*proxy.Proxy, string) {
	t.Helper()
	u, err := url.Parse(server)
	if err != nil {
		t.Fatal(err)
	}
	line, err := proxy.Listen(u.Host)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(line.Close)
	u.Host = line.Address()
	if password != "" {
		u.User = url.UserPassword("canarykeeper", password)
	}
	return line, u.String()
}

func administer(t *testing.T, database string, statements ...string) {
	t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
	defer cancel()
	conn, err := pgx.Connect(ctx, database)
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close(ctx)
	for _, s := range statements {
		if _, err := conn.Exec(ctx, s); err != nil {
			t.Fatal(err)
		}
	}
}

func TestNothingSecretIsInWhatAClusterSaysOfItself(t *testing.T) {
	binary := program(t)
	database, password := pgtest.NewDatabase(t), wrote("databasepassword")
	administer(t, database, "CREATE ROLE canarykeeper LOGIN SUPERUSER PASSWORD '"+password+"'")
	t.Cleanup(func() { administer(t, database, "DROP OWNED BY canarykeeper", "DROP ROLE canarykeeper") })
	databaseLine, databaseURL := through(t, database, password)
	redisPassword := wrote("redispassword")
	redisLine, redisURL := through(t, redistest.Start(t, "--requirepass", redisPassword).URL(), "")
	env := []string{"DATABASE_URL=" + databaseURL, "REDIS_URL=" + redisURL, "PARLEY_SIGNING_KEY=" + wrote("signingkey")}
	var spans spoken
	collector := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) { _, _ = io.Copy(&spans, r.Body) }))
	t.Cleanup(collector.Close)
	env = append(env, "PARLEY_OTLP_ENDPOINT="+collector.URL+"/v1/traces", "PARLEY_OTLP_SAMPLE=100")
	one, two := serve(t, binary, "told-node-1", env...), serve(t, binary, "told-node-2", env...)
	for _, line := range strings.Fields(one.out.String()) {
		if _, owner, is := strings.Cut(line, "#owner="); is {
			hide("owner link", owner)
		}
	}

	ada, bert := join(t, one), join(t, two)
	group := ada.live(t, bert)
	ada.fail(t, group)
	said := make(map[string]string)
	look := func(when string) {
		for _, n := range []*node{one, two} {
			said[n.name+"'s metrics "+when] = n.page("/metrics")
			said[n.name+"'s health "+when] = n.page("/health/ready")
		}
	}
	look("when all is well")
	for part, line := range map[string]*proxy.Proxy{"redis": redisLine, "database": databaseLine} {
		line.Set(proxy.Weather{Refuse: true})
		for _, n := range []*node{one, two} {
			n.await("without "+part, func() bool { return strings.Contains(n.page("/health/ready"), `"`+part+`":"unavailable"`) })
		}
		for i := range 3 {
			ada.write(t, fmt.Sprintf(`{"type":"message:send","conversationId":%q,"clientMessageId":"%s-%d","content":%q}`, group, part, i, wrote("outagetext")))
			bert.node.ask("POST", "/api/conversations/"+group+"/messages", bert.token, map[string]any{"content": wrote("outagetext"), "clientMessageId": fmt.Sprint("r", part, i)})
		}
		bert.node.ask("POST", "/api/auth/login", "", map[string]any{"username": bert.name, "password": bert.password})
		look("without " + part)
		line.Set(proxy.Weather{})
		one.await("well again", func() bool { return one.health() == http.StatusOK })
		two.await("well again", func() bool { return two.health() == http.StatusOK })
	}
	one.await("traced", func() bool {
		said := spans.String()
		for _, name := range []string{"message.send", "message.commit", "db.append", "db.write", "db.read", "bus.publish", "message.deliver", "socket.write", "told-node-2"} {
			if !strings.Contains(said, name) {
				return false
			}
		}
		return true
	})
	one.crash()
	two.crash()
	said["spans"] = spans.String()
	events := make(map[string]int)
	for _, n := range []*node{one, two} {
		for _, e := range n.entries() {
			events[e["event"].(string)]++
			if e["event"] == "presence.changed" && e["traceId"] == nil {
				t.Errorf("%s: a change of presence has no trace: %v", n.name, e)
			}
		}
		said[n.name+"'s log"] = n.log.String()
	}
	judge(t, said, events)
}

// judge searches what was said.
func judge(t *testing.T, said map[string]string, events map[string]int) {
	for _, event := range []string{
		"websocket.connected", "websocket.disconnected", "message.sent", "message.delivered", "message.failed", "presence.changed",
		"receipt.updated", "http.request", "database.lost", "bus.degraded",
	} {
		if events[event] == 0 {
			t.Errorf("%s was not logged: what happened is not what is searched; logged were %v", event, events)
		}
	}
	if events["forged.entry"] > 0 {
		t.Error("somebody forged an entry of the log")
	}
	for where, text := range said {
		if where != "spans" && strings.ContainsRune(text, '\x1b') { // spans are no text
			t.Errorf("%s has an escape for terminals", where)
		}
		if strings.HasSuffix(where, "log") && !strings.Contains(text, "goroutine ") {
			t.Errorf("%s has no crash", where)
		}
	}
	// What is known to be said is found, in the logs and in the metrics.
	for _, known := range []string{"told-node-1", "told-node-2"} {
		if places := find(said, known); len(places) < 3 {
			t.Errorf("the search does not find %s, which is said: %v", known, places)
		}
	}
	for _, word := range slices.Sorted(maps.Keys(secrets.words)) {
		for _, place := range find(said, word) {
			t.Errorf("%s is said in %s", secrets.words[word], place)
		}
	}
	t.Logf("%d secrets were searched for in %d texts; logged were %v", len(secrets.words), len(said), events)
}
