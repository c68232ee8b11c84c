package check_test

import (
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/parley-chat/parley/internal/check"
)

// presenceStory is a small good history of who is there: Ada and Cyd watch; Bob comes and goes, hides and shows himself, and
// shares it with some; Dan shares a room with nobody.
func presenceStory() *check.History {
	m := newModel("ada", "bob", "cyd", "dan")
	m.showPresence()
	ada, bob, cyd, dan := m.people[0], m.people[1], m.people[2], m.people[3]
	for _, p := range m.people {
		p.connect("node-1")
	}
	r := m.create(ada, "bob", "cyd")
	all := func() {
		for _, p := range m.people {
			for p.take() {
			}
		}
	}
	for _, p := range m.people[:3] {
		p.subscribe(r, 0)
	}
	all()
	ada.send(r, "one")
	all()
	m.pass(5 * time.Second)
	bob.types(r)
	// Away for a moment, and for long.
	bob.leave()
	m.pass(10 * time.Second)
	bob.connect("node-2")
	m.pass(10 * time.Second)
	bob.leave()
	m.pass(50 * time.Second)
	bob.connect("node-1")
	m.pass(5 * time.Second)
	// Invisible, gone and back meanwhile.
	bob.hide(true)
	m.pass(5 * time.Second)
	bob.types(r)
	bob.leave()
	m.pass(45 * time.Second)
	bob.connect("node-1")
	cyd.cut()
	m.pass(5 * time.Second)
	cyd.connect("node-2")
	m.pass(5 * time.Second)
	bob.hide(false)
	m.pass(5 * time.Second)
	// Among friends.
	bob.share("friends")
	m.pass(5 * time.Second)
	bob.befriend("ada", true)
	m.pass(5 * time.Second)
	bob.block("cyd", true)
	m.pass(5 * time.Second)
	bob.rest(true)
	m.pass(3 * time.Second)
	bob.rest(false)
	dan.leave()
	m.pass(50 * time.Second)
	bob.logout()
	m.pass(10 * time.Second)
	dan.connect("node-1")
	bob.connect("node-2")
	cyd.rest(true)
	return m.settle()
}

var presenceRules = []string{"I10", "C7.1", "C7.2", "C7.3", "C7.4", "C7.5", "C7.6"}

func TestAGoodHistoryOfPresenceIsNotAccused(t *testing.T) {
	for _, r := range check.Check(presenceStory(), check.Bounds{}).Rules {
		for _, v := range r.Violations {
			t.Errorf("%s", v)
		}
		if r.Checked == 0 && slices.Contains(presenceRules, r.ID) {
			t.Errorf("%s (%s) had nothing to look at", r.ID, r.Claim)
		}
	}
}

func TestEveryPlantedFaultOfPresenceIsCaughtAndNamed(t *testing.T) {
	for _, p := range presencePlants {
		t.Run(p.name, func(t *testing.T) {
			h := presenceStory()
			p.bad(h)
			var all []string
			for _, r := range check.Check(h, check.Bounds{}).Rules {
				for _, v := range r.Violations {
					if r.ID == p.rule && strings.Contains(v.String(), p.says) {
						return
					}
					all = append(all, v.String())
				}
			}
			t.Errorf("%s does not say %q; found:\n%s", p.rule, p.says, strings.Join(all, "\n"))
		})
	}
}

// words are the observations by which a client was told of somebody alone.
func words(h *check.History, client, user string) (out []*check.Observation) {
	for i := range h.Observations {
		if o := &h.Observations[i]; o.Client == client && o.Event == check.PresenceChanged && o.Presences[0].User == user {
			out = append(out, o)
		}
	}
	return out
}

// wordAt is the first of them from a moment on that has a status.
func wordAt(h *check.History, client, user, status string, from time.Duration) *check.Observation {
	for _, o := range words(h, client, user) {
		if o.Presences[0].Status == status && o.At >= from {
			return o
		}
	}
	panic(client + " was not told that " + user + " is " + status)
}

