package simulation

import (
	"bytes"
	"fmt"
	"slices"
	"time"

	"github.com/parley-chat/parley/internal/chat"
	"github.com/parley-chat/parley/internal/check"
)

// probe measures, in fair weather, that what is promised within a time comes within it. A run has some of the
// probes, in any order.
func (s *script) probe() {
	probes := []struct {
		name string
		run  func(lot)
	}{
		{"a message", s.probeMessage},
		{"a gap", s.probeGap},
		{"a loss that is told", func(l lot) { s.probeLoss(l, dropTell) }},
		{"a loss of anything", func(l lot) { s.probeLoss(l, dropTellAll) }},
		{"a loss that is not told", s.probeSilence},
		{"a commit without an answer", s.probeUnsure},
		{"a commit after it was given up", s.probeBelated},
		{"an edit and a deletion", s.probeChanges},
		{"a read position", s.probeRead},
		{"activity", s.probeActivity},
		{"a removal and a return", s.probeRemoval},
		{"a new conversation", s.probeCreation},
		{"a sign-out", s.probeSignOut},
		{"a drain", s.probeDrain},
		{"a late retry", s.probeRetry},
		{"somebody who does not know of their removal", s.probeRemoved},
	}
	luck := s.chance.of("probes")
	luck.Shuffle(len(probes), func(i, k int) { probes[i], probes[k] = probes[k], probes[i] })
	for _, p := range probes[:4] {
		s.journal.add("script", "probes %s", p.name)
		p.run(s.chance.of("probe " + p.name))
		time.Sleep(1200 * time.Millisecond)
	}
	// Some of them break something on their way.
	s.recorder.Run(func(r *check.Run) { r.Healed = s.recorder.Now() })
}

// stage is where a probe plays: somebody who writes, and everybody else who follows.
type stage struct {
	conversation string
	writer       *device
	followers    []*device // without the writer
}

// stages finds the conversations in which somebody can write and others follow.
func (s *script) stages() []stage {
	var out []stage
	for _, d := range s.devices {
		d.mu.Lock()
		for _, c := range s.inOrder(d.views) {
			if v := d.views[c]; v.phase != following || !d.online {
				continue
			}
			i := slices.IndexFunc(out, func(x stage) bool { return x.conversation == c })
			if i < 0 {
				out = append(out, stage{conversation: c, writer: d})
			} else {
				out[i].followers = append(out[i].followers, d)
			}
		}
		d.mu.Unlock()
	}
	return slices.DeleteFunc(out, func(x stage) bool { return len(x.followers) < 2 })
}

func (s *script) stage(l lot) (stage, bool) {
	all := s.stages()
	if len(all) == 0 {
		return stage{}, false
	}
	return pick(l, all), true
}

// write has the stage's writer write something, and returns its key.
func (s *script) write(x stage) string {
	key := s.key(x.writer)
	x.writer.send(x.conversation, key, "A probe, "+key+".")
	return key
}

// within waits until something holds for all devices, and notes those for which it does not in time.
func (s *script) within(rule string, bound time.Duration, devices []*device, what string, holds func(*device) bool) {
	deadline := time.Now().Add(bound)
	for {
		missing := slices.DeleteFunc(slices.Clone(devices), func(d *device) bool {
			d.mu.Lock()
			defer d.mu.Unlock()
			return holds(d)
		})
		if len(missing) == 0 {
			return
		}
		if !time.Now().Before(deadline) {
			for _, d := range missing {
				s.violate(rule, d.name, "%s did not come within %v", what, bound)
			}
			return
		}
		time.Sleep(5 * time.Millisecond)
	}
}

// has reports whether a device has a message in a conversation. The device's lock is held.
func (d *device) has(c, key string) bool {
	v := d.views[c]
	if v == nil {
		return false
	}
	for i := len(v.messages) - 1; i >= 0; i-- {
		if v.messages[i].ClientMessageID == key {
			return true
		}
	}
	return false
}

// arrives waits until everybody has a message.
func (s *script) arrives(x stage, key, rule string, bound time.Duration) {
	s.within(rule, bound, append([]*device{x.writer}, x.followers...), key+" in "+x.conversation, func(d *device) bool { return d.has(x.conversation, key) })
}

func (s *script) probeMessage(l lot) {
	if x, some := s.stage(l); some {
		s.arrives(x, s.write(x), "C3.2", 500*time.Millisecond)
	}
}

