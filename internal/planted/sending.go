package planted

// sendingBugs are on the way of a message to the disk and of its answer back.
var sendingBugs = []Bug{
	{
		Name: "announce before the commit", Breaks: "What is seen is stored (C2.1).", Caught: []string{"I2", "I4", "I6", "I7"}, Simulation: true, Chaos: true,
		Edits: []Edit{{
			File: "internal/chat/committer.go",
			Old:  "\tappended, err := l.append(batch, drafts)\n",
			New: `	for _, d := range drafts {
		heads, _ := s.store.Heads(context.Background(), []ConversationID{d.Conversation})
		head, now := heads[d.Conversation], time.Now().UTC().Truncate(time.Microsecond)
		s.announcer.Announce([]Change{{Conversation: d.Conversation, Rev: head.LastRev + 1, Kind: MessageAdded, Message: &Message{
			ID: d.ID, Conversation: d.Conversation, Sender: d.Sender, Seq: head.LastSeq + 1, Rev: head.LastRev + 1, Content: d.Content,
			ContentType: d.ContentType, ClientMessageID: d.ClientMessageID, CreatedAt: now, UpdatedAt: now,
		}}})
	}
	appended, err := l.append(batch, drafts)
`,
		}},
	},
	{
		Name: "confirm before the commit", Breaks: "message:sent means that it is on the disk (C2.1).", Caught: []string{"I1", "I3", "I4"}, Simulation: true, Chaos: true,
		Edits: []Edit{{
			File: "internal/chat/committer.go",
			Old:  "\tappended, err := l.append(batch, drafts)\n",
			New: `	for i, d := range drafts {
		heads, _ := s.store.Heads(context.Background(), []ConversationID{d.Conversation})
		head := heads[d.Conversation]
		s.finish(batch[i], Sent{Message: Message{
			ID: d.ID, Conversation: d.Conversation, Sender: d.Sender, Seq: head.LastSeq + 1, Rev: head.LastRev + 1, Content: d.Content,
			ContentType: d.ContentType, ClientMessageID: d.ClientMessageID, CreatedAt: time.Now().UTC().Truncate(time.Microsecond),
		}}, nil)
	}
	appended, err := l.append(batch, drafts)
`,
		}},
	},
	{
		Name: "drop the duplicate check", Breaks: "A retry is stored once (C2.3).", Caught: []string{"I3"}, Simulation: true, Chaos: true,
		Edits: append([]Edit{
			{File: "internal/chat/seen.go", Old: "\tif !known || s.proof != d.proof(sub) {\n", New: "\tif true || !known || s.proof != d.proof(sub) {\n"},
			{
				File: "internal/store/migrations/sqlite/00001_messages.sql",
				Old:  "CREATE UNIQUE INDEX idx_messages_client_id", New: "CREATE INDEX idx_messages_client_id",
			},
			{
				File: "internal/store/migrations/postgres/00001_messages.sql",
				Old:  "CREATE UNIQUE INDEX idx_messages_client_id", New: "CREATE INDEX idx_messages_client_id",
			},
		}, noLookUp...),
	},
	{
		Name: "remember what was sent for five minutes only", Breaks: "A retry is stored once, for good (C2.3).", Caught: []string{"I3"}, Simulation: true, Chaos: true,
		Edits: append([]Edit{
			{
				File: "internal/store/migrations/sqlite/00001_messages.sql",
				Old:  "CREATE UNIQUE INDEX idx_messages_client_id", New: "CREATE INDEX idx_messages_client_id",
			},
			{
				File: "internal/store/migrations/postgres/00001_messages.sql",
				Old:  "CREATE UNIQUE INDEX idx_messages_client_id", New: "CREATE INDEX idx_messages_client_id",
			},
		}, noLookUp...),
	},
	{
		Name: "give a retry an answer of its own", Breaks: "A retry gets the first answer again (C2.3).", Caught: []string{"I1", "I3", "I4"}, Simulation: true, Chaos: true,
		Edits: []Edit{{
			File: "internal/chat/committer.go",
			Old:  "\t\t\ts.finishStored(p, a.Message, a.Duplicate)\n",
			New:  "\t\t\tanswer := a.Message\n\t\t\tanswer.ID = p.id\n\t\t\ts.finishStored(p, answer, a.Duplicate)\n",
		}},
	},
	{
		Name: "count seq in the node's memory", Breaks: "seq is taken under the conversation's row lock (C1.2).", Caught: []string{"I1", "I3", "I4"}, Simulation: true, Chaos: true,
		Edits: []Edit{
			{
				File: "internal/chat/committer.go",
				Old:  "var laneSeed = maphash.MakeSeed()\n",
				New: `var laneSeed = maphash.MakeSeed()

type counted struct {
	service      *Service
	conversation ConversationID
}

var (
	counting sync.Mutex
	counts   = make(map[counted]int64)
)

func (s *Service) count(m *Message) {
	counting.Lock()
	defer counting.Unlock()
	key := counted{s, m.Conversation}
	if counts[key] == 0 {
		counts[key] = m.Seq - 1
	}
	counts[key]++
	m.Seq = counts[key]
}
`,
			},
			{
				File: "internal/chat/committer.go",
				Old:  "\t\t\ts.finishStored(p, a.Message, a.Duplicate)\n",
				New:  "\t\t\tif !a.Duplicate {\n\t\t\t\ts.count(&a.Message)\n\t\t\t\tappended[i].Message.Seq = a.Message.Seq\n\t\t\t}\n\t\t\ts.finishStored(p, a.Message, a.Duplicate)\n",
			},
		},
	},
	{
		Name: "let the sends of one session overtake each other", Breaks: "The sends of a session keep their order.", Caught: []string{"I5"}, Simulation: true, Chaos: true,
		Edits: []Edit{{
			File: "internal/chat/committer.go",
			Old:  "\t\tl.queue = append(l.queue, &pendingSend{id: MessageID(l.service.cfg.NewID()), sub: sub, arrived: arrived, answer: answer})\n",
			New:  "\t\tl.queue = append([]*pendingSend{{id: MessageID(l.service.cfg.NewID()), sub: sub, arrived: arrived, answer: answer}}, l.queue...)\n",
		}},
	},
	{
		Name: "forget a commit whose answer was lost", Breaks: "What is committed is seen, also when its sender was told that nobody knows (C2.6).",
		Caught: []string{"C2.6", "C3.1", "I6", "I14"}, Simulation: true,
		Edits: []Edit{{
			File: "internal/chat/answer.go",
			Old:  "\ts.announcer.Suspect(c)\n\ttime.AfterFunc(lateCommit, func() { s.announcer.Suspect(c) })\n",
			New:  "\t_ = time.AfterFunc\n",
		}},
	},
	{
		Name: "announce no edits", Breaks: "Everybody sees every change (C3.1).", Caught: []string{"C3.1", "C3.2", "I6", "I16"}, Simulation: true, Chaos: true,
		Under: calm,
		Edits: []Edit{{
			File: "internal/chat/message.go",
			Old:  "\t\ts.announcer.Announce([]Change{{Conversation: c, Rev: out.Rev, Kind: MessageEdited, Message: &out, Trace: TraceOf(ctx)}})\n",
			New:  "",
		}},
	},
	{
		Name: "announce no deletions", Breaks: "Everybody sees every change (C3.1).", Caught: []string{"C3.1", "C3.2", "I6", "I13", "I16"}, Simulation: true, Chaos: true,
		Under: calm,
		Edits: []Edit{{
			File: "internal/chat/message.go",
			Old:  "\t\ts.announcer.Announce([]Change{{Conversation: c, Rev: out.Rev, Kind: MessageDeleted, Message: &out, Trace: TraceOf(ctx)}})\n",
			New:  "",
		}},
	},
}

// noLookUp takes the look for what was stored before out of the store.
var noLookUp = []Edit{{
	File: "internal/store/message_exact.go",
	Old:  "\t\tout[draftKey{m.Conversation, m.Sender, m.ClientMessageID}] = m\n",
	New:  "",
}}
