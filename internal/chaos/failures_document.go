package chaos

import (
	"cmp"
	"fmt"
	"os"
	"strings"
)

// The marks between which the rows stand in a document.
const (
	rowsBegin = "<!-- failures: written by parley-chaos failures --write -->\n"
	rowsEnd   = "<!-- /failures -->\n"
)

const (
	contractsHead = "| Failure | Shape | Of the plan | How it is brought about | What must hold |\n|---|---|---|---|---|\n"
	measuredHead  = "| Failure | Shape | Detected | What clients got | Recovered | Held |\n|---|---|---|---|---|---|\n"
)

// WriteFailures puts all contracts, and what was measured, into the document at path, between its marks. What was measured of
// scenes that were not played this time stays as it is; rows of what is no scene any more go.
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
	_, old, _ = strings.Cut(old, measuredHead)
	measured := map[string]string{}
	for line := range strings.Lines(old) {
		if cells := strings.Split(line, " | "); len(cells) > 1 {
			measured[strings.TrimPrefix(cells[0], "| ")+" | "+cells[1]] = line
		}
	}
	for i := range played {
		measured[played[i].key()] = played[i].measured()
	}
	contracts, rows := contractsHead, measuredHead
	for _, s := range FailureScenes() {
		contracts += cells(s.Name, string(s.Shape), s.Of, s.About, s.Holds)
		rows += measured[(&Failure{FailureScene: s}).key()]
	}
	info, err := os.Stat(path)
	if err != nil {
		return err
	}
	return os.WriteFile(path, []byte(before+rowsBegin+contracts+"\n"+rows+rowsEnd+after), info.Mode())
}

// key names a row: a scene may be played on two shapes.
func (f *Failure) key() string { return f.Name + " | " + string(f.Shape) }

func (f *Failure) measured() string {
	held := "yes"
	if len(f.Wrong) > 0 {
		held = "**no**: " + strings.Join(f.Wrong, "; ")
	}
	return cells(f.Name, string(f.Shape), f.Detected, f.Client, f.Recovered, held)
}

// cells is a row of a table.
func cells(texts ...string) string {
	for i, text := range texts {
		texts[i] = cmp.Or(strings.NewReplacer("|", `\|`, "\n", " ").Replace(text), "–")
	}
	return "| " + strings.Join(texts, " | ") + " |\n"
}
