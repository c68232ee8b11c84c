package internal_test

import (
	"go/build"
	"io/fs"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

const module = "github.com/parley-chat/parley/"

// mayImport says which packages of ours each package may import (docs/architecture.md). A package that
// is not named has no place in the house yet. Tests may import what they like.
var mayImport = map[string][]string{
	"internal/chat":             {},
	"internal/limit":            {},
	"internal/breaker":          {},
	"internal/obs":              {},
	"internal/span":             {},
	"internal/status":           {},
	"web":                       {},
	"api":                       {},
	"client":                    {},
	"internal/config":           {"internal/limit"},
	"internal/protocol":         {"internal/chat"},
	"internal/auth":             {"internal/chat"},
	"internal/realtime":         {"internal/chat", "internal/protocol"},
	"internal/realtime/bustest": {"internal/realtime"},
	"internal/cluster":          {"internal/realtime", "internal/store"},
	"internal/pgbus":            {"internal/realtime"},
	"internal/inmem":            {"internal/chat", "internal/realtime", "internal/limit"},
	"internal/store":            {"internal/breaker", "internal/chat", "internal/auth"},
	"internal/store/storetest":  {"internal/chat", "internal/auth", "internal/store"},
	"internal/redisserver":      {"internal/port"},
	"internal/redistest":        {"internal/redisserver"},
	"internal/redis":            {"internal/breaker", "internal/chat", "internal/realtime", "internal/limit"},
	"internal/port":             {},
	"internal/pgserver":         {"internal/port"},
	"internal/pgtest":           {"internal/pgserver", "internal/port"},
	"internal/ws":               {"internal/chat", "internal/auth", "internal/protocol", "internal/realtime", "internal/limit"},
	"internal/httpapi":          {"internal/chat", "internal/auth", "internal/protocol", "internal/limit", "api", "web"},
	"internal/demo":             {"internal/chat", "internal/auth"},
	"deploy/nginx":              {},
	"internal/chat/readerstest": {"internal/chat"},
	"internal/chat/devicestest": {"internal/chat"},
	"internal/chaos/proxy":      {},
	"internal/check":            {"client"},
	"internal/chaos/program":    {"internal/chaos/cluster"},
	"internal/chaos/faults":     {"internal/chaos/cluster", "internal/chaos/proxy", "internal/check", "internal/pgbus"},
	"internal/chaos/workload":   {"client", "internal/check"},
	"internal/chaos/cluster":    {"deploy/nginx", "internal/chaos/proxy", "internal/pgserver", "internal/port", "internal/redisserver"},
	"internal/planted":          {},
	"internal/simulation":       {"client", "internal/check", "internal/chat", "internal/auth", "internal/inmem", "internal/limit", "internal/realtime", "internal/store", "internal/ws"},
	"internal/tally":            {},
	"internal/crowd":            {"internal/chat", "internal/auth", "internal/store"},
	"internal/bench":            {"client", "internal/chat", "internal/auth", "internal/store", "internal/crowd", "internal/tally", "internal/pgserver", "internal/redisserver"},
}

// knowsAll are the packages that wire the others.
var knowsAll = []string{"internal/app", "cmd/parley", "internal/chaos", "cmd/parley-chaos"}

func TestImportsPointInward(t *testing.T) {
	for path, imports := range packages(t) {
		if slices.Contains(knowsAll, path) {
			continue
		}
		allowed, placed := mayImport[path]
		if !placed {
			t.Errorf("%s has no row in the table of this test: say what it may import", path)
			continue
		}
		for _, i := range imports {
			if ours, is := strings.CutPrefix(i, module); is && !slices.Contains(allowed, ours) {
				t.Errorf("%s imports %s, which points outward", path, ours)
			}
		}
	}
}

func TestTheRulesNeedTheStandardLibraryOnlyAndNoSocketsSQLOrJSON(t *testing.T) {
	for _, i := range packages(t)["internal/chat"] {
		first, _, _ := strings.Cut(i, "/")
		if strings.Contains(first, ".") || first == "net" || first == "database" || i == "encoding/json" || i == "os" {
			t.Errorf("internal/chat imports %s", i)
		}
	}
}

// packages reads the imports, without those of tests, of every package of the module.
func packages(t *testing.T) map[string][]string {
	t.Helper()
	out := make(map[string][]string)
	root := ".."
	err := filepath.WalkDir(root, func(path string, d fs.DirEntry, err error) error {
		if err != nil || !d.IsDir() {
			return err
		}
		if name := d.Name(); path != root && (strings.HasPrefix(name, ".") || name == "node_modules" || name == "testdata" || name == "data") {
			return filepath.SkipDir
		}
		p, err := build.ImportDir(path, 0)
		if _, none := err.(*build.NoGoError); none {
			return nil
		}
		if err != nil {
			return err
		}
		if rel, _ := filepath.Rel(root, path); len(p.GoFiles) > 0 {
			out[filepath.ToSlash(rel)] = p.Imports
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	return out
}
