package check

import (
	"cmp"
	"maps"
	"slices"
	"strings"
)

// What is kept in maps is looked through in an order of its own, so that one history makes one report.

func sortedMessages(c *conversation) []*message {
	return slices.SortedFunc(maps.Values(c.messages), func(a, b *message) int {
		return cmp.Or(cmp.Compare(a.Seq, b.Seq), strings.Compare(a.Message, b.Message))
	})
}

func sortedPeople(c *conversation) []*membership {
	return slices.SortedFunc(maps.Values(c.people), func(a, b *membership) int { return strings.Compare(a.user, b.user) })
}

func sortedDrafts(c *conversation) []*sent {
	return slices.SortedFunc(maps.Values(c.byKey), func(a, b *sent) int {
		return cmp.Or(strings.Compare(a.sender, b.sender), strings.Compare(a.key, b.key))
	})
}
