package app_test

import (
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

// transcript is what README tells people to type under a heading.
func transcript(t *testing.T, heading string) string {
	t.Helper()
	readme, err := os.ReadFile("../../README.md")
	if err != nil {
		t.Fatal(err)
	}
	_, section, found := strings.Cut(string(readme), "\n## "+heading+"\n")
	if !found {
		t.Fatalf("README has no section %q", heading)
	}
	section, _, _ = strings.Cut(section, "\n## ")
	var typed []string
	for line := range strings.Lines(section) {
		if command, indented := strings.CutPrefix(line, "    "); indented {
			typed = append(typed, command)
		}
	}
	return strings.Join(typed, "")
}

func TestWhatReadmeTellsToTypeAgainstTheDemoWorks(t *testing.T) {
	n := run(t, "PARLEY_DATA="+filepath.Join(t.TempDir(), "data"), "PARLEY_DEMO=on")
	script := strings.ReplaceAll(transcript(t, "Build on it"), "http://localhost:3000", n.url)
	out, err := exec.CommandContext(t.Context(), "bash", "-euc", script).CombinedOutput()
	if err != nil {
		t.Fatalf("%v: %s", err, out)
	}
	if !strings.Contains(string(out), `"content":"Hello from curl","contentType":"text","clientMessageId":"curl-1"`) {
		t.Errorf("it printed %s", out)
	}
}
