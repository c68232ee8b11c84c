package chat_test

import (
	"cmp"
	"encoding/json"
	"flag"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/parley-chat/parley/internal/auth"
	"github.com/parley-chat/parley/internal/chat"
	"github.com/parley-chat/parley/internal/inmem"
	"github.com/parley-chat/parley/internal/store"
)

// discreet is a way to let others not know something, and what they must not know by it.
type discreet struct {
	name string
	edit chat.ProfileEdit
	// What the person may do without a trace.
	connects, reads, acks, types bool
}

var (
	yes, no = true, false
	nobody  = chat.ShareNobody
)

var discretions = []discreet{
	{name: "invisible", edit: chat.ProfileEdit{PresenceInvisible: &yes}, connects: true, reads: true, acks: true, types: true},
	{name: "invisible to friends", edit: chat.ProfileEdit{PresenceInvisible: &yes, PresenceSharing: &friendsOnly}, connects: true, reads: true, acks: true, types: true},
	{name: "shared with nobody", edit: chat.ProfileEdit{PresenceSharing: &nobody}, connects: true},
	{name: "presence switched off", edit: chat.ProfileEdit{PresenceEnabled: &no}, connects: true},
	{name: "receipts switched off", edit: chat.ProfileEdit{ReadReceiptsEnabled: &no}, reads: true},
	{name: "receipts off and invisible", edit: chat.ProfileEdit{ReadReceiptsEnabled: &no, PresenceInvisible: &yes}, connects: true, reads: true, acks: true, types: true},
}

var friendsOnly = chat.ShareFriends

// act is one thing that happens.
type act struct {
	kind   string
	who    int // 0 is the discreet one
	room   int
	number int // of a message from the newest, or anything else
	wait   time.Duration
	// quiet is what the discreet one does that leaves no trace.
	quiet bool
}

const (
	stagePeople = 6
	// The rooms: one of the discreet one and another, a small one and a large one.
	stageRooms = 3
	largeFrom  = 5
)

var stageOf = [stageRooms][]int{{0, 1}, {1, 0, 3}, {2, 0, 1, 3, 4, 5}}

// play is what happens in one scenario: first what all can see, then the discreet one becomes so, and the rest.
func play(seed uint64, d discreet) (acts []act) {
	chance := rand.New(rand.NewPCG(seed, 5))
	kinds := []string{"send", "send", "send", "read", "read", "ack", "type", "stop", "connect", "beat", "leave"}
	traceless := map[string]bool{"read": d.reads, "ack": d.acks, "type": d.types, "stop": d.types, "connect": d.connects, "beat": d.connects, "leave": d.connects}
	for i := range 46 {
		if i == 14 {
			acts = append(acts, act{kind: "become discreet", wait: time.Second})
		}
		a := act{kind: kinds[chance.IntN(len(kinds))], who: chance.IntN(stagePeople), number: chance.IntN(4)}
		if chance.IntN(2) == 0 {
			a.who = 0
		}
		if a.who == 0 && a.kind == "send" && i%3 > 0 {
			a.kind = "read"
		}
		// When somebody is found to be gone is a matter of chance, so that nobody else comes and goes, nor does the discreet one
		// where all can see it.
		if comes := slices.Contains(kinds[8:], a.kind); comes && (a.who > 0 || !d.connects || i < 14 && a.kind == "leave") {
			a.kind = "read"
		}
		for a.room = chance.IntN(stageRooms); !slices.Contains(stageOf[a.room], a.who); a.room = chance.IntN(stageRooms) {
		}
		a.wait = time.Duration(chance.IntN(2_000)) * time.Millisecond
		if i >= 14 && chance.IntN(12) == 0 {
			a.wait = time.Duration(chance.IntN(60)) * time.Second
		}
		a.quiet = i >= 14 && a.who == 0 && traceless[a.kind]
		acts = append(acts, a)
	}
	return acts
}

