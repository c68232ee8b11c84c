package chaos

import (
	"context"
	"crypto/hmac"
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"path/filepath"
	"strings"
	"time"

	"github.com/parley-chat/parley/client"
	"github.com/parley-chat/parley/internal/chaos/cluster"
)

const (
	// refusedWithin is how long a refusal may take that needs nothing but to look.
	refusedWithin = time.Second
	// mostLimited is how many sends it takes at most to meet with the limit: 30 a minute (C5.9).
	mostLimited = 60
)

// codeScenes are the codes of the plan that a single request meets with, which are the same on every shape.
func codeScenes() []FailureScene {
	one := func(name, code, holds, about string, play func(context.Context, *solo, *Failure) error) FailureScene {
		return FailureScene{Name: name, Of: "DOC-008 `" + code + "`", Shape: cluster.SQLite, Holds: holds, About: about, Short: true, apart: true, play: alone(play)}
	}
	return []FailureScene{
		one("too many messages", client.CodeRateLimited, "refused within 1 s, to be tried again after `retryAfterMs`; then the same draft is confirmed",
			"somebody sends one message after the other, with the limits as they are", rateLimited),
		one("bad input", client.CodeValidation, "refused within 1 s for good, nothing is stored, the field is named",
			"a message of nothing but white space, over both ways", invalid),
		one("expired token", client.CodeUnauthorized, "refused within 1 s for good over REST, and the live connection gives up",
			"a token whose time is over, with no way to renew it", expired),
		one("what is not there", client.CodeNotFound, "refused within 1 s for good", "who has read a message that does not exist", notFound),
	}
}

// solo is one node with two people.
type solo struct {
	url, room string
	own       *client.Client
	live      *client.Live
	key       string
}

// alone plays a scene on a node of its own.
func alone(play func(ctx context.Context, s *solo, row *Failure) error) func(*failures, context.Context, *Failure) error {
	return func(r *failures, ctx context.Context, row *Failure) (err error) {
		c := cluster.Config{
			Shape: cluster.SQLite, Program: r.Cluster.Program, Logs: filepath.Join(r.Folder, "logs-"+strings.ReplaceAll(row.Name, " ", "-")),
			Env: []string{"PARLEY_RATE_LIMITS=on", "PARLEY_SIGNING_KEY=" + r.key},
		}
		k, err := cluster.Start(ctx, c)
		if err != nil {
			return err
		}
		defer func() { err = errors.Join(err, k.Stop()) }()
		s := &solo{url: k.URL(), key: r.key}
		ctx, cancel := context.WithTimeout(ctx, 2*readersPatience)
		defer cancel()
		if err := s.begin(ctx); err != nil {
			return err
		}
		living, leave := context.WithCancel(ctx)
		ended := make(chan struct{})
		go func() {
			defer close(ended)
			_ = s.live.Run(living)
		}()
		err = play(ctx, s, row)
		leave()
		<-ended
		return err
	}
}

// begin makes two people and a conversation.
func (s *solo) begin(ctx context.Context) (err error) {
	var people []client.User
	for _, name := range []string{"other", "sender"} {
		if s.own, err = client.New(s.url, client.Options{}); err != nil {
			return err
		}
		u, err := s.own.Register(ctx, client.Registration{Username: name, Password: rand.Text()})
		if err != nil {
			return err
		}
		people = append(people, u)
	}
	c, err := s.own.CreateConversation(ctx, client.NewConversation{Type: "direct", ParticipantIDs: []string{people[0].ID}})
	if err != nil {
		return err
	}
	s.room, s.live = c.ID, s.own.Live(client.LiveOptions{DeviceID: "one"})
	return nil
}

// refused asks for something and returns the refusal, which it holds to a code, and to being final or not.
func refused(row *Failure, what, code string, retryable bool, ask func() error) *client.Error {
	began := time.Now()
	err := ask()
	took := time.Since(began)
	var e *client.Error
	if !errors.As(err, &e) {
		row.say("%s: got %v, not %s", what, err, code)
		return &client.Error{}
	}
	if e.Code != code || e.Retryable != retryable {
		row.say("%s: got %s, retryable %v", what, e.Code, e.Retryable)
	}
	row.within(refusedWithin, took, "%s: the answer", what)
	if row.Client != "" {
		row.Client += "; "
	}
	row.Client += what + ": " + refusal(e, took)
	row.Detected = "at the request"
	return e
}

