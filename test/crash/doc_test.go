// Package crash_test kills the real program with SIGKILL, again and again, while people chat. What they
// did and saw is recorded, and package check proves from it and from the database that nothing which was
// confirmed is missing, doubled or out of order, and all else that is promised (C2.1, C2.3, C3.1).
//
// "go test ./test/crash" kills a few times on each database; -crash.kills=100 is the long form. The moments
// come from -crash.seed, which is printed: the same seed draws the same moments again.
package crash_test
