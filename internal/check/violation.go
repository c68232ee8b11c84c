package check

import (
	"fmt"
	"strings"
	"time"
)

// Violation is a promise that was broken, with everything that is needed to understand it.
type Violation struct {
	Rule         string        `json:"rule"` // "I1"
	What         string        `json:"what"` // one sentence for a reader who has not seen the history
	Conversation string        `json:"conversation,omitempty"`
	At           time.Duration `json:"at"`       // where in the run it shows
	Evidence     []string      `json:"evidence"` // the records concerned, in the order of time, in words
}

func (v Violation) String() string {
	var out strings.Builder
	fmt.Fprintf(&out, "%s at %s: %s", v.Rule, clock(v.At), v.What)
	if v.Conversation != "" {
		fmt.Fprintf(&out, " (conversation %s)", v.Conversation)
	}
	for _, e := range v.Evidence {
		out.WriteString("\n    ")
		out.WriteString(e)
	}
	return out.String()
}

// before is how long before a violation faults are still told with it.
const before = 5 * time.Second

// violated notes a violation that shows in the latest of the records concerned. Faults that were on at the
// time are told with them.
func (f *finding) violated(x *index, c *conversation, records []source, what string, a ...any) {
	f.Found++
	if len(f.Violations) >= maxViolations {
		return
	}
	v := Violation{Rule: f.ID, What: fmt.Sprintf(what, a...)}
	if c != nil {
		v.Conversation = c.id
	}
	for _, r := range records {
		if r.did == nil && r.saw == nil && r.fault == nil {
			continue
		}
		_, at := r.moment()
		v.At = max(v.At, at)
	}
	records = append(records[:len(records):len(records)], x.faultsBefore(v.At)...)
	inTime(records)
	for _, r := range records {
		v.Evidence = append(v.Evidence, r.String())
	}
	f.Violations = append(f.Violations, v)
}

// faultsBefore are the last few faults that were on at a time or shortly before.
func (x *index) faultsBefore(at time.Duration) []source {
	var out []source
	for i := range x.faults {
		if fault := &x.faults[i]; fault.From <= at && fault.To >= at-before {
			out = append(out, source{fault: fault})
		}
	}
	return out[max(0, len(out)-5):]
}

// clock writes a time of the run.
func clock(t time.Duration) string {
	return fmt.Sprintf("%02d:%06.3f", int(t.Minutes()), (t - t.Truncate(time.Minute)).Seconds())
}
