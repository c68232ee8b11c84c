// Package inmem does in this process what several nodes share through Redis: passing events on,
// counting uses, and knowing who has read what and who is there. It is what a single node runs on, not a stand-in (C8.1).
package inmem
