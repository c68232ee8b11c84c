package cluster

// turns is what Run remembers of the paths' changes, to deal with each once.
type turns struct {
	bus             *Bus
	redis, database counted
	said            State // the last state that was logged; "" before the first
}

// counted is how many changes of a path were dealt with.
type counted struct{ rises, falls int64 }

// since takes what changed.
func (c *counted) since(p *followed) (rose, fell bool) {
	rises, falls := p.rises.Load(), p.falls.Load()
	rose, fell = rises != c.rises, falls != c.falls
	c.rises, c.falls = rises, falls
	return rose, fell
}

// take deals with what changed since it was last called.
func (t *turns) take() {
	b := t.bus
	if b.redis != nil {
		t.redisTurned()
	}
	t.databaseTurned()
	if t.said != "" || b.State() == b.best() {
		t.tell()
	}
}

func (t *turns) redisTurned() {
	b := t.bus
	rose, fell := t.redis.since(b.redis)
	if fell {
		// It may be up again by now; between its two changes envelopes went to the database, and some to nobody.
		b.database.Publish(Topic, b.notice(noticeGap))
		b.sayAway()
		b.fell()
	}
	if rose {
		b.redis.Publish(Topic, b.notice(noticeGap))
		b.sayHello(b.redis)
	}
}

func (t *turns) databaseTurned() {
	b := t.bus
	rose, fell := t.database.since(b.database)
	// With Redis up the state stays as it is, and the node's health, which its row of the registry has too, does not.
	if (rose || fell) && b.cfg.Registry != nil {
		b.cfg.Registry.beatNow()
	}
	if fell {
		b.fell()
	}
	if rose {
		b.sayHello(b.database)
		// A Redis that was not up yet is not away; if it does not come, the others are told within a second.
		if b.redis == nil || b.redis.rises.Load() > 0 {
			b.sayAway()
		}
	}
}

// tell logs a change of state, once.
func (t *turns) tell() {
	b := t.bus
	state := b.State()
	if state == t.said {
		return
	}
	switch {
	case state != b.best():
		b.cfg.Log.Warn("other nodes are reached in a slower way, or only through the store", "event", "bus.degraded", "state", string(state))
	case t.said != "":
		b.cfg.Log.Info("other nodes are reached as they should be", "event", "bus.recovered", "state", string(state))
	}
	t.said = state
	b.started.Store(true)
	if b.cfg.Registry != nil {
		b.cfg.Registry.beatNow()
	}
}