// changesOf are the envelopes that bring changes of a conversation.
func changesOf(c string, then verdict) func(string, []byte) verdict {
	return func(topic string, envelope []byte) verdict {
		brings := bytes.HasPrefix(envelope, []byte(`{"type":"changes"`)) || bytes.HasPrefix(envelope, []byte(`{"type":"message:received"`))
		if topic == "chat:conversation:"+c && brings {
			return then
		}
		return pass
	}
}

// probeGap loses the first of two messages without a word: the second shows that there was a first.
func (s *script) probeGap(l lot) {
	x, some := s.stage(l)
	if !some {
		return
	}
	s.network.censored(changesOf(x.conversation, drop))
	first := s.write(x)
	time.Sleep(200 * time.Millisecond)
	s.network.censored(nil)
	second := s.write(x)
	s.arrives(x, second, "C3.1", time.Second)
	s.arrives(x, first, "C3.1", 5*time.Millisecond)
}

func (s *script) probeLoss(l lot, how verdict) {
	x, some := s.stage(l)
	if !some {
		return
	}
	s.network.censored(changesOf(x.conversation, how))
	s.arrives(x, s.write(x), "C3.1", time.Second)
	s.network.censored(nil)
}

// probeSilence loses a message that nobody speaks of: the look at the store every 5 seconds finds it.
func (s *script) probeSilence(l lot) {
	x, some := s.stage(l)
	if !some {
		return
	}
	s.network.censored(changesOf(x.conversation, drop))
	key := s.write(x)
	time.Sleep(200 * time.Millisecond)
	s.network.censored(nil)
	s.arrives(x, key, "C3.1", 6*time.Second)
}

// probeUnsure stores a message and loses every answer of the database: sooner or later its sender is told that it is
// not known whether it is stored, and everybody sees that it is.
func (s *script) probeUnsure(l lot) {
	x, some := s.stage(l)
	if !some {
		return
	}
	s.setWeather(weather{unsure: 1})
	key := s.write(x)
	time.Sleep(2 * time.Second)
	s.arrives(x, key, "C2.6", time.Second)
	s.setWeather(fair)
	s.recovers(x)
}

// probeBelated gives every try up and lets it be committed later.
func (s *script) probeBelated(l lot) {
	x, some := s.stage(l)
	if !some {
		return
	}
	s.setWeather(weather{belated: 1})
	key := s.write(x)
	time.Sleep(2800 * time.Millisecond)
	s.setWeather(fair)
	s.arrives(x, key, "C2.6", 8*time.Second)
	s.recovers(x)
}

// recovers waits until the writer has every answer.
func (s *script) recovers(x stage) {
	s.within("C2.6", 8*time.Second, []*device{x.writer}, "an answer to everything", func(d *device) bool { return len(d.letters) == 0 })
	time.Sleep(3 * time.Second)
}

func (s *script) probeChanges(l lot) {
	x, some := s.stage(l)
	if !some {
		return
	}
	key := s.write(x)
	s.arrives(x, key, "C3.2", 500*time.Millisecond)
	x.writer.mu.Lock()
	v := x.writer.views[x.conversation]
	i := slices.IndexFunc(x.writer.sent, func(o *letter) bool { return o.key == key })
	x.writer.mu.Unlock()
	if v == nil || i < 0 {
		return
	}
	message := x.writer.sent[i].answer.ID
	everybody := append([]*device{x.writer}, x.followers...)
	is := func(holds func(deleted bool, content string) bool) func(*device) bool {
		return func(d *device) bool {
			v := d.views[x.conversation]
			if v == nil {
				return false
			}
			at, known := v.place[message]
			return known && holds(v.messages[at].DeletedAt != nil, v.messages[at].Content)
		}
	}
	x.writer.edit(x.conversation, message, "Edited.")
	s.within("C3.1", 500*time.Millisecond, everybody, "the edit of "+key, is(func(_ bool, content string) bool { return content == "Edited." }))
	x.writer.remove(x.conversation, message)
	s.within("C3.1", 500*time.Millisecond, everybody, "the deletion of "+key, is(func(deleted bool, content string) bool { return deleted && content == "" }))
}

