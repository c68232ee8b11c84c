// Package status is the state of a node and of a cluster in the words that an operator reads: does the three-second promise
// hold, and what is not as it should be.
//
// A node says how it is ([Node]) at /status beside its metrics, and writes it into its row of the registry with each beat.
// A [Report] is the nodes that somebody could learn of, with a verdict; [Report.Print] shows it in a terminal. This package
// measures nothing and knows none of the other rooms.
package status
