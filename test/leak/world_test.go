package leak_test

import (
	"context"
	"crypto/rand"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"maps"
	"net/http"
	"regexp"
	"slices"
	"strings"

	"github.com/parley-chat/parley/client"
)

// person is an account that is signed in.
type person struct {
	*client.Client
	id, name, token, url string
}

// signUp makes an account at a node. Its name begins as given.
func signUp(ctx context.Context, url, name string) (*person, error) {
	c, err := client.New(url, client.Options{})
	if err != nil {
		return nil, err
	}
	name += strings.ToLower(rand.Text()[:8])
	u, err := c.Register(ctx, client.Registration{Username: name, Password: rand.Text()})
	if err != nil {
		return nil, err
	}
	token, err := c.AccessToken(ctx)
	return &person{c, u.ID, name, token, url}, err
}

// public are people who are in every conversation and do nothing: the one who writes, and so many that the readers of a
// message are counted.
type public struct {
	writer *person
	others []*person
}

// world is one play: a hidden person, who acts or does nothing, before a watcher, and somebody whom the watcher may see.
type world struct {
	variant *variant
	acts    bool
	schema  *schema
	public  *public

	watcher, hidden, seen *person
	small, large          string              // conversations of all three; readers are told by name, or counted
	messages              map[string][]string // of each conversation
	eyes, other           *socket             // the watcher's and the seen person's
	stayed                *socket             // the hidden person's, who stays
	rested                int                 // what the watcher had heard when the seen person became away last

	hiding  bool
	frozen  string // when the hidden person was seen last, as far as the watcher may know
	found   map[string]bool
	lines   map[string]bool   // what the watcher was told by events
	latest  map[string]string // the last line of those that one may stand for several of
	answers map[string]string // and by REST
	failed  error
}

// recipes say with which queries the watcher asks each GET route. {id}, {messageId} and {userId} stand for what the world has.
var recipes = map[string]func(w *world) []string{
	"/api/conversations":              func(*world) []string { return []string{"", "?limit=1", "?page=2&limit=1"} },
	"/api/conversations/{id}":         plain,
	"/api/conversations/{id}/changes": func(*world) []string { return []string{"?afterRev=0"} },
	"/api/conversations/{id}/messages": func(*world) []string {
		return []string{"", "?direction=newer", "?limit=2"}
	},
	"/api/conversations/{id}/messages/{messageId}/receipts": func(*world) []string { return []string{"", "?limit=1"} },
	"/api/conversations/{id}/participants":                  plain,
	"/api/friends":                                          plain,
	"/api/blocks":                                           plain,
	"/api/presence": func(w *world) []string {
		return []string{"?userIds=" + strings.Join([]string{w.hidden.id, w.seen.id, nobody}, ",")}
	},
	"/api/presence/subscriptions": plain,
	"/api/users/me":               plain,
	"/api/users/search": func(w *world) []string {
		return []string{"?q=" + w.hidden.name, "?q=" + w.seen.name}
	},
}

// nobody is the id of nobody.
const nobody = "0198c0de-0000-7000-8000-000000000000"

func plain(*world) []string { return []string{""} }

// begin makes the people and conversations of a world and has the hidden person hide.
func (w *world) begin(ctx context.Context, at func(int) string) (err error) {
	w.messages = map[string][]string{}
	w.lines, w.latest, w.answers, w.found = map[string]bool{}, map[string]string{}, map[string]string{}, map[string]bool{}
	for i, p := range []**person{&w.watcher, &w.hidden, &w.seen} {
		if *p, err = signUp(ctx, at(i), []string{"watcher", "hidden", "seen"}[i]); err != nil {
			return err
		}
	}
	for _, c := range []*string{&w.small, &w.large} {
		n := client.NewConversation{Type: "group", Title: "Garden", ParticipantIDs: []string{w.watcher.id, w.seen.id}}
		if !w.variant.stranger {
			n.ParticipantIDs = append(n.ParticipantIDs, w.hidden.id)
		}
		if c == &w.large {
			for _, p := range w.public.others {
				n.ParticipantIDs = append(n.ParticipantIDs, p.id)
			}
		}
		made, err := w.public.writer.CreateConversation(ctx, n)
		if err != nil {
			return err
		}
		*c = made.ID
	}
	if w.variant.before != nil {
		if err := w.variant.before(ctx, w); err != nil {
			return err
		}
	}
	if w.eyes, err = w.open(ctx, w.watcher, "", ""); err != nil {
		return err
	}
	if w.other, err = w.open(ctx, w.seen, "", ""); err != nil {
		return err
	}
	if err := w.write(ctx); err != nil {
		return err
	}
	return w.hide(ctx)
}

