package realtime

import (
	"sync"

	"github.com/parley-chat/parley/internal/chat"
)

// maxMail bounds the announcements that wait. Those that find no room are read.
const maxMail = 1 << 16

// mail is what the other goroutines have to say to the one of [presences].
type mail struct {
	wake chan struct{}

	mu sync.Mutex
	post
}

type post struct {
	arrived, departed []*Session
	said              []said
	reread            []chat.UserID // whom they watch, or what they are to each other, has changed
	opened            []opening
	moves             []move
	asks              []*ask
	recalls           []recall
	lost              []chat.UserID // what was said of them may have been
	lostAll           bool
	watching          *watchingRead
	relations         *relationsRead
	presences         *presencesRead
}

type (
	// said is an announcement, of another node if it was heard.
	said struct {
		chat.Presence
		heard bool
	}
	// opening is a conversation that a person has open now.
	opening struct {
		user         chat.UserID
		conversation chat.ConversationID
	}
	// move says that people came into a conversation of those who are here or went out of it.
	move struct{ people, here []chat.UserID }
)

func newMail() mail { return mail{wake: make(chan struct{}, 1)} }

// put puts something in.
func (m *mail) put(write func(*post)) {
	m.mu.Lock()
	defer m.mu.Unlock()
	write(&m.post)
	select {
	case m.wake <- struct{}{}:
	default:
	}
}

// lost says that what was said of people may have been missed, or that it changed whom others of them watch, or anything.
func (p *presences) lost(of, watching []chat.UserID, all bool) {
	if len(of) == 0 && len(watching) == 0 && !all {
		return
	}
	p.mail.put(func(l *post) {
		l.lost, l.reread, l.lostAll = append(l.lost, of...), append(l.reread, watching...), l.lostAll || all
	})
}

func (m *mail) take() post {
	m.mu.Lock()
	defer m.mu.Unlock()
	l := m.post
	m.post = post{}
	return l
}

// say puts in announcements.
func (m *mail) say(heard bool, presences ...chat.Presence) {
	m.put(func(l *post) {
		for _, p := range presences {
			if len(l.said) == maxMail {
				l.said, l.lostAll = nil, true
				return
			}
			l.said = append(l.said, said{p, heard})
		}
	})
}

// take takes the mail. What was read comes before what was said, which may be later.
func (p *presences) take(l post) {
	for _, s := range l.arrived {
		p.arrived(s)
	}
	for _, s := range l.departed {
		p.departed(s)
	}
	p.takeRead(l)
	for i := range l.said {
		p.hear(l.said[i])
	}
	for _, u := range l.reread {
		p.want(p.viewers[u])
	}
	for _, o := range l.opened {
		p.open(o)
	}
	for _, m := range l.moves {
		p.move(m)
	}
	for _, a := range l.asks {
		p.ask(a)
	}
	for _, r := range l.recalls {
		p.recall(r)
	}
	for _, u := range l.lost {
		p.doubt(p.targets[u])
	}
	if l.lostAll {
		p.loseAll()
	}
}
