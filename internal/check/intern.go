package check

// interner keeps one copy of each text and each actor: a message's id is in the record of everybody who
// saw it.
type interner struct {
	texts  map[string]string
	actors map[Actor]*Actor
}

func newInterner() interner {
	return interner{texts: make(map[string]string), actors: make(map[Actor]*Actor)}
}

func (in interner) text(s *string) {
	if *s == "" {
		return
	}
	known, is := in.texts[*s]
	if !is {
		known = *s
		in.texts[known] = known
	}
	*s = known
}

func (in interner) actor(a *Actor) *Actor {
	if a == nil {
		a = &Actor{}
	}
	known, is := in.actors[*a]
	if !is {
		known = a
		in.actors[*a] = a
	}
	return known
}

func (in interner) operation(o *Operation) {
	o.Actor = in.actor(o.Actor)
	in.text((*string)(&o.Op))
	in.text((*string)(&o.Result))
	in.text(&o.Conversation)
	in.text(&o.Key)
	in.text(&o.Message)
	in.text(&o.Traversal)
	in.text(&o.Code)
	in.text(&o.ReadMessage)
	in.text(&o.Status)
	for i := range o.People {
		in.text(&o.People[i])
	}
	for i := range o.Entries {
		in.entry(&o.Entries[i])
	}
	in.roster(o.Roster)
	for i := range o.Readers {
		in.text(&o.Readers[i].User)
	}
	for i := range o.Conversations {
		l := &o.Conversations[i]
		in.text(&l.Conversation)
		in.text(&l.ReadMessage)
		in.roster(l.Roster)
		if l.LastMessage != nil {
			in.entry(l.LastMessage)
		}
	}
}

func (in interner) observation(o *Observation) {
	o.Actor = in.actor(o.Actor)
	in.text((*string)(&o.Event))
	in.text(&o.Conversation)
	in.text(&o.Message)
	in.text(&o.Peer)
	in.text(&o.Key)
	in.text(&o.Code)
	for i := range o.Counts {
		in.text(&o.Counts[i].Message)
	}
	for i := range o.Presences {
		p := &o.Presences[i]
		in.text(&p.User)
		in.text(&p.Status)
		in.text(&p.Device)
	}
	in.roster(o.Roster)
}

func (in interner) entry(e *Entry) {
	in.text(&e.Message)
	in.text(&e.Sender)
	in.text(&e.Key)
}

func (in interner) roster(r *Roster) {
	if r == nil {
		return
	}
	for i := range r.People {
		in.text(&r.People[i])
	}
}
