package realtime_test

import (
	"context"
	"errors"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/parley-chat/parley/internal/chat"
	"github.com/parley-chat/parley/internal/inmem"
	"github.com/parley-chat/parley/internal/protocol"
	"github.com/parley-chat/parley/internal/realtime"
)

// truth is who is there and who is what to whom, as the store and the devices would say it to all nodes.
type truth struct {
	mu        sync.Mutex
	persons   map[chat.UserID]chat.Presence
	relations map[[2]chat.UserID]chat.Relation
	version   int64
	away      bool // nothing can be read
	unsure    bool // who is there may be missing
	asked     int  // for whom people watch
	heard     map[chat.UserID]chat.Privacy
}

var everyone = chat.Privacy{Rev: 1, Enabled: true, Sharing: chat.ShareEveryone}

func newTruth() *truth {
	return &truth{
		persons: make(map[chat.UserID]chat.Presence), relations: make(map[[2]chat.UserID]chat.Relation),
		heard: make(map[chat.UserID]chat.Privacy),
	}
}

// sighted is a node's rules with this truth.
type sighted struct {
	*chat.Service
	*truth
}

var errAway = errors.New("it is away")

func (s sighted) Watching(_ context.Context, open map[chat.UserID][]chat.ConversationID) (map[chat.UserID][]chat.Watched, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.asked++; s.away {
		return nil, errAway
	}
	out := make(map[chat.UserID][]chat.Watched)
	for u := range open {
		for other := range s.persons {
			if w := s.watched(u, other); w.Relation.Friends || w.Relation.Share {
				out[u] = append(out[u], w)
			}
		}
	}
	return out, nil
}

func (s sighted) Relations(_ context.Context, u chat.UserID, others []chat.UserID) (map[chat.UserID]chat.Watched, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.away {
		return nil, errAway
	}
	out := make(map[chat.UserID]chat.Watched)
	for _, other := range others {
		out[other] = s.watched(u, other)
	}
	return out, nil
}

func (t *truth) watched(u, other chat.UserID) chat.Watched {
	p := t.persons[other]
	return chat.Watched{User: other, Relation: t.relations[pairOf(u, other)], Privacy: p.Privacy, SeenAt: p.SeenAt}
}

func (s sighted) Presences(_ context.Context, users []chat.UserID) (map[chat.UserID]chat.Presence, bool, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.away {
		return nil, false, errAway
	}
	out := make(map[chat.UserID]chat.Presence)
	for _, u := range users {
		if p := s.persons[u]; p.Status != chat.StatusOffline && !s.unsure {
			out[u] = p
		}
	}
	return out, !s.unsure, nil
}

func (s sighted) SeePresences(_ context.Context, viewer chat.UserID, users []chat.UserID) ([]chat.Presence, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	var out []chat.Presence
	for _, u := range users {
		out = append(out, s.see(viewer, u))
	}
	return out, nil
}

func (s sighted) PrivacyHeard(u chat.UserID, p chat.Privacy) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.heard[u] = p
}

// queries is how often it was read whom people watch.
func (t *truth) queries() int {
	synctest.Wait()
	t.mu.Lock()
	defer t.mu.Unlock()
	return t.asked
}

// see is what somebody should be shown of another.
func (t *truth) see(viewer, u chat.UserID) chat.Presence {
	p := t.persons[u]
	switch {
	case viewer == u && p.Privacy.Invisible:
		return chat.Presence{User: u, Status: chat.StatusInvisible}
	case viewer != u && !p.Privacy.Lets(t.relations[pairOf(viewer, u)]):
		return chat.Presence{User: u, Status: chat.StatusOffline}
	}
	return chat.Presence{User: u, Status: p.Status, Device: p.Device, SeenAt: p.SeenAt}
}

func pairOf(a, b chat.UserID) [2]chat.UserID { return [2]chat.UserID{min(a, b), max(a, b)} }

func (t *truth) relate(a, b chat.UserID, r chat.Relation) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.relations[pairOf(a, b)] = r
}

