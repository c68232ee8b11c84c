// Package faults breaks a running cluster on purpose. Which fault comes next, what it hits, how long it
// lasts and what it keeps company with is drawn from a seed; the same seed draws the same sequence.
package faults

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/parley-chat/parley/internal/chaos/cluster"
)

// Kind is one way to break something.
type Kind struct {
	Name   string
	About  string
	Shapes []cluster.Shape
	// Shortest and Longest bound how long it lasts, from being broken to being mended.
	Shortest, Longest time.Duration
	// Lacks says why the kind cannot be had on this machine, "" when it can; nil when it always can.
	Lacks func(s *Site) string

	// alone says that it never comes together with others.
	alone bool
	// claims names what nobody else may break meanwhile.
	claims func(s *Site, p Planned) []string
	// inject breaks it and returns what mends it.
	inject func(ctx context.Context, s *Site, p Planned) (mend func(context.Context) error, err error)
}

// Site is what is broken.
type Site struct {
	Cluster *cluster.Cluster
	// Conversations are ids of conversations in use, the busiest first.
	Conversations func() []string
	// Programs are the versions of parley that may be mixed, two or more for the kind "version".
	Programs []string
	// Broken names what is broken at the moment; nil for nothing.
	Broken func() []string
	// Clocks says that the programs know [cluster.ClockVariable].
	Clocks bool
}

// Planned is one fault as it was drawn.
type Planned struct {
	Number int
	Kind   *Kind
	Node   int           // which node it hits, when it hits one
	Alone  bool          // begins when nothing else is broken, and lets nothing else begin
	Gap    time.Duration // before it begins, counted from the moment from which it may
	Window time.Duration
	Share  float64 // of the connections that it hits, when it hits some of them
	Dice   uint64  // for what else the kind wants to know
}

// Target says what it hits.
func (p Planned) Target(s *Site) string { return strings.Join(p.Kind.claims(s, p), ", ") }

var (
	everywhere = []cluster.Shape{cluster.SQLite, cluster.Postgres, cluster.Full}
	onPostgres = []cluster.Shape{cluster.Postgres, cluster.Full}
	onRedis    = []cluster.Shape{cluster.Full}
	onSQLite   = []cluster.Shape{cluster.SQLite}
)

// Kinds are all of them.
func Kinds() []*Kind {
	return slices.Concat(nodeKinds, clientKinds, postgresKinds, redisKinds, nginxKinds, sqliteKinds)
}

// Choose returns the kinds that a shape can have; names chooses among them, none takes all. An unknown
// name is an error, as is one that the shape does not have.
func Choose(shape cluster.Shape, names []string) ([]*Kind, error) {
	var out []*Kind
	for _, k := range Kinds() {
		if slices.Contains(k.Shapes, shape) && (len(names) == 0 || slices.Contains(names, k.Name)) {
			out = append(out, k)
		}
	}
	for _, name := range names {
		if !slices.ContainsFunc(out, func(k *Kind) bool { return k.Name == name }) {
			return nil, fmt.Errorf("%q is not a fault of the shape %s; parley-chaos faults lists them", name, shape)
		}
	}
	return out, nil
}

// Among returns those of the names that a shape can have.
func Among(shape cluster.Shape, names []string) (out []string) {
	for _, k := range Kinds() {
		if slices.Contains(k.Shapes, shape) && slices.Contains(names, k.Name) {
			out = append(out, k.Name)
		}
	}
	return out
}

// one claims the node that was drawn, under a name for the part of it that is broken.
func one(part string) func(*Site, Planned) []string {
	return func(s *Site, p Planned) []string { return []string{s.Cluster.Nodes[p.Node].Name + part} }
}

// only claims a thing of which there is one.
func only(name string) func(*Site, Planned) []string {
	return func(*Site, Planned) []string { return []string{name} }
}

// nothing mends what is over as soon as it happened.
func nothing(context.Context) error { return nil }
