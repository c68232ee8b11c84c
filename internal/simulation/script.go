package simulation

import (
	"fmt"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/parley-chat/parley/client"
	"github.com/parley-chat/parley/internal/chat"
	"github.com/parley-chat/parley/internal/check"
)

// script is the course of a run.
type script struct {
	*world
	air     weather
	lasts   time.Duration // how long people chat
	living  sync.WaitGroup
	acts    int
	written int
	clears  func() time.Duration // is told when the weather clears
}

// open starts three nodes, opens the conversations and brings everybody in.
func (w *world) open() *script {
	luck := w.chance.of("opening")
	s := &script{world: w, air: weathers[luck.IntN(len(weathers))], lasts: luck.between(12*time.Second, 40*time.Second)}
	if w.fixed != nil {
		s.air = *w.fixed
	}
	w.journal.add("script", "seed %d: %s for %v", w.chance.seed, s.air.name, s.lasts)
	for place := range 3 {
		n := &node{world: w, place: place, ahead: luck.between(-5*time.Minute, 5*time.Minute)}
		w.nodes = append(w.nodes, n)
		n.start()
	}
	for i, p := range w.people {
		w.journal.name(string(p.id), p.name)
		for k := range 1 + (i+1)%2 {
			d := &device{
				w: w, name: fmt.Sprintf("%s/%d", p.name, k+1), person: p, login: fmt.Sprintf("login %s %d", p.name, k+1),
				posted: make(map[string]int), views: make(map[string]*view), badges: make(map[string]badge), reads: make(map[string]client.ReadState), wake: make(chan struct{}, 1),
				habit: habit{acks: luck.is(.4), fromNow: luck.is(.15), silence: luck.between(18*time.Second, 45*time.Second)},
			}
			d.witness = w.recorder.Witness(d.name, p.name)
			d.witness.SignedIn(string(p.id))
			w.byLogin[d.login] = p
			w.devices = append(w.devices, d)
		}
	}
	ada, bob := w.deviceOf(w.people[0]), w.deviceOf(w.people[1])
	for i, c := range []string{ada.create(chat.Group, w.people[1:4], "all"), bob.create(chat.Group, w.people[2:], "some"), ada.create(chat.Direct, w.people[1:2], "")} {
		w.journal.name(c, fmt.Sprint("c", i+1))
	}
	for _, d := range w.devices {
		d.witness.Begin(check.Operation{Op: check.Connect}).End(nil)
		s.living.Go(d.live)
	}
	time.Sleep(500 * time.Millisecond)
	return s
}

func (w *world) deviceOf(p *person) *device {
	return w.devices[slices.IndexFunc(w.devices, func(d *device) bool { return d.person == p })]
}

// chat has people chat while things break.
func (s *script) chat() {
	s.setWeather(s.air)
	s.clears = s.recorder.Fault("weather", s.air.name, "")
	if s.air.vague > 0 {
		weather, vague := s.clears, s.recorder.Fault("readers-vague", "readers", "")
		s.clears = func() time.Duration { vague(); return weather() }
	}
	until := time.Now().Add(s.lasts)
	s.breakThings(until)
	if luck := s.chance.of("flood"); luck.is(.05) {
		s.flood()
	}
	for time.Now().Before(until) {
		s.acts++
		luck := s.chance.of("act")
		time.Sleep(luck.between(time.Millisecond, 500*time.Millisecond))
		d := pick(luck, s.devices)
		act := s.choose(luck)
		s.errands.Go(func() { act(d, s.chance.of("of "+d.name)) })
	}
}

// deed is something that somebody does with a device.
type deed func(*device, lot)

// choose picks what to do, more often what people do more often.
func (s *script) choose(l lot) deed {
	reading := 1 + s.air.reading
	deeds := []struct {
		weight int
		do     deed
	}{
		{50, s.writes}, {6, s.writesOverREST}, {4, s.writesTwice}, {4, s.repeats}, {1, s.contradicts},
		{7, s.edits}, {4, s.removes},
		{10 * reading, s.reads}, {8 * reading, s.readsLive}, {4 * reading, s.readsTogether}, {3, s.switches}, {2, s.asksWhoRead}, {3, s.admits}, {3, s.expels}, {1, s.quits}, {2, s.renames}, {1, s.promotes},
		{1, s.creates}, {1, s.discards}, {6, s.drops}, {2, s.dawdles}, {3, s.looksAway}, {2, s.pages}, {2, s.types}, {1, s.lists},
	}
	total := 0
	for _, d := range deeds {
		total += d.weight
	}
	n := l.IntN(total)
	for _, d := range deeds {
		if n -= d.weight; n < 0 {
			return d.do
		}
	}
	return s.writes
}

