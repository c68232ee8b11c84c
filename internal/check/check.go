package check

// maxViolations is how many violations of one rule a report keeps. All are counted.
const maxViolations = 20

// finding collects what one rule finds.
type finding struct{ RuleReport }

// rule is one promise: look tells f what it looked at and what is broken.
type rule struct {
	id, claim string
	look      func(x *index, f *finding)
}

// rules are all of them, in the order of the report.
var rules = []rule{
	{"I1", "what was confirmed is stored", noLoss},
	{"I2", "nothing is stored or shown that was not sent", noPhantom},
	{"I3", "one draft is one message, for ever", exactlyOnce},
	{"I4", "one order, without a hole, that nobody saw otherwise", totalOrder},
	{"I5", "confirmed earlier stands earlier", realTime},
	{"I6", "no hole was shown on a live connection", noHoleShown},
	{"I7", "a history read in pages is whole", pagesWhole},
	{"I8", "a read position never goes back", readForward},
	{"I9", "unread counts are exact", unreadExact},
	{"I11", "nothing reaches somebody who is not in the conversation", outsiders},
	{"I12", "catching up leaves nothing out", resumeHonest},
	{"I13", "an edit or deletion is final", finalDeletion},
	{"I14", "answers come in time", answersInTime},
	{"I14b", "the system gets well by itself", recovers},
	{"I16", "what clients hold is what is stored", stateIsFold},
	{"C6.1", "how many have read a message is exact", countsExact},
	{"C6.3", "who has read what is shown as it is stored", shownAsStored},
	{"C6.6", "what somebody reads who lets nobody know stays with them", secretsKept},
	{"I10", "in the end everybody is shown who is there", presenceConverges},
	{"C7.1", "who is invisible is seen by nobody", invisibleUnseen},
	{"C7.2", "nobody is offline who is there", thereIsNotOffline},
	{"C7.3", "who comes and who goes is told in time", presenceInTime},
	{"C7.4", "who may not know is told nothing", unknownToStrangers},
	{"C7.5", "what changes is told once", presenceOnce},
	{"C7.6", "nobody comes back who did not connect", noResurrection},
	{"C3.2", "deliveries come in time", deliveredInTime},
	{"C6.5", "read positions reach the other devices in time", syncedInTime},
}

// Check holds a history against all rules.
func Check(h *History, b Bounds) *Report {
	x := newIndex(h, b.filled())
	report := &Report{Run: h.Run, Figures: x.figures(), series: x.series()}
	for _, r := range rules {
		f := &finding{RuleReport{ID: r.id, Claim: r.claim}}
		r.look(x, f)
		report.Rules = append(report.Rules, f.RuleReport)
	}
	return report
}
