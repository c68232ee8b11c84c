package realtime

import (
	"github.com/parley-chat/parley/internal/chat"
	"github.com/parley-chat/parley/internal/protocol"
)

// survives does what is to be done with the mail, and begins anew after a fault in it. It reports whether there was none.
func (p *presences) survives(do func(post)) (sound bool) {
	l := p.mail.take()
	defer func() {
		if fault := recover(); fault != nil {
			p.hub.panicked("presence", fault)
			p.restartOrEnd(l)
		}
	}()
	do(l)
	return true
}

// restartOrEnd begins anew, and with nobody when that fails as well: what each session was told is not known then, so that
// all are closed. Those clients connect again, and are told a full state.
func (p *presences) restartOrEnd(l post) {
	defer func() {
		if fault := recover(); fault != nil {
			p.hub.panicked("presence", fault)
			p.forget()
			for _, s := range p.hub.sessions.all() {
				s.End(Closing{protocol.CloseInternal, "a fault of the server"})
			}
		}
	}()
	p.restart(l)
}

// restart keeps nothing but who is connected: nobody knows how far what failed had come. All sessions are told a full state
// again, and that those are gone whom they do not watch any more. Who asked something asks again.
func (p *presences) restart(l post) {
	sessions, before := p.connected(l), p.watched()
	p.forget()
	for s, ended := range sessions {
		a := p.arrived(s)
		a.owed.ended, a.owed.before = ended, before[s.User]
	}
}

// forget gives up everybody who is watched, and knows nothing any more.
func (p *presences) forget() {
	for u := range p.targets {
		p.unfollow = append(p.unfollow, PresenceTopic(u))
	}
	p.outlook, p.next = newOutlook(), p.now
	p.pairs.Store(0)
}

// connected are the sessions that are there after that mail, and who had ended for each without its having been told so.
func (p *presences) connected(l post) map[*Session]map[chat.UserID]struct{} {
	all := make(map[*Session]map[chat.UserID]struct{})
	for _, s := range l.arrived {
		all[s] = nil
	}
	for _, v := range p.viewers {
		for _, a := range v.audiences {
			all[a.session] = nil
			if a.owed != nil {
				all[a.session] = a.owed.ended
			}
		}
	}
	for _, s := range l.departed {
		delete(all, s)
	}
	return all
}

// watched are those whom each viewer watches, or did until a moment ago: of the latter they may not have been told yet.
func (p *presences) watched() map[chat.UserID][]*target {
	by := make(map[chat.UserID][]*target, len(p.viewers))
	for _, t := range p.targets {
		for _, pair := range t.watchers {
			by[pair.viewer.id] = append(by[pair.viewer.id], t)
		}
	}
	for u, v := range p.viewers {
		by[u] = append(by[u], v.of...)
		for _, a := range v.audiences {
			if a.owed != nil {
				by[u] = append(by[u], a.owed.before...)
			}
		}
	}
	return by
}
