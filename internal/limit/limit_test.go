package limit_test

import (
	"reflect"
	"slices"
	"testing"

	"github.com/parley-chat/parley/internal/limit"
)

func TestAllHasEveryRule(t *testing.T) {
	rules := limit.Defaults()
	fields, all := reflect.ValueOf(rules), rules.All()
	for i := range fields.NumField() {
		if r := fields.Field(i).Interface().(limit.Rule); !slices.Contains(all, r) {
			t.Errorf("%s is missing", r.Name)
		}
	}
	if len(all) != fields.NumField() {
		t.Errorf("%d rules of %d", len(all), fields.NumField())
	}
}