// stage is a node on which a scenario is played, and what the others are told and may ask.
type stage struct {
	*chat.Service
	*recorder
	t       *testing.T
	db      *store.Store
	began   time.Time
	people  []chat.UserID
	rooms   []chat.ConversationID
	seats   [stagePeople]*chat.Attendance
	related map[chat.UserID]chat.Relation // of the discreet one to each of the others

	mu     sync.Mutex
	lines  []line
	sights []string                  // what was told of presence, at whatever time
	seen   map[[2]chat.UserID]string // what a viewer was told of somebody
	counts map[chat.ConversationID]chat.ReadCounts
}

func (s *stage) note(format string, args ...any) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.lines = append(s.lines, line{time.Since(s.began), fmt.Sprintf(format, args...)})
}

func (s *stage) Announce(changes []chat.Change) {
	for _, c := range changes {
		s.note("change %d of %s: %s", c.Rev, c.Conversation, asJSON(c.Message))
	}
}

func (s *stage) TypingChanged(c chat.ConversationID, u chat.UserID, typing bool, _ chat.SessionID) {
	s.note("%s types in %s: %v", u, c, typing)
}

func (s *stage) Delivered(c chat.ConversationID, u chat.UserID, seq int64) {
	s.note("%s has %s to %d", u, c, seq)
}

func (s *stage) PositionShown(p chat.Shown)            { s.note("shown %s", asJSON(p)) }
func (s *stage) ReceiptsChanged(c chat.ConversationID) { s.note("receipts of %s", c) }
func (s *stage) WatchingChanged(us ...chat.UserID)     { s.note("watching of %v", us) }
func (s *stage) Suspect(c chat.ConversationID)         { s.note("suspect %s", c) }

// ReadersCounted tells what is another count than before, as the hub does.
func (s *stage) ReadersCounted(c chat.ReadCounts) {
	s.mu.Lock()
	same := s.counts[c.Conversation].Same(c)
	s.counts[c.Conversation] = c
	s.mu.Unlock()
	if !same {
		s.note("counted in %s %s", c.Conversation, asJSON(c.Counts))
	}
}

// PresenceChanged tells each of the others what they may know, if it is another thing than before, as the hub does.
func (s *stage) PresenceChanged(told []chat.Presence) {
	for _, p := range told {
		for i, viewer := range s.people {
			relation := chat.Relation{Share: true}
			if p.User == s.people[0] {
				relation = s.related[viewer]
			}
			is := "offline"
			if p.Privacy.Lets(relation) {
				is = fmt.Sprint(p.Status, p.Device, p.SeenAt)
			}
			s.mu.Lock()
			key := [2]chat.UserID{viewer, p.User}
			if s.seen[key] != is && i > 0 {
				s.sights = append(s.sights, fmt.Sprintf("%s sees that %s is %s", viewer, p.User, is))
			}
			s.seen[key] = is
			s.mu.Unlock()
		}
	}
}

func asJSON(v any) string {
	text, err := json.Marshal(v)
	if err != nil {
		panic(err)
	}
	return string(text)
}

// numbered makes the same ids in every run.
func numbered() func() string {
	n := 0
	var mu sync.Mutex
	return func() string {
		mu.Lock()
		defer mu.Unlock()
		n++
		return fmt.Sprintf("01900000-0000-7000-8000-%012x", n)
	}
}

// migrated is a file with the schema, which is copied for each run.
func migrated(t *testing.T) []byte {
	t.Helper()
	dir := t.TempDir()
	db, err := store.Open(t.Context(), store.Config{DataDir: dir})
	must(t, err)
	must(t, db.Migrate(t.Context()))
	must(t, db.Close())
	file, err := os.ReadFile(filepath.Join(dir, "parley.db"))
	must(t, err)
	return file
}