// key names the next letter, in the order in which they are written.
func (s *script) key(d *device) string {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.written++
	return fmt.Sprintf("%s-%d", strings.ReplaceAll(d.name, "/", ""), s.written)
}

func text(l lot, key string) string {
	body := "This is " + key + "."
	if l.is(.04) {
		body += strings.Repeat(" And so on.", 1+l.IntN(300))
	}
	return body
}

// somewhere is one of the conversations that a device knows, or "".
func (d *device) somewhere(l lot) string {
	d.mu.Lock()
	defer d.mu.Unlock()
	known := d.w.inOrder(d.views)
	if len(known) == 0 {
		return ""
	}
	return pick(l, known)
}

// something is a message that a device has seen, its own if that is asked for.
func (d *device) something(l lot, own bool) (c, message string) {
	c = d.somewhere(l)
	d.mu.Lock()
	defer d.mu.Unlock()
	v := d.views[c]
	if v == nil {
		return "", ""
	}
	var seen []string
	for _, m := range v.messages[max(0, len(v.messages)-8):] {
		if !own || m.SenderID == string(d.person.id) {
			seen = append(seen, m.ID)
		}
	}
	if len(seen) == 0 {
		return "", ""
	}
	return c, pick(l, seen)
}

func (s *script) writes(d *device, l lot) {
	if c := d.somewhere(l); c != "" {
		for range 1 + l.IntN(3)*l.IntN(2) {
			key := s.key(d)
			d.send(c, key, text(l, key))
			// What falls on one instant would be in the scheduler's order.
			time.Sleep(l.between(time.Microsecond, time.Millisecond))
		}
	}
}

func (s *script) writesOverREST(d *device, l lot) {
	if c := d.somewhere(l); c != "" {
		key := s.key(d)
		d.sendREST(c, key, text(l, key))
	}
}

// writesTwice sends the same over both ways at once, or twice over one.
func (s *script) writesTwice(d *device, l lot) {
	c := d.somewhere(l)
	if c == "" {
		return
	}
	key := s.key(d)
	body := text(l, key)
	d.send(c, key, body)
	if l.is(.5) {
		d.send(c, key, body)
	} else {
		d.sendREST(c, key, body)
	}
}

// old is a letter that was confirmed some time ago.
func (d *device) old(l lot) *letter {
	d.mu.Lock()
	defer d.mu.Unlock()
	if len(d.sent) == 0 {
		return nil
	}
	return pick(l, d.sent)
}

// repeats sends what was confirmed long ago, as a client does that has forgotten the answer.
func (s *script) repeats(d *device, l lot) {
	if o := d.old(l); o != nil && l.is(.5) {
		d.send(o.conversation, o.key, o.body)
	} else if o != nil {
		d.sendREST(o.conversation, o.key, o.body)
	}
}

// contradicts uses a key again for something else.
func (s *script) contradicts(d *device, l lot) {
	if o := d.old(l); o != nil {
		d.sendREST(o.conversation, o.key, o.body+" No!")
	}
}

func (s *script) edits(d *device, l lot) {
	if c, m := d.something(l, true); m != "" {
		d.edit(c, m, fmt.Sprintf("Edited to %d.", l.IntN(1000)))
	}
}

func (s *script) removes(d *device, l lot) {
	if c, m := d.something(l, l.is(.8)); m != "" {
		d.remove(c, m)
	}
}

func (s *script) reads(d *device, l lot) {
	if c, m := d.something(l, false); m != "" {
		_ = d.markRead(c, m)
	}
}

// readsLive asks over the connection, as somebody does who reads on or has just come back.
func (s *script) readsLive(d *device, l lot) {
	if c, m := d.something(l, false); m != "" {
		d.markReadLive(c, m, pick(l, []string{"receipt:read", "receipt:sync"}))
	}
}

// readsTogether has two devices of a person read different messages at once, or one twice.
func (s *script) readsTogether(d *device, l lot) {
	theirs := slices.DeleteFunc(slices.Clone(s.devices), func(o *device) bool { return o.person != d.person })
	c, m := d.something(l, false)
	other := pick(l, theirs)
	if m == "" {
		return
	}
	if c2, m2 := other.something(l, false); c2 == c {
		other.markReadLive(c, m2, "receipt:read")
	} else {
		d.markReadLive(c, m, "receipt:read")
	}
	_ = d.markRead(c, m)
}