// hide has the hidden person be there for a moment, read what there is, and then hide.
func (w *world) hide(ctx context.Context) error {
	s, err := w.open(ctx, w.hidden, "laptop", "desktop")
	if err != nil {
		return err
	}
	if !w.variant.stranger {
		if err := w.read(s, w.hidden); err != nil {
			return err
		}
		for _, wanted := range []func(frame) bool{
			isPresence(w.hidden.id, "online"),
			func(f frame) bool { return f["type"] == "receipt:updated" && f["userId"] == w.hidden.id },
			func(f frame) bool { return f["type"] == "message:delivered" && f["userId"] == w.hidden.id },
			func(f frame) bool { return countOf(f, w.last(w.large)) > 0 },
		} {
			if _, err := w.eyes.await(0, wanted); err != nil {
				return fmt.Errorf("before they hide: %w", err)
			}
		}
	}
	n := w.eyes.heard()
	if err := w.variant.hide(ctx, w, s); err != nil {
		return err
	}
	if w.variant.vanishes {
		if _, err := w.eyes.await(n, isPresence(w.hidden.id, "offline")); err != nil {
			return fmt.Errorf("after they hid: %w", err)
		}
	}
	if w.variant.stays {
		w.stayed = s
	} else {
		s.close()
	}
	state, err := w.ask()
	if err != nil {
		return err
	}
	for _, p := range state["presences"].([]any) {
		if p := p.(map[string]any); p["userId"] == w.hidden.id {
			w.frozen, _ = p["lastSeenAt"].(string)
		}
	}
	if w.variant.lastSeen != (w.frozen != "") {
		return fmt.Errorf("who hides was seen last at %q", w.frozen)
	}
	w.hiding = !w.variant.stays
	return nil
}

// open connects somebody, who follows what they are in.
func (w *world) open(ctx context.Context, p *person, device, kind string) (*socket, error) {
	s, err := connect(ctx, p.url, p.token, device, kind)
	if err != nil || p == w.hidden && w.variant.stranger {
		return s, err
	}
	for _, c := range []string{w.small, w.large} {
		if err := s.write(frame{"type": "subscribe", "conversationId": c, "afterRev": 0}); err != nil {
			return nil, err
		}
		if _, err := s.await(0, func(f frame) bool { return f["type"] == "caught:up" && f["conversationId"] == c }); err != nil {
			return nil, err
		}
	}
	return s, nil
}

// write has the public write into both conversations.
func (w *world) write(ctx context.Context) error {
	for _, c := range []string{w.small, w.large} {
		sent, err := w.public.writer.SendMessage(ctx, client.Draft{ConversationID: c, Content: "Hello", ClientMessageID: rand.Text()})
		if err != nil {
			return err
		}
		w.messages[c] = append(w.messages[c], sent.ID)
		_, err = w.eyes.await(0, func(f frame) bool {
			m, is := f["message"].(map[string]any)
			return is && m["id"] == sent.ID
		})
		if err != nil {
			return err
		}
	}
	return nil
}

// last is the last message of a conversation.
func (w *world) last(c string) string { return w.messages[c][len(w.messages[c])-1] }

// read has somebody read both conversations to their end and waits until they are answered.
func (w *world) read(s *socket, p *person) error {
	for _, c := range []string{w.small, w.large} {
		n := s.heard()
		if err := s.write(frame{"type": "receipt:read", "conversationId": c, "messageId": w.last(c)}); err != nil {
			return err
		}
		if _, err := s.await(n, func(f frame) bool { return f["type"] == "receipt:synced" && f["conversationId"] == c }); err != nil {
			return fmt.Errorf("%s reads: %w", p.name, err)
		}
	}
	return nil
}

// mark has somebody whom the watcher may see do of everything something after what the hidden person did: when the watcher
// has been told of that, the other would have come, too.
func (w *world) mark(ctx context.Context) error {
	if err := w.write(ctx); err != nil {
		return err
	}
	n := w.eyes.heard()
	if err := w.read(w.other, w.seen); err != nil {
		return err
	}
	if _, err := w.eyes.await(n, func(f frame) bool {
		return f["type"] == "receipt:updated" && f["userId"] == w.seen.id && f["messageId"] == w.last(w.small)
	}); err != nil {
		return fmt.Errorf("receipt of who may be seen: %w", err)
	}
	if _, err := w.eyes.await(n, func(f frame) bool { return countOf(f, w.last(w.large)) > 0 }); err != nil {
		return fmt.Errorf("count of who may be seen: %w", err)
	}
	// Reading has made them active again.
	if _, err := w.eyes.await(w.rested, isPresence(w.seen.id, "online")); err != nil {
		return fmt.Errorf("presence of who may be seen: %w", err)
	}
	w.rested = w.eyes.heard()
	if err := w.other.write(frame{"type": "presence:heartbeat", "status": "away"}); err != nil {
		return err
	}
	if _, err := w.eyes.await(w.rested, isPresence(w.seen.id, "away")); err != nil {
		return fmt.Errorf("presence of who may be seen: %w", err)
	}
	return nil
}

