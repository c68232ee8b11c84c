package chaos

import (
	"cmp"
	"errors"
	"fmt"
	"os"
	"slices"
	"strings"
)

// The marks between which the rows stand in a document.
const (
	rowsBegin = "<!-- failures: written by parley-chaos failures --write -->\n"
	rowsEnd   = "<!-- /failures -->\n"
)

const rowsHead = "| Failure | Of the plan | Shape | How it is brought about | Detected | What clients get | Recovered | What must hold | Held |\n" +
	"|---|---|---|---|---|---|---|---|---|\n"

// WriteFailures puts what was measured into the document at path, between its marks. Rows of scenes that were not played this
// time stay as they are; rows of what is no scene any more go.
func WriteFailures(path string, played []Failure) error {
	text, err := os.ReadFile(path)
	if err != nil {
		return err
	}
	before, rest, begins := strings.Cut(string(text), rowsBegin)
	old, after, ends := strings.Cut(rest, rowsEnd)
	if !begins || !ends {
		return fmt.Errorf("%s has no place for rows: it needs the lines\n%s%s", path, rowsBegin, rowsEnd)
	}
	rows := map[string]string{}
	for line := range strings.Lines(old) {
		if cells := strings.Split(line, " | "); len(cells) > 3 {
			rows[strings.TrimPrefix(cells[0], "| ")+" | "+cells[2]] = line
		}
	}
	for i := range played {
		rows[played[i].key()] = played[i].markdown()
	}
	out := before + rowsBegin + rowsHead
	for _, s := range FailureScenes() {
		out += rows[(&Failure{FailureScene: s}).key()]
	}
	if info, err := os.Stat(path); err == nil {
		return os.WriteFile(path, []byte(out+rowsEnd+after), info.Mode())
	}
	return errors.New("it is gone")
}

// key names a row: a scene may be played on two shapes.
func (f *Failure) key() string { return f.Name + " | " + string(f.Shape) }

func (f *Failure) markdown() string {
	held := "yes"
	if len(f.Wrong) > 0 {
		held = "**no**: " + strings.Join(f.Wrong, "; ")
	}
	cells := []string{f.Name, f.Of, string(f.Shape), f.About, f.Detected, f.Client, f.Recovered, f.Holds, held}
	for i, cell := range cells {
		cells[i] = cmp.Or(strings.NewReplacer("|", `\|`, "\n", " ").Replace(cell), "–")
	}
	return "| " + strings.Join(cells, " | ") + " |\n"
}

// Sources are the rows of the plan that the scenes play, each once.
func Sources() (out []string) {
	for _, s := range FailureScenes() {
		for of := range strings.SplitSeq(s.Of, "; ") {
			if !slices.Contains(out, of) {
				out = append(out, of)
			}
		}
	}
	return out
}