func (t *truth) set(do func()) {
	t.mu.Lock()
	defer t.mu.Unlock()
	do()
}

// be makes somebody's presence another one and returns what is to be announced.
func (t *truth) be(u chat.UserID, status chat.Status, privacy chat.Privacy) chat.Presence {
	t.mu.Lock()
	defer t.mu.Unlock()
	before := t.persons[u]
	p := chat.Presence{User: u, Status: status, Privacy: privacy}
	if privacy.Rev == 0 {
		p.Privacy = before.Privacy
	}
	hidden := p.Privacy.Invisible || p.Privacy.Secret()
	if hidden {
		p.Status = chat.StatusOffline
	}
	switch {
	case p.Privacy.Secret():
	case p.Status != chat.StatusOffline:
		p.Device = chat.Desktop
	case before.Status == chat.StatusOffline:
		p.SeenAt = before.SeenAt
	default:
		p.SeenAt = time.Now().UTC().Truncate(time.Millisecond)
	}
	t.version = max(t.version+1, time.Now().UnixMicro())
	p.Version = t.version
	t.persons[u] = p
	return p
}

// sightWorld is nodes with people who are online and all in a conversation together, as far as presence goes.
type sightWorld struct {
	*world
	*truth
	users []chat.UserID
}

func newSightWorld(t testing.TB, nodes, people int, bus realtime.Bus) *sightWorld {
	w := &sightWorld{truth: newTruth()}
	w.world = newWorldOver(t, nodes, bus, func(rules *chat.Service) realtime.Source { return sighted{rules, w.truth} })
	for range people {
		w.users = append(w.users, chat.UserID(newID()))
	}
	for i, u := range w.users {
		w.be(u, chat.StatusOnline, everyone)
		for _, other := range w.users[:i] {
			w.relate(u, other, chat.Relation{Share: true})
		}
	}
	return w
}

// sight is what a client knows of others by its events, and how often each was told as changed.
func (c *client) sight() (seen map[string]protocol.Presence, changes map[string]int) {
	c.mu.Lock()
	defer c.mu.Unlock()
	seen, changes = make(map[string]protocol.Presence), make(map[string]int)
	for _, e := range c.events {
		switch e.Type {
		case "presence:state":
			for _, p := range e.Presences {
				seen[p.UserID] = p
			}
		case "presence:changed":
			changes[e.UserID]++
			p := protocol.Presence{UserID: e.UserID, Status: e.Status, Device: e.Device}
			if e.LastSeenAt != nil {
				at := protocol.Time(*e.LastSeenAt)
				p.LastSeenAt = &at
			}
			seen[e.UserID] = p
		}
	}
	return seen, changes
}

// sees holds what a client knows of somebody against the truth.
func (w *sightWorld) sees(c *client, u chat.UserID) {
	w.Helper()
	synctest.Wait()
	w.mu.Lock()
	want := protocol.PresenceOf(w.see(c.User, u), true)
	w.mu.Unlock()
	seen, _ := c.sight()
	if diff := cmp.Diff(want, seen[string(u)]); diff != "" {
		w.Errorf("%s sees of %s:\n%s", c.User, u, diff)
	}
}

// changes is how often the client was told that somebody changed.
func (c *client) changes(u chat.UserID) int {
	synctest.Wait()
	_, changes := c.sight()
	return changes[string(u)]
}

// settle lasts until what was said was told.
func settle() {
	time.Sleep(time.Second)
	synctest.Wait()
}