// insert tells a client something at a moment.
func insert(h *check.History, client string, at time.Duration, o check.Observation) {
	var like *check.Observation
	i := 0
	for ; i < len(h.Observations) && h.Observations[i].At < at; i++ {
		if h.Observations[i].Client == client {
			like = &h.Observations[i]
		}
	}
	o.Actor, o.At, o.Serial = like.Actor, at, h.Observations[i-1].Serial
	h.Observations = slices.Insert(h.Observations, i, o)
}

// tell tells a client that somebody has a status.
func tell(h *check.History, client, user, status string, at time.Duration) {
	insert(h, client, at, check.Observation{Event: check.PresenceChanged, Presences: []check.Presence{{User: user, Status: status}}})
}

var presencePlants = []plant{
	{"a departure is never told", "C7.3", "still told", func(h *check.History) { unsee(h, wordAt(h, "ada", "bob", "offline", 0)) }},
	{"an arrival is never told", "C7.3", "was not told within", func(h *check.History) {
		unsee(h, wordAt(h, "ada", "bob", "online", did(h, "bob", check.Connect, 3).Begin))
	}},
	{"a logout is told like a lost connection", "C7.3", "still told", func(h *check.History) {
		wordAt(h, "ada", "bob", "offline", did(h, "bob", check.Logout, 1).Begin).At += 5 * time.Second
	}},
	{"a departure is told by two nodes", "C7.5", "one departure", func(h *check.History) {
		again := *wordAt(h, "ada", "bob", "offline", 0)
		again.Presences = []check.Presence{{User: "bob", Status: "offline", SeenAt: again.Presences[0].SeenAt + 7}}
		insert(h, "ada", again.At+time.Second, again)
	}},
	{"a change is told again", "C7.5", "told twice", func(h *check.History) {
		again := *wordAt(h, "ada", "bob", "offline", 0)
		insert(h, "ada", again.At+time.Second, again)
	}},
	{"the last beat at the close is missing", "C7.2", "before their lease", func(h *check.History) {
		wordAt(h, "ada", "bob", "offline", did(h, "bob", check.Disconnect, 2).End).At -= 12 * time.Second
	}},
	{"off and on again shows", "C7.2", "before their lease", func(h *check.History) {
		tell(h, "ada", "bob", "offline", did(h, "bob", check.Disconnect, 1).End+5*time.Second)
	}},
	{"absence is believed of a Redis that was emptied", "C7.2", "while they were connected", func(h *check.History) {
		tell(h, "ada", "bob", "offline", did(h, "bob", check.Disconnect, 1).Begin-time.Second)
	}},
	{"an old word comes after a new one", "C7.6", "without a connect", func(h *check.History) {
		off := wordAt(h, "ada", "bob", "offline", 0)
		tell(h, "ada", "bob", "online", off.At+3*time.Second)
	}},
	{"who has gone is told to be there to who connects", "C7.6", "who has gone", func(h *check.History) {
		tell(h, "ada", "bob", "away", did(h, "bob", check.Connect, 3).Begin-time.Second)
	}},
	{"an invisible person is shown", "C7.1", "was shown to be online", func(h *check.History) {
		tell(h, "cyd", "bob", "online", did(h, "bob", check.Appear, 1).End+3*time.Second)
	}},
	{"an invisible person is in the full state", "C7.1", "was shown to be away", func(h *check.History) {
		state := last(h, "cyd", check.PresenceState, 1)
		state.Presences[slices.IndexFunc(state.Presences, func(p check.Presence) bool { return p.User == "bob" })].Status = "away"
	}},
	{"an invisible person types", "C7.1", "shown to type", func(h *check.History) {
		insert(h, "ada", did(h, "bob", check.Appear, 1).End+3*time.Second, check.Observation{Event: check.Typing, Conversation: "c1", Peer: "bob"})
	}},
	{"an invisible person acknowledges", "C7.1", "have something delivered", func(h *check.History) {
		// The only message is from before: it is sent after that here.
		send(h, 1).Begin, send(h, 1).End = did(h, "bob", check.Disconnect, 3).End+time.Second, did(h, "bob", check.Disconnect, 3).End+2*time.Second
		insert(h, "ada", did(h, "bob", check.Connect, 4).End+3*time.Second, check.Observation{Event: check.MessageDelivered, Conversation: "c1", Peer: "bob", Seq: 1})
	}},
	{"when an invisible person was last seen moves", "C7.1", "moved", func(h *check.History) {
		at := did(h, "bob", check.Disconnect, 3).End + 30*time.Second
		insert(h, "ada", at, check.Observation{Event: check.PresenceChanged, Presences: []check.Presence{{User: "bob", Status: "offline", SeenAt: at.Microseconds()}}})
	}},
	{"who is no friend is shown what is for friends", "C7.4", "may not know", func(h *check.History) {
		tell(h, "cyd", "bob", "online", did(h, "bob", check.Sharing, 1).End+3*time.Second)
	}},
	{"who is blocked is shown when somebody was seen last", "C7.4", "may not know", func(h *check.History) {
		insert(h, "cyd", did(h, "bob", check.Block, 1).End+3*time.Second, check.Observation{Event: check.PresenceChanged, Presences: []check.Presence{{User: "bob", Status: "offline", SeenAt: 7}}})
	}},
	{"a stranger is shown somebody", "C7.4", "may not know", func(h *check.History) { tell(h, "ada", "dan", "online", 3*time.Second) }},
	{"the last word is wrong", "I10", "being offline, who is there", func(h *check.History) {
		tell(h, "ada", "bob", "offline", h.Run.Settled-time.Second)
	}},
	{"who may not know ends with a word", "I10", "who is offline to them", func(h *check.History) {
		tell(h, "cyd", "bob", "online", h.Run.Settled-time.Second)
	}},
	{"who is away ends online", "I10", "who is away", func(h *check.History) {
		tell(h, "ada", "cyd", "online", h.Run.Settled-time.Second)
	}},
}

