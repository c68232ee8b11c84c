package simulation

import (
	"time"

	"github.com/parley-chat/parley/internal/chat"
)

// breakThings plans the faults of the cluster up to a time. Each is an errand that begins at its moment.
func (s *script) breakThings(until time.Time) {
	span := time.Until(until)
	plan := func(name string, n int, fault func(lot)) {
		for range n {
			luck := s.chance.of(name)
			if !luck.is(.8) {
				continue
			}
			at := luck.between(0, span)
			s.errands.Go(func() {
				time.Sleep(at)
				fault(luck)
			})
		}
	}
	plan("kill", s.air.kills, s.kills)
	plan("freeze", s.air.freezes, s.freezes)
	plan("drain", s.air.drains, s.drains)
	plan("partition", s.air.partitions, s.parts)
	plan("outage", s.air.outages, s.unplugs)
	plan("lock", s.air.locks, s.locks)
	plan("loss", s.air.losses, s.loses)
	plan("litter", 2, func(l lot) { s.network.litter(l) })
}

// kills kills a process, at once or at one of its next steps at the database, and starts another later.
func (s *script) kills(l lot) {
	p := pick(l, s.nodes).process()
	if p == nil {
		return
	}
	end := s.recorder.Fault("kill", p.id, "")
	if l.is(.4) {
		p.kill("out of the blue")
	} else {
		p.fuse.Store(l.Int64N(6))
		time.Sleep(3 * time.Second)
		p.kill("after three seconds without a step at the database")
	}
	time.Sleep(l.between(50*time.Millisecond, 5*time.Second))
	p.node.start()
	end()
}

// freezes holds a process and lets it go on later, with everything that came meanwhile.
func (s *script) freezes(l lot) {
	p := pick(l, s.nodes).process()
	if p == nil || !p.gate.hold() {
		return
	}
	wait := l.between(100*time.Millisecond, 8*time.Second)
	if l.is(.3) {
		wait = l.between(10*time.Second, time.Minute)
	}
	end := s.recorder.Fault("freeze", p.id, "")
	p.log("is held for %v", wait)
	time.Sleep(wait)
	if l.is(.3) {
		// The broker has cut off who did not listen (client-output-buffer-limit).
		s.network.overflow(p)
	}
	p.log("goes on")
	p.gate.release()
	end()
}

// drains stops a process in order and starts another.
func (s *script) drains(l lot) {
	p := pick(l, s.nodes).process()
	if p == nil {
		return
	}
	end := s.recorder.Fault("drain", p.id, "")
	p.drain()
	time.Sleep(l.between(10*time.Millisecond, time.Second))
	p.node.start()
	end()
}

// parts cuts two nodes off from each other on the bus.
func (s *script) parts(l lot) {
	a := l.IntN(3)
	b := (a + 1 + l.IntN(2)) % 3
	wait := l.between(100*time.Millisecond, 12*time.Second)
	s.journal.add("bus", "parts node%d from node%d for %v", a+1, b+1, wait)
	end := s.recorder.Fault("partition", "bus", "")
	mend := s.network.part(a, b)
	time.Sleep(wait)
	mend()
	end()
}

// unplugs cuts a node, or all, off from the database.
func (s *script) unplugs(l lot) {
	nodes := s.nodes
	if l.is(.6) {
		nodes = []*node{pick(l, s.nodes)}
	}
	wait := l.between(50*time.Millisecond, 6*time.Second)
	end := s.recorder.Fault("outage", "database", "")
	for _, n := range nodes {
		s.journal.add("database", "is out of reach for node%d for %v", n.place+1, wait)
		n.unplug(true)
	}
	time.Sleep(wait)
	for _, n := range nodes {
		n.unplug(false)
	}
	end()
}

// loses has everything forgotten that is known of who has read what.
func (s *script) loses(l lot) {
	wait := l.between(time.Millisecond, 3*time.Second)
	s.journal.add("readers", "are away for %v, and have then forgotten everything", wait)
	end := s.recorder.Fault("readers-lost", "readers", "")
	s.shared.lose(wait)
	end()
}

// locks keeps the row of a conversation.
func (s *script) locks(l lot) {
	if c := pick(l, s.devices).somewhere(l); c != "" {
		wait := l.between(100*time.Millisecond, 6*time.Second)
		s.journal.add("database", "keeps the row of %s locked for %v", c, wait)
		end := s.recorder.Fault("lock", c, "")
		s.lock(chat.ConversationID(c), wait)
		time.Sleep(wait)
		end()
	}
}
