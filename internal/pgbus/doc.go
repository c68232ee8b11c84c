// Package pgbus carries envelopes between nodes through PostgreSQL's LISTEN and NOTIFY: the way that is left
// when Redis is away or was never there (C3.2, ADR-015). [Bus] satisfies realtime.Bus.
//
// All envelopes of all topics travel on one channel, [Channel], and each node picks those that it follows.
// A topic is therefore in force as soon as it is asked for, and following costs the database nothing.
//
// A node holds two connections of its own beside the store's pool, so that neither waits for the other and
// messages wait for neither:
//
//   - One listens, always. Silence of a few seconds makes it ask the server something, so that a connection
//     which died without a word is noticed and made again; whoever listens is then told that anything may have
//     been missed.
//   - One publishes, opened when there is something to say and closed after a minute of silence. What
//     arrives while a statement is under way is the next statement. PostgreSQL holds one lock for the whole server
//     while a transaction that notifies commits, so no message's transaction ever does, and this connection does not
//     wait for the disk (synchronous_commit is off: nothing of it is kept).
//
// A connection counts as up only when a probe published on the second has been heard on the first. LISTEN
// needs a session of its own: through PgBouncer it works in session mode only, and the probe notices when it does
// not.
//
// What cannot travel (over [MaxPayload], not text) or could not be published travels as a notice that its topic
// has lost something. What a queue has no room for is told as lost likewise. Nothing here waits for a reader.
package pgbus
