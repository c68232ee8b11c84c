// Package devicestest holds whatever knows who is connected to the contract of chat.Devices.
package devicestest

import (
	"context"
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/parley-chat/parley/internal/chat"
)

// World is where devices are.
type World struct {
	// New returns, as each node has them, devices that share what they know: nothing, and that is sure.
	New func(t rapid.TB) []chat.Devices
	// Pass lets time pass, as whoever holds the devices sees it.
	Pass func(t rapid.TB, by time.Duration)
	// Empty has everything lost that the last ones knew. It is nil where nothing can be lost while the nodes live.
	Empty func(t rapid.TB)
	// In runs a test of the world; nil just calls it.
	In func(t *testing.T, test func(*testing.T))
}

// Run runs the suite.
func Run(t *testing.T, world World) {
	for _, test := range []struct {
		name string
		run  func(*testing.T, World)
	}{
		{"who comes is told once, and is there", coming},
		{"a lease ends thirty seconds after the last sign of life, once", leaseEnds},
		{"a sign of life that is older than a lease changes nothing", tooOld},
		{"who comes back within the lease was never gone, and after it is told anew", comingBack},
		{"who lapsed is one caller's for a moment, and then again the same", claims},
		{"who is there again is not settled away", backBeforeSettled},
		{"people lapse at most so many at a time", limit},
		{"a person is the best of their devices, of the type that was active last", best},
		{"a device that falls silent counts no more", oneFallsSilent},
		{"of two beats of a device the one that was active last holds", activeLast},
		{"a beat that was told no more holds no longer", holdEnds},
		{"who signs out is offline at once, and late beats of that login change nothing", signingOut},
		{"who signs out is told though the one who asked for it died", signingOutHalf},
		{"who signs out on one device is there on the others", signingOutOfOne},
		{"a login that nobody knew can be ended", endOfUnknown},
		{"the larger revision of a privacy holds, whoever tells it", revisions},
		{"who is invisible looks offline, and nothing that they do shows", invisible},
		{"who is secret looks offline and was never seen", secret},
		{"the privacy of somebody who is not there is remembered", privacyOfAbsent},
		{"twenty devices of a person are known, those that were active last", manyDevices},
		{"a thousand people beat at once, some of them twice", crowd},
		{"names are kept apart whatever they hold", oddNames},
		{"nodes that sweep and beat at once claim everybody once", racingSweeps},
		{"what was lost is not sure, and nobody lapses by it", loss},
		{"versions grow over a loss", versionsOverLoss},
		{"any order of calls tells what is so", anyOrder},
	} {
		if world.Empty == nil && (test.name == "what was lost is not sure, and nobody lapses by it" || test.name == "versions grow over a loss") {
			continue
		}
		t.Run(test.name, func(t *testing.T) {
			if world.In == nil {
				test.run(t, world)
				return
			}
			world.In(t, func(t *testing.T) { test.run(t, world) })
		})
	}
}

// shared is the privacy of somebody who hides nothing.
var shared = chat.Privacy{Rev: 1, Enabled: true, Sharing: chat.ShareEveryone}

// house is the devices of a world, used by each node in turn, and what was told of everybody so far.
type house struct {
	rapid.TB
	world World
	nodes []chat.Devices
	turn  int
	told  map[chat.UserID]chat.Presence
}

func open(t rapid.TB, w World) *house {
	return &house{TB: t, world: w, nodes: w.New(t), told: make(map[chat.UserID]chat.Presence)}
}

func (h *house) node() chat.Devices {
	h.turn++
	return h.nodes[h.turn%len(h.nodes)]
}

func (h *house) pass(by time.Duration) { h.world.Pass(h, by) }

func (h *house) ok(err error) {
	h.Helper()
	if err != nil {
		h.Fatal(err)
	}
}

// hear notes what is told. The version of a person only grows.
func (h *house) hear(told []chat.Presence) []chat.Presence {
	h.Helper()
	for _, p := range told {
		if before := h.told[p.User]; p.Version < before.Version || p.Version == before.Version && p.Status != before.Status {
			h.Errorf("after version %d of %s (%s) came %d (%s)", before.Version, p.User, before.Status, p.Version, p.Status)
		}
		h.told[p.User] = p
	}
	return told
}

func (h *house) beat(beats ...chat.Beat) []chat.Presence {
	h.Helper()
	changed, _, err := h.node().Beat(context.Background(), beats)
	h.ok(err)
	return h.hear(changed)
}

func (h *house) end(u chat.UserID, l chat.LoginID) []chat.Presence {
	h.Helper()
	changed, err := h.node().End(context.Background(), u, l)
	h.ok(err)
	return h.hear(changed)
}

func (h *house) setPrivacy(u chat.UserID, p chat.Privacy, seenAt time.Time) []chat.Presence {
	h.Helper()
	told, err := h.node().SetPrivacy(context.Background(), u, p, seenAt)
	h.ok(err)
	return h.hear(told)
}

func (h *house) lapse(limit int) []chat.Presence {
	h.Helper()
	offline, err := h.node().Lapse(context.Background(), limit)
	h.ok(err)
	for _, p := range offline {
		// Who is returned again may have been told something since, offline as well.
		if h.told[p.User].Status != chat.StatusOffline {
			h.hear([]chat.Presence{p})
		}
	}
	return offline
}

func (h *house) settle(offline ...chat.Presence) {
	h.Helper()
	h.ok(h.node().Settle(context.Background(), offline))
}

// expectNone says that nothing is told.
func (h *house) expectNone(when string, told []chat.Presence) {
	h.Helper()
	if len(told) != 0 {
		h.Errorf("%s there is told %+v", when, told)
	}
}

// expect says that one is told to be so; it is returned.
func (h *house) expect(when string, told []chat.Presence, status chat.Status, device chat.DeviceType) chat.Presence {
	h.Helper()
	if len(told) != 1 || told[0].Status != status || told[0].Device != device || told[0].Version == 0 {
		h.Fatalf("%s there is told %+v, want %s on %q", when, told, status, device)
	}
	return told[0]
}

// expectThere says how somebody is there, "" when they are not.
func (h *house) expectThere(u chat.UserID, status chat.Status) chat.Presence {
	h.Helper()
	there, sure, err := h.node().Presences(context.Background(), []chat.UserID{"nobody", u})
	h.ok(err)
	p, is := there[u]
	if !sure || p.Status != status || is && (p.User != u || p.Version != h.told[u].Version && h.told[u].Version != 0) || len(there) > 1 {
		h.Errorf("there are %+v (sure %v), want %s %q; told was %+v", there, sure, u, status, h.told[u])
	}
	return p
}

// expectSeen says how long ago somebody was seen last, within a second.
func (h *house) expectSeen(p chat.Presence, ago time.Duration) {
	h.Helper()
	if off := time.Since(p.SeenAt) - ago; off < -time.Second || off > time.Second {
		h.Errorf("%s was seen %s ago, want %s", p.User, time.Since(p.SeenAt), ago)
	}
}

// of is a beat of somebody's only device, heard and active now.
func of(u chat.UserID) chat.Beat {
	return chat.Beat{User: u, Login: chat.LoginID("login of " + u), Type: chat.Desktop, Privacy: shared}
}

// with is a beat that is changed.
func with(b chat.Beat, change func(*chat.Beat)) chat.Beat {
	change(&b)
	return b
}
