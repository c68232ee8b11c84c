package simulation

import (
	"fmt"
	"time"

	"github.com/parley-chat/parley/internal/chat"
	"github.com/parley-chat/parley/internal/check"
)

const (
	// calmDown is how long after the last fault everything has to be well again: longer than what was given up
	// may still be committed and is looked for (C2.6), and than the slowest wait between two tries.
	calmDown = 16 * time.Second
)

// heal lets the weather clear, has everything run and everybody come back, and waits until nothing is left of
// what was broken.
func (s *script) heal() {
	s.errands.Wait()
	s.setWeather(fair)
	for _, n := range s.nodes {
		n.start()
		if p := n.process(); p.fuse.Load() >= 0 {
			p.fuse.Store(-1)
		}
	}
	s.clears()
	s.recorder.Run(func(r *check.Run) { r.Healed = s.recorder.Now() })
	s.journal.add("script", "the weather clears")
	for _, d := range s.devices {
		d.mu.Lock()
		d.comeBack()
		d.mu.Unlock()
	}
	time.Sleep(calmDown / 2)
	for _, x := range s.stages() {
		s.write(x)
	}
	time.Sleep(calmDown / 2)
	s.errands.Wait()
	for _, d := range s.devices {
		if !d.looked() {
			_ = d.list()
		}
	}
	time.Sleep(2 * time.Second)
	for _, d := range s.devices {
		s.isWell(d)
	}
}

// isWell looks whether a device has everything and every answer, now that nothing is broken any more.
func (s *script) isWell(d *device) {
	d.mu.Lock()
	defer d.mu.Unlock()
	if !d.online {
		s.violate("I14", d.name, "is not online although nothing is broken any more")
		return
	}
	for _, l := range d.letters {
		s.violate("I14", d.name, "%s is not answered although nothing is broken any more", l.key)
	}
	for _, c := range s.inOrder(d.views) {
		if v := d.views[c]; v.phase != following {
			s.violate("I14", d.name, "does not follow %s although nothing is broken any more (phase %d)", c, v.phase)
		}
	}
	ids, err := s.store.ConversationIDs(s.ctx, d.person.id)
	if err != nil {
		panic(err)
	}
	for _, id := range ids {
		states, err := s.store.ReadStates(s.ctx, id, []chat.UserID{d.person.id})
		if err != nil {
			panic(err)
		}
		if d.views[string(id)] == nil && !states[d.person.id].Hidden {
			s.violate("C3.8", d.name, "does not know of %s, which its person is in", id)
		}
	}
}

// readAll reads everything there is, as everybody.
func (s *script) readAll() {
	// What is read ahead of the store is written, and counted anew, every 10 seconds (C6.3).
	time.Sleep(12 * time.Second)
	s.recorder.Run(func(r *check.Run) { r.Settled = s.recorder.Now() })
	for i, p := range s.people {
		d := s.deviceOf(p)
		if err := d.list(); err != nil {
			s.violate("I14", d.name, "the list cannot be read: %v", err)
		}
		d.mu.Lock()
		conversations := s.inOrder(d.views)
		d.mu.Unlock()
		for k, c := range conversations {
			newer := (i+k)%2 == 0
			if err := d.traverse(fmt.Sprintf("last %s %s", p.name, c), c, newer, 7+13*(i%2), 0); err != nil {
				s.violate("I14", d.name, "%s cannot be read: %v", c, err)
			}
			s.asksWhoReadLast(d, c, 1+k%3)
		}
	}
}

// asksWhoReadLast lists the readers of the last messages that a device has.
func (s *script) asksWhoReadLast(d *device, c string, limit int) {
	d.mu.Lock()
	messages := d.views[c].messages
	d.mu.Unlock()
	for i := len(messages) - 1; i >= max(0, len(messages)-3); i-- {
		if err := d.whoRead(fmt.Sprintf("last readers of %s %s", messages[i].ID, d.name), c, messages[i].ID, limit); err != nil {
			s.violate("I14", d.name, "the readers of seq %d in %s cannot be listed: %v", messages[i].Seq, c, err)
		}
	}
}

// close ends the run.
func (s *script) close() {
	for _, d := range s.devices {
		d.witness.Begin(check.Operation{Op: check.Disconnect}).End(nil)
		d.leave()
	}
	s.living.Wait()
	for _, n := range s.nodes {
		if p := n.process(); p != nil {
			p.drain()
		}
	}
	s.errands.Wait()
	// What goes on by itself for a while (a second look after a commit that was given up) ends by itself.
	time.Sleep(10 * time.Second)
}
