package planted

// readingBugs are between somebody's reading and what others are told of it.
var readingBugs = []Bug{
	{
		Name: "count a retry of a reading twice", Breaks: "Counts come of positions, so that a retry changes nothing (C6.1).", Caught: []string{"C6.1"}, Simulation: true, Chaos: true,
		Edits: []Edit{
			{
				File: "internal/inmem/receipt.go",
				Old:  "\tif r.move(s, further) {\n",
				New:  "\tfor _, step := range steps {\n\t\tif s.seeded && !step.Private {\n\t\t\ts.positions[step.User+chat.UserID(step.At.String())] = step.Seq\n\t\t}\n\t}\n\tif r.move(s, further) {\n",
			},
			{
				File: "internal/redis/receipt.lua",
				Old:  "\t\tif further and not private and (at or not is_seeded) then\n",
				New: "\t\tif not further and not private and is_seeded then\n\t\t\teach_tracked('-inf', seq, function(message) redis.call('INCR', counts .. message) end)\n\t\tend\n" +
					"\t\tif further and not private and (at or not is_seeded) then\n",
			},
			{
				File: "internal/redis/receipt.lua",
				Old:  "\t\tlocal n = count(tonumber(ARGV[i + 1]), ARGV[i + 2])\n",
				New:  "\t\tlocal n = tonumber(redis.call('GET', counts .. ARGV[i]) or count(tonumber(ARGV[i + 1]), ARGV[i + 2]))\n",
			},
		},
	},
	{
		Name: "believe the positions that were lost", Breaks: "What who counts does not know is read from the store (C6.3).", Caught: []string{"C6.1"}, Simulation: true,
		Edits: []Edit{
			{
				File: "internal/inmem/receipt.go",
				Old:  "&readState{id: c, epoch: r.number(), ",
				New:  "&readState{id: c, seeded: true, since: now.Add(readPositionsLast), epoch: r.number(), ",
			},
			{
				File: "internal/chat/flush.go",
				Old:  "\t\tif err := s.seed(ctx, c, false); err != nil {\n",
				New:  "\t\tif err := error(nil); err != nil {\n",
			},
			{
				File: "internal/chat/seed.go",
				Old:  "\tif g.moved[c] || g.ended {\n",
				New:  "\tif g.moved[c] || g.ended || c != \"\" {\n",
			},
		},
	},
	{
		Name: "show the reading of who lets nobody know", Breaks: "Who has receipts off is neither shown, counted nor listed (C6.6).", Caught: []string{"C6.1", "C6.3", "C6.6"}, Simulation: true, Chaos: true,
		Edits: []Edit{
			{
				File: "internal/store/receipt_reader.go",
				Old:  "p.left_at IS NULL AND u.deleted_at IS NULL AND COALESCE(p.read_receipts_enabled, u.read_receipts_enabled)\"",
				New:  "p.left_at IS NULL AND u.deleted_at IS NULL\"",
			},
		},
	},
	{
		Name: "take a step out of the queue before it is written", Breaks: "An item leaves the queue only after it is committed (C6.4).", Caught: []string{"I8"}, Simulation: true, Weather: "late readers",
		Edits: []Edit{{
			File: "internal/chat/flush.go",
			Old:  "\t\tfailed, err := writeSome(ctx, steady{s.store, s}, claim.Steps, time.Now().Add(flushLease/2))\n",
			New:  "\t\t_ = s.cfg.Readers.Settle(ctx, claim.ID, nil)\n\t\tfailed, err := writeSome(ctx, steady{s.store, s}, claim.Steps, time.Now().Add(flushLease/2))\n",
		}},
	},
	{
		Name: "write steps in the order in which they come", Breaks: "A flush moves positions by maximum (C6.1).", Caught: []string{"I8"}, Simulation: true, Weather: "late readers",
		Edits: []Edit{
			{
				File: "internal/store/receipt_step.go",
				Old:  "\t\tif furthest && st.seq > st.ground.readSeq {\n",
				New:  "\t\tif furthest {\n",
			},
			{
				File: "internal/store/receipt_step.go",
				Old:  "p.user_id = k.user_id AND p.last_read_seq < k.seq`",
				New:  "p.user_id = k.user_id`",
			},
		},
	},
	{
		Name: "tell counts in any order", Breaks: "Counts of an older version are passed over (C6.3).", Caught: []string{"C6.1"}, Simulation: true,
		Edits: []Edit{{
			File: "internal/realtime/readership.go",
			Old:  "\tcase r.counts.Before(c):\n",
			New:  "\tdefault:\n",
		}},
	},
	{
		Name: "tell positions in any order", Breaks: "A position never goes back for who is told of it (C6.1).", Caught: []string{"I8"}, Simulation: true,
		Edits: []Edit{{
			File: "internal/realtime/readership.go",
			Old:  "\tcase s.Seq > 0 && s.Seq <= had.Seq:\n",
			New:  "\tcase s.Seq > 0 && s.Seq == had.Seq:\n",
		}},
	},
	{
		Name: "forget to tell that somebody lets nobody know any more", Breaks: "Who switches receipts off is shown to nobody from then on (C6.6).", Caught: []string{"C6.3"}, Simulation: true,
		Edits: []Edit{
			{
				File: "internal/realtime/readership.go",
				Old:  "\tr.said++\n\tr.put(position{s, r.said})\n",
				New:  "\tif s.Seq == 0 {\n\t\treturn\n\t}\n\tr.said++\n\tr.put(position{s, r.said})\n",
			},
			{
				File: "internal/realtime/readership.go",
				Old:  "\tcase p.Seq > 0 && (p.Seq < had.Seq || had.Seq == 0 && had.at > said):\n",
				New:  "\tcase p.Seq < had.Seq || had.Seq == 0 && had.at > said:\n",
			},
		},
	},
	{
		Name: "queue nothing again when Redis was emptied", Breaks: "An emptied Redis loses nothing while the node that queued it lives (C6.4).", Caught: []string{"I8"}, Readers: true,
		Edits: []Edit{{
			File: "internal/redis/receiptlog.go",
			Old:  "\treturn len(l.lives) > 1 || (len(l.lives) == 1 && l.lives[life] == 0)\n",
			New:  "\treturn false\n",
		}},
	},
}