func rateLimited(ctx context.Context, s *solo, row *Failure) error {
	send := func(d client.Draft) error {
		_, err := s.live.Send(ctx, d)
		return err
	}
	var last client.Draft
	allowed := 0
	var err error
	for ; allowed < mostLimited && err == nil; allowed++ {
		last = client.Draft{ConversationID: s.room, Content: fmt.Sprint("message ", allowed), ClientMessageID: client.NewClientMessageID()}
		if err = send(last); client.CodeOf(err) == client.CodeRateLimited {
			break
		}
	}
	overREST := func() error {
		_, err := s.own.SendMessage(ctx, client.Draft{ConversationID: s.room, Content: "one more", ClientMessageID: client.NewClientMessageID()})
		return err
	}
	if refused(row, "over REST", client.CodeRateLimited, true, overREST).RetryAfter == 0 {
		row.say("over REST: it does not say when to try again")
	}
	began := time.Now()
	e := refused(row, "over WebSocket", client.CodeRateLimited, true, func() error { return send(last) })
	if e.RetryAfter == 0 {
		row.say("over WebSocket: it does not say when to try again")
	}
	for err = e; err != nil && pause(ctx, max(e.RetryAfter, 10*time.Millisecond)); {
		if err = send(last); err != nil && !errors.As(err, &e) {
			return err
		}
	}
	row.Client = fmt.Sprintf("%d confirmed at once; then %s; `retryAfterMs` %d", allowed, row.Client, e.RetryAfter.Milliseconds())
	row.Recovered = fmt.Sprintf("the same draft is confirmed %s later, as long as the server said", short(time.Since(began)))
	return ctx.Err()
}

func invalid(ctx context.Context, s *solo, row *Failure) error {
	d := client.Draft{ConversationID: s.room, Content: " \n\t ", ClientMessageID: client.NewClientMessageID()}
	refused(row, "over WebSocket", client.CodeValidation, false, func() error {
		_, err := s.live.Send(ctx, d)
		return err
	})
	e := refused(row, "over REST", client.CodeValidation, false, func() error {
		_, err := s.own.SendMessage(ctx, d)
		return err
	})
	if len(e.Fields) == 0 {
		row.say("no field is named")
	}
	page, err := s.own.Messages(ctx, s.room, client.HistoryQuery{})
	if len(page.Messages) > 0 {
		row.say("something was stored")
	}
	row.Recovered = "by another input"
	return err
}

func expired(ctx context.Context, s *solo, row *Failure) error {
	token, err := s.own.AccessToken(ctx)
	if err != nil {
		return err
	}
	if token, err = outOfDate(token, s.key); err != nil {
		return err
	}
	old, err := client.New(s.url, client.Options{AccessToken: token})
	if err != nil {
		return err
	}
	// The seed has one word for it and C4.8 two, which say the same to a client.
	began := time.Now()
	_, err = old.Conversations(ctx, "", 10)
	code := client.CodeOf(err)
	if code != client.CodeUnauthorized && code != client.CodeAuthFailed {
		row.say("over REST: got %v", err)
	}
	row.within(refusedWithin, time.Since(began), "over REST: the answer")
	refused(row, "over REST", code, false, func() error {
		_, err := old.Conversations(ctx, "", 10)
		return err
	})
	refused(row, "over WebSocket", client.CodeUnauthorized, false, func() error {
		return old.Live(client.LiveOptions{}).Run(ctx)
	})
	row.Recovered = "by a fresh token, or a login"
	return nil
}

// outOfDate signs a token anew whose time has been over for a minute.
func outOfDate(token, key string) (string, error) {
	parts := strings.Split(token, ".")
	if len(parts) != 3 {
		return "", errors.New("a token is not made of three parts")
	}
	text, err := base64.RawURLEncoding.DecodeString(parts[1])
	if err != nil {
		return "", err
	}
	claims := map[string]any{}
	if err := json.Unmarshal(text, &claims); err != nil {
		return "", err
	}
	claims["exp"] = time.Now().Add(-time.Minute).Unix()
	if text, err = json.Marshal(claims); err != nil {
		return "", err
	}
	signed := parts[0] + "." + base64.RawURLEncoding.EncodeToString(text)
	mac := hmac.New(sha256.New, []byte(key))
	mac.Write([]byte(signed))
	return signed + "." + base64.RawURLEncoding.EncodeToString(mac.Sum(nil)), nil
}

func notFound(ctx context.Context, s *solo, row *Failure) error {
	refused(row, "over REST", client.CodeNotFound, false, func() error {
		_, err := s.own.Readers(ctx, s.room, "01890a5d-ac96-774b-bcce-b302099a8057", "", 10)
		return err
	})
	row.Recovered = "it is removed from the screen"
	return nil
}
