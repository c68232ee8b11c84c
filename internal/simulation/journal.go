package simulation

import (
	"fmt"
	"strings"
	"sync"
	"time"
)

// journal is what happened, for people. What stands in it is written out only when somebody wants to read.
type journal struct {
	start time.Time
	mu    sync.Mutex
	lines []line
	names map[string]string // id → what it is called here
}

type line struct {
	at     time.Duration
	who    string
	format string
	args   []any
}

func newJournal() *journal { return &journal{start: time.Now(), names: make(map[string]string)} }

func (j *journal) add(who, format string, args ...any) {
	j.mu.Lock()
	defer j.mu.Unlock()
	j.lines = append(j.lines, line{time.Since(j.start), who, format, args})
}

// name gives an id a name.
func (j *journal) name(id, name string) {
	j.mu.Lock()
	defer j.mu.Unlock()
	j.names[id] = name
}

func (j *journal) nameOf(id string) string {
	j.mu.Lock()
	defer j.mu.Unlock()
	if name, known := j.names[id]; known {
		return name
	}
	return id
}

// idOf is the id that has a name, or "".
func (j *journal) idOf(name string) string {
	j.mu.Lock()
	defer j.mu.Unlock()
	for id, n := range j.names {
		if n == name {
			return id
		}
	}
	return ""
}

// String writes it out.
func (j *journal) String() string {
	j.mu.Lock()
	defer j.mu.Unlock()
	var out strings.Builder
	for _, l := range j.lines {
		fmt.Fprintf(&out, "%10.4f  %-12s ", l.at.Seconds(), l.who)
		fmt.Fprintf(&out, l.format, l.args...)
		out.WriteByte('\n')
	}
	return j.translate(out.String())
}

// Names puts names for ids into a text.
func (j *journal) Names(text string) string {
	j.mu.Lock()
	defer j.mu.Unlock()
	return j.translate(text)
}

func (j *journal) translate(text string) string {
	pairs := make([]string, 0, 2*len(j.names))
	for id, name := range j.names {
		pairs = append(pairs, id, name)
	}
	return strings.NewReplacer(pairs...).Replace(text)
}