func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// newStage opens a stage on a copy of an empty database.
func newStage(t *testing.T, file []byte) *stage {
	t.Helper()
	dir := t.TempDir()
	must(t, os.WriteFile(filepath.Join(dir, "parley.db"), file, 0o600))
	db, err := store.Open(t.Context(), store.Config{DataDir: dir})
	must(t, err)
	t.Cleanup(func() { db.Close() })
	id := numbered()
	s := &stage{
		recorder: newRecorder(), t: t, db: db, began: time.Now(), related: make(map[chat.UserID]chat.Relation),
		seen: make(map[[2]chat.UserID]string), counts: make(map[chat.ConversationID]chat.ReadCounts),
	}
	for i := range stagePeople {
		u := chat.UserID(id())
		name := fmt.Sprint("person", i)
		must(t, db.CreateAccount(t.Context(), auth.Account{
			User: chat.User{ID: u, Username: name, DisplayName: name, CreatedAt: time.Now().UTC()}, UsernameKey: name,
		}, false))
		s.people = append(s.people, u)
	}
	s.Service = chat.New(chat.Config{NewID: id, Readers: inmem.NewReaders(), Devices: inmem.NewDevices(), ReadThreshold: largeFrom}, db, s)
	w := &world{Service: s.Service}
	w.run(t)
	_, err = db.Befriend(t.Context(), s.people[0], s.people[1], false)
	must(t, err)
	_, err = db.Befriend(t.Context(), s.people[1], s.people[0], true)
	must(t, err)
	for _, members := range stageOf {
		kind, title, others := chat.Direct, "", []chat.UserID{}
		if len(members) > 2 {
			kind, title = chat.Group, "A group"
		}
		for _, m := range members[1:] {
			others = append(others, s.people[m])
		}
		c, _, err := s.CreateConversation(t.Context(), s.people[members[0]], kind, others, title)
		must(t, err)
		s.rooms = append(s.rooms, c.ID)
	}
	related, err := db.Relations(t.Context(), s.people[0], s.people)
	must(t, err)
	for u, r := range related {
		s.related[u] = r.Relation
	}
	return s
}

