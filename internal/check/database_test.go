package check_test

import (
	"path/filepath"
	"strings"
	"testing"

	"github.com/parley-chat/parley/internal/check"
)

func TestADatabaseThatCannotBeReadIsNamedWithoutItsPassword(t *testing.T) {
	for _, where := range []string{
		"postgres://ada:hunter2@127.0.0.1:1/parley", "postgres://ada:hunter2@127.0.0.1:notaport/parley",
		filepath.Join(t.TempDir(), "hunter2", "parley.db"),
	} {
		_, err := check.ReadDatabase(t.Context(), where)
		if err == nil || strings.Contains(err.Error(), "hunter2") {
			t.Errorf("got %v", err)
		}
	}
}
