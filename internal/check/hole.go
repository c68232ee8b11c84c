package check

// noHoleShown: a connection that follows is handed every change once, in the order of rev, without a hole
// (C3.1).
func noHoleShown(x *index, f *finding) { followed(x, f) }

// resumeHonest: a subscribe brings all that changed past its rev, in order, but for what has changed again
// since (C3.3).
func resumeHonest(x *index, f *finding) { followed(x, f) }

// followed reports what went wrong with the follows under this rule.
func followed(x *index, f *finding) {
	for _, w := range x.follows {
		f.Checked += len(w.revs)
		for _, fault := range w.faults {
			if fault.rule == f.ID {
				f.violated(x, w.conversation, fault.records, "%s", fault.what)
			}
		}
	}
}
