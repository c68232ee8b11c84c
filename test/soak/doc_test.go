// Package soak_test is the short form of parley-chaos soak: people chat, come and go at half of what the node can do, and
// nothing of it may stay behind. It has to fail where something does: a server that keeps a goroutine of each connection is
// found. `parley-chaos soak` is the long form, of half an hour.
package soak_test