func TestWhoConnectsIsToldOfAllWhomTheyWatchAndOfThemselvesAndNotAtOnce(t *testing.T) {
	for _, bus := range []func() realtime.Bus{func() realtime.Bus { return inmem.NewBus() }, func() realtime.Bus { return realtime.Alone{} }} {
		synctest.Test(t, func(t *testing.T) {
			w := newSightWorld(t, 1, 700, bus())
			stranger := chat.UserID(newID())
			w.be(stranger, chat.StatusOnline, everyone)
			for _, u := range w.users[2:5] {
				w.be(u, chat.StatusOffline, chat.Privacy{})
			}
			ann := w.nodes[0].connect(t, w.users[0])
			time.Sleep(299 * time.Millisecond)
			synctest.Wait()
			if seen, _ := ann.sight(); len(seen) > 0 {
				t.Error("somebody was told before they were greeted")
			}
			settle()
			for _, u := range w.users {
				w.sees(ann, u)
			}
			if seen, changes := ann.sight(); len(seen) != 700 || len(changes) > 0 {
				t.Errorf("%d people are known and %d changed", len(seen), len(changes))
			}
			again := w.nodes[0].connect(t, w.users[0])
			settle()
			w.sees(again, w.users[3])
			if n := len(ann.await("", func([]event) bool { return true })); n != 3 {
				t.Errorf("the first session was told %d times", n)
			}
		})
	}
}

func TestAChangeIsToldOnceToEachWhoWatchesOnEveryNode(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newSightWorld(t, 3, 4, inmem.NewBus())
		var clients []*client
		for i := range w.users {
			clients = append(clients, w.nodes[i%3].connect(t, w.users[i]), w.nodes[(i+1)%3].connect(t, w.users[i]))
		}
		settle()
		for i, status := range []chat.Status{chat.StatusAway, chat.StatusOnline, chat.StatusOffline} {
			p := w.be(w.users[0], status, chat.Privacy{})
			w.nodes[i].PresenceChanged([]chat.Presence{p})
			w.nodes[i].PresenceChanged([]chat.Presence{p})
			settle()
			for _, c := range clients {
				w.sees(c, w.users[0])
				if n := c.changes(w.users[0]); n != i+1 {
					t.Errorf("%s was told %d times of %d changes", c.User, n, i+1)
				}
			}
		}
		for _, c := range clients {
			if n := c.changes(w.users[1]); n != 0 {
				t.Errorf("somebody who did not change was told %d times", n)
			}
		}
	})
}

func TestWhatIsTakenBackInAMomentIsToldToNobody(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newSightWorld(t, 1, 2, realtime.Alone{})
		ann := w.nodes[0].connect(t, w.users[0])
		settle()
		for _, status := range []chat.Status{chat.StatusOffline, chat.StatusOnline, chat.StatusAway, chat.StatusOnline} {
			w.nodes[0].PresenceChanged([]chat.Presence{w.be(w.users[1], status, chat.Privacy{})})
			time.Sleep(40 * time.Millisecond)
		}
		settle()
		w.sees(ann, w.users[1])
		if n := ann.changes(w.users[1]); n != 0 {
			t.Errorf("it was told %d times", n)
		}
	})
}

func TestWhoBecomesInvisibleIsGoneAtOnceOnAllNodesAndSaysSoToThemselvesAlone(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newSightWorld(t, 2, 3, inmem.NewBus())
		before := w.persons[w.users[0]]
		own, near, far := w.nodes[0].connect(t, w.users[0]), w.nodes[0].connect(t, w.users[1]), w.nodes[1].connect(t, w.users[2])
		elsewhere := w.nodes[1].connect(t, w.users[0])
		settle()
		hidden := everyone
		hidden.Rev, hidden.Invisible = 2, true
		gone := w.be(w.users[0], chat.StatusOffline, hidden)
		w.nodes[0].PresenceChanged([]chat.Presence{gone})
		time.Sleep(time.Millisecond)
		for _, c := range []*client{own, near, far, elsewhere} {
			w.sees(c, w.users[0])
		}
		w.set(func() {
			if w.heard[w.users[0]] != hidden {
				t.Error("the other node of theirs did not learn it")
			}
		})
		// A node that does not know yet says that they are there: late, and as news.
		w.nodes[0].PresenceChanged([]chat.Presence{before})
		before.Version = gone.Version + 1
		w.nodes[0].PresenceChanged([]chat.Presence{before})
		settle()
		time.Sleep(2 * time.Minute)
		for _, c := range []*client{near, far} {
			synctest.Wait()
			for _, e := range c.await("", func([]event) bool { return true }) {
				if e.Type == "presence:changed" && e.UserID == string(w.users[0]) && e.Status != "offline" {
					t.Errorf("they are seen: %+v", e)
				}
			}
			if status := c.now(w.users[0]).Status; status != "offline" {
				t.Errorf("they are %s", status)
			}
		}
		if status := own.now(w.users[0]).Status; status != "invisible" {
			t.Errorf("they are %s to themselves", status)
		}
	})
}

