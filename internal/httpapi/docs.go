package httpapi

import (
	"bytes"
	"cmp"
	_ "embed"
	"encoding/json"
	"fmt"
	"html/template"
	"net/http"
	"slices"
	"strings"

	"github.com/danielgtaylor/huma/v2"

	"github.com/parley-chat/parley/internal/chat"
)

//go:embed docs.css
var docsStyle []byte

//go:embed docs.html
var docsText string

var docsTemplate = template.Must(template.New("docs").Parse(docsText))

// serveDocument serves the OpenAPI document and a page made from it: plain HTML without a script, so
// that it needs no outside network and no exception from the content security policy (C5.1).
func (a *api) serveDocument(document *huma.OpenAPI) {
	text, page, err := render(document)
	if err != nil {
		// Only the program's own types can make it fail, and then every test does.
		panic(err)
	}
	fixed := func(kind string, body []byte) http.HandlerFunc {
		return func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Content-Type", kind)
			w.Header().Set("Cache-Control", "no-cache")
			// Who asked and has gone reads no answer.
			_, _ = w.Write(body)
		}
	}
	a.routes.HandleFunc("GET "+documentPath, fixed("application/json", text))
	a.routes.HandleFunc("GET "+docsPath, fixed("text/html; charset=utf-8", page))
	a.routes.HandleFunc("GET "+docsPath+".css", fixed("text/css; charset=utf-8", docsStyle))
}

// render writes the document as it is committed and served, and its page.
func render(document *huma.OpenAPI) (text, page []byte, err error) {
	plain, err := document.MarshalJSON()
	if err != nil {
		return nil, nil, err
	}
	var indented bytes.Buffer
	if err := json.Indent(&indented, plain, "", "  "); err != nil {
		return nil, nil, err
	}
	indented.WriteByte('\n')
	var html bytes.Buffer
	err = docsTemplate.Execute(&html, pageOf(document))
	return indented.Bytes(), html.Bytes(), err
}

type docsPage struct {
	Title, Description, Document, Style string
	Groups                              []docsGroup
	Shapes                              []docsShape
	Codes                               []chat.CodeInfo
	Reasons                             []chat.ReasonInfo
}

type docsGroup struct {
	Name   string
	Routes []docsRoute
}

type docsRoute struct {
	ID, Method, Path, Summary, Description string
	SignedIn                               bool
	Parameters                             []docsField
	Asks, Answers                          string // names of shapes
	Statuses                               string
}

type docsShape struct {
	Name   string
	Fields []docsField
}

type docsField struct {
	Name, Where, Type, Description string
	Shape                          string // where the type is described
	Optional                       bool
}

func pageOf(document *huma.OpenAPI) docsPage {
	page := docsPage{
		Title: document.Info.Title, Description: document.Info.Description, Document: documentPath, Style: docsPath + ".css",
		Codes: chat.Codes, Reasons: chat.Reasons,
	}
	groups := map[string]int{}
	paths := make([]string, 0, len(document.Paths))
	for path := range document.Paths {
		paths = append(paths, path)
	}
	slices.Sort(paths)
	for _, path := range paths {
		item := document.Paths[path]
		for _, op := range []*huma.Operation{item.Get, item.Put, item.Post, item.Patch, item.Delete} {
			if op == nil {
				continue
			}
			at, known := groups[op.Tags[0]]
			if !known {
				at = len(page.Groups)
				groups[op.Tags[0]] = at
				page.Groups = append(page.Groups, docsGroup{Name: op.Tags[0]})
			}
			page.Groups[at].Routes = append(page.Groups[at].Routes, routeOf(op))
		}
	}
	for name, schema := range document.Components.Schemas.Map() {
		page.Shapes = append(page.Shapes, docsShape{Name: name, Fields: fieldsOf(schema)})
	}
	slices.SortFunc(page.Shapes, func(a, b docsShape) int { return cmp.Compare(a.Name, b.Name) })
	return page
}

func routeOf(op *huma.Operation) docsRoute {
	r := docsRoute{ID: op.OperationID, Method: op.Method, Path: op.Path, Summary: op.Summary, Description: op.Description}
	if len(op.Security) == 1 {
		_, r.SignedIn = op.Security[0]["bearer"]
	}
	for _, p := range op.Parameters {
		r.Parameters = append(r.Parameters, docsField{
			Name: p.Name, Where: p.In, Type: typeOf(p.Schema), Description: p.Description, Optional: !p.Required,
		})
	}
	if op.RequestBody != nil {
		r.Asks = shapeOf(op.RequestBody.Content["application/json"].Schema)
	}
	var statuses []string
	for status, response := range op.Responses {
		if status == "default" {
			continue
		}
		statuses = append(statuses, status)
		if media := response.Content["application/json"]; media != nil {
			r.Answers = shapeOf(media.Schema)
		}
	}
	slices.Sort(statuses)
	r.Statuses = strings.Join(statuses, " or ")
	return r
}

func fieldsOf(schema *huma.Schema) []docsField {
	fields := make([]docsField, 0, len(schema.Properties))
	for name, s := range schema.Properties {
		fields = append(fields, docsField{
			Name: name, Type: typeOf(s), Shape: shapeOf(s), Description: s.Description,
			Optional: !slices.Contains(schema.Required, name),
		})
	}
	slices.SortFunc(fields, func(a, b docsField) int { return cmp.Compare(a.Name, b.Name) })
	return fields
}

// shapeOf finds the shape that a schema points at, "" when it stands for itself.
func shapeOf(s *huma.Schema) string {
	switch {
	case s == nil:
		return ""
	case s.Ref != "":
		return strings.TrimPrefix(s.Ref, "#/components/schemas/")
	case s.Items != nil:
		return shapeOf(s.Items)
	case len(s.OneOf) > 0:
		return shapeOf(s.OneOf[0])
	}
	return ""
}

func typeOf(s *huma.Schema) string {
	text := s.Type
	switch {
	case s.Ref != "":
		text = shapeOf(s)
	case s.Items != nil:
		text = "array of " + typeOf(s.Items)
	case len(s.OneOf) > 0:
		text = shapeOf(s) + " or null"
	case len(s.Enum) > 0:
		var words []string
		for _, word := range s.Enum {
			words = append(words, word.(string))
		}
		text = strings.Join(words, " | ")
	case s.Format == "uuid", s.Format == "date-time":
		text = s.Format
	case s.Minimum != nil && s.Maximum != nil:
		text = fmt.Sprintf("%s from %v to %v", text, *s.Minimum, *s.Maximum)
	case s.Minimum != nil:
		text = fmt.Sprintf("%s from %v on", text, *s.Minimum)
	}
	if s.Default != nil {
		text += fmt.Sprintf(", default %v", s.Default)
	}
	if s.Nullable {
		text += " or null"
	}
	return text
}
