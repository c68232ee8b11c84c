// Package client speaks Parley's protocol for Go programs: REST through [Client], and a live
// connection through [Live]. It knows only what is public (docs/rfc-rest-api.md,
// docs/rfc-websocket-protocol.md) and imports nothing internal; the project's own benchmark and its
// crash test stand on it.
//
//	c, err := client.New("http://localhost:3000", client.Options{})
//	_, err = c.Login(ctx, "ada", password)
//	live := c.Live(client.LiveOptions{Handle: func(e client.Event) { … }})
//	go live.Run(ctx)
//	live.Subscribe(conversation, client.FromNow)
//	sent, err := live.Send(ctx, client.Draft{ConversationID: conversation, Content: "hello"})
//
// What a [Live] promises, over any number of lost connections:
//
//   - Every change of a subscribed conversation is handed over once, in the order of its rev, the own
//     messages included. A hole in the revs is asked for again, never passed over (C3.1).
//   - A send is written again under its clientMessageId after every reconnect until the server answers,
//     so that it is stored exactly once (C2.3).
//   - How far was read is said again until the server's answer covers it, and after every reconnect, of the 100
//     conversations that were read last (C6.4, C6.5).
//   - A device that was said to be idle is said to be so again after every reconnect (C7.1).
//   - A token that runs out is replaced on the open socket; a node that leaves is left in time (C4.3, C8.4).
package client
