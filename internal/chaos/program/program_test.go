package program_test

import (
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/parley-chat/parley/internal/chaos/program"
)

func TestAVariantIsBuiltFromTheSourceAsItIs(t *testing.T) {
	root, err := program.Source(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	out := filepath.Join(t.TempDir(), "parley")
	if err := program.Build(t.Context(), root, out, program.Variant{Version: "another", Edits: program.Clock()}); err != nil {
		t.Fatal(err)
	}
	said, err := exec.Command(out, "version").Output()
	if err != nil || !strings.Contains(string(said), "another") {
		t.Errorf("it says %q, %v", said, err)
	}
}

func TestAnEditThatDoesNotFitTheSourceIsAnError(t *testing.T) {
	root, err := program.Source(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	v := program.Variant{Edits: []program.Edit{{File: "internal/store/store.go", Old: "no such text", New: "x"}}}
	if err := program.Build(t.Context(), root, filepath.Join(t.TempDir(), "parley"), v); err == nil || !strings.Contains(err.Error(), "internal/store/store.go") {
		t.Errorf("got %v", err)
	}
}
