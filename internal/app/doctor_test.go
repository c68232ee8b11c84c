package app_test

import (
	"os"
	"strings"
	"testing"

	"github.com/parley-chat/parley/internal/app"
	"github.com/parley-chat/parley/internal/config"
)

// unsound is what the doctor advises against.
func unsound(t *testing.T, c *config.Loaded) []string {
	t.Helper()
	advice, err := app.Examine(t.Context(), c)
	if err != nil {
		t.Fatal(err)
	}
	var out []string
	for _, a := range advice {
		if !a.Sound {
			if a.Next == "" {
				t.Errorf("%q says not what to do", a.What)
			}
			out = append(out, a.What)
		}
	}
	return out
}

func TestTheDoctorFindsNothingWrongBesideAHealthyNode(t *testing.T) {
	databases(t, func(t *testing.T, env []string) {
		env = append(env, "PARLEY_RATE_LIMITS=on")
		n := run(t, env...)
		ada, bert := join(t, n, "ada"), join(t, n, "bert")
		say(t, ada, direct(t, ada, bert), "Hello")
		if found := unsound(t, settings(t, env...)); len(found) > 0 {
			t.Errorf("found %q", found)
		}
	})
}

func TestTheDoctorNamesWhatAnOperatorMustNotOverlook(t *testing.T) {
	data := t.TempDir()
	env := []string{"PARLEY_DATA=" + data, "PARLEY_DEMO=on", "PARLEY_PUBLIC_URL=http://chat.lan"}
	run(t, env...).stop(t)
	for _, path := range []string{data, data + "/signing.key"} {
		if err := os.Chmod(path, 0o755); err != nil {
			t.Fatal(err)
		}
	}
	found := strings.Join(unsound(t, settings(t, env...)), "\n")
	for _, want := range []string{"rate limits are off", "without TLS", "look into the data folder", "can read the signing key", "demo's people"} {
		if !strings.Contains(found, want) {
			t.Errorf("%q is not found in:\n%s", want, found)
		}
	}
}
