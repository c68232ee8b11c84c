package ws

import (
	"net/http"
	"sync"
	"time"

	"github.com/parley-chat/parley/internal/chat"
	"github.com/parley-chat/parley/internal/limit"
)

// comeAgain is when somebody who found no place may try again. Clients add a random time of their own.
const comeAgain = 10 * time.Second

// Bounds are how many connections may be open at once; 0 is no bound. How often somebody may connect is a matter of
// [limit.Rules].
type Bounds struct {
	Node    int // in all
	User    int // of one person
	Address int // from one address, an IPv6 one by its /64
}

// Refused is how many connections found no place since the start, by the bound that they met.
type Refused struct{ Node, User, Address int64 }

// places counts the connections of the node, of each person and of each address. A connection takes its place before the
// handshake, and gives it back when its socket is closed.
type places struct {
	bounds Bounds

	mu        sync.Mutex
	taken     int
	users     map[chat.UserID]int
	addresses map[string]*crowd
	refused   Refused
	full      bool       // somebody was refused since there was room
	told      func(bool) // that it is full, or that there is room again
}

// crowd is all connections from one address.
type crowd struct {
	key string
	n   int
}

func newPlaces(b Bounds, told func(full bool)) *places {
	return &places{bounds: b, told: told, users: make(map[chat.UserID]int), addresses: make(map[string]*crowd)}
}

// place is what one connection holds. Its own goroutine has it until the socket is closed.
type place struct {
	from *crowd      // nil when addresses are not counted
	user chat.UserID // "" before auth, and when people are not counted
}

// take finds a place for a connection from an address, or says why there is none.
func (p *places) take(address string) (place, *refusal) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.bounds.Node > 0 && p.taken >= p.bounds.Node {
		p.refused.Node++
		if !p.full {
			p.full = true
			p.told(true)
		}
		return place{}, full()
	}
	if p.bounds.Address == 0 {
		p.taken++
		return place{}, nil
	}
	from := p.addresses[address]
	if from == nil {
		from = &crowd{key: address}
		p.addresses[address] = from
	}
	if from.n >= p.bounds.Address {
		p.refused.Address++
		return place{}, tooMany(comeAgain)
	}
	p.taken++
	from.n++
	return place{from: from}, nil
}

// name counts a connection as a person's.
func (p *places) name(held *place, u chat.UserID) error {
	if p.bounds.User == 0 {
		return nil
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.users[u] >= p.bounds.User {
		p.refused.User++
		return &chat.Error{Code: chat.CodeRateLimited, Message: "You have too many connections open. Close one and try again.", RetryAfter: comeAgain}
	}
	p.users[u]++
	held.user = u
	return nil
}

// giveBack is called once for each place that was taken.
func (p *places) giveBack(held place) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.taken--
	// One that goes is no room yet: who was sent away comes again.
	if p.full && p.taken <= p.bounds.Node-max(1, p.bounds.Node/20) {
		p.full = false
		p.told(false)
	}
	if held.user != "" {
		if p.users[held.user]--; p.users[held.user] == 0 {
			delete(p.users, held.user)
		}
	}
	if held.from != nil {
		if held.from.n--; held.from.n == 0 {
			delete(p.addresses, held.from.key)
		}
	}
}

// Refused says how many connections found no place.
func (s *Server) Refused() Refused {
	s.places.mu.Lock()
	defer s.places.mu.Unlock()
	return s.places.refused
}

// tellPlaces logs that connections are refused for want of a place, and that they no longer are.
func (s *Server) tellPlaces(full bool) {
	if full {
		s.cfg.Log.Warn("this node has no place for another connection", "event", "connections.full", "most", s.cfg.Bounds.Node)
		return
	}
	s.cfg.Log.Info("this node has room for connections again", "event", "connections.room", "most", s.cfg.Bounds.Node)
}

// full says to each a time of their own: they would all come again together.
func full() *refusal {
	return &refusal{err: chat.Overloaded("This node has no place for another connection. Wait a moment.", comeAgain)}
}

func tooMany(wait time.Duration) *refusal {
	return &refusal{err: &chat.Error{Code: chat.CodeRateLimited, Message: "Too many connections. Wait a moment.", RetryAfter: wait}}
}

// addressOf is what a request's address is counted under.
func (s *Server) addressOf(r *http.Request) string { return limit.AddressKey(s.cfg.Addresses.Of(r)) }
