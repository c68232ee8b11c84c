// Package obs shows an operator what a node does, as metrics for Prometheus. Every metric stands in one
// list (metric.go) with its help; docs/metrics.md shows that list, and a test compares the two.
//
// What happens one by one, a send or a flush, is counted when it happens ([Metrics.Sent], [Metrics.Flushed]). Everything else is read from
// the rooms of the house when somebody asks, by a [Reader] that the caller brings: this package knows none
// of them. No label names a person, a conversation or a message; each has a handful of values.
package obs
