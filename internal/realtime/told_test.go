package realtime_test

import (
	"fmt"
	"maps"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/parley-chat/parley/internal/chat"
	"github.com/parley-chat/parley/internal/inmem"
	"github.com/parley-chat/parley/internal/realtime"
	"github.com/parley-chat/parley/internal/realtime/bustest"
)

// entry is a conversation on a person's list.
type entry struct {
	Title   string
	People  int
	LastSeq int64
	Unread  int64
}

type list map[chat.ConversationID]entry

// stored is the person's list out of the store.
func (w *world) list(u chat.UserID) list {
	w.Helper()
	conversations, more, err := w.store.Conversations(bg, chat.ListQuery{Viewer: u, Limit: 1000})
	if err != nil || more {
		w.Fatal(more, err)
	}
	out := make(list)
	for _, c := range conversations {
		out[c.ID] = entry{c.Title, c.ParticipantCount, c.LastSeq, c.UnreadCount}
	}
	return out
}

// viewer is a client that listed its conversations when it came, and was told the rest.
type viewer struct {
	*client
	listed   list
	followed map[chat.ConversationID]bool // at any time
}

func (w *world) view(t testing.TB, n *node, u chat.UserID) *viewer {
	c := n.connect(t, u)
	return &viewer{c, w.list(u), make(map[chat.ConversationID]bool)}
}

// told is the list as the events make it. Of a conversation that it followed a client counts by itself what is
// unread.
func (v *viewer) told() list {
	v.mu.Lock()
	defer v.mu.Unlock()
	out, left := maps.Clone(v.listed), make(map[chat.ConversationID]int64) // the last seq of what was hidden
	for _, e := range v.events {
		id := e.conversation()
		was, on := out[id]
		switch e.Type {
		case "conversation:added":
			was = entry{LastSeq: e.Conversation.LastSeq, Unread: *e.Conversation.UnreadCount}
			fallthrough
		case "conversation:updated":
			was.Title, was.People = "", e.Conversation.ParticipantCount
			if e.Conversation.Title != nil {
				was.Title = *e.Conversation.Title
			}
			if e.Type == "conversation:updated" && !on {
				// It came in its order to somebody who hid the conversation.
				continue
			}
		case "conversation:removed":
			left[id] = was.LastSeq
			delete(out, id)
			continue
		case "conversation:activity":
			if !on {
				// A hidden one is back: a client asks for the rest of it.
				was.People = 2
			}
			was.LastSeq, was.Unread = e.LastSeq, e.UnreadCount
		case "receipt:synced":
			if !on {
				continue
			}
			was.Unread = e.UnreadCount
		case "message:received", "message:updated", "message:deleted":
			if !on && e.Message.Seq <= left[id] {
				continue // of a catch-up that was on its way when it was hidden
			}
			if !on {
				was.People = 2
			}
			was.LastSeq = max(was.LastSeq, e.Message.Seq)
		default:
			continue
		}
		out[id] = was
	}
	return out
}

// differs compares what was told with what the store holds.
func (v *viewer) differs(w *world) string {
	want, got := w.list(v.User), v.told()
	for id := range v.followed {
		for _, l := range []list{want, got} {
			if e, on := l[id]; on {
				e.Unread = 0
				l[id] = e
			}
		}
	}
	return cmp.Diff(want, got)
}

func TestOfWhatTheBusLostEverySessionIsToldInTheEnd(t *testing.T) {
	for seed := range *seeds {
		t.Run(fmt.Sprint("seed ", seed), func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) { lossyDay(t, seed) })
		})
	}
}

// lossyDay has people do what people do while the bus drops, doubles and turns round, and is deaf at times.
func lossyDay(t *testing.T, seed uint64) {
	bus := bustest.NewFaulty(inmem.NewBus(), seed)
	w := newWorld(t, 3, bus)
	random := rand.New(rand.NewPCG(seed, 7))
	d := &day{world: w, random: random, people: w.people(5), t: t}
	for range 6 {
		d.come()
	}
	for range 80 {
		d.step()
		if random.IntN(12) == 0 {
			deaf := random.IntN(2) == 0
			bus.Deafen(deaf)
			fmt.Fprintln(&d.log, "deaf", deaf)
		}
		if random.IntN(3) == 0 {
			time.Sleep(time.Duration(random.IntN(800)) * time.Millisecond)
		}
	}
	bus.Deafen(false)
	if seed%2 == 0 {
		bus.Admit()
		time.Sleep(3 * time.Second)
	} else {
		// The steady comparison needs no word of the bus.
		time.Sleep(8 * time.Second)
	}
	synctest.Wait()
	for _, v := range d.viewers {
		if diff := v.differs(w); diff != "" {
			t.Errorf("%s on %s was told\n%s\n%s", v.User, v.node.NodeID(), diff, v.story(w))
		}
		v.node.Close(v.Session)
	}
	if t.Failed() {
		t.Log(d.log.String())
	}
	synctest.Wait()
	for _, n := range w.nodes {
		if s := n.Stats(); s.Sessions+s.People+s.Conversations != 0 || s.Topics != 1 {
			t.Errorf("%s keeps something of people who left: %+v", n.NodeID(), s)
		}
	}
}

