// Package ws speaks WebSocket (RFC 6455) to clients: GET /ws, subprotocol chat.v1 (C4). It turns frames
// into calls of the rules and writes what the outbox holds; it decides nothing else.
//
// A connection has one goroutine, which reads (conn.go), with a buffer that grows with the frame and
// shrinks again (frame.go). A writer exists only while there is something to write, and writes several
// frames at once (write.go). There are no timers: whatever is due (pings, silence, an expiring token, an
// ack that is owed) is one read deadline (due.go). That keeps an idle connection under 6 kB.
//
// Each event of the protocol is one call in conn.go into the file of its noun.
package ws
