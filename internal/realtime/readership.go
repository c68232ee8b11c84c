package realtime

import (
	"time"

	"github.com/parley-chat/parley/internal/chat"
	"github.com/parley-chat/parley/internal/protocol"
)

const (
	// shownWithin is how long after a message its sender's position, or its count, is waited for. What was not told then is
	// read from the store.
	shownWithin = 3 * time.Second
	// receiptsEvery is how often who has read what is compared with the store though nothing was told as lost, in as many
	// conversations as one query reads; more take more rounds.
	receiptsEvery = 10 * time.Second
)

// readership is what the subscribers of a topic were told of its readers. The topic's lock guards it.
//
// Announcements come in any order and may be lost, and what is read from the store may be older than an announcement that
// came meanwhile. So what is told is numbered: a reading of the store does not go over what was announced since it began.
//
// An announcement may also be older than what another node told a client that comes from there. The store is not: so a
// subscription is told what changes only once it was shown what was read after it came.
type readership struct {
	size    size
	said    int64 // announcements so far
	shown   map[chat.UserID]position
	counts  chat.ReadCounts
	countAt int64 // the number of the announcement of counts
	// awaited is who sent something, and up to where, of whom a position is to be told; newest is the last seq.
	awaited map[chat.UserID]int64
	newest  int64
	waiting bool
	// sent says that something was sent in a large conversation since its senders' positions were last read.
	sent bool
}

// size is how a conversation is shown to be.
type size int

const (
	unread size = iota // not read from the store yet
	few                // its readers are named
	many               // they are counted
)

// position is what was told of one person. With Seq 0 they have read nothing, or let nobody know.
type position struct {
	chat.Shown
	at int64 // the number of its announcement
}

// said is the number of the last announcement.
func (t *topic) said() int64 {
	t.mu.Lock()
	defer t.mu.Unlock()
	return t.readers.said
}

// showPosition tells a position that is further than what was told, or that somebody lets nobody know any more. A
// position of somebody who let nobody know, or was not in the conversation, may be from before that, and one that comes before
// anything was read, from before what its subscribers were told when they were here the last time: the store decides.
func (t *topic) showPosition(s chat.Shown) {
	t.mu.Lock()
	defer t.unlock()
	r := &t.readers
	had, known := r.shown[s.User]
	switch {
	case r.size != few, !known, s.Seq > 0 && known && had.Seq == 0:
		t.hub.receipts.want(t.id, nil, false)
		return
	case s.Seq > 0 && s.Seq <= had.Seq:
		return
	}
	r.said++
	r.put(position{s, r.said})
	frame := protocol.Encode(protocol.ReceiptUpdatedOf(s))
	t.toReaders(func(to *Session) {
		if to.User != s.User {
			to.Send(frame)
		}
	})
}

func (r *readership) put(p position) {
	if r.shown == nil {
		r.shown = make(map[chat.UserID]position)
	}
	r.shown[p.User] = p
}

// showCounts passes over counts that later ones have overtaken. Before anything was read the store decides.
func (t *topic) showCounts(c chat.ReadCounts) {
	t.mu.Lock()
	defer t.unlock()
	r := &t.readers
	switch {
	case r.size != many:
		t.hub.receipts.want(t.id, nil, false)
	case r.counts.Before(c):
		r.said++
		t.count(c, nil)
	}
}

// count tells counts to everybody who was told others, and to the sessions given.
func (t *topic) count(c chat.ReadCounts, to map[*Session]bool) {
	r := &t.readers
	same := c.Same(r.counts)
	r.counts, r.countAt = c, r.said
	if same && len(to) == 0 {
		return
	}
	frame := protocol.Encode(protocol.ReceiptCountOf(c))
	t.toReaders(func(s *Session) {
		if _, asked := to[s]; asked || !same {
			s.Send(frame)
		}
	})
}

// toReaders passes over those who have not been shown anything yet: they will be, with what is told the others until then.
func (t *topic) toReaders(send func(*Session)) {
	for s, sub := range t.subs {
		if sub.shown {
			send(s)
		}
	}
}

// admitReaders lets those sessions be shown what is about to be, and be told what changes. One that catches up, since it
// has begun to follow anew, wants it by itself when it is live.
func (t *topic) admitReaders(to map[*Session]bool) {
	for s := range to {
		if sub := t.subs[s]; sub != nil && !sub.joining {
			sub.shown = true
		}
	}
}

