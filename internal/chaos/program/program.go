// Package program builds variants of parley from the source at hand: another version of the same, one whose
// clock can be set, one with a bug planted. It needs Go and the module's source; a program that is
// there already can do without.
package program

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"

	"github.com/parley-chat/parley/internal/chaos/cluster"
)

const module = "github.com/parley-chat/parley"

// Edit replaces text of a source file for one build; the file itself stays as it is.
type Edit struct {
	File string // from the module's root
	Old  string // stands in it once; "" adds the file
	New  string
}

// Variant is what differs from what is in the source.
type Variant struct {
	Version string // what the program says of itself
	Edits   []Edit
}

// Source finds the module's root from the current folder, or says why there is none.
func Source(ctx context.Context) (string, error) {
	cmd := exec.CommandContext(ctx, "go", "list", "-m", "-f", "{{.Path}} {{.Dir}}")
	cmd.Env = append(os.Environ(), "GOWORK=off")
	out, err := cmd.Output()
	if errors.Is(err, exec.ErrNotFound) {
		return "", errors.New("Go is not installed")
	}
	path, dir, _ := strings.Cut(strings.TrimSpace(string(out)), " ")
	if err != nil || path != module {
		return "", errors.New("the current folder is not in the source of Parley")
	}
	return dir, nil
}

// Build builds a variant of the source at root into the file out.
func Build(ctx context.Context, root, out string, v Variant) error {
	folder, err := os.MkdirTemp("", "parley-build-")
	if err != nil {
		return err
	}
	defer os.RemoveAll(folder)
	overlay, err := v.overlay(root, folder)
	if err != nil {
		return err
	}
	cmd := exec.CommandContext(ctx, "go", "build", "-trimpath", "-tags", "grpcnotrace", "-overlay", overlay,
		"-ldflags", "-s -w -X main.version="+v.Version, "-o", out, "./cmd/parley")
	cmd.Dir = root
	cmd.Env = append(os.Environ(), "CGO_ENABLED=0")
	if text, err := cmd.CombinedOutput(); err != nil {
		return fmt.Errorf("go build: %w\n%s", err, text)
	}
	return nil
}

// overlay writes the edited files and the list of them that the compiler reads.
func (v Variant) overlay(root, folder string) (string, error) {
	texts := map[string]string{}
	for _, e := range v.Edits {
		path := filepath.Join(root, filepath.FromSlash(e.File))
		if e.Old == "" {
			texts[path] = e.New
			continue
		}
		if _, is := texts[path]; !is {
			text, err := os.ReadFile(path)
			if err != nil {
				return "", err
			}
			texts[path] = string(text)
		}
		if n := strings.Count(texts[path], e.Old); n != 1 {
			return "", fmt.Errorf("%s has %q %d times and not once: the edit has to follow the source", e.File, e.Old, n)
		}
		texts[path] = strings.ReplaceAll(texts[path], e.Old, e.New)
	}
	replace := map[string]string{}
	for path, text := range texts {
		file := filepath.Join(folder, fmt.Sprintf("%d.go", len(replace)))
		if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
			return "", err
		}
		replace[path] = file
	}
	list, err := json.Marshal(map[string]any{"Replace": replace})
	if err != nil {
		return "", err
	}
	path := filepath.Join(folder, "overlay.json")
	return path, os.WriteFile(path, list, 0o600)
}

// Clock lets the environment say how wrong the clock is that stamps what is stored and what is signed
// ([cluster.ClockVariable]). Timers and deadlines stay right, as they do on a machine whose clock is wrong.
func Clock() []Edit {
	source := func(pkg string) string {
		return fmt.Sprintf(`package %s

import (
	"os"
	"time"
)

var wrongBy, _ = time.ParseDuration(os.Getenv(%q))
`, pkg, cluster.ClockVariable)
	}
	return []Edit{
		{File: "internal/store/clock_wrong.go", New: source("store")},
		{File: "internal/store/store.go", Old: "return s.clock().UTC()", New: "return s.clock().Add(wrongBy).UTC()"},
		{File: "internal/auth/clock_wrong.go", New: source("auth")},
		{File: "internal/auth/token.go", Old: "jwt.WithIssuer(issuer), ", New: "jwt.WithTimeFunc(now), jwt.WithIssuer(issuer), "},
		{File: "internal/auth/service.go", Old: "return time.Now().UTC()", New: "return time.Now().Add(wrongBy).UTC()"},
	}
}
