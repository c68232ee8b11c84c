package chaos

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/parley-chat/parley/client"
)

func TestRowsOfWhatWasNotPlayedStayInTheDocument(t *testing.T) {
	path := filepath.Join(t.TempDir(), "document.md")
	if err := os.WriteFile(path, []byte("before\n"+rowsBegin+rowsEnd+"after\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	scenes := FailureScenes()
	first, last := Failure{FailureScene: scenes[0], Client: "old"}, Failure{FailureScene: scenes[len(scenes)-1], Client: "kept | as it is"}
	gone := Failure{FailureScene: FailureScene{Name: "what is played no more"}}
	if err := WriteFailures(path, []Failure{last, first, gone}); err != nil {
		t.Fatal(err)
	}
	first.Client, first.Wrong = "new", []string{"too late"}
	if err := WriteFailures(path, []Failure{first}); err != nil {
		t.Fatal(err)
	}
	text, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	want := "\n" + measuredHead + first.measured() + last.measured() + rowsEnd + "after\n"
	if !strings.HasPrefix(string(text), "before\n"+rowsBegin+contractsHead) || !strings.HasSuffix(string(text), want) {
		t.Errorf("got\n%s\nwant in the end\n%s", text, want)
	}
	if !strings.Contains(want, `kept \| as it is`) || !strings.Contains(want, "**no**: too late") {
		t.Errorf("the rows do not say what they have to:\n%s", want)
	}
}

func TestADocumentWithoutAPlaceForRowsIsAnError(t *testing.T) {
	path := filepath.Join(t.TempDir(), "document.md")
	if err := os.WriteFile(path, []byte("no place\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	if err := WriteFailures(path, nil); err == nil || !strings.Contains(err.Error(), rowsBegin) {
		t.Errorf("got %v", err)
	}
}

func TestAnswersAreSummedUpByWhatTheySay(t *testing.T) {
	lost := &client.Error{Code: client.CodeDBConnectionLost, Outcome: client.Rejected, Retryable: true}
	late := &client.Error{Code: client.CodeDBTimeout, Outcome: client.Unknown, Retryable: true}
	second := time.Second
	got := answers([]try{{to: 3 * second, err: late}, {to: second}, {to: 2 * second, err: lost}, {from: second, to: 4 * second}, {to: second, err: lost}})
	var said []string
	for i := range got {
		said = append(said, got[i].String())
	}
	want := "2 tries confirmed after 1.0 s to 3.0 s; 2 × `DB_CONNECTION_LOST`, rejected, retryable, after 1.0 s to 2.0 s; 1 × `DB_TIMEOUT`, unknown, retryable, after 3.0 s"
	if text := strings.Join(said, "; "); text != want {
		t.Errorf("got  %s\nwant %s", text, want)
	}
}

func TestAnOutageIsHeldToWhatIsPromised(t *testing.T) {
	o := withoutDatabase("postgres-restart", "PostgreSQL", 10*time.Second, nil)
	good := Outage{Drafts: 3, FirstNode: time.Second, AllNodes: time.Second, Answers: []answer{
		{Number: 2}, {Code: client.CodeDBTimeout, Outcome: client.Unknown, Retryable: true, Number: 1},
	}}
	for name, spoil := range map[string]func(*Outage){
		"":                                func(*Outage) {},
		"nobody wrote":                    func(o *Outage) { o.Drafts = 0 },
		"answered later":                  func(o *Outage) { o.Late = 1 },
		"which nothing here justifies":    func(o *Outage) { o.Answers[1].Code = client.CodeInternal },
		"retryable false":                 func(o *Outage) { o.Answers[1].Retryable = false },
		`outcome ""`:                      func(o *Outage) { o.Answers[1].Outcome = "" },
		"connections were lost":           func(o *Outage) { o.Lost = 1 },
		"/health/ready":                   func(o *Outage) { o.AllNodes = 0 },
		"the first confirmation":          func(o *Outage) { o.First = time.Minute },
		"getting as quick as before":      func(o *Outage) { o.Normal = time.Minute },
		"having everything":               func(o *Outage) { o.CaughtUp = time.Minute },
		"being well, as the nodes see it": func(o *Outage) { o.Whole = time.Minute },
	} {
		r := &failures{run: &run{}, talk: newTalk(t.Context(), nil)}
		bad := good
		bad.Answers = append([]answer{}, good.Answers...)
		spoil(&bad)
		row := Failure{}
		o.judge(r, &bad, &row)
		switch text := strings.Join(row.Wrong, "; "); {
		case name == "" && text != "":
			t.Errorf("a good outage is found wrong: %s", text)
		case name != "" && (len(row.Wrong) != 1 || !strings.Contains(text, name)):
			t.Errorf("%q is found to be %q", name, text)
		}
	}
}
