package docs_test

import (
	"fmt"
	"reflect"
	"testing"
	"time"

	"github.com/parley-chat/parley/internal/limit"
)

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
