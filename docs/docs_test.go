// Package docs_test holds the documents to the program: a table, an event, a route, a column or a limit
// that is in one and not in the other fails here.
package docs_test

import (
	"os"
	"regexp"
	"strings"
	"testing"
)

// page returns the text of a document in this folder.
func page(t *testing.T, name string) string {
	t.Helper()
	text, err := os.ReadFile(name)
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}

// section returns what stands under the heading, up to the next one of the same or a higher level.
func section(t *testing.T, text, heading string) string {
	t.Helper()
	_, rest, found := strings.Cut("\n"+text, "\n"+heading+"\n")
	if !found {
		t.Fatalf("no heading %q", heading)
	}
	level := len(heading) - len(strings.TrimLeft(heading, "#"))
	var out []string
	fenced := false
	for line := range strings.Lines(rest) {
		fenced = fenced != strings.HasPrefix(line, "```")
		hashes := len(line) - len(strings.TrimLeft(line, "#"))
		if !fenced && hashes > 0 && hashes <= level {
			break
		}
		out = append(out, line)
	}
	return strings.Join(out, "")
}

// rows returns the cells of the body rows of every Markdown table in text, without backticks.
func rows(text string) [][]string {
	var out [][]string
	body := false
	for line := range strings.Lines(text) {
		line = strings.TrimSpace(line)
		switch {
		case !strings.HasPrefix(line, "|"):
			body = false
		case ruler.MatchString(line):
			body = true
		case body:
			line = strings.ReplaceAll(strings.Trim(line, "|"), `\|`, "\x00")
			cells := strings.Split(line, "|")
			for i, cell := range cells {
				cells[i] = strings.ReplaceAll(strings.ReplaceAll(strings.TrimSpace(cell), "`", ""), "\x00", "|")
			}
			out = append(out, cells)
		}
	}
	return out
}

var ruler = regexp.MustCompile(`^\|[-:| ]+\|$`)

// differ reports what is in one set and not in the other.
func differ(t *testing.T, document, program map[string]bool) {
	t.Helper()
	if len(program) == 0 {
		t.Error("found nothing in the program to compare with")
	}
	for name := range program {
		if !document[name] {
			t.Errorf("%s is in the program and not in the document", name)
		}
	}
	for name := range document {
		if !program[name] {
			t.Errorf("%s is in the document and not in the program", name)
		}
	}
}
