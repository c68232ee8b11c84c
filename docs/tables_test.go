package docs_test

import (
	"fmt"
	"reflect"
	"slices"
	"strconv"
	"testing"
	"time"

	"github.com/parley-chat/parley/internal/chat"
	"github.com/parley-chat/parley/internal/limit"
)

func TestTheErrorTableIsTheOneOfTheCode(t *testing.T) {
	dash := func(n int) string {
		if n == 0 {
			return "–"
		}
		return strconv.Itoa(n)
	}
	yes := map[bool]string{true: "yes", false: "no"}
	var want [][]string
	for _, c := range chat.Codes {
		want = append(want, []string{string(c.Code), dash(c.Status), dash(c.Close), yes[c.Retryable()], c.Meaning, c.Client})
	}
	got := rows(section(t, page(t, "rfc-websocket-protocol.md"), "## 12. Error codes"))
	if !slices.EqualFunc(got, want, slices.Equal[[]string]) {
		t.Errorf("rfc-websocket-protocol.md §12 has\n%v\nchat.Codes has\n%v", got, want)
	}
}

func TestTheRateLimitTableIsTheOneOfTheCode(t *testing.T) {
	documented := make(map[string]bool)
	for _, cells := range rows(section(t, page(t, "rfc-rest-api.md"), "## 7. Rate limiting")) {
		documented[fmt.Sprintf("%s: %s in %s", cells[0], cells[3], cells[4])] = true
	}
	program := make(map[string]bool)
	for _, r := range allRules(limit.Defaults()) {
		program[fmt.Sprintf("%s: %d in %d min", r.Name, r.Limit, int(r.Window/time.Minute))] = true
	}
	differ(t, documented, program)
}

// allRules lists every limit, also those that are added later.
func allRules(rules limit.Rules) []limit.Rule {
	var out []limit.Rule
	v := reflect.ValueOf(rules)
	for i := range v.NumField() {
		if rule, is := v.Field(i).Interface().(limit.Rule); is {
			out = append(out, rule)
		}
	}
	return out
}
