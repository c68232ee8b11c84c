package faults

import (
	"math"
	"math/rand/v2"
	"time"
)

// Plan draws faults, one after the other, for ever.
type Plan struct {
	kinds []*Kind
	nodes int
	apart time.Duration
	// Alone says that no fault ever keeps another company.
	Alone bool
	// Longest bounds how long a fault lasts; 0 leaves it to its kind.
	Longest time.Duration
	random  *rand.Rand
	deck    []*Kind
	number  int
	lonely  bool // the last one is alone
	crowd   int  // how many of the next ones keep a long one company
}

// NewPlan begins the sequence of a seed. apart is usually [Apart].
func NewPlan(seed uint64, kinds []*Kind, nodes int, apart time.Duration) *Plan {
	return &Plan{kinds: kinds, nodes: nodes, apart: apart, random: rand.New(rand.NewPCG(seed, 0xfa117))}
}

// Next draws the next fault. Every kind comes once before any comes again.
func (p *Plan) Next() Planned {
	if len(p.deck) == 0 {
		p.deck = append(p.deck, p.kinds...)
		p.random.Shuffle(len(p.deck), func(i, j int) { p.deck[i], p.deck[j] = p.deck[j], p.deck[i] })
	}
	k := p.deck[0]
	p.deck = p.deck[1:]
	p.number++
	out := Planned{
		Number: p.number, Kind: k, Node: p.random.IntN(p.nodes), Alone: p.random.IntN(2) == 0,
		Gap: p.between(200*time.Millisecond, 1500*time.Millisecond), Window: p.window(k), Share: 1, Dice: p.random.Uint64(),
	}
	if p.random.IntN(2) == 0 {
		out.Share = 0.2 + 0.6*p.random.Float64()
	}
	if p.crowd > 0 {
		p.crowd--
		out.Alone = false
	}
	if n := int(out.Window / longWindow); n > 0 {
		p.crowd, out.Alone = max(p.crowd, n), false
	}
	if p.Alone || k.alone {
		out.Alone = true
	}
	if out.Alone || p.lonely {
		out.Gap += p.apart
	}
	p.lonely = out.Alone
	return out
}

// Apart is how long nothing else is broken before and after a fault that is alone, so that it can be seen
// what it does by itself.
const Apart = 4 * time.Second

// longWindow is how long a fault may last during which nothing else happens. A longer one is kept company.
const longWindow = 4 * time.Second

func (p *Plan) between(low, high time.Duration) time.Duration {
	return low + time.Duration(p.random.Int64N(int64(high-low)+1))
}

// window draws how long a fault lasts: mostly short, seldom long, evenly over the orders of magnitude.
func (p *Plan) window(k *Kind) time.Duration {
	longest := k.Longest
	if p.Longest > 0 {
		longest = min(longest, p.Longest)
	}
	if longest <= k.Shortest {
		return k.Shortest
	}
	low, high := math.Log(float64(max(k.Shortest, time.Millisecond))), math.Log(float64(longest))
	return time.Duration(math.Exp(low + (high-low)*p.random.Float64()))
}
