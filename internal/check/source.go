package check

import (
	"cmp"
	"fmt"
	"math"
	"slices"
	"strings"
	"time"
)

// source is where something is known from: an operation, or one entry of what it read; an observation; or
// what was stored.
type source struct {
	did   *Operation
	entry *Entry
	saw   *Observation
	told  *Presence // of the presences that saw holds
	row   *StoredMessage
	fault *Fault
	said  string // what was stored, or another fact, in words
}

func did(o *Operation) source             { return source{did: o} }
func read(o *Operation, e *Entry) source  { return source{did: o, entry: e} }
func saw(o *Observation) source           { return source{saw: o} }
func stored(m *StoredMessage) source      { return source{row: m} }
func said(format string, a ...any) source { return source{said: fmt.Sprintf(format, a...)} }

// moment is where a source stands in the run. What is stored stands at its end.
func (s source) moment() (serial int64, at time.Duration) {
	switch {
	case s.did != nil:
		return s.did.Called, s.did.Begin
	case s.saw != nil:
		return s.saw.Serial, s.saw.At
	case s.fault != nil:
		return 0, s.fault.From
	}
	return math.MaxInt64, math.MaxInt64
}

func (s source) String() string {
	switch {
	case s.did != nil && s.entry != nil:
		return s.did.head() + " read " + s.entry.String()
	case s.did != nil:
		return s.did.String()
	case s.saw != nil && s.told != nil:
		return fmt.Sprintf("%s %s was told in %s: %s", clock(s.saw.At), s.saw.who(), s.saw.Event, s.told)
	case s.saw != nil:
		return s.saw.String()
	case s.fault != nil:
		return s.fault.String()
	case s.row != nil:
		return "stored: " + s.row.String()
	}
	return s.said
}

// inTime orders sources by when they were.
func inTime(sources []source) {
	slices.SortStableFunc(sources, func(a, b source) int {
		as, at := a.moment()
		bs, bt := b.moment()
		if as == 0 || bs == 0 || as == bs {
			return cmp.Compare(at, bt)
		}
		return cmp.Compare(as, bs)
	})
}

func (o *Operation) head() string {
	return fmt.Sprintf("%s–%s %s", clock(o.Begin), clock(o.End), o.who())
}

func (a *Actor) who() string {
	if a == nil {
		return "somebody"
	}
	if a.Node != "" {
		return a.Client + " on " + a.Node
	}
	return a.Client
}

func (o *Operation) String() string {
	out := &facts{}
	out.text(" of ", o.Conversation)
	out.text(" key ", o.Key)
	out.text(" message ", o.Message)
	out.text(" people ", strings.Join(o.People, ", "))
	out.digest(" body ", o.Body)
	out.number(" after rev ", o.AfterRev)
	out.text(" → ", string(o.Result))
	out.text(" ", o.Code)
	out.number(" seq ", o.Seq)
	out.number(" rev ", o.Rev)
	out.text(" read up to ", o.ReadMessage)
	out.text(" ", o.Status)
	out.flag(o.Op == Privacy && o.On, " on")
	out.flag(o.Op == Privacy && !o.On, " off")
	if o.Op == Readers {
		fmt.Fprintf(out, " %d readers: %v", o.Count, o.Readers)
	}
	if len(o.Entries) > 0 {
		first, last := &o.Entries[0], &o.Entries[len(o.Entries)-1]
		fmt.Fprintf(out, ", %d messages from seq %d to %d", len(o.Entries), first.Seq, last.Seq)
	}
	return o.head() + " " + string(o.Op) + out.String()
}

func (o *Observation) String() string {
	out := &facts{}
	out.text(" of ", o.Conversation)
	out.text(" message ", o.Message)
	out.text(" user ", o.Peer)
	out.text(" key ", o.Key)
	out.number(" seq ", o.Seq)
	out.number(" after rev ", o.AfterRev)
	out.number(" rev ", o.Rev)
	out.digest(" body ", o.Body)
	out.text(" ", o.Code)
	if o.Event == ConversationActivity || o.Event == ReadSynced || o.Event == ConversationAdded {
		fmt.Fprintf(out, " unread %d", o.Unread)
	}
	out.flag(o.Own, " (confirmed to itself)")
	out.flag(o.Hole, " (after a hole)")
	if len(o.Counts) > 0 {
		fmt.Fprintf(out, " %v", o.Counts)
	}
	for i := range o.Presences[:min(len(o.Presences), 3)] {
		out.text("; ", o.Presences[i].String())
	}
	if o.Roster != nil {
		fmt.Fprintf(out, " people %s", strings.Join(o.Roster.People, ", "))
	}
	return fmt.Sprintf("%s %s saw %s%s", clock(o.At), o.who(), o.Event, out)
}

func (e *Entry) String() string {
	out := &facts{}
	out.text("message ", e.Message)
	out.number(" seq ", e.Seq)
	out.number(" rev ", e.Rev)
	out.text(" of user ", e.Sender)
	out.text(" key ", e.Key)
	if e.CreatedAt != 0 {
		out.text(" created ", time.UnixMicro(e.CreatedAt).UTC().Format("15:04:05.000000"))
	}
	out.digest(" body ", e.Body)
	out.flag(e.Edited, " edited")
	out.flag(e.Deleted, " deleted")
	return out.String()
}

func (p *Presence) String() string {
	out := &facts{}
	fmt.Fprintf(out, "user %s is %s", p.User, p.Status)
	out.text(" on ", p.Device)
	if p.SeenAt != 0 {
		out.text(", seen at ", time.UnixMicro(p.SeenAt).UTC().Format("15:04:05.000000"))
	}
	return out.String()
}

func (f *Fault) String() string {
	out := &facts{}
	fmt.Fprintf(out, "%s–%s fault: %s", clock(f.From), clock(f.To), f.Kind)
	out.text(" of ", f.Target)
	out.text(", ", f.Note)
	return out.String()
}

// facts writes only what is known.
type facts struct{ strings.Builder }

func (f *facts) text(name, value string) {
	if value != "" {
		f.WriteString(name)
		f.WriteString(value)
	}
}

func (f *facts) number(name string, value int64) {
	if value != 0 {
		fmt.Fprintf(f, "%s%d", name, value)
	}
}

func (f *facts) digest(name string, value Digest) {
	if value != 0 {
		f.WriteString(name)
		f.WriteString(value.String())
	}
}

func (f *facts) flag(on bool, text string) {
	if on {
		f.WriteString(text)
	}
}
