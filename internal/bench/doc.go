// Package bench measures Parley: "parley bench". An absolute figure means little on a machine that
// somebody shares, so every figure stands beside a probe, the bare work that it cannot do without (a
// plain insert, a plain write), measured in the same run on the same machine, and is judged by the ratio
// of the two. Where a goal is a ratio of processor time, it is read from the kernel's accounts of the
// server's process.
//
// The server is the real one, in a process of its own, with its limits off. The load comes from
// WebSocket clients that do next to nothing (peer.go), and every one of them checks what it gets: a
// message lost, doubled or out of order fails the run, whatever its figures. Accounts and conversations
// are put into the database directly (seed.go), since hashing a thousand passwords measures nothing.
package bench
