// Package chat holds the rules of Parley and nothing else: who may do what, in which order things
// happen, and what everyone concerned is told. It knows no socket, no SQL and no JSON.
//
// A message makes one journey, and [Service.SendMessage] is the only place where its order is written:
//
//	check     what is sent keeps the rules for text and keys            (message.go)
//	queue     it waits, at most 3 seconds, for the batch in flight      (committer.go)
//	decide    its sender is a participant, and not blocked,
//	          at this moment                                            (decision.go, roster.go)
//	append    the store commits everything that waits in one transaction, giving seq and rev
//	announce  the sender is answered and everyone else is told;
//	          neither waits for the other                               (answer.go, event.go)
//
// Two numbers order a conversation. A message's seq is its place, 1, 2, 3 … without gaps. The
// conversation's rev counts every change that its participants can see, also without gaps. Both are
// taken under the conversation's row lock, so commit order is their order (C1.2, C1.3). A client that
// says "I am complete up to rev 41" can be told exactly what it lacks, however long it was away, by a
// query over states; there is no log to prune (sync.go).
//
// Rules read the roster (who is in a conversation, in which role) from a cache. They stay exact
// because every write names the roster revision that it was decided on and the store refuses it with
// [ErrStale] under the row lock when that has moved; then the rule is applied again (roster.go).
//
// The interfaces that this package needs are declared here, [Store] and [Announcer], and are
// satisfied by internal/store and internal/realtime.
package chat
