package docs_test

import (
	"go/ast"
	"go/parser"
	"go/token"
	"maps"
	"path/filepath"
	"reflect"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"
)

// members are an event's members by name; true for one that may be absent.
type members map[string]bool

func (m members) String() string {
	var out []string
	for _, name := range slices.Sorted(maps.Keys(m)) {
		if m[name] {
			name += "?"
		}
		out = append(out, name)
	}
	return strings.Join(out, ", ")
}

func TestClientEventsAreThoseOfTheProtocol(t *testing.T) {
	code := parseProtocol(t)
	compareEvents(t, typescriptEvents(t, "ClientEvents"), code.commands())
}

func TestServerEventsAreThoseOfTheProtocol(t *testing.T) {
	code := parseProtocol(t)
	documented := typescriptEvents(t, "ServerEvents")
	compareEvents(t, documented, code.events())

	// Events in rev order share one type in the code, in which every member may be absent.
	all := code.structs["ChangeEvent"]
	for _, name := range code.changeEvents() {
		for member := range documented[name] {
			if _, known := all[member]; !known {
				t.Errorf("%s.%s is in the document and not in protocol.ChangeEvent", name, member)
			}
		}
	}
}

func TestShapesAreThoseOfTheProtocol(t *testing.T) {
	code := parseProtocol(t)
	text := tsComment.ReplaceAllString(section(t, page(t, "rfc-websocket-protocol.md"), "## 4. Shapes"), "")
	shapes := tsInterface.FindAllStringSubmatch(text, -1)
	if len(shapes) == 0 {
		t.Error("no shapes in §4")
	}
	for _, shape := range shapes {
		if got, want := typescriptMembers(shape[2]), code.structs[shape[1]]; !maps.Equal(got, want) {
			t.Errorf("%s has (%v) in the document and (%v) in the program", shape[1], got, want)
		}
	}
}

// compareEvents compares names, and members where the program's are given.
func compareEvents(t *testing.T, document, program map[string]members) {
	t.Helper()
	differ(t, names(document), names(program))
	for name, want := range program {
		if got, known := document[name]; known && want != nil && !maps.Equal(got, want) {
			t.Errorf("%s has (%v) in the document and (%v) in the program", name, got, want)
		}
	}
}

func names(events map[string]members) map[string]bool {
	out := make(map[string]bool)
	for name := range events {
		out[name] = true
	}
	return out
}

var (
	tsEvent  = regexp.MustCompile(`'([a-z:]+)':`)
	tsMember = regexp.MustCompile(`(\w+)(\??):`)
	// An interface without nested objects.
	tsInterface = regexp.MustCompile(`interface (\w+) (\{[^{}]*\})`)
	tsComment   = regexp.MustCompile(`(?m)\s*//.*$`)
)

// typescriptEvents reads the events of one interface out of the protocol's document.
func typescriptEvents(t *testing.T, name string) map[string]members {
	t.Helper()
	_, body, found := strings.Cut(page(t, "rfc-websocket-protocol.md"), "interface "+name+" {\n")
	if !found {
		t.Fatalf("no interface %s", name)
	}
	body, _, _ = strings.Cut(body, "\n}\n")
	body = tsComment.ReplaceAllString(body, "")
	starts := tsEvent.FindAllStringSubmatchIndex(body, -1)
	out := make(map[string]members)
	for i, at := range starts {
		end := len(body)
		if i+1 < len(starts) {
			end = starts[i+1][0]
		}
		out[body[at[2]:at[3]]] = typescriptMembers(body[at[1]:end])
	}
	return out
}