// type has somebody whom the watcher may see type after the hidden person did.
func (w *world) typing() error {
	n := w.eyes.heard()
	for _, c := range []string{w.small, w.large} {
		if err := w.other.write(frame{"type": "typing:start", "conversationId": c}); err != nil {
			return err
		}
		if _, err := w.eyes.await(n, func(f frame) bool {
			return f["type"] == "typing:started" && f["conversationId"] == c && f["userId"] == w.seen.id
		}); err != nil {
			return fmt.Errorf("typing of who may be seen: %w", err)
		}
	}
	return nil
}

// ask has the watcher follow the hidden person, the seen one and nobody, and returns what is answered.
func (w *world) ask() (frame, error) {
	n := w.eyes.heard()
	if err := w.eyes.write(frame{"type": "presence:subscribe", "userIds": []string{w.hidden.id, w.seen.id, nobody}}); err != nil {
		return nil, err
	}
	return w.eyes.await(n, func(f frame) bool { return f["type"] == "presence:state" && isAbout(f, nobody) })
}

// look has the watcher ask everything there is to ask, and connect once more.
func (w *world) look(ctx context.Context, when string) error {
	if _, err := w.ask(); err != nil {
		return fmt.Errorf("presence:subscribe: %w", err)
	}
	s, err := connect(ctx, w.watcher.url, w.watcher.token, "", "")
	if err != nil {
		return err
	}
	defer s.close()
	for _, p := range []*person{w.seen, w.hidden} {
		if _, err := s.await(0, func(f frame) bool { return f["type"] == "presence:changed" && f["userId"] == p.id || isAbout(f, p.id) }); err != nil {
			return fmt.Errorf("presence:state after connecting: %w", err)
		}
	}
	frames := s.since(0)
	for i, f := range frames {
		// What was not known at once comes alone, after the first state.
		if f["type"] == "presence:changed" {
			p := maps.Clone(f)
			delete(p, "type")
			frames[i] = frame{"type": "presence:state", "presences": []any{p}}
		}
	}
	w.hear(frames)
	for path, recipe := range recipes {
		for _, target := range w.targets(path) {
			for _, query := range recipe(w) {
				if err := w.get(ctx, when, path, target+query); err != nil {
					return err
				}
			}
		}
	}
	return nil
}

// targets are the paths that a route has in this world.
func (w *world) targets(path string) []string {
	out := []string{path}
	for hole, values := range map[string][]string{"{id}": {w.small, w.large}, "{userId}": {w.hidden.id, w.seen.id}} {
		if strings.Contains(path, hole) {
			out = nil
			for _, v := range values {
				out = append(out, strings.ReplaceAll(path, hole, v))
			}
		}
	}
	if !strings.Contains(path, "{messageId}") {
		return out
	}
	var all []string
	for _, target := range out {
		for c, messages := range w.messages {
			for _, m := range messages {
				if strings.Contains(target, c) {
					all = append(all, strings.ReplaceAll(target, "{messageId}", m))
				}
			}
		}
	}
	return all
}

func (w *world) get(ctx context.Context, when, route, target string) error {
	r, err := http.NewRequestWithContext(ctx, http.MethodGet, w.watcher.url+target, nil)
	if err != nil {
		return err
	}
	r.Header.Set("Authorization", "Bearer "+w.watcher.token)
	answer, err := http.DefaultClient.Do(r)
	if err != nil {
		return err
	}
	defer answer.Body.Close()
	text, err := io.ReadAll(answer.Body)
	if err != nil {
		return err
	}
	var body map[string]any
	if err := json.Unmarshal(text, &body); err != nil {
		return fmt.Errorf("GET %s: %w", route, err)
	}
	kind := w.schema.routes["GET "+route]
	if answer.StatusCode >= 400 {
		kind = "Problem"
	}
	w.inspect(kind, body)
	w.answers[when+": GET "+strings.Trim(w.normal(target), `"`)] = fmt.Sprint(answer.StatusCode, " ", w.normal(body))
	return nil
}