// probeRead moves a read position on one device: the person's other devices are told.
func (s *script) probeRead(l lot) {
	x, some := s.stage(l)
	if !some {
		return
	}
	s.arrives(x, s.write(x), "C3.2", 500*time.Millisecond)
	reader := pick(l, x.followers)
	if reader.person == x.writer.person {
		return
	}
	reader.mu.Lock()
	v := reader.views[x.conversation]
	first, last := v.messages[0].ID, v.messages[len(v.messages)-1].ID
	reader.mu.Unlock()
	if reader.markRead(x.conversation, last) != nil {
		return
	}
	var same []*device
	for _, d := range s.devices {
		if d.person == reader.person {
			same = append(same, d)
		}
	}
	s.within("C6.5", 500*time.Millisecond, same, "the read position in "+x.conversation, func(d *device) bool {
		r := d.reads[x.conversation]
		return !d.online || r.LastReadMessageID != nil && *r.LastReadMessageID == last && r.UnreadCount == 0
	})
	// It stays there when an older message is read.
	_ = reader.markRead(x.conversation, first)
}

// probeActivity has a device that does not follow told of what is unread.
func (s *script) probeActivity(l lot) {
	x, some := s.stage(l)
	if !some {
		return
	}
	d := pick(l, x.followers)
	if d.person == x.writer.person {
		return
	}
	d.unfollow(x.conversation)
	time.Sleep(300 * time.Millisecond)
	key := s.write(x)
	rest := x
	rest.followers = slices.DeleteFunc(slices.Clone(x.followers), func(o *device) bool { return o == d })
	s.arrives(rest, key, "C3.2", 500*time.Millisecond)
	heads, err := s.store.Heads(s.ctx, []chat.ConversationID{chat.ConversationID(x.conversation)})
	// What was read in a large conversation may not be in the store yet.
	state, _, stateErr := s.someProcess(l).rules.TrueReadState(s.ctx, chat.ConversationID(x.conversation), d.person.id)
	if err != nil || stateErr != nil {
		panic(fmt.Sprint(err, stateErr))
	}
	want := badge{state.UnreadCount, heads[chat.ConversationID(x.conversation)].LastSeq}
	s.within("C3.8", 2500*time.Millisecond, []*device{d}, fmt.Sprintf("the activity of %s (seq %d, %d unread)", x.conversation, want.lastSeq, want.unread), func(d *device) bool {
		return d.badges[x.conversation] == want
	})
	d.refollow(x.conversation)
	rest.followers = []*device{d}
	s.arrives(rest, key, "C3.3", 500*time.Millisecond)
}

// owner is a device of whoever owns a group, or nil.
func (s *script) owner(c string) *device {
	roster, err := s.store.Roster(s.ctx, chat.ConversationID(c))
	if err != nil || roster.Type != chat.Group {
		return nil
	}
	for _, d := range s.devices {
		if roster.Roles[d.person.id] == chat.RoleOwner {
			return d
		}
	}
	return nil
}

// probeRemoval takes somebody out of a group and in again.
func (s *script) probeRemoval(l lot) {
	for _, x := range s.stages() {
		owner := s.owner(x.conversation)
		if owner == nil {
			continue
		}
		others := slices.DeleteFunc(slices.Clone(x.followers), func(d *device) bool { return d.person == owner.person || d.person == x.writer.person })
		if len(others) == 0 {
			continue
		}
		who := pick(l, others).person
		theirs := slices.DeleteFunc(slices.Clone(s.devices), func(d *device) bool { return d.person != who })
		if owner.expel(x.conversation, who) != nil {
			return
		}
		s.within("C3.7", time.Second, theirs, "the removal from "+x.conversation, func(d *device) bool { return !d.online || d.views[x.conversation] == nil })
		x.followers = slices.DeleteFunc(x.followers, func(d *device) bool { return d.person == who })
		s.arrives(x, s.write(x), "C3.2", 500*time.Millisecond)
		if owner.admit(x.conversation, who) != nil {
			return
		}
		s.within("C3.8", time.Second, theirs, "the return to "+x.conversation, func(d *device) bool {
			return !d.online || d.views[x.conversation] != nil
		})
		time.Sleep(500 * time.Millisecond)
		s.within("C3.8", 10*time.Millisecond, theirs, "the return to "+x.conversation, func(d *device) bool {
			return !d.online || d.views[x.conversation] != nil
		})
		return
	}
}