// now is what the client knows of somebody.
func (c *client) now(u chat.UserID) protocol.Presence {
	seen, _ := c.sight()
	return seen[string(u)]
}

func TestPrivacyIsHeldForEachWhoWatches(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newSightWorld(t, 2, 3, inmem.NewBus())
		w.relate(w.users[0], w.users[1], chat.Relation{Friends: true})
		friend, other := w.nodes[0].connect(t, w.users[1]), w.nodes[1].connect(t, w.users[2])
		settle()
		for i, privacy := range []chat.Privacy{
			{Rev: 2, Enabled: true, Sharing: chat.ShareFriends},
			{Rev: 3, Enabled: true, Sharing: chat.ShareNobody},
			{Rev: 4, Enabled: true, Sharing: chat.ShareEveryone},
			{Rev: 5, Sharing: chat.ShareEveryone},
		} {
			w.nodes[0].PresenceChanged([]chat.Presence{w.be(w.users[0], chat.StatusOnline, privacy)})
			time.Sleep(10 * time.Millisecond)
			w.sees(friend, w.users[0])
			w.sees(other, w.users[0])
			if want := []int{0, 1, 2, 3}[i]; friend.changes(w.users[0]) != want {
				t.Errorf("the friend was told %d times by then, want %d", friend.changes(w.users[0]), want)
			}
		}
	})
}

func TestWhoIsBlockedOrLeavesTheLastConversationInCommonSeesNothingFromThenOn(t *testing.T) {
	for name, relation := range map[string]chat.Relation{"blocked": {Share: true, Blocked: true}, "left": {}} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				w := newSightWorld(t, 2, 2, inmem.NewBus())
				ann, bob := w.nodes[0].connect(t, w.users[0]), w.nodes[1].connect(t, w.users[1])
				settle()
				w.relate(w.users[0], w.users[1], relation)
				w.nodes[0].WatchingChanged(w.users...)
				settle()
				time.Sleep(time.Second)
				for _, c := range []*client{ann, bob} {
					other := w.users[0]
					if c == ann {
						other = w.users[1]
					}
					w.sees(c, other)
					w.nodes[0].PresenceChanged([]chat.Presence{w.be(other, chat.StatusAway, chat.Privacy{})})
					settle()
					if n := c.changes(other); n != 1 {
						t.Errorf("it was told %d times", n)
					}
				}
			})
		})
	}
}

func TestWhoReadsTooSlowlyIsToldEverythingLaterAndNotInTheWayOfMessages(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newSightWorld(t, 1, 600, realtime.Alone{})
		n := w.nodes[0]
		slow := n.stall(t, w.users[0])
		settle()
		slow.drain(slow.Outbox)
		w.sees(slow, w.users[1])
		long := make([]byte, 120<<10)
		copy(long, `{"type":"`)
		for i := 9; i < len(long)-2; i++ {
			long[i] = 'x'
		}
		copy(long[len(long)-2:], `"}`)
		slow.Send(long)
		gone := w.users[7]
		w.relate(w.users[0], gone, chat.Relation{})
		n.WatchingChanged(w.users[0])
		for _, u := range w.users[1:7] {
			n.PresenceChanged([]chat.Presence{w.be(u, chat.StatusOffline, chat.Privacy{})})
		}
		time.Sleep(10 * time.Second)
		synctest.Wait()
		if s := n.Stats(); s.StatesOwed != 1 {
			t.Errorf("%d sessions are owed a state", s.StatesOwed)
		}
		slow.drain(slow.Outbox)
		if n := slow.changes(w.users[1]); n != 0 {
			t.Errorf("a slow session was told %d changes", n)
		}
		settle()
		slow.drain(slow.Outbox)
		for _, u := range w.users[1:] {
			w.sees(slow, u)
		}
		if s := n.Stats(); s.StatesOwed != 0 || slow.Ended() {
			t.Errorf("%d sessions are owed a state", s.StatesOwed)
		}
	})
}

