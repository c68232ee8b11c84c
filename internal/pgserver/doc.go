// Package pgserver runs a real PostgreSQL of our own: the binaries of this machine, a data directory in
// the temp directory, a free port on loopback. Nothing that runs already is touched. Tests have it by
// internal/pgtest, parley-chaos by itself.
//
// A server lives as long as the process that started it: a small shell process stands between them, reads
// a pipe whose other end only that process holds, and stops the server and deletes its directory when that
// end closes, however the process ended.
package pgserver