// showReceipts shows what was read from the store: everything to those sessions, of which the value says whether they were
// told something before, and to all others what they were told otherwise. said is the number of the last announcement before it was read.
func (t *topic) showReceipts(what chat.Receipts, to map[*Session]bool, said int64) {
	t.mu.Lock()
	defer t.unlock()
	r := &t.readers
	is := few
	if what.Counts != nil {
		is = many
	}
	turned := r.size != unread && r.size != is
	r.size = is
	t.admitReaders(to)
	if is == many {
		clear(r.shown)
		t.deliveries = deliveries{}
		if turned {
			r.counts, r.countAt = chat.ReadCounts{}, 0
		}
		newest := *what.Counts
		if r.countAt > said && newest.Before(r.counts) {
			newest = r.counts
		}
		t.count(newest, to)
		return
	}
	if turned {
		t.deliveries.told = nil
	}
	here := make(map[chat.UserID]bool, len(what.Shown))
	for _, p := range what.Shown {
		here[p.User] = true
		t.showRead(p, to, said, turned)
	}
	for u, had := range r.shown {
		if !here[u] && had.at <= said {
			delete(r.shown, u)
			delete(t.deliveries.told, u)
		}
	}
}

// showRead shows the position that was read of one person.
func (t *topic) showRead(p chat.Shown, to map[*Session]bool, said int64, all bool) {
	r := &t.readers
	had, known := r.shown[p.User]
	now := position{p, had.at}
	switch {
	case !known:
	case p.Seq > 0 && (p.Seq < had.Seq || had.Seq == 0 && had.at > said):
		now.Message, now.Seq, now.At = had.Message, had.Seq, had.At
	case p.Seq == 0 && had.Seq > 0 && had.at > said:
		// They let nobody know, and what was announced since is from before that, or they do again: it is read once more.
		t.hub.receipts.want(t.id, nil, false)
	}
	read := all || now.Seq != had.Seq
	r.put(now)
	upTo := t.deliveries.read(p.User, p.DeliveredSeq)
	shown, has := protocol.Encode(protocol.ReceiptUpdatedOf(now.Shown)), t.encodeDelivered(p.User, upTo)
	lacking := false
	t.toReaders(func(s *Session) {
		knew, asked := to[s]
		lacking = lacking || s.User != p.User && !asked
		switch {
		case s.User == p.User:
			return
		case upTo > 0 && asked:
			s.Send(has)
		}
		// Who comes for the first time knows of nobody that they have read anything.
		if read || asked && (now.Seq > 0 || knew) {
			s.Send(shown)
		}
	})
	if lacking {
		t.noteDelivered(p.User, p.DeliveredSeq)
	} else {
		t.deliveries.tell(p.User, upTo)
	}
}

// await notes that a message was handed out: its sender has read up to it (C6.5), and large conversations count its readers. Where
// that is not told in time, since who was to tell it died, it is read. The topic's lock is held.
func (t *topic) await(sender chat.UserID, seq int64) {
	r := &t.readers
	if seq <= r.newest {
		return
	}
	if r.newest = seq; r.size != many {
		if r.awaited == nil {
			r.awaited = make(map[chat.UserID]int64)
		}
		r.awaited[sender] = seq
	}
	if !r.waiting {
		r.waiting = true
		time.AfterFunc(shownWithin, t.waited)
	}
}

// takeSent reports whether something was sent since it was last asked, of which a node that died may have told nobody that
// its sender has read up to it.
func (t *topic) takeSent() (sent bool) {
	t.mu.Lock()
	defer t.unlock()
	sent, t.readers.sent = t.readers.sent, false
	return sent
}

func (t *topic) waited() {
	t.mu.Lock()
	defer t.unlock()
	r := &t.readers
	lacks := r.size == many && r.counts.LastSeq < r.newest
	for u, seq := range r.awaited {
		lacks = lacks || r.size != many && r.shown[u].Seq < seq
	}
	clear(r.awaited)
	r.waiting, r.sent = false, r.size == many
	if lacks && !t.dead {
		t.hub.receipts.want(t.id, nil, false)
	}
}
