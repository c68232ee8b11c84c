package readerstest

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/parley-chat/parley/internal/chat"
)

// anyOrder makes calls in any order and holds them to a model: positions by maximum.
func anyOrder(t *testing.T, w World) {
	rapid.Check(t, func(rt *rapid.T) {
		m := &model{
			T: rt, world: w, room: open(rt, w), people: make(map[chat.UserID]bool), gone: make(map[chat.UserID]bool),
			truth: make(map[chat.UserID]int64), stored: make(map[chat.UserID]int64), counts: make(map[int64]int64),
			owed: make(map[string]bool), written: make(map[string]bool),
		}
		for _, u := range everybody[:3] {
			m.people[u] = true
		}
		rt.Repeat(map[string]func(*rapid.T){
			"read":       func(t *rapid.T) { m.read(t, chat.ByReading) },
			"send":       func(t *rapid.T) { m.read(t, chat.BySending) },
			"count":      func(*rapid.T) { m.count() },
			"seed":       func(*rapid.T) { m.seed() },
			"look":       func(*rapid.T) { m.lookAtStore() },
			"seed late":  m.seedLate,
			"come or go": m.comeOrGo,
			"hide":       m.hide,
			"lose":       m.lose,
			"age":        m.age,
			"claim":      m.claim,
			"settle":     m.settle,
			"pending":    func(*rapid.T) { m.writePending() },
		})
		m.finish()
	})
}

var everybody = []chat.UserID{"anna", "ben", "cem", "dora", "emil", "fay", "gus", "hana"}

// seqs is how many messages there are; the sender of each is fixed.
const seqs = 12

func senderOf(seq int64) chat.UserID { return everybody[seq%int64(len(everybody))] }

// model is what the store holds, and what must come out.
type model struct {
	*rapid.T
	world  World
	room   *room
	people map[chat.UserID]bool // in the conversation → whether they let others know

	gone    map[chat.UserID]bool
	truth   map[chat.UserID]int64 // what was acknowledged
	stored  map[chat.UserID]int64 // what the store knows
	owed    map[string]bool       // the steps that were acknowledged
	written map[string]bool       // and those that were written

	claims  []chat.Claim
	seen    *look
	counts  map[int64]int64 // as they were told last
	version int64
}

// look is the store as somebody read it who will seed later.
type look struct {
	epoch     int64
	positions map[chat.UserID]int64
}

var ctx = context.Background()

func (m *model) read(t *rapid.T, how chat.Moved) {
	steps := make(map[chat.UserID]chat.Step)
	for range rapid.IntRange(1, 4).Draw(t, "readers") {
		u := rapid.SampledFrom(everybody).Draw(t, "reader")
		if _, in := m.people[u]; in {
			steps[u] = step(u, rapid.Int64Range(1, seqs).Draw(t, "seq"))
		}
	}
	sorted := slices.SortedFunc(maps.Values(steps), func(a, b chat.Step) int { return int(a.Seq - b.Seq) })
	for _, s := range sorted {
		if how == chat.BySending { // the store has it before anybody is told
			m.stored[s.User] = max(m.stored[s.User], s.Seq)
		}
		if how == chat.ByReading {
			m.owed[name(s)] = true
		}
		m.truth[s.User] = max(m.truth[s.User], s.Seq)
	}
	err := m.room.node().Advance(ctx, m.room.id, sorted, how)
	if err != nil && !errors.Is(err, chat.ErrUnseeded) {
		m.Fatal(err)
	}
}

func name(s chat.Step) string { return fmt.Sprint(s.User, " ", s.Seq) }

func (m *model) lookAtStore() { m.look(true) }

// look reads who is counted from the store, in which what waits is or need not be.
func (m *model) look(writing bool) {
	epoch, err := m.room.node().Epoch(ctx, m.room.id)
	m.room.ok(err)
	if writing {
		m.writePending()
	}
	positions := make(map[chat.UserID]int64)
	for u, shows := range m.people {
		if shows {
			positions[u] = m.stored[u]
		}
	}
	m.seen = &look{epoch, positions}
}

// writePending writes what waits of everybody. Every node is asked: each knows only its own steps again after a loss.
func (m *model) writePending() {
	for _, node := range m.room.nodes {
		steps, err := node.Pending(ctx, everybody)
		m.room.ok(err)
		m.write(steps)
	}
}

func (m *model) write(steps []chat.Step) {
	for _, s := range steps {
		if !m.owed[name(s)] || s.Conversation != m.room.id {
			m.Fatalf("nobody made the step %+v", s)
		}
		m.written[name(s)] = true
		if _, in := m.people[s.User]; in {
			m.stored[s.User] = max(m.stored[s.User], s.Seq)
		}
	}
}

