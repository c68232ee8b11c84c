package planted

// endingBugs are at the end of connections, logins and nodes.
var endingBugs = []Bug{
	{
		Name: "drop what is in flight when the node drains", Breaks: "Sends in flight finish (C8.4).", Caught: []string{"C8.4"}, Simulation: true,
		Edits: []Edit{{
			File: "internal/ws/drain.go",
			Old:  "\t\tp.conn.requests.end(func() { p.conn.out.End(restarts) })\n",
			New:  "\t\tp.conn.out.End(restarts)\n",
		}},
	},
	{
		Name: "end a login on its own node only", Breaks: "Logout closes that login's sockets on all nodes within a second (C4.3).", Caught: []string{"C4.3"}, Simulation: true,
		Edits: []Edit{{
			File: "internal/realtime/session.go",
			Old:  "\th.publishUrgent(SystemTopic, envelopeLoginEnded, loginEnded{l})\n",
			New:  "",
		}},
	},
}