// story is what the client was told of the conversations that it has wrong.
func (v *viewer) story(w *world) string {
	want, got := w.list(v.User), v.told()
	v.mu.Lock()
	defer v.mu.Unlock()
	var out strings.Builder
	fmt.Fprintf(&out, "it listed %v\n", v.listed)
	for _, e := range v.events {
		if id := e.conversation(); want[id] != got[id] {
			fmt.Fprintf(&out, "%s %s rev %d seq %d unread %d\n", e.Type, id, e.change(), e.LastSeq, e.UnreadCount)
		}
	}
	return out.String()
}

// conversation is what an event is about.
func (e event) conversation() chat.ConversationID {
	switch {
	case e.Message != nil:
		return chat.ConversationID(e.Message.ConversationID)
	case e.Conversation != nil:
		return chat.ConversationID(e.Conversation.ID)
	}
	return chat.ConversationID(e.ConversationID)
}

type day struct {
	log strings.Builder // what was done
	*world
	t             *testing.T
	random        *rand.Rand
	people        []chat.UserID
	conversations []chat.ConversationID
	viewers       []*viewer
}

func (d *day) person() chat.UserID { return d.people[d.random.IntN(len(d.people))] }

func (d *day) node() *node { return d.nodes[d.random.IntN(len(d.nodes))] }

func (d *day) viewer() *viewer { return d.viewers[d.random.IntN(len(d.viewers))] }

func (d *day) come() { d.viewers = append(d.viewers, d.view(d.t, d.node(), d.person())) }

// step does one thing. What somebody may not do is refused, and that is all right.
func (d *day) step() {
	n, u := d.node(), d.person()
	if len(d.conversations) == 0 || d.random.IntN(20) == 0 {
		fmt.Fprintln(&d.log, "create", u, n.NodeID())
		kind, others, title := chat.Group, []chat.UserID{d.person(), d.person()}, "Group"
		if d.random.IntN(2) == 0 {
			kind, others, title = chat.Direct, []chat.UserID{d.person()}, ""
		}
		if c, _, err := n.rules.CreateConversation(bg, u, kind, others, title); err == nil && !slices.Contains(d.conversations, c.ID) {
			d.conversations = append(d.conversations, c.ID)
		}
		return
	}
	c := d.conversations[d.random.IntN(len(d.conversations))]
	var err error
	what := d.random.IntN(12)
	fmt.Fprintln(&d.log, what, u, c, n.NodeID())
	switch what {
	case 0:
		_, err = n.rules.AddParticipants(bg, u, c, []chat.UserID{d.person()})
	case 1:
		err = n.rules.RemoveParticipant(bg, u, c, d.person())
	case 2:
		_, err = n.rules.RenameConversation(bg, u, c, fmt.Sprint("Title ", d.random.IntN(100)))
	case 3:
		if r, failed := d.store.Roster(bg, c); failed == nil && (r.Type == chat.Direct || d.random.IntN(5) == 0) {
			err = n.rules.DeleteConversation(bg, u, c)
		}
	case 4:
		if m, _, failed := d.store.Messages(bg, chat.HistoryQuery{Conversation: c, Limit: 1}); failed == nil && len(m) > 0 {
			_, err = n.rules.AdvanceRead(bg, u, c, m[0].ID)
		}
	case 5:
		if len(d.viewers) < 14 {
			d.come()
		}
	case 6:
		// A client follows what is on its list.
		if v := d.viewer(); slices.Contains(slices.Collect(maps.Keys(v.told())), c) {
			v.followed[c] = true
			v.subscribe(c, 0)
		}
	case 7:
		v := d.viewer()
		v.node.Unsubscribe(v.Session, c)
	default:
		_, err = n.trySend(u, c, fmt.Sprint("message ", d.random.IntN(1000)), "")
	}
	if err != nil && chat.AsError(err).Code == chat.CodeInternal {
		d.t.Error(err)
	}
}

var _ realtime.Degrading = (*bustest.Faulty)(nil)
