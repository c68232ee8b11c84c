package httpapi_test

import (
	"bytes"
	"flag"
	"fmt"
	"net/http"
	"net/http/httptest"
	"os"
	"strings"
	"testing"

	"github.com/getkin/kin-openapi/openapi3"

	"github.com/parley-chat/parley/internal/chat"
	"github.com/parley-chat/parley/internal/httpapi"
	"github.com/parley-chat/parley/internal/limit"
)

var update = flag.Bool("update", false, "write api/openapi.json and docs/openapi.json from the program")

// document asks the program for its OpenAPI document.
func document(t *testing.T) []byte {
	t.Helper()
	w := httptest.NewRecorder()
	httpapi.New(httpapi.Config{}, nil, nil, limit.Unlimited{}).ServeHTTP(w, httptest.NewRequest(http.MethodGet, "/api/openapi.json", nil))
	if w.Code != http.StatusOK {
		t.Fatalf("GET /api/openapi.json answered %d", w.Code)
	}
	return w.Body.Bytes()
}

func TestTheCommittedDocumentIsTheProgrammes(t *testing.T) {
	now := document(t)
	for _, path := range []string{"../../api/openapi.json", "../../docs/openapi.json"} {
		if *update {
			if err := os.WriteFile(path, now, 0o644); err != nil {
				t.Fatal(err)
			}
		}
		committed, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		if !bytes.Equal(committed, now) {
			t.Errorf("%s is not what the program serves; run: go test ./internal/httpapi -run Document -update", path)
		}
	}
}

func TestTheDocumentIsValidOpenAPI(t *testing.T) {
	loaded, err := openapi3.NewLoader().LoadFromData(document(t))
	if err != nil {
		t.Fatal(err)
	}
	if err := loaded.Validate(t.Context()); err != nil {
		t.Error(err)
	}
}

func TestTheDocumentPageNeedsNothingFromOutside(t *testing.T) {
	h := httpapi.New(httpapi.Config{}, nil, nil, limit.Unlimited{})
	w := httptest.NewRecorder()
	h.ServeHTTP(w, httptest.NewRequest(http.MethodGet, "/api/docs", nil))
	page := w.Body.String()
	if w.Code != http.StatusOK || len(page) >= 40<<10 {
		t.Errorf("/api/docs answered %d with %d bytes", w.Code, len(page))
	}
	for _, foreign := range []string{"http:", "https:", "<script", "style=", "//"} {
		if strings.Contains(page, foreign) {
			t.Errorf("the page has %q in it", foreign)
		}
	}
	there := []string{"/api/conversations/{id}/messages", `id="sendMessage"`, `href="#Message"`}
	for _, row := range chat.Codes {
		there = append(there, fmt.Sprintf("id=%q", row.Code)) // where the type of its problems leads
	}
	for _, row := range chat.Reasons {
		there = append(there, fmt.Sprintf("<code>%s</code>", row.Reason))
	}
	for _, text := range there {
		if !strings.Contains(page, text) {
			t.Errorf("the page lacks %q", text)
		}
	}
}
