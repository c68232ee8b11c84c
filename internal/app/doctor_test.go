package app_test

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/parley-chat/parley/internal/app"
	"github.com/parley-chat/parley/internal/config"
	"github.com/parley-chat/parley/internal/redistest"
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

func TestTheDoctorLooksAtRedisAndAtTheOtherNodes(t *testing.T) {
	c := newCluster(t, 1)
	env := append(c.env, "PARLEY_RATE_LIMITS=on")
	awaitNode(t, c.env[0], "ws-server-1")
	if found := unsound(t, settings(t, env...)); len(found) > 0 {
		t.Errorf("of a healthy node it says %q", found)
	}
	forgetful := redistest.Start(t, "--maxmemory", "100mb", "--maxmemory-policy", "allkeys-lru").URL()
	if found := unsound(t, settings(t, append(env, "REDIS_URL="+forgetful)...)); len(found) != 1 || !strings.Contains(found[0], "allkeys-lru") {
		t.Errorf("of a Redis that evicts it says %q", found)
	}
	strange := []string{c.env[0], "REDIS_URL=redis://127.0.0.1:1", "PARLEY_SIGNING_KEY=" + strings.Repeat("x", 32), "PARLEY_RATE_LIMITS=on"}
	found := strings.Join(unsound(t, settings(t, strange...)), "\n")
	for _, want := range []string{"Redis is away", "signs tokens with another key"} {
		if !strings.Contains(found, want) {
			t.Errorf("%q is not found in:\n%s", want, found)
		}
	}
	folder := filepath.Join(t.TempDir(), "data")
	found = strings.Join(unsound(t, settings(t, c.env[0], "PARLEY_DATA="+folder, "PARLEY_RATE_LIMITS=on")), "\n")
	if !strings.Contains(found, "there is none here") {
		t.Errorf("without a key it says %q", found)
	}
	if _, err := os.Stat(filepath.Join(folder, "signing.key")); !os.IsNotExist(err) {
		t.Errorf("the doctor makes a key: %v", err)
	}
}

func TestTheDoctorSaysByWhichReserveItJudgesTheDisk(t *testing.T) {
	data := "PARLEY_DATA=" + t.TempDir()
	for want, more := range map[string][]string{
		"below 1 nothing is written (the storage_reserve that was given)": {"PARLEY_STORAGE_RESERVE=1"},
		"unless the node was started with a storage_reserve":              nil,
	} {
		advice, err := app.Examine(t.Context(), settings(t, append(more, data)...))
		if err != nil {
			t.Fatal(err)
		}
		said := false
		for _, a := range advice {
			said = said || a.Sound && strings.Contains(a.What, want)
		}
		if !said {
			t.Errorf("%q is not in %+v", want, advice)
		}
	}
}
