package planted

// storingBugs are in the store and in what the rules remember of it.
var storingBugs = []Bug{
	{
		Name: "let the clock alone say when a message was sent", Breaks: "createdAt rises with seq, whatever the clocks say (C1.4).",
		Caught: []string{"I4", "I7"}, Simulation: true, Chaos: true,
		Edits: []Edit{
			{
				File: "internal/store/message_lean.go",
				Old:  "SET last_seq = last_seq + $3, last_rev = last_rev + $3,\n    last_message_at = MAX($4, COALESCE(last_message_at + 1, 0)) + $3 - 1,",
				New:  "SET last_seq = last_seq + $3, last_rev = last_rev + $3,\n    last_message_at = $4 + $3 - 1,",
			},
			{
				File: "internal/store/message_lean.go",
				Old:  "        last_message_at = GREATEST($4, last_message_at + interval '1 microsecond') + (n - 1) * interval '1 microsecond',",
				New:  "        last_message_at = $4 + (n - 1) * interval '1 microsecond',",
			},
			{
				File: "internal/store/message_lean.go",
				Old:  "        last_message_at = GREATEST($3, last_message_at + interval '1 microsecond'),",
				New:  "        last_message_at = $3,",
			},
			{
				File: "internal/store/tail.go",
				Old:  "\tat = notBefore(now, t.lastMessageAt.Add(time.Microsecond))\n",
				New:  "\tat = now\n",
			},
		},
	},
	{
		Name: "store what was decided on an old roster", Breaks: "Who was removed writes nothing any more (C3.7).", Caught: []string{"I2", "I11", "I17", "C3.7"},
		Simulation: true,
		Edits: []Edit{
			{File: "internal/store/message_lean.go", Old: "WHERE id = $1 AND roster_rev = $2 AND ended_at IS NULL\nRETURNING last_seq - $3 + 1", New: "WHERE id = $1 AND $2 = $2 AND ended_at IS NULL\nRETURNING last_seq - $3 + 1"},
			{File: "internal/store/message_lean.go", Old: "WHERE c.id = l.id AND c.roster_rev = l.roster_rev AND c.ended_at IS NULL", New: "WHERE c.id = l.id AND c.ended_at IS NULL"},
			{File: "internal/store/message_lean.go", Old: "    WHERE id = $1 AND roster_rev = $2 AND ended_at IS NULL\n    RETURNING id, last_seq", New: "    WHERE id = $1 AND $2::bigint = $2::bigint AND ended_at IS NULL\n    RETURNING id, last_seq"},
			{File: "internal/store/message_exact.go", Old: "\tcase t.rosterRev != d.RosterRev:\n", New: "\tcase false:\n"},
		},
	},
	{
		Name: "keep the text of a deleted message", Breaks: "A tombstone has no text (C1.5).", Caught: []string{"I13"}, Simulation: true, Chaos: true,
		Edits: []Edit{{
			File: "internal/store/message_change.go",
			Old:  "SET content = '', rev = $3, deleted_at",
			New:  "SET rev = $3, deleted_at",
		}},
	},
	{
		Name: "let a read position go backwards", Breaks: "A read position only moves forward (C6.1).", Caught: []string{"I8"}, Simulation: true,
		Edits: []Edit{{
			File: "internal/store/receipt.go",
			Old:  "if shown = seq > position; shown {",
			New:  "if shown = seq != position; shown {",
		}, {
			File: "internal/store/receipt_step.go",
			Old:  "if furthest && st.seq > st.ground.readSeq {",
			New:  "if furthest {",
		}, {
			File: "internal/store/receipt_step.go",
			Old:  " AND p.last_read_seq < k.seq`",
			New:  "`",
		}},
	},
	{
		Name: "count deleted messages as unread", Breaks: "Unread counts are exact (C6.5).", Caught: []string{"I9", "C3.8"}, Simulation: true, Chaos: true,
		Edits: []Edit{
			{
				File: "internal/store/receipt.go",
				Old:  "r.own_seq) AND d.deleted_at IS NOT NULL),",
				New:  "r.own_seq) AND d.deleted_at IS NULL AND d.deleted_at IS NOT NULL),",
			},
			{
				File: "internal/store/receipt.go",
				Old:  "9223372036854775807) AND d.deleted_at IS NOT NULL),",
				New:  "9223372036854775807) AND d.deleted_at IS NULL AND d.deleted_at IS NOT NULL),",
			},
		},
	},
	{
		Name: "page past one message too many", Breaks: "Pages leave nothing out (C3.5).", Caught: []string{"I7"}, Simulation: true, Chaos: true,
		Edits: []Edit{{
			File: "internal/store/message_history.go",
			Old:  "\t\treturn messages[:q.Limit], true, nil\n",
			New:  "\t\treturn messages[1:], true, nil\n",
		}},
	},
	{
		Name: "remember who is in a conversation whatever other nodes say", Breaks: "A change of who is in a conversation counts on every node within a second (C3.7).",
		Caught: []string{"C2.6", "C3.7", "C3.8", "I11", "I14"}, Simulation: true,
		Edits: []Edit{
			{
				File: "internal/chat/roster.go",
				Old:  "func (c *rosterCache) outdate(id ConversationID, rev int64) {\n",
				New:  "func (c *rosterCache) outdate(id ConversationID, rev int64) {\n\tif rev > 0 {\n\t\treturn\n\t}\n",
			},
			{
				File: "internal/chat/roster.go",
				Old:  "\tclear(c.entries)\n",
				New:  "",
			},
		},
	},
	{
		Name: "catch up from one rev too late", Breaks: "A subscribe sends everything past afterRev (C3.3).", Caught: []string{"I6", "I12", "I16", "C3.1", "C3.3"},
		Simulation: true, Chaos: true,
		Edits: []Edit{{
			File: "internal/realtime/subscribe.go",
			Old:  "\t\treturn t.lacks(ctx, sub, *afterRev)\n",
			New:  "\t\treturn t.lacks(ctx, sub, *afterRev+1)\n",
		}},
	},
}