// hear takes in what the watcher was told by events. Counts of readers come when they come, in parts: they are compared as
// the answers of REST have them. So is the activity of a conversation, which comes or not by when it was subscribed to. How far
// somebody has the messages is told now of this one and now of that. Of positions of others, of which one may stand for
// several, the last one is compared. And a state may come in several frames, so that each person in it is taken by themselves.
func (w *world) hear(frames []frame) {
	for _, f := range frames {
		kind, _ := f["type"].(string)
		w.inspect(kind, f)
		switch {
		case kind == "receipt:count", kind == "message:delivered" && f["userId"] != w.hidden.id:
		case kind == "presence:state":
			for _, p := range listOf(f, "presences") {
				w.lines[kind+": "+w.normal(p)] = true
			}
		case kind == "conversation:activity":
		case kind == "receipt:updated" && f["userId"] != w.hidden.id:
			last := fmt.Sprint(kind, f["conversationId"], f["userId"])
			delete(w.lines, w.latest[last])
			w.latest[last] = kind + ": " + w.normal(f)
			w.lines[w.latest[last]] = true
		default:
			w.lines[kind+": "+w.normal(f)] = true
		}
	}
}

// inspect finds what nobody knows that it is told, and what is told of who hides.
func (w *world) inspect(kind string, body map[string]any) {
	for _, field := range w.schema.walk(kind, body, func(kind string, object map[string]any) {
		if w.hiding && object["userId"] == w.hidden.id {
			w.judge(kind, object)
		}
	}) {
		w.found["the table does not know "+field] = true
	}
	if marks(kind) == nil {
		w.found["the table does not know "+kind] = true
	}
}

// judge says what an object that is about the hidden person betrays.
func (w *world) judge(kind string, object map[string]any) {
	for name, mark := range marks(kind) {
		value, has := object[name]
		if !has {
			continue
		}
		allowed := mark == "" || mark == count
		switch {
		case mark == deed:
			allowed = !w.variant.silent
		case name == "status":
			allowed = value == "offline"
		case name == "lastSeenAt":
			allowed = value == w.frozen
		}
		if !allowed {
			w.found[fmt.Sprintf("%s tells by %s that who hides is there: %s", kind, name, w.normal(object))] = true
		}
	}
}

var (
	times = regexp.MustCompile(`\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?Z`)
	ids   = regexp.MustCompile(`[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}`)
)

// normal is a value as text that is the same in each world: without times, ids and what else is drawn.
func (w *world) normal(value any) string {
	text, err := json.Marshal(w.without(value))
	if err != nil {
		panic(err) // it was JSON
	}
	names := []string{
		w.watcher.id, "<watcher>", w.hidden.id, "<hidden>", w.seen.id, "<seen>", w.watcher.name, "<watcher>", w.hidden.name, "<hidden>",
		w.seen.name, "<seen>", w.small, "<small>", w.large, "<large>",
	}
	for _, messages := range w.messages {
		for i, m := range messages {
			names = append(names, m, fmt.Sprintf("<message %d>", i+1))
		}
	}
	return ids.ReplaceAllString(times.ReplaceAllString(strings.NewReplacer(names...).Replace(string(text)), "<time>"), "<id>")
}

// drawn are members that are drawn, or that the time says.
var drawn = []string{"sessionId", "serverId", "traceId", "clientMessageId", "nextCursor", "newerCursor"}

func (w *world) without(value any) any {
	switch value := value.(type) {
	case []any:
		var out []any
		for _, v := range value {
			out = append(out, w.without(v))
		}
		return out
	case map[string]any:
		out := maps.Clone(value)
		for name, v := range value {
			text, is := v.(string)
			switch {
			case is && slices.Contains(drawn, name):
				out[name] = "<drawn>"
			case name == "lastSeenAt" && value["userId"] == w.hidden.id && text == w.frozen:
				out[name] = "<frozen>"
			case name == "lastSeenAt" && value["userId"] == w.hidden.id:
				out[name] = "<moved>"
			default:
				out[name] = w.without(v)
			}
		}
		return out
	}
	return value
}

func isPresence(id, status string) func(frame) bool {
	return func(f frame) bool {
		if f["type"] == "presence:changed" {
			return f["userId"] == id && f["status"] == status
		}
		return f["type"] == "presence:state" && slices.ContainsFunc(listOf(f, "presences"), func(p map[string]any) bool {
			return p["userId"] == id && p["status"] == status
		})
	}
}

// isAbout reports whether a presence:state names somebody.
func isAbout(f frame, id string) bool {
	return slices.ContainsFunc(listOf(f, "presences"), func(p map[string]any) bool { return p["userId"] == id })
}

func countOf(f frame, message string) float64 {
	for _, c := range listOf(f, "counts") {
		if n, is := c["readCount"].(float64); is && c["messageId"] == message {
			return n
		}
	}
	return 0
}

func listOf(f frame, name string) (out []map[string]any) {
	list, _ := f[name].([]any)
	for _, v := range list {
		if object, is := v.(map[string]any); is {
			out = append(out, object)
		}
	}
	return out
}

func (w *world) end() error {
	var errs []error
	for _, s := range []*socket{w.eyes, w.other, w.stayed} {
		if s != nil {
			errs = append(errs, s.conn.CloseNow())
			<-s.done
		}
	}
	return errors.Join(errs...)
}
