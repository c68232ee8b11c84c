package check

import (
	"cmp"
	"slices"
	"time"
)

// membership is what is known of one person's time in a conversation.
type membership struct {
	user string
	row  *StoredParticipant
	came []*Operation // that took them in, or may have, in the order of the calls
	went []*Operation // that took them out for sure, in the order of the answers
	may  []*Operation // that took them out, or may have
}

// roll is a roster at the rev at which it began to hold.
type roll struct {
	rev    int64
	people []string
	whole  bool // people are all of them
	upTo   int64
	from   source
}

func (c *conversation) member(user string) *membership {
	m := c.people[user]
	if m == nil {
		m = &membership{user: user}
		c.people[user] = m
	}
	return m
}

// settlePeople makes the memberships out of the operations. Hiding a direct conversation is not leaving it.
func (c *conversation) settlePeople() {
	slices.SortFunc(c.roster, byCall)
	for _, o := range c.roster {
		switch o.Op {
		case Create:
			c.member(o.User).comes(o)
			fallthrough
		case Add:
			for _, u := range o.People {
				c.member(u).comes(o)
			}
		case Remove:
			for _, u := range o.People {
				c.member(u).goes(o)
			}
		case Leave:
			c.member(o.User).goes(o)
		case Drop:
			if c.isGroup() {
				c.member(o.User).goes(o)
			}
		}
	}
	for _, m := range c.people {
		slices.SortFunc(m.went, func(a, b *Operation) int { return cmp.Compare(a.Returned, b.Returned) })
	}
}

// mayBe notes that a conversation may have been created by one of those operations, whose answers were lost.
func (c *conversation) mayBe(unnamed []*Operation) {
	if c.created == nil {
		return
	}
	for _, o := range unnamed {
		if o.User != c.created.User && !slices.Contains(o.People, c.created.User) {
			continue
		}
		for _, u := range append([]string{o.User}, o.People...) {
			m := c.member(u)
			m.came = append(m.came, o)
			slices.SortFunc(m.came, byCall)
		}
	}
}

func (c *conversation) isGroup() bool { return c.stored != nil && c.stored.Type == "group" }

func (m *membership) comes(o *Operation) { m.came = append(m.came, o) }

func (m *membership) goes(o *Operation) {
	m.may = append(m.may, o)
	if o.Result == OK {
		m.went = append(m.went, o)
	}
}

// back reports whether somebody may have come back after out, by what was called before a serial number.
func (m *membership) back(out *Operation, serial int64) bool {
	for _, a := range m.came {
		if a.Called < serial && a.mayFollow(out) {
			return true
		}
	}
	return false
}

// backSince reports whether somebody whose connection was told of their removal may have come back by what
// was called before a serial number.
func (m *membership) backSince(removed *Observation, serial int64) bool {
	var out *Operation
	for _, o := range m.may {
		if o.Called < removed.Serial {
			out = o
		}
	}
	return out == nil || m.back(out, serial)
}

// mayFollow reports whether o may have happened after another operation. One without an answer happens late
// or never.
func (o *Operation) mayFollow(other *Operation) bool {
	if o.Result == OK {
		return o.Returned > other.Called
	}
	return o.End+lateCommit > other.Begin
}

// out returns the removal, answered more than grace before the moment given, since which the person is
// out for sure; nil when they may be in.
func (m *membership) out(at time.Duration, serial int64, grace time.Duration) *Operation {
	for i := len(m.went) - 1; i >= 0; i-- {
		if o := m.went[i]; o.End+grace <= at && o.Returned < serial {
			if m.back(o, serial) {
				return nil
			}
			return o
		}
	}
	return nil
}

// never reports whether nothing that was called before a serial number can have taken the person in.
func (c *conversation) never(user string, serial int64) bool {
	if c.created == nil {
		return false
	}
	m := c.people[user]
	return m == nil || len(m.came) == 0 || m.came[0].Called > serial
}

// rolls are the rosters that are known, by rev. Each says up to which rev it certainly held: as long as
// every rev after it is known to be a message's.
func (c *conversation) rolls() []roll {
	var out []roll
	for rev, s := range c.states {
		if s.message != nil {
			continue
		}
		r := roll{rev: rev, from: s.first}
		switch {
		case s.first.saw != nil:
			r.people, r.whole = s.first.saw.Roster.People, s.first.saw.Roster.Count <= shownSeats
		case c.stored != nil:
			r.people, r.whole = c.stored.Roster.People, c.stored.Roster.Count <= shownSeats
		}
		for r.upTo = rev; ; r.upTo++ {
			if next, known := c.states[r.upTo+1]; !known || next.message == nil {
				break
			}
		}
		out = append(out, r)
	}
	slices.SortFunc(out, func(a, b roll) int { return cmp.Compare(a.rev, b.rev) })
	return out
}

// holding returns the roster that certainly held at a rev; nil when that is not known.
func holding(rolls []roll, rev int64) *roll {
	i, exact := slices.BinarySearchFunc(rolls, rev, func(r roll, rev int64) int { return cmp.Compare(r.rev, rev) })
	if !exact {
		i--
	}
	if i < 0 || !rolls[i].whole || rolls[i].upTo < rev {
		return nil
	}
	return &rolls[i]
}