func (m *model) seedLate(*rapid.T) {
	if m.seen != nil {
		m.room.ok(m.room.node().Seed(ctx, m.room.id, m.seen.positions, m.seen.epoch))
	}
}

func (m *model) seed() {
	m.lookAtStore()
	m.seedLate(m.T)
}

// count compares the counts, and seeds when asked to.
func (m *model) count() {
	var of []chat.Counted
	for seq := int64(1); seq <= seqs; seq++ {
		of = append(of, chat.Counted{Message: message(seq), Seq: seq, Sender: senderOf(seq)})
	}
	for _, node := range m.room.nodes { // each learns of a loss
		_, err := node.Waiting(ctx)
		m.room.ok(err)
	}
	counts, version, err := m.room.node().Counts(ctx, m.room.id, of)
	if errors.Is(err, chat.ErrUnseeded) {
		m.look(!errors.Is(err, chat.ErrSeedOld))
		m.seedLate(m.T)
		counts, version, err = m.room.node().Counts(ctx, m.room.id, of)
	}
	m.room.ok(err)
	changed := false
	for _, c := range of {
		var want int64
		for u, shows := range m.people {
			if shows && u != c.Sender && m.truth[u] >= c.Seq {
				want++
			}
		}
		if counts[c.Message] != want {
			m.Fatalf("message %d is read by %d, want %d", c.Seq, counts[c.Message], want)
		}
		changed = changed || m.counts[c.Seq] != want
		m.counts[c.Seq] = want
	}
	if version < m.version || (changed && version == m.version) {
		m.Fatalf("version %d came after %d", version, m.version)
	}
	m.version = version
}

// comeOrGo has somebody leave, whose steps are written before and who does not come back, or come in, who has read
// nothing.
func (m *model) comeOrGo(t *rapid.T) {
	u := rapid.SampledFrom(everybody).Draw(t, "who")
	if _, in := m.people[u]; !in {
		if !m.gone[u] {
			m.people[u] = true
			m.room.ok(m.room.node().Unseed(ctx, m.room.id))
		}
		return
	}
	m.writePending()
	delete(m.people, u)
	m.gone[u] = true
	m.room.ok(m.room.node().Unseed(ctx, m.room.id, u))
}

func (m *model) hide(t *rapid.T) {
	u := rapid.SampledFrom(everybody).Draw(t, "who")
	if shows, in := m.people[u]; in {
		m.people[u] = !shows
		m.room.ok(m.room.node().Unseed(ctx, m.room.id))
	}
}

func (m *model) age(t *rapid.T) {
	by := rapid.SampledFrom([]time.Duration{chat.SeedLasts(0), chat.SeedRenewal, chat.SeedLastsAtMost}).Draw(t, "by")
	m.world.Age(m.room.id, by)
}

func (m *model) lose(*rapid.T) { m.world.Empty() }

func (m *model) claim(t *rapid.T) {
	lease := rapid.SampledFrom([]time.Duration{0, time.Hour}).Draw(t, "lease")
	c := m.room.claim(rapid.IntRange(0, 5).Draw(t, "limit"), lease)
	for _, s := range c.Steps {
		if !m.owed[name(s)] {
			m.Fatalf("nobody made the step %+v", s)
		}
	}
	m.claims = append(m.claims, c)
}

// settle writes what a claim holds, except what cannot be written now.
func (m *model) settle(t *rapid.T) {
	if len(m.claims) == 0 {
		return
	}
	i := rapid.IntRange(0, len(m.claims)-1).Draw(t, "claim")
	c := m.claims[i]
	m.claims = slices.Delete(m.claims, i, i+1)
	back := rapid.IntRange(0, len(c.Steps)).Draw(t, "back")
	m.write(c.Steps[back:])
	m.room.settle(c.ID, c.Steps[:back]...)
}

// drain writes all that waits.
func (m *model) drain() {
	for _, c := range m.claims {
		m.write(c.Steps)
		m.room.settle(c.ID)
	}
	m.claims = nil
	for _, node := range slices.Concat(m.room.nodes, m.room.nodes) {
		for {
			c, err := node.Claim(ctx, 4, time.Hour)
			m.room.ok(err)
			if len(c.Steps) == 0 {
				break
			}
			m.write(c.Steps)
			m.room.ok(node.Settle(ctx, c.ID, nil))
		}
	}
}

// finish looks whether everything arrived in the store.
func (m *model) finish() {
	m.count()
	m.drain()
	for u := range m.people {
		if m.stored[u] != m.truth[u] {
			m.Fatalf("the store has %s at %d, want %d", u, m.stored[u], m.truth[u])
		}
	}
	if n := m.room.waiting(); n > 0 {
		m.Fatalf("%d steps still wait", n)
	}
	m.count()
}
