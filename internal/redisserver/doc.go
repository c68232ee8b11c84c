// Package redisserver runs a real Redis of our own: the binary of this machine, a folder of its own in the temp
// directory, a free port on loopback. Nothing that runs already is touched. Tests have it by internal/redistest,
// parley-chaos and parley bench by itself.
//
// A server lives as long as the process that started it: a small shell process stands between them,
// reads a pipe whose other end only that process holds, and kills the server and deletes its folder when
// that end closes, however the process ended.
//
// It keeps nothing on disk unless told to: what it was given is gone after a restart.
package redisserver
