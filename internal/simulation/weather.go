package simulation

import "slices"

// weather says how likely each mishap is, at each occasion.
type weather struct {
	name string

	// On the bus, for each envelope and listener.
	lost    float64 // and said so later
	silent  float64 // and not said
	doubled float64
	slow    float64 // up to 400 ms, sometimes 4 s

	// On the way to the database, for each call.
	sluggish   float64 // up to 800 ms
	unreadable float64 // a read fails
	failing    float64 // a transaction fails before its commit
	unsure     float64 // it is committed, and the answer is lost
	belated    float64 // it is given up, and committed up to 5.5 s later

	vague float64 // who knows what was read fails, before or after it was done

	reading int // how much more often than otherwise people read

	// In the cluster, for the whole of a run: how many of each.
	kills, freezes, drains, partitions, outages, locks, losses int
}

// weathers are what a run begins with; its chance makes each milder or worse.
var weathers = []weather{
	{name: "calm"},
	{name: "lossy bus", lost: .15, silent: .05, doubled: .15, slow: .2, partitions: 2},
	{name: "sick database", sluggish: .08, unreadable: .03, failing: .06, unsure: .06, belated: .04, vague: .03, outages: 2, locks: 1, losses: 2},
	{name: "falling nodes", kills: 3, freezes: 1, drains: 1, losses: 1, doubled: .02},
	{name: "late readers", sluggish: .05, failing: .15, unsure: .1, belated: .2, outages: 3, kills: 3, reading: 3},
	{name: "everything", lost: .06, silent: .02, doubled: .06, slow: .1, sluggish: .04, unreadable: .01, failing: .03, unsure: .03, belated: .02, vague: .02,
		kills: 1, freezes: 1, drains: 1, partitions: 1, outages: 1, locks: 1, losses: 1},
}

// weatherOf is the one with a name, or nil.
func weatherOf(name string) *weather {
	if i := slices.IndexFunc(weathers, func(w weather) bool { return w.name == name }); i >= 0 {
		return &weathers[i]
	}
	return nil
}

// fair is the weather of the end: whatever is wrong now is not the weather's fault.
var fair = weather{name: "fair"}