func TestWhatCannotBeReadStaysAsItWasToldUntilItIsKnownForSure(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newSightWorld(t, 2, 3, inmem.NewBus())
		ann := w.nodes[0].connect(t, w.users[0])
		settle()
		w.set(func() { w.away = true })
		w.nodes[0].Lose(nil)
		late := w.nodes[1].connect(t, w.users[2])
		time.Sleep(20 * time.Second)
		w.set(func() { w.away, w.unsure = false, true })
		time.Sleep(20 * time.Second)
		w.sees(ann, w.users[1])
		if n := ann.changes(w.users[1]); n != 0 {
			t.Errorf("%d changes were told of somebody who had none", n)
		}
		if seen := late.now(w.users[1]); seen.Status != "" {
			t.Errorf("somebody of whom nothing is known is told as %s", seen.Status)
		}
		w.be(w.users[1], chat.StatusOffline, chat.Privacy{})
		w.set(func() { w.unsure = false })
		time.Sleep(15 * time.Second)
		w.sees(ann, w.users[1])
		w.sees(late, w.users[1])
		if n := ann.changes(w.users[1]); n != 1 {
			t.Errorf("one change was told %d times", n)
		}
	})
}

func TestARedisThatComesBackWithAnEarlierClockIsBelieved(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newSightWorld(t, 2, 2, inmem.NewBus())
		ann := w.nodes[0].connect(t, w.users[0])
		settle()
		w.be(w.users[1], chat.StatusAway, chat.Privacy{})
		w.set(func() {
			p := w.persons[w.users[1]]
			p.Version -= int64(time.Hour / time.Microsecond)
			w.persons[w.users[1]] = p
		})
		w.nodes[0].Lose([]string{realtime.PresenceTopic(w.users[1])})
		settle()
		w.sees(ann, w.users[1])
		var p chat.Presence
		w.set(func() {
			p = w.persons[w.users[1]]
			p.Version, p.Status = p.Version+1, chat.StatusOnline
			w.persons[w.users[1]] = p
		})
		w.nodes[1].PresenceChanged([]chat.Presence{p})
		settle()
		w.sees(ann, w.users[1])
	})
}

func TestAnEnvelopeThatCannotBeTrueIsReadAnewAndNotBelieved(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		bus := inmem.NewBus()
		w := newSightWorld(t, 2, 3, bus)
		ann := w.nodes[0].connect(t, w.users[0])
		settle()
		good := w.persons[w.users[1]]
		forge := func(change func(*chat.Presence)) {
			p := good
			p.Version = time.Now().UnixMicro()
			p.Status = chat.StatusAway
			change(&p)
			bus.Publish(realtime.PresenceTopic(w.users[1]), realtime.PresenceEnvelope("forger", p))
		}
		for _, change := range []func(*chat.Presence){
			func(p *chat.Presence) { p.Version = 1 << 62 },
			func(p *chat.Presence) { p.Version = 0 },
			func(p *chat.Presence) { p.User = w.users[2] },
			func(p *chat.Presence) { p.Status = "busy" },
			func(p *chat.Presence) { p.Status = chat.StatusInvisible },
			func(p *chat.Presence) { p.Device = "toaster" },
			func(p *chat.Presence) { p.SeenAt = time.Now() },
			func(p *chat.Presence) { p.Status, p.SeenAt = chat.StatusOffline, time.Now().Add(48*time.Hour) },
			func(p *chat.Presence) { p.Privacy.Rev = 1 << 60 },
			func(p *chat.Presence) { p.Privacy.Rev = -1 },
			func(p *chat.Presence) { p.Privacy.Sharing = "some" },
			func(p *chat.Presence) { p.Privacy.Invisible = true },
			func(p *chat.Presence) { p.Privacy.Enabled = false },
		} {
			forge(change)
		}
		bus.Publish(realtime.PresenceTopic(w.users[1]), []byte(`{"type":"presence:changed","serverId":"x","payload":7}`))
		bus.Publish(realtime.PresenceTopic(w.users[1]), []byte(`{"type":"presence:dreamt","serverId":"x","payload":7}`))
		bus.Publish(realtime.UserTopic(w.users[0]), []byte(`{"type":"presence:watching","serverId":"x","payload":{"User":"other"}}`))
		settle()
		w.sees(ann, w.users[1])
		if n := ann.changes(w.users[1]) + ann.changes(w.users[2]); n != 0 {
			t.Errorf("%d changes were told", n)
		}
		if s := w.nodes[0].Stats(); s.Misheard != 15 {
			t.Errorf("%d envelopes were misheard", s.Misheard)
		}
	})
}

