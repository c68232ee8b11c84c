package chat_test

import (
	"go/ast"
	"go/parser"
	"go/token"
	"io/fs"
	"path/filepath"
	"strings"
	"testing"

	"github.com/parley-chat/parley/internal/chat"
)

func TestEveryCodeSaysHowItIsRetriedAndWhatItMeans(t *testing.T) {
	known := map[chat.Retry]bool{}
	for _, row := range chat.Retries {
		known[row.Retry] = true
	}
	seen := map[chat.Code]bool{}
	for _, row := range chat.Codes {
		if seen[row.Code] || !known[row.Retry] || row.Meaning == "" || row.Client == "" {
			t.Errorf("the row of %s is there twice or lacks something: %+v", row.Code, row)
		}
		seen[row.Code] = true
		if (row.Retry == chat.RetrySignIn) != (row.Status == 401) || (row.Retry == chat.RetryWait) != (row.Status == 429) {
			t.Errorf("%s is answered with %d and retried %s", row.Code, row.Status, row.Retry)
		}
	}
	if got := chat.Code("NEW").Info(); got.Code != chat.CodeInternal {
		t.Errorf("a code that nobody knows is read as %s", got.Code)
	}
}

func TestEveryReasonStandsOnceUnderOneCode(t *testing.T) {
	seen := map[chat.Reason]bool{}
	for _, row := range chat.Reasons {
		if seen[row.Reason] || row.Meaning == "" || row.Code.Info().Code != row.Code {
			t.Errorf("the row of %s is there twice or lacks something: %+v", row.Reason, row)
		}
		seen[row.Reason] = true
	}
	declared := constants(t, parse(t, "reason.go"))
	if len(declared) != len(chat.Reasons) {
		t.Errorf("reason.go declares %d reasons, chat.Reasons has %d", len(declared), len(chat.Reasons))
	}
}

// A reason that is spelled out where it is used is in no document and in no client.
func TestNoErrorHasAReasonThatIsNotInTheTable(t *testing.T) {
	declared := constants(t, parse(t, "reason.go"))
	err := filepath.WalkDir("../..", func(path string, d fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		if d.IsDir() && (d.Name() == "node_modules" || strings.HasPrefix(d.Name(), ".") && d.Name() != "..") {
			return fs.SkipDir
		}
		if strings.HasSuffix(path, ".go") && !strings.HasSuffix(path, "_test.go") && filepath.Base(path) != "reason.go" {
			file := parse(t, path)
			ast.Inspect(file, func(n ast.Node) bool {
				for _, value := range reasons(file, n) {
					if !declared[strings.TrimPrefix(name(value), "chat.")] {
						t.Errorf("%s: a reason that is no constant of chat", path)
					}
				}
				return true
			})
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
}

// reasons are the values that n gives to the reason of a chat.Error.
func reasons(file *ast.File, n ast.Node) (values []ast.Expr) {
	switch n := n.(type) {
	case *ast.CompositeLit:
		if typed := name(n.Type); typed != "chat.Error" && (typed != "Error" || file.Name.Name != "chat") {
			return nil
		}
		for _, element := range n.Elts {
			if pair, is := element.(*ast.KeyValueExpr); is && name(pair.Key) == "Reason" {
				values = append(values, pair.Value)
			}
		}
	case *ast.CallExpr:
		if called := name(n.Fun); called == "chat.Reason" || called == "Reason" && file.Name.Name == "chat" {
			values = n.Args
		}
	}
	return values
}

// name is how a constant or a type is written.
func name(e ast.Expr) string {
	switch e := e.(type) {
	case *ast.Ident:
		return e.Name
	case *ast.SelectorExpr:
		return name(e.X) + "." + e.Sel.Name
	}
	return ""
}

// constants are the names of the reasons that the file declares.
func constants(t *testing.T, file *ast.File) map[string]bool {
	t.Helper()
	out := map[string]bool{}
	for _, declared := range file.Decls {
		group, is := declared.(*ast.GenDecl)
		if !is || group.Tok != token.CONST {
			continue
		}
		for _, spec := range group.Specs {
			if value := spec.(*ast.ValueSpec); name(value.Type) == "Reason" {
				out[value.Names[0].Name] = true
			}
		}
	}
	if len(out) == 0 {
		t.Fatal("reason.go declares no reason")
	}
	return out
}

func parse(t *testing.T, path string) *ast.File {
	t.Helper()
	file, err := parser.ParseFile(token.NewFileSet(), path, nil, parser.SkipObjectResolution)
	if err != nil {
		t.Fatal(err)
	}
	return file
}