// run plays a scenario, or what is left of it without what leaves no trace, and returns what the others saw.
func (s *stage) run(acts []act, d discreet, quietly bool) []string {
	for i, a := range acts {
		switch {
		case !a.quiet:
			must(s.t, s.do(i, a, d))
		case quietly:
			// It may take a while, and what is next does not wait.
			go func() {
				if err := s.do(i, a, d); err != nil {
					s.t.Errorf("%+v: %v", a, err)
				}
			}()
		}
		synctest.Wait()
		time.Sleep(a.wait)
		if i%9 == 0 {
			s.ask(i)
		}
	}
	time.Sleep(time.Minute)
	s.ask(len(acts))
	for _, seat := range s.seats {
		seat.Leave(chat.ExitSignedOut)
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	// What is told in one moment comes in no order.
	slices.SortStableFunc(s.lines, func(a, b line) int { return cmp.Or(cmp.Compare(a.at, b.at), strings.Compare(a.text, b.text)) })
	var out []string
	for _, l := range s.lines {
		out = append(out, fmt.Sprint(l.at, " ", l.text))
	}
	return append(out, s.sights...)
}

// line is something that others saw, and how long after the beginning.
type line struct {
	at   time.Duration
	text string
}

func (s *stage) do(i int, a act, d discreet) error {
	ctx, u, c := s.t.Context(), s.people[a.who], s.rooms[a.room]
	switch a.kind {
	case "become discreet":
		_, err := s.UpdateMe(ctx, s.people[0], d.edit)
		return err
	case "send":
		sent := make(chan error, 1)
		s.SendMessage(chat.Submission{Conversation: c, Sender: u, ClientMessageID: strconv.Itoa(i), Content: fmt.Sprint("message ", i)},
			func(_ chat.Sent, err error) { sent <- err })
		return <-sent
	case "read":
		m, err := s.newest(c, a.number)
		if m.ID != "" {
			_, err = s.AdvanceRead(ctx, u, c, m.ID)
		}
		return err
	case "ack":
		m, err := s.newest(c, a.number)
		if m.ID != "" {
			err = s.AcknowledgeDelivery(ctx, u, c, m.Seq)
		}
		return err
	case "type", "stop":
		return s.Typing(ctx, u, c, a.kind == "type", chat.SessionID(fmt.Sprint("session ", a.who)))
	case "connect":
		s.seats[a.who].Leave(chat.ExitClosed)
		s.seats[a.who] = s.Attend(u, chat.LoginID(fmt.Sprint("login ", a.who)), chat.Device{Type: chat.Desktop}, chat.Trace{})
	case "beat":
		status := chat.StatusOnline
		if a.number == 0 {
			status = chat.StatusAway
		}
		s.seats[a.who].Heard(time.Now())
		s.seats[a.who].Heartbeat(time.Now(), status, chat.Device{}, chat.Trace{})
	case "leave":
		s.seats[a.who].Leave(chat.ExitClosed)
		s.seats[a.who] = nil
	}
	return nil
}

// newest is the message so many before the last one of a conversation, or the first; none in an empty one.
func (s *stage) newest(c chat.ConversationID, back int) (chat.Message, error) {
	messages, _, err := s.db.Messages(s.t.Context(), chat.HistoryQuery{Conversation: c, Limit: back + 1})
	if err != nil || len(messages) == 0 {
		return chat.Message{}, err
	}
	return messages[len(messages)-1], nil
}

// ask has everybody else ask what there is to ask.
func (s *stage) ask(i int) {
	ctx := s.t.Context()
	told := func(what string, v any, err error) {
		must(s.t, err)
		s.note("%d: %s: %s", i, what, asJSON(v))
	}
	receipts, err := s.Receipts(ctx, s.rooms)
	for c, r := range receipts {
		slices.SortFunc(r.Shown, func(a, b chat.Shown) int { return strings.Compare(string(a.User), string(b.User)) })
		if r.Counts != nil {
			r.Counts.Version = 0
		}
		receipts[c] = r
	}
	told("receipts", receipts, err)
	for n, viewer := range s.people[1:] {
		list, _, err := s.Conversations(ctx, chat.ListQuery{Viewer: viewer, Limit: 50})
		told(fmt.Sprint("list of ", n), list, err)
		seen, err := s.SeePresences(ctx, viewer, s.people[:1])
		must(s.t, err)
		seen[0].Version, seen[0].Privacy = 0, chat.Privacy{}
		told(fmt.Sprint("presences of ", n), seen, err)
		for room, c := range s.rooms {
			if !slices.Contains(stageOf[room], n+1) {
				continue
			}
			people, _, err := s.Participants(ctx, viewer, c, chat.ParticipantCursor{}, 50)
			told(fmt.Sprint("participants of ", n), people, err)
			changes, err := s.Changes(ctx, viewer, c, 0, 1_000)
			told(fmt.Sprint("changes of ", n), changes, err)
			if n > 0 && i < 40 {
				continue
			}
			for _, ch := range changes.Changes {
				if ch.Message != nil {
					page, err := s.MessageReaders(ctx, viewer, c, ch.Message.ID, chat.ReaderCursor{}, 50)
					told("readers", page, err)
				}
			}
		}
	}
}

var scenarios = flag.Int("scenarios", 8, "how many scenarios are played of each way to be discreet")

// Two runs that differ only in what a discreet person does apart from sending are the same to all others: what they are told,
// when, and what they are answered.
func TestOthersSeeTheSameWhateverADiscreetPersonDoes(t *testing.T) {
	file := migrated(t)
	for _, d := range discretions {
		t.Run(d.name, func(t *testing.T) {
			quiet := 0
			for seed := range *scenarios {
				acts := play(uint64(seed), d)
				var transcripts [2][]string
				for i, quietly := range []bool{true, false} {
					synctest.Test(t, func(t *testing.T) { transcripts[i] = newStage(t, file).run(acts, d, quietly) })
				}
				for _, a := range acts {
					if a.quiet {
						quiet++
					}
				}
				if t.Failed() {
					return
				}
				for i := range max(len(transcripts[0]), len(transcripts[1])) {
					with, without := at(transcripts[0], i), at(transcripts[1], i)
					if with != without {
						t.Fatalf("scenario %d: with what leaves no trace the others see\n%s\nand without\n%s\nin\n%+v", seed, with, without, acts)
					}
				}
				if len(transcripts[0]) < 30 {
					t.Fatalf("scenario %d is %d lines", seed, len(transcripts[0]))
				}
			}
			t.Logf("%d scenarios with %d acts that leave no trace", *scenarios, quiet)
		})
	}
}

func at(lines []string, i int) string {
	if i < len(lines) {
		return lines[i]
	}
	return "nothing"
}