func TestWhoAsksIsShownExactlyThoseAsTheyMaySeeThem(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newSightWorld(t, 1, 3, realtime.Alone{})
		stranger, nobody := chat.UserID(newID()), chat.UserID(newID())
		w.be(stranger, chat.StatusOnline, everyone)
		ann := w.nodes[0].connect(t, w.users[0])
		settle()
		w.relate(w.users[0], w.users[2], chat.Relation{})
		asked := []chat.UserID{nobody, w.users[1], stranger, w.users[0], w.users[2]}
		w.nodes[0].WatchingChanged(w.users[0])
		w.nodes[0].ShowPresence(bg, ann.Session, asked)
		synctest.Wait()
		events := ann.await("", func([]event) bool { return true })
		last := events[len(events)-1]
		if last.Type != "presence:state" || len(last.Presences) != len(asked) {
			t.Fatalf("%+v", last)
		}
		for i, want := range []string{"offline", "online", "offline", "online", "offline"} {
			if p := last.Presences[i]; p.UserID != string(asked[i]) || p.Status != want || p.LastSeenAt != nil {
				t.Errorf("%+v", p)
			}
		}
		ctx, cancel := context.WithCancel(bg)
		cancel()
		w.nodes[0].ShowPresence(ctx, ann.Session, asked)
	})
}

func TestWhomPeopleWatchIsNotReadForEveryWord(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newSightWorld(t, 1, 200, realtime.Alone{})
		for _, u := range w.users {
			w.nodes[0].connect(t, u)
		}
		settle()
		if n := w.queries(); n != 4 {
			t.Errorf("200 who came together were read in %d queries", n)
		}
		for range 50 {
			w.nodes[0].WatchingChanged(w.users[0])
			time.Sleep(100 * time.Millisecond)
		}
		if n := w.queries(); n > 4+50*6 {
			t.Errorf("it was read %d times", n)
		}
		time.Sleep(time.Minute)
		was := w.queries()
		time.Sleep(time.Minute)
		if n := w.queries() - was; n < 50 || n > 120 {
			t.Errorf("in a minute all were compared by %d queries", n)
		}
	})
}

func TestWhoLeavesTakesWhatWasKeptForThem(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newSightWorld(t, 1, 20, inmem.NewBus())
		var clients []*client
		for _, u := range w.users {
			clients = append(clients, w.nodes[0].connect(t, u))
		}
		settle()
		if s := w.nodes[0].Stats(); s.Viewers != 20 || s.Watched != 20 || s.Pairs != 400 {
			t.Errorf("%+v", s)
		}
		for _, c := range clients {
			w.nodes[0].Close(c.Session)
		}
		settle()
		if s := w.nodes[0].Stats(); s.Viewers+s.Watched+int(s.Pairs)+s.StatesOwed != 0 || s.Topics != 1 {
			t.Errorf("%+v", s)
		}
	})
}
