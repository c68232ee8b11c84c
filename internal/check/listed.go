package check

import (
	"cmp"
	"maps"
	"slices"
	"strings"
)

// readings visits each list of readers that was read from its beginning, with its pages in order.
func (x *index) readings(f *finding, visit func(x *index, f *finding, pages []*Operation)) {
	byName := make(map[string][]*Operation)
	for i := range x.h.Operations {
		if o := &x.h.Operations[i]; o.Op == Readers && o.Result == OK {
			byName[o.Traversal] = append(byName[o.Traversal], o)
		}
	}
	for _, name := range slices.Sorted(maps.Keys(byName)) {
		pages := byName[name]
		slices.SortFunc(pages, byCall)
		f.Checked++
		visit(x, f, pages)
	}
}

// listedAsStored: a list of readers is in the order of their reading, names each once and its sender never, and is whole
// when all is settled (C6.3).
func listedAsStored(x *index, f *finding, pages []*Operation) {
	c := x.conversation(pages[0].Conversation)
	m := c.messages[pages[0].Message]
	listed := make(map[string]*Operation)
	var before Reader
	for _, p := range pages {
		for _, r := range p.Readers {
			switch {
			case listed[r.User] != nil:
				f.violated(x, c, []source{did(listed[r.User]), did(p)}, "a list of readers names user %s twice", r.User)
				return
			case m != nil && r.User == m.Sender:
				f.violated(x, c, []source{m.first, did(p)}, "a list of readers names the sender")
				return
			case cmp.Or(cmp.Compare(r.At, before.At), strings.Compare(r.User, before.User)) < 0:
				f.violated(x, c, []source{did(p)}, "a list of readers is not in the order of their reading: user %s stands after user %s", r.User, before.User)
				return
			}
			listed[r.User], before = p, r
		}
	}
	last := pages[len(pages)-1]
	if !x.final(pages[0]) || !last.Last || x.partial || m == nil || c.stored == nil || x.someKeepBack(c) {
		return
	}
	readers := c.readers(m.Sender, m.Seq)
	for _, user := range sorted(readers) {
		if listed[user] == nil {
			f.violated(x, c, []source{did(last), said("stored: user %s has read up to seq %d", user, c.shownAt(c.people[user]))}, "user %s is missing from the readers of the message at seq %d", user, m.Seq)
		}
	}
	for _, user := range slices.Sorted(maps.Keys(listed)) {
		if !readers[user] {
			f.violated(x, c, []source{did(listed[user])}, "user %s is listed and has not read the message at seq %d, or lets nobody know", user, m.Seq)
		}
	}
	if last.Count != int64(len(listed)) {
		f.violated(x, c, []source{did(last)}, "a list of %d readers says that they are %d", len(listed), last.Count)
	}
}

// listedSecretly: who let nobody know all the while is not listed with what they read meanwhile.
func listedSecretly(x *index, f *finding, pages []*Operation) {
	c := x.conversation(pages[0].Conversation)
	m := c.messages[pages[0].Message]
	if m == nil {
		return
	}
	for _, p := range pages {
		for _, r := range p.Readers {
			for i := range x.secrets[r.User] {
				if s := &x.secrets[r.User][i]; s.from < p.Called && p.Returned < s.to {
					f.violated(x, c, []source{did(s.off), did(p)}, "a list of readers names somebody who lets nobody know")
					return
				}
			}
		}
	}
}

func sorted(people map[string]bool) []string { return slices.Sorted(maps.Keys(people)) }
