package store

import (
	"context"
	"fmt"
	"path/filepath"
	"regexp"
	"testing"
	"time"

	"github.com/parley-chat/parley/internal/chat"
	"github.com/parley-chat/parley/internal/pgtest"
)

// sights is a store of many people in which one is in 500 conversations of 10, and 1,000 are in one conversation.
type sights struct {
	*planned
	busy  chat.UserID
	crowd []chat.UserID // of the large conversation
	large chat.ConversationID
	named []chat.UserID // friends of the busy one, and those whom they follow
}

const (
	sightPeople = 20_000
	sightRooms  = 500
	sightKnown  = 200
)

func newSights(t testing.TB, cfg Config, driver, source string) sights {
	t.Helper()
	x := sights{planned: bare(t, cfg, driver, source, 0)}
	for range sightPeople {
		x.people = append(x.people, id[chat.UserID]())
	}
	x.busy, x.crowd, x.large = x.people[0], x.people[1:crowd+1], id[chat.ConversationID]()
	x.named = x.people[5_000 : 5_000+2*sightKnown]
	at := x.moment(x.now())
	err := x.db.write(t.Context(), func(s session) error {
		exec := func(query string, args ...any) error {
			_, err := s.exec(t.Context(), query, args...)
			return err
		}
		for i, u := range x.people {
			if err := exec("INSERT INTO users (id, username, username_key, display_name, display_key, created_at, updated_at) VALUES ($1, $2, $2, $2, $2, $3, $3)",
				string(u), fmt.Sprint("name", i), at); err != nil {
				return err
			}
		}
		seat := func(c chat.ConversationID, people ...chat.UserID) error {
			if err := exec("INSERT INTO conversations (id, type, created_at, updated_at) VALUES ($1, 'group', $2, $2)", string(c), at); err != nil {
				return err
			}
			for _, u := range people {
				if err := exec("INSERT INTO conversation_participants (conversation_id, user_id, role, rev, joined_at) VALUES ($1, $2, 'member', 1, $3)", string(c), string(u), at); err != nil {
					return err
				}
			}
			return nil
		}
		if err := seat(x.large, x.crowd...); err != nil {
			return err
		}
		for i := range 4 * sightRooms {
			// Every fourth is the busy one's; the others are of people whom they know or not.
			others := x.people[1+i*9 : 10+i*9]
			if i%4 == 0 {
				others = append([]chat.UserID{x.busy}, others...)
			}
			if err := seat(id[chat.ConversationID](), others...); err != nil {
				return err
			}
		}
		for i, u := range x.people[:4_000] {
			for _, query := range []string{
				"INSERT INTO presence_subscriptions (subscriber_id, target_id, created_at) VALUES ($1, $2, $3)",
				"INSERT INTO friendships (user_low, user_high, requester_id, created_at, accepted_at) VALUES ($1, $2, $1, $3, $3)",
			} {
				if err := exec(query, string(u), string(x.people[i+10_000]), at); err != nil {
					return err
				}
			}
		}
		for i, u := range x.named {
			query := "INSERT INTO presence_subscriptions (subscriber_id, target_id, created_at) VALUES ($1, $2, $3)"
			if i < sightKnown {
				query = "INSERT INTO friendships (user_low, user_high, requester_id, created_at, accepted_at) VALUES ($1, $2, $1, $3, $3)"
			}
			if err := exec(query, string(x.busy), string(u), at); err != nil {
				return err
			}
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := x.raw.Exec("ANALYZE"); err != nil {
		t.Fatal(err)
	}
	x.db = x.r
	return x
}

// eachSight runs a test on such a store of each kind.
func eachSight(t testing.TB, test func(name string, x sights)) {
	dir, url := t.TempDir(), pgtest.NewDatabase(t)
	test("sqlite", newSights(t, Config{DataDir: dir}, "sqlite", "file:"+filepath.Join(dir, "parley.db")+"?_pragma=busy_timeout(5000)"))
	test("postgres", newSights(t, Config{DatabaseURL: url}, "pgx", url))
}

// questions are what is asked for people who connect, with how many people the answer has.
func (x sights) questions(t testing.TB) map[string]func() int {
	watching := func(viewers map[chat.UserID][]chat.ConversationID) func() int {
		return func() int {
			watched, err := x.Watching(context.Background(), viewers, 5_000)
			if err != nil {
				t.Fatal(err)
			}
			n := 0
			for _, some := range watched {
				n += len(some)
			}
			return n
		}
	}
	ten := make(map[chat.UserID][]chat.ConversationID)
	for _, u := range x.crowd[:10] {
		ten[u] = nil
	}
	return map[string]func() int{
		"500 conversations of 10": watching(map[chat.UserID][]chat.ConversationID{x.busy: nil}),
		"a conversation of 1,000": watching(map[chat.UserID][]chat.ConversationID{x.crowd[999]: {x.large}}),
		"ten of 1,000":            watching(ten),
		"relations to 400": func() int {
			related, err := x.Relations(context.Background(), x.busy, x.named)
			if err != nil {
				t.Fatal(err)
			}
			return len(related)
		},
	}
}

func TestWhomPeopleWatchIsFoundByIndexes(t *testing.T) {
	scans := map[string]*regexp.Regexp{
		// What is small here is rightly read whole, and so is a table of which much is asked for.
		"postgres": regexp.MustCompile(`Seq Scan on (?:users|messages)\b`),
		"sqlite":   regexp.MustCompile(`SCAN (?:users|messages|conversations|conversation_participants|friendships|blocks|presence_subscriptions|[mpcu])\b`),
	}
	want := map[string]int{"500 conversations of 10": sightRooms*9 + 2*sightKnown, "a conversation of 1,000": 999, "ten of 1,000": 10 * 999, "relations to 400": 2 * sightKnown}
	eachSight(t, func(name string, x sights) {
		for what, ask := range x.questions(t) {
			x.r.seen = nil
			begun := time.Now()
			n := ask()
			t.Logf("%s: %s are %d people in %v", name, what, n, time.Since(begun))
			if n < want[what]-2*sightKnown || n > want[what]+100 {
				t.Errorf("%s: %s are %d people, not %d", name, what, n, want[what])
			}
			if len(x.r.seen) != 1 {
				t.Errorf("%s: %s is %d statements", name, what, len(x.r.seen))
			}
			for _, st := range x.r.seen {
				plan := x.plan(t, st)
				if bad := scans[x.kind].FindString(plan); bad != "" && (x.kind == "sqlite" || n < sightPeople/10) {
					t.Errorf("%s: %s: %s\n%s", name, what, bad, plan)
				}
			}
		}
	})
}

// BenchmarkWatching asks whom people watch who connect.
func BenchmarkWatching(b *testing.B) {
	eachSight(b, func(name string, x sights) {
		for what, ask := range x.questions(b) {
			b.Run(name+"/"+what, func(b *testing.B) {
				for b.Loop() {
					ask()
				}
			})
		}
	})
}
