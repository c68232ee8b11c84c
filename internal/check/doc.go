// Package check proves from a record of what clients did and saw, and from what the database holds,
// that nothing which was promised was broken. The crash test, the simulated cluster and parley-chaos
// write such records and share this one checker.
//
//	recorder := check.NewRecorder()
//	w := recorder.Witness("ada/phone", "phones")                // one for each live connection
//	live := c.Live(client.LiveOptions{Handle: w.Handle})        // what it saw
//	call := w.Begin(check.Operation{Op: check.Send, …})         // what it did
//	call.End(err)
//	…
//	history := recorder.History()
//	history.Database, err = check.ReadDatabase(ctx, databaseURL)
//	report := check.Check(history, check.Bounds{})
//
// [Person] does all of this for a program that speaks through package client.
//
// A [History] has three kinds of records: operations, which began and ended and came out as ok, fail or
// info ("it may have happened"); observations, in the order in which a connection delivered them; and
// faults, the windows in which something was broken on purpose. All times are of one monotonic clock.
// Which came first is decided by serial numbers, not by times, so that it is right in testing/synctest
// too, where much happens at the same instant.
//
// Each rule is a function in a file of its own. It knows nothing of how the server works, only what is
// promised (docs/rfc-websocket-protocol.md, the C-numbers), and what it cannot know it does not
// accuse: an operation without an answer may have happened or not.
package check
