package docs_test

import (
	"cmp"
	"strings"
	"testing"

	"github.com/parley-chat/parley/internal/chaos"
	"github.com/parley-chat/parley/internal/chaos/faults"
	"github.com/parley-chat/parley/internal/planted"
)

func TestTheFaultsOfTheDocumentAreThoseOfTheProgram(t *testing.T) {
	document, program := map[string]bool{}, map[string]bool{}
	for _, cells := range rows(section(t, page(t, "chaos.md"), "## Faults")) {
		document[cells[0]+" on "+cells[1]+": "+cells[2]] = true
	}
	for _, k := range faults.Kinds() {
		shapes := ""
		for i, s := range k.Shapes {
			if i > 0 {
				shapes += ", "
			}
			shapes += string(s)
		}
		program[k.Name+" on "+shapes+": "+k.About] = true
	}
	differ(t, document, program)
}

func TestThePlantedBugsOfTheDocumentAreThoseThatRealProcessesCatch(t *testing.T) {
	document, program := map[string]bool{}, map[string]bool{}
	for _, cells := range rows(section(t, page(t, "chaos.md"), "## Planted bugs")) {
		document[cells[0]+" while "+cells[1]] = true
	}
	for _, b := range planted.Bugs() {
		switch {
		case b.Chaos:
			program[b.Name+" while "+cmp.Or(strings.Join(b.Under, ", "), "the usual")] = true
		case b.Scene != "":
			program[b.Name+" while "+"the scene "+b.Scene] = true
		}
	}
	differ(t, document, program)
}

func TestTheFailuresOfTheDocumentsAreThoseOfTheProgram(t *testing.T) {
	played, contracts, measured := map[string]bool{}, map[string]bool{}, map[string]bool{}
	program, promised, playable := map[string]bool{}, map[string]bool{}, map[string]bool{}
	for _, cells := range rows(section(t, page(t, "chaos.md"), "## Failures")) {
		played[cells[0]+" on "+cells[1]+": "+cells[2]] = true
	}
	for _, cells := range rows(section(t, page(t, "rfc-error-handling-observability.md"), "## 8. Failures")) {
		if len(cells) == 5 {
			contracts[strings.Join(cells, "; ")] = true
			continue
		}
		measured[cells[0]+" on "+cells[1]] = true
	}
	for _, s := range chaos.FailureScenes() {
		plain := strings.NewReplacer("`", "")
		program[s.Name+" on "+string(s.Shape)+": "+plain.Replace(s.About)] = true
		promised[plain.Replace(strings.Join([]string{s.Name, string(s.Shape), s.Of, s.About, s.Holds}, "; "))] = true
		playable[s.Name+" on "+string(s.Shape)] = true
	}
	differ(t, played, program)
	differ(t, contracts, promised)
	differ(t, measured, playable)
}
