package check

import (
	"fmt"
	"strings"
	"time"
)

// Violation is a promise that was broken, with everything that is needed to understand it.
type Violation struct {
	Rule         string // "I1"
	What         string // one sentence for a reader who has not seen the history
	Conversation string
	At           time.Duration // where in the run it shows
	Evidence     []string      // the records concerned, in the order of time, in words
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

// clock writes a time of the run.
func clock(t time.Duration) string {
	return fmt.Sprintf("%02d:%06.3f", int(t.Minutes()), (t - t.Truncate(time.Minute)).Seconds())
}
