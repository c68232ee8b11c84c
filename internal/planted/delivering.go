package planted

// calm is a fault that harms nothing, so that how long deliveries take says something.
var calm = []string{"redis-flush"}

// deliveringBugs are between the commit and the sockets of everybody else.
var deliveringBugs = []Bug{
	{
		Name: "skip the gap repair", Breaks: "A gap is read from the store before anything after it is delivered (C3.1).", Caught: []string{"C3.1", "C3.2", "I6"}, Simulation: true, Chaos: true,
		Under: []string{"redis-loss"},
		Edits: []Edit{{
			File: "internal/realtime/repair.go",
			Old:  "\t\tt.patience = min(2*t.patience, maxPatience)\n\t\tt.beginRepair(slices.Max(slices.Collect(maps.Keys(t.held))))\n",
			New:  "\t\tt.patience = min(2*t.patience, maxPatience)\n\t\t_, _ = slices.Max[[]int], maps.Keys[map[int]int]\n",
		}},
	},
	{
		Name: "repair without asking who is told by message:sent", Breaks: "The sending connection gets message:sent, every other one message:received (C2.4).", Caught: []string{"C2.4"}, Simulation: true,
		Edits: []Edit{{
			File: "internal/realtime/repair.go",
			Old:  "\tundecided := t.attribute(changes.Changes)\n",
			New:  "\tundecided := int64(math.MaxInt64)\n",
		}},
	},
	{
		Name: "deliver across a gap", Breaks: "Changes come in rev order, without gaps (C3.1).", Caught: []string{"C3.1", "I4", "I6", "I16"}, Simulation: true, Chaos: true,
		Edits: []Edit{{
			File: "internal/realtime/topic.go",
			Old:  "\tif len(t.held) == 0 && t.known && changes[0].Rev == t.rev+1 && changes[len(changes)-1].Rev == t.rev+int64(len(changes)) {\n",
			New:  "\tif t.known && changes[0].Rev > t.rev {\n",
		}},
	},
	{
		Name: "deliver doubled envelopes twice", Breaks: "A change comes once (C3.1).", Caught: []string{"C3.1", "I3", "I6"}, Simulation: true, Chaos: true,
		Under: []string{"redis-loss"},
		Edits: []Edit{
			{
				File: "internal/realtime/topic.go",
				Old:  "\tif len(t.held) == 0 && t.known && changes[0].Rev == t.rev+1 && changes[len(changes)-1].Rev == t.rev+int64(len(changes)) {\n",
				New:  "\tif len(t.held) == 0 && t.known && (changes[0].Rev == t.rev+1 || changes[len(changes)-1].Rev == t.rev) {\n",
			},
			{
				File: "internal/realtime/topic.go",
				Old:  "\tcase !own && frames[0].rev > sub.rev:\n",
				New:  "\tcase !own:\n",
			},
		},
	},
	{
		Name: "believe that nothing was lost", Breaks: "What the bus may have lost is read from the store (C3.1).", Caught: []string{"C3.1", "C3.2", "I6"}, Simulation: true,
		Edits: []Edit{{
			File: "internal/realtime/compare.go",
			Old:  "\th.counters.lost.Add(1)\n",
			New:  "\tif h.counters.lost.Add(1) > 0 {\n\t\treturn\n\t}\n",
		}},
	},
	{
		Name: "look at the store only when something is said to be lost", Breaks: "What was lost without a word is found as well (C3.1).", Caught: []string{"C3.1", "C3.8", "I16"},
		Simulation: true,
		Edits: []Edit{{
			File: "internal/realtime/watch.go",
			Old:  "\t\t\tdue = now.Add(compareEvery)\n\t\t\th.compareRound()\n",
			New:  "\t\t\tdue = now.Add(compareEvery)\n",
		}},
	},
	{
		Name: "deliver after a removal", Breaks: "Who is removed gets nothing after it (C3.7).", Caught: []string{"C3.7", "I11"}, Simulation: true, Chaos: true,
		Edits: []Edit{{
			File: "internal/realtime/topic.go",
			Old:  "\t\t\tif s.User == d.User {\n",
			New:  "\t\t\tif false && s.User == d.User {\n",
		}},
	},
	{
		Name: "read what is missing before registering for what comes", Breaks: "There is no hole between the past and the present (C3.3).",
		Caught: []string{"C3.1", "C3.3", "I6", "I12", "I16"}, Simulation: true, Chaos: true,
		Edits: []Edit{{
			File: "internal/realtime/subscribe.go",
			Old:  "\tsub.joining, sub.buffer, sub.buffered = false, nil, 0\n",
			New:  "\tsub.joining, sub.buffered = false, 0\n",
		}, {
			File: "internal/realtime/subscribe.go",
			Old:  "\tfor _, f := range sub.buffer {\n\t\tif f.rev > cursor {\n",
			New:  "\tfor _, f := range sub.buffer {\n\t\tif sub.rev = max(sub.rev, f.rev); false {\n",
		}},
	},
	{
		Name: "drop what does not fit into an outbox", Breaks: "Events are never skipped on an open connection (C3.6).", Caught: []string{"C3.1", "I6", "I12", "I16"}, Simulation: true,
		Edits: []Edit{{
			File: "internal/realtime/outbox.go",
			Old:  "\t\to.end(Closing{protocol.CloseSlow, \"SLOW_CONSUMER\"}, true)\n\t\treturn false\n",
			New:  "\t\tfor _, f := range frames {\n\t\t\to.bytes -= len(f) + frameOverhead\n\t\t}\n\t\treturn true\n",
		}},
	},
	{
		Name: "tell no activity", Breaks: "Unread badges are always right (C3.8).", Caught: []string{"C3.8", "I9"}, Simulation: true,
		Edits: []Edit{{
			File: "internal/realtime/notice.go",
			Old:  "\t\treturn n.tellActivity(ctx, c, here, what.last)\n",
			New:  "\t\treturn nil\n",
		}},
	},
	{
		Name: "tell the other nodes of no change", Breaks: "Messages cross between the nodes within a second (C3.2).", Caught: []string{"C3.1", "C3.2", "I14"}, Simulation: true, Chaos: true,
		Under: calm,
		Edits: []Edit{{
			File: "internal/realtime/announce.go",
			Old:  "\t\th.publishChanges(changes)\n",
			New:  "",
		}, {
			File: "internal/realtime/announce.go",
			Old:  "\t\th.gate.publish(letter{topic: ConversationTopic(changes[0].Conversation), envelope: envelope})\n",
			New:  "\t\t_ = envelope\n",
		}},
	},
	{
		Name: "tell the other nodes of no doubt", Breaks: "What is committed is seen on all nodes, also when its sender was told that nobody knows (C2.6).",
		Caught: []string{"C2.6", "C3.1"}, Simulation: true,
		Edits: []Edit{{
			File: "internal/realtime/announce.go",
			Old:  "\t\th.publish(ConversationTopic(c), envelopeSuspect, suspected{c})\n",
			New:  "",
		}},
	},
	{
		Name: "tell the other nodes of no read position", Breaks: "All devices of a person know how far they have read (C6.5).", Caught: []string{"C6.5", "I8"}, Simulation: true, Chaos: true,
		Under: calm,
		Edits: []Edit{{
			File: "internal/realtime/announce.go",
			Old:  "\t\th.publish(UserTopic(u), envelopeRead, advanced{u, state})\n",
			New:  "",
		}},
	},
	{
		Name: "tell the other nodes of nobody who came in", Breaks: "New conversations reach every connection of the people concerned (C3.8).", Caught: []string{"C3.8"},
		Simulation: true,
		Edits: []Edit{{
			File: "internal/realtime/announce.go",
			Old:  "\t\th.publishUrgent(UserTopic(u), envelopeJoined, joined{u, c.Conversation, c.Rev})\n",
			New:  "\t\t_ = u\n",
		}},
	},
	{
		Name: "follow nothing on the bus", Breaks: "Messages cross between the nodes within a second (C3.2).", Caught: []string{"C3.1", "C3.2", "I14"}, Simulation: true, Chaos: true,
		Under: calm,
		Edits: []Edit{{
			File: "internal/realtime/follow.go",
			Old:  "\tif f.listener != nil && len(fresh) > 0 {\n\t\tf.listener.Follow(fresh...)\n",
			New:  "\tif f.listener != nil && len(fresh) > 0 {\n",
		}},
	},
}