// typescriptMembers reads the members of an object type, or of a union of them: what one variant lacks
// may be absent.
func typescriptMembers(text string) members {
	variants := make(map[string]int)
	out := make(members)
	depth, objects, outer := 0, 0, ""
	for _, c := range text {
		switch c {
		case '{':
			depth++
			if depth == 1 {
				objects, outer = objects+1, ""
			}
		case '}':
			depth--
			if depth == 0 {
				for _, m := range tsMember.FindAllStringSubmatch(outer, -1) {
					variants[m[1]]++
					out[m[1]] = out[m[1]] || m[2] == "?"
				}
			}
		default:
			if depth == 1 {
				outer += string(c)
			}
		}
	}
	for name, n := range variants {
		out[name] = out[name] || n < objects
	}
	return out
}

// source is what the tests read out of internal/protocol.
type source struct {
	structs map[string]members
	tags    map[string]reflect.StructTag // by "Type.Field"
	files   []*ast.File
}

func parseProtocol(t *testing.T) source {
	t.Helper()
	paths, err := filepath.Glob("../internal/protocol/*.go")
	if err != nil {
		t.Fatal(err)
	}
	s := source{structs: make(map[string]members), tags: make(map[string]reflect.StructTag)}
	for _, path := range paths {
		if strings.HasSuffix(path, "_test.go") {
			continue
		}
		f, err := parser.ParseFile(token.NewFileSet(), path, nil, 0)
		if err != nil {
			t.Fatal(err)
		}
		s.files = append(s.files, f)
	}
	embedded := make(map[string][]string)
	for _, f := range s.files {
		ast.Inspect(f, func(n ast.Node) bool {
			spec, is := n.(*ast.TypeSpec)
			if !is {
				return true
			}
			structure, is := spec.Type.(*ast.StructType)
			if !is {
				return true
			}
			own := make(members)
			for _, field := range structure.Fields.List {
				if len(field.Names) == 0 {
					embedded[spec.Name.Name] = append(embedded[spec.Name.Name], field.Type.(*ast.Ident).Name)
					continue
				}
				if field.Tag == nil {
					continue
				}
				text, _ := strconv.Unquote(field.Tag.Value)
				tag := reflect.StructTag(text)
				s.tags[spec.Name.Name+"."+field.Names[0].Name] = tag
				name, options, _ := strings.Cut(tag.Get("json"), ",")
				own[name] = strings.Contains(options, "omitzero")
			}
			s.structs[spec.Name.Name] = own
			return true
		})
	}
	for name, others := range embedded {
		for _, other := range others {
			maps.Copy(s.structs[name], s.structs[other])
		}
	}
	return s
}

// commands reads the table of what a client may send.
func (s source) commands() map[string]members {
	out := make(map[string]members)
	for _, f := range s.files {
		ast.Inspect(f, func(n ast.Node) bool {
			spec, is := n.(*ast.ValueSpec)
			if !is || spec.Names[0].Name != "commands" {
				return true
			}
			for _, entry := range spec.Values[0].(*ast.CompositeLit).Elts {
				pair := entry.(*ast.KeyValueExpr)
				name, _ := strconv.Unquote(pair.Key.(*ast.BasicLit).Value)
				ast.Inspect(pair.Value, func(n ast.Node) bool {
					if call, is := n.(*ast.CallExpr); is {
						out[name] = s.structs[call.Args[0].(*ast.Ident).Name]
					}
					return true
				})
			}
			return false
		})
	}
	return out
}

// events reads what every event calls itself. Those of ChangeEvent come without members.
func (s source) events() map[string]members {
	out := make(map[string]members)
	for _, f := range s.files {
		for _, declaration := range f.Decls {
			method, is := declaration.(*ast.FuncDecl)
			if !is || method.Name.Name != "eventType" {
				continue
			}
			if literal, is := method.Body.List[0].(*ast.ReturnStmt).Results[0].(*ast.BasicLit); is {
				name, _ := strconv.Unquote(literal.Value)
				out[name] = s.structs[method.Recv.List[0].Type.(*ast.Ident).Name]
			}
		}
	}
	for _, name := range s.changeEvents() {
		out[name] = nil
	}
	return out
}

func (s source) changeEvents() []string {
	return strings.Split(s.tags["ChangeEvent.Type"].Get("enum"), ",")
}
