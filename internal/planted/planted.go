// Package planted holds bugs of the kind that chat servers have, as mutations of this server's source. A checker
// that has never been seen to find anything proves nothing: so each of them is built into a server (go build
// -overlay: the tree itself is not touched) and the simulated cluster (internal/simulation) or parley-chaos has to
// catch it, by a rule that is named here.
//
// A mutation is a text that stands exactly once in its file, and what stands there instead. Whoever changes that
// line is told by a test of this package, and plants the bug anew.
package planted

import (
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
)

// Bug is one bug that can be planted.
type Bug struct {
	// Name says what the server does wrong, as an imperative: "skip the gap repair".
	Name string
	// Breaks is the promise that is not kept any more.
	Breaks string
	// Caught are the rules of which at least one must find it: those of internal/check ("I3"), or a C-number for
	// what the simulated cluster measures by itself.
	Caught []string
	// Simulation and Chaos say which of the two has to catch it within a minute. On real processes what is mended by
	// the next comparison with the database shows as a delay alone.
	Simulation, Chaos bool
	// Weather names the weather of the simulated cluster in which it shows; "" for any. A hunt plays that alone.
	Weather string
	// Readers says that `parley-chaos readers` has to catch it, where one node dies and Redis is emptied.
	Readers bool
	// Scene is the scene of `parley-chaos presence` that has to catch it; "" for none.
	Scene string
	// Visitors says that it shows with people who come and go, hide, and change who may know of them.
	Visitors bool
	// Under names the faults of parley-chaos under which it shows; none for those that it usually hunts with.
	Under []string
	Edits []Edit
}

// Edit is one mutation.
type Edit struct {
	File string // from the root of the module
	Old  string // stands in it exactly once
	New  string
}

// Root finds the module's root from the working directory upward.
func Root() (string, error) {
	dir, err := os.Getwd()
	if err != nil {
		return "", err
	}
	for {
		if _, err := os.Stat(filepath.Join(dir, "go.mod")); err == nil {
			return dir, nil
		}
		up := filepath.Dir(dir)
		if up == dir {
			return "", errors.New("this is not inside the source tree of Parley")
		}
		dir = up
	}
}

// Overlay writes the mutated files of a bug, and the description of them that go build -overlay takes, into a
// temporary folder. cleanup removes it. The tree below root is read and not touched.
func (b *Bug) Overlay(root string) (path string, cleanup func(), err error) {
	return Overlay(root, b.Edits)
}

// Overlay is the same for any edits.
func Overlay(root string, edits []Edit) (path string, cleanup func(), err error) {
	dir, err := os.MkdirTemp("", "parley-overlay")
	if err != nil {
		return "", nil, err
	}
	cleanup = func() { os.RemoveAll(dir) }
	if path, err = write(root, dir, edits); err != nil {
		cleanup()
		return "", nil, err
	}
	return path, cleanup, nil
}

func write(root, dir string, edits []Edit) (path string, err error) {
	mutated := make(map[string]string)
	for _, e := range edits {
		text, begun := mutated[e.File]
		if !begun {
			source, err := os.ReadFile(filepath.Join(root, filepath.FromSlash(e.File)))
			if err != nil {
				return "", err
			}
			text = string(source)
		}
		if n := strings.Count(text, e.Old); n != 1 {
			return "", fmt.Errorf("%s has the following %d times, not once: plant the bug anew\n%s", e.File, n, e.Old)
		}
		mutated[e.File] = strings.Replace(text, e.Old, e.New, 1)
	}
	replace := make(map[string]string)
	for file, text := range mutated {
		instead := filepath.Join(dir, fmt.Sprintf("%d-%s", len(replace), filepath.Base(file)))
		if err := os.WriteFile(instead, []byte(text), 0o600); err != nil {
			return "", err
		}
		replace[filepath.Join(root, filepath.FromSlash(file))] = instead
	}
	overlay, err := json.MarshalIndent(map[string]any{"Replace": replace}, "", "  ")
	if err != nil {
		return "", err
	}
	path = filepath.Join(dir, "overlay.json")
	return path, os.WriteFile(path, overlay, 0o600)
}

// Bugs are all of them.
func Bugs() []Bug {
	var all []Bug
	for _, some := range [][]Bug{sendingBugs, storingBugs, deliveringBugs, endingBugs, readingBugs, attendingBugs} {
		all = append(all, some...)
	}
	return all
}

// Named returns the bug that has a text in its name, or the one that is called so.
func Named(text string) (Bug, error) {
	var found []Bug
	for _, b := range Bugs() {
		switch {
		case b.Name == text:
			return b, nil
		case strings.Contains(b.Name, text):
			found = append(found, b)
		}
	}
	if len(found) == 1 {
		return found[0], nil
	}
	return Bug{}, fmt.Errorf("%d planted bugs have %q in their names, and it has to be one", len(found), text)
}

// Clock is the edit of a node whose clock is wrong by a number of seconds. It is no bug: whatever the clocks of the
// nodes say, every promise is kept (C1.4).
func Clock(seconds int) []Edit {
	return []Edit{{
		File: "internal/store/store.go",
		Old:  "return s.clock().UTC().Truncate(time.Microsecond)",
		New:  fmt.Sprintf("return s.clock().Add(%d * time.Second).UTC().Truncate(time.Microsecond)", seconds),
	}}
}
