package planted

// hearing is a fault under which everybody hears at once of what changes, so that what is shown to the wrong people is no delay.
var hearing = []string{"clients-cut"}

// attendingBugs are between who is there and who is told so.
var attendingBugs = []Bug{
	{
		Name: "give no sign of life at the end of a connection", Breaks: "A lease lasts 30 s from the close (C7.1, C7.5).", Caught: []string{"C7.2"}, Scene: "departures",
		Edits: []Edit{{
			File: "internal/chat/attendance.go",
			Old:  "\tif how == ExitClosed && answered {\n\t\ta.heard.Store(now)\n\t}\n",
			New:  "\t_ = answered\n",
		}},
	},
	{
		Name: "let a logout wait for the end of the lease", Breaks: "Who logs out is offline at once (C7.1).", Caught: []string{"C7.3"}, Scene: "departures",
		Edits: []Edit{{
			File: "internal/chat/signout.go",
			Old:  "\tk.ended[l] = signOut{u, time.Now().Add(DeviceLease), of}\n",
			New:  "\t_ = signOut{u, time.Now(), of}\n",
		}},
	},
	{
		Name: "note departures and do not tell them", Breaks: "Who goes is told to be offline in time (C7.1, C7.5).", Caught: []string{"C7.3"}, Scene: "departures",
		Edits: []Edit{{
			File: "internal/chat/lapse.go",
			Old:  "\ts.tellPresence(offline, causedBy(TraceOf(ctx)))\n",
			New:  "",
		}},
	},
	{
		Name: "show to all what is for friends", Breaks: "Presence that is shared with friends is shown to friends alone (C7.4).", Caught: []string{"C7.4"}, Chaos: true, Visitors: true,
		Under: hearing,
		Edits: []Edit{{
			File: "internal/chat/presence.go",
			Old:  "\tcase p.Sharing == ShareFriends:\n\t\treturn r.Friends\n",
			New:  "\tcase p.Sharing == ShareFriends:\n\t\treturn r.Friends || r.Share\n",
		}},
	},
	{
		Name: "show oneself to whom one has blocked", Breaks: "Who is blocked is told nothing (C7.4).", Caught: []string{"C7.4"}, Chaos: true, Visitors: true,
		Under: hearing,
		Edits: []Edit{{
			File: "internal/chat/presence.go",
			Old:  "\tcase p.Secret() || r.Blocked:\n",
			New:  "\tcase p.Secret():\n",
		}},
	},
	{
		Name: "let others see that who is invisible types", Breaks: "Who is invisible types for nobody (C4.7, C7.1).", Caught: []string{"C7.1"}, Chaos: true, Visitors: true,
		Under: hearing,
		Edits: []Edit{{
			File: "internal/chat/typing.go",
			Old:  "\tif typing && t.invisible {\n\t\treturn\n\t}\n",
			New:  "",
		}},
	},
}
