// Package leak_test shows that nobody can tell from what the server says whether a person is there who lets them not know:
// somebody invisible, somebody who shares presence with nobody or with friends only, somebody blocked, a stranger, and
// somebody who lets nobody know what they read (C4.7, C6.6, C7.4).
//
// Each plays twice with new people, before a watcher who listens to everything and asks every GET route: once the hidden
// person connects, reads, types, acknowledges, changes devices and leaves, once they do nothing. What the watcher was told
// must be the same, apart from times and ids. And a table names every field of every event and of every answer, and says of
// each whether it may depend on presence; a field that is not in it fails the test, so that somebody thinks about it.
package leak_test