// probeCreation opens a group: nobody's node has followed it before.
func (s *script) probeCreation(l lot) {
	owner, guest := pick(l, s.devices), pick(l, s.people)
	if owner.person == guest || owner.leaving {
		return
	}
	c := owner.create(chat.Group, []*person{guest}, "a probe")
	if c == "" {
		return
	}
	s.journal.name(c, "c of a probe")
	theirs := slices.DeleteFunc(slices.Clone(s.devices), func(d *device) bool { return d.person != guest && d.person != owner.person })
	s.within("C3.8", time.Second, theirs, c, func(d *device) bool { return !d.online || d.views[c] != nil })
}

// probeRemoved has somebody write from a node that was not told that they were removed.
func (s *script) probeRemoved(l lot) {
	for _, x := range s.stages() {
		owner := s.owner(x.conversation)
		if owner == nil {
			continue
		}
		others := slices.DeleteFunc(slices.Clone(x.followers), func(d *device) bool { return d.person == owner.person })
		if len(others) == 0 {
			continue
		}
		d := pick(l, others)
		s.network.censored(func(string, []byte) verdict { return drop })
		err := owner.expel(x.conversation, d.person)
		if err == nil {
			key := s.key(d)
			d.send(x.conversation, key, "A probe of somebody who is out, "+key+".")
			time.Sleep(800 * time.Millisecond)
			if m, err := s.store.MessageByClientID(s.ctx, chat.ConversationID(x.conversation), d.person.id, key); err == nil {
				s.violate("C3.7", d.name, "wrote %s as seq %d after their removal from %s", key, m.Seq, x.conversation)
			}
		}
		s.network.censored(nil)
		s.network.admitLoss()
		time.Sleep(time.Second)
		if err == nil {
			_ = owner.admit(x.conversation, d.person)
		}
		return
	}
}

// probeSignOut ends a login on a node other than that of its socket.
func (s *script) probeSignOut(l lot) {
	d := s.devices[len(s.devices)-1]
	p := s.someProcess(l)
	if p == nil {
		return
	}
	d.mu.Lock()
	online := d.online
	d.leaving = d.leaving || online
	d.mu.Unlock()
	if !online {
		return
	}
	d.witness.Begin(check.Operation{Op: check.Disconnect}).End(nil)
	s.journal.add("script", "signs %s out at %s", d.name, p.id)
	s.signOut(d.login)
	p.hub.EndLogin(chat.LoginID(d.login))
	s.within("C4.3", time.Second, []*device{d}, "the end of the login", func(d *device) bool { return d.socket == nil && d.code == 4403 })
}

// probeDrain stops a node in order while people write: nobody is without service for over 3 seconds, and what has
// reached the node is answered.
func (s *script) probeDrain(l lot) {
	p := pick(l, s.nodes).process()
	if p == nil {
		return
	}
	stop := time.Now().Add(2 * time.Second)
	s.errands.Go(func() {
		for time.Now().Before(stop) {
			if x, some := s.stage(s.chance.of("drain")); some {
				s.write(x)
			}
			time.Sleep(30 * time.Millisecond)
		}
	})
	time.Sleep(200 * time.Millisecond)
	// What is in flight takes a while.
	s.setWeather(weather{sluggish: .5})
	time.Sleep(200 * time.Millisecond)
	p.drain()
	s.setWeather(fair)
	s.within("C8.4", 3*time.Second, s.devices, "a connection elsewhere", func(d *device) bool { return d.online || d.leaving })
	p.node.start()
	time.Sleep(2500 * time.Millisecond)
}

// probeRetry sends again, on any node, what was confirmed before: the first answer comes again, also when that is longer
// ago than a node remembers (seenFor in internal/chat).
func (s *script) probeRetry(l lot) {
	if l.is(.3) {
		time.Sleep(6 * time.Minute)
	}
	for range 4 {
		d := pick(l, s.devices)
		o := d.old(l)
		if o == nil {
			continue
		}
		d.mu.Lock()
		writes := d.online
		d.mu.Unlock()
		if !writes || l.is(.3) {
			d.sendREST(o.conversation, o.key, o.body)
			continue
		}
		d.send(o.conversation, o.key, o.body)
		s.within("C2.6", answerWithin, []*device{d}, "an answer to a late retry", func(d *device) bool { return len(d.letters) == 0 })
	}
	time.Sleep(time.Second)
}