func TestWhatFaultsDoToPresenceIsExcusedAndNoMore(t *testing.T) {
	bounds := check.Bounds{Hearing: []string{"kill", "freeze", "flush"}, Lapsing: []string{"freeze"}, Emptied: []string{"flush"}}
	for _, tt := range []struct {
		name, kind string
		lasted     time.Duration
		bad        func(h *check.History)
		accused    bool
	}{
		{"somebody is offline while their node stands still for long", "freeze", 14 * time.Second, falselyOffline, false},
		{"somebody is offline while their node stands still for a moment", "freeze", 5 * time.Second, falselyOffline, true},
		{"somebody is offline when all was forgotten", "flush", time.Millisecond, falselyOffline, false},
		{"somebody is offline when another node died", "kill", time.Second, falselyOffline, true},
		{"a departure is late when nobody hears", "redis", time.Second, late, false},
		{"a departure is late when everybody hears", "kill", time.Second, late, true},
	} {
		t.Run(tt.name, func(t *testing.T) {
			h := presenceStory()
			tt.bad(h)
			left := did(h, "bob", check.Disconnect, 2)
			to := left.Begin - 1500*time.Millisecond
			if strings.Contains(tt.name, "late") {
				to = left.Begin + 39*time.Second
			}
			h.Faults = append(h.Faults, check.Fault{Kind: tt.kind, Target: "elsewhere", From: max(0, to-tt.lasted), To: to})
			found := 0
			for _, r := range check.Check(h, bounds).Rules {
				if slices.Contains([]string{"C7.2", "C7.3"}, r.ID) {
					found += r.Found
				}
			}
			if found > 0 != tt.accused {
				t.Errorf("accused %d times", found)
			}
		})
	}
}

func falselyOffline(h *check.History) {
	at := did(h, "bob", check.Disconnect, 2).Begin - time.Second
	tell(h, "ada", "bob", "offline", at)
	tell(h, "ada", "bob", "online", at+500*time.Millisecond)
}

func late(h *check.History) {
	wordAt(h, "ada", "bob", "offline", did(h, "bob", check.Disconnect, 2).End).At += 12 * time.Second
}
