package chaos

import (
	"cmp"
	"context"
	"fmt"
	"io"
	"slices"
	"strings"
	"time"

	"github.com/parley-chat/parley/client"
	"github.com/parley-chat/parley/internal/chaos/cluster"
)

// FailureScene is one failure that the plan lists, and how it is brought about.
type FailureScene struct {
	Name  string        `json:"name"`
	Of    string        `json:"of"` // the rows of the plan that it plays
	Shape cluster.Shape `json:"shape"`
	About string        `json:"about"` // how it is brought about
	Holds string        `json:"holds"` // what is asserted besides the rules of internal/check
	Short bool          `json:"-"`     // it takes seconds

	apart   bool                     // it brings what it needs and is played when the others are over
	lacking func(r *failures) string // why it cannot be had here, "" when it can; nil when it always can
	play    func(r *failures, ctx context.Context, row *Failure) error
}

// Failure is what was measured of a scene, in words that stand in the document, and what of it breaks the contract.
type Failure struct {
	FailureScene
	Detected  string   `json:"detected"`
	Client    string   `json:"client"` // what clients got
	Recovered string   `json:"recovered"`
	Outage    *Outage  `json:"outage,omitempty"`
	Wrong     []string `json:"wrong,omitempty"`

	skipped string
}

// FailureScenes are all of them, in the order in which they are played and stand in the document.
func FailureScenes() []FailureScene {
	return slices.Concat(databaseScenes(), redisScenes(), lineScenes(), receiptScenes(), sqliteScenes(), presenceScenes(), codeScenes())
}

func (f *Failure) lacks(r *failures) string {
	if f.lacking == nil {
		return ""
	}
	return f.lacking(r)
}

// say keeps the first few of what is wrong.
func (f *Failure) say(format string, args ...any) {
	if len(f.Wrong) < 10 {
		f.Wrong = append(f.Wrong, fmt.Sprintf(format, args...))
	}
}

// within notes when something took longer than it may.
func (f *Failure) within(bound, took time.Duration, format string, args ...any) {
	if took > bound {
		f.say("%s took %s, over %v", fmt.Sprintf(format, args...), short(took), bound)
	}
}

func (f *Failure) print(w io.Writer) {
	result := "pass"
	if len(f.Wrong) > 0 {
		result = "fail"
	}
	fmt.Fprintf(w, "  %s %s (%s)\n       detected   %s\n       clients    %s\n       recovered  %s\n", result, f.Name, f.Of,
		cmp.Or(f.Detected, "–"), cmp.Or(f.Client, "–"), cmp.Or(f.Recovered, "–"))
	for _, wrong := range f.Wrong {
		fmt.Fprintf(w, "       WRONG      %s\n", wrong)
	}
}

// short is a duration in the precision that says something.
func short(d time.Duration) string {
	if d < 10*time.Millisecond {
		return fmt.Sprintf("%.1f ms", float64(d)/float64(time.Millisecond))
	}
	if d < time.Second {
		return fmt.Sprintf("%d ms", d.Milliseconds())
	}
	return fmt.Sprintf("%.1f s", d.Seconds())
}

// after is how long after the end of a failure something was so.
func after(d time.Duration) string {
	if d < 10*time.Millisecond {
		return "at once"
	}
	return "after " + short(d)
}

// spread is from the shortest to the longest of sorted durations.
func spread(sorted []time.Duration) string {
	low, high := short(sorted[0]), short(sorted[len(sorted)-1])
	if low == high {
		return low
	}
	return low + " to " + high
}

// answer is a kind of answer that tries got, and how long they waited for it.
type answer struct {
	Code      string        `json:"code,omitempty"` // "" when they were confirmed
	Outcome   string        `json:"outcome,omitempty"`
	Retryable bool          `json:"retryable,omitempty"`
	Number    int           `json:"number"`
	Min       time.Duration `json:"minNs"`
	P50       time.Duration `json:"p50Ns"`
	Max       time.Duration `json:"maxNs"`

	took []time.Duration
}

func (a *answer) String() string {
	times := "after " + spread([]time.Duration{a.Min, a.Max})
	if a.Number > 2 {
		times += ", median " + short(a.P50)
	}
	if a.Code == "" {
		return fmt.Sprintf("%d tries confirmed %s", a.Number, times)
	}
	again := "retryable"
	if !a.Retryable {
		again = "final"
	}
	return fmt.Sprintf("%d × `%s`, %s, %s, %s", a.Number, a.Code, a.Outcome, again, times)
}

// answers sums up tries by what they got, those that were confirmed first.
func answers(tries []try) (out []answer) {
	for _, t := range tries {
		want := answer{}
		if t.err != nil {
			want.Code, want.Outcome, want.Retryable = t.err.Code, t.err.Outcome, t.err.Retryable
		}
		i := slices.IndexFunc(out, func(a answer) bool {
			return a.Code == want.Code && a.Outcome == want.Outcome && a.Retryable == want.Retryable
		})
		if i < 0 {
			i, out = len(out), append(out, want)
		}
		out[i].took = append(out[i].took, t.to-t.from)
	}
	for i := range out {
		a := &out[i]
		slices.Sort(a.took)
		a.Number, a.Min, a.P50, a.Max = len(a.took), a.took[0], a.took[(len(a.took)-1)/2], a.took[len(a.took)-1]
	}
	slices.SortFunc(out, func(a, b answer) int {
		return cmp.Or(strings.Compare(a.Code, b.Code), strings.Compare(a.Outcome, b.Outcome))
	})
	return out
}

// refusal is a single answer in the words of the document.
func refusal(e *client.Error, took time.Duration) string {
	return (&answer{Code: e.Code, Outcome: cmp.Or(e.Outcome, client.Rejected), Retryable: e.Retryable, Number: 1, Min: took, P50: took, Max: took}).String()
}