// switches has others know what somebody reads from now on, or not.
func (s *script) switches(d *device, l lot) { _ = d.letKnow(l.is(.5)) }

// asksWhoRead lists the readers of a message.
func (s *script) asksWhoRead(d *device, l lot) {
	if c, m := d.something(l, false); m != "" {
		_ = d.whoRead(s.key(d), c, m, 1+l.IntN(3))
	}
}

// boss is a device that most likely may do what owners may.
func (s *script) boss(d *device, l lot) *device {
	if l.is(.7) {
		return s.deviceOf(s.people[l.IntN(2)])
	}
	return d
}

func (s *script) admits(d *device, l lot) {
	d = s.boss(d, l)
	if c := d.somewhere(l); c != "" {
		_ = d.admit(c, pick(l, s.people))
	}
}

func (s *script) expels(d *device, l lot) {
	d = s.boss(d, l)
	if c := d.somewhere(l); c != "" {
		if who := pick(l, s.people); who != d.person {
			_ = d.expel(c, who)
		}
	}
}

func (s *script) quits(d *device, l lot) {
	if c := d.somewhere(l); c != "" {
		d.quit(c)
	}
}

func (s *script) renames(d *device, l lot) {
	d = s.boss(d, l)
	if c := d.somewhere(l); c != "" {
		d.rename(c, fmt.Sprint("title ", l.IntN(1000)))
	}
}

func (s *script) promotes(d *device, l lot) {
	d = s.boss(d, l)
	if c := d.somewhere(l); c != "" {
		d.promote(c, pick(l, s.people), pick(l, []chat.Role{chat.RoleAdmin, chat.RoleMember, chat.RoleOwner}))
	}
}

func (s *script) creates(d *device, l lot) {
	others := []*person{pick(l, s.people)}
	kind := chat.Direct
	if l.is(.5) {
		kind, others = chat.Group, append(others, pick(l, s.people))
	}
	if slices.Contains(others, d.person) {
		return
	}
	if c := d.create(kind, others, ""); c != "" && s.journal.nameOf(c) == c {
		s.journal.name(c, "c of "+d.name)
	}
}

func (s *script) discards(d *device, l lot) {
	if c := d.somewhere(l); c != "" {
		d.discard(c)
	}
}

func (s *script) drops(d *device, l lot) {
	away := l.between(0, time.Second)
	if l.is(.2) {
		away = l.between(time.Second, 20*time.Second)
	}
	d.drop(away)
}

func (s *script) dawdles(d *device, l lot) { s.slow(d, l.between(time.Second, 15*time.Second)) }

// slow has a device read nothing for a while.
func (s *script) slow(d *device, wait time.Duration) {
	end := s.recorder.Fault("dawdle", d.name, "")
	d.mu.Lock()
	d.log("reads nothing for %v", wait)
	d.slowTo = time.Now().Add(wait)
	d.mu.Unlock()
	time.Sleep(wait)
	end()
}

// looksAway stops following a conversation for a while.
func (s *script) looksAway(d *device, l lot) {
	c := d.somewhere(l)
	if c == "" {
		return
	}
	d.unfollow(c)
	time.Sleep(l.between(100*time.Millisecond, 8*time.Second))
	d.refollow(c)
}

func (s *script) pages(d *device, l lot) {
	if c := d.somewhere(l); c != "" {
		_ = d.traverse(s.key(d), c, l.is(.5), 1+l.IntN(8), l.between(0, 300*time.Millisecond))
	}
}

func (s *script) types(d *device, l lot) {
	c := d.somewhere(l)
	d.mu.Lock()
	defer d.mu.Unlock()
	if c != "" && d.online {
		d.command(map[string]any{"type": pick(l, []string{"typing:start", "typing:stop"}), "conversationId": c})
	}
}

func (s *script) lists(d *device, _ lot) { _ = d.list() }

// flood has somebody write more than fits into an outbox, to people of whom one reads nothing.
func (s *script) flood() {
	ada, deaf := s.deviceOf(s.people[0]), s.deviceOf(s.people[2])
	s.errands.Go(func() {
		c := s.journal.idOf("c1")
		s.errands.Go(func() { s.slow(deaf, 8*time.Second) })
		// 4 bytes a character: a message may have 4,000 of them.
		for range 90 {
			key := s.key(ada)
			ada.send(c, key, key+strings.Repeat("𓀀", 3900))
			time.Sleep(40 * time.Millisecond)
		}
	})
}
