package docs_test

import (
	"encoding/json"
	"os"
	"regexp"
	"strings"
	"testing"
)

var (
	routeCell = regexp.MustCompile(`^(GET|POST|PUT|PATCH|DELETE) (/\S+)$`)
	parameter = regexp.MustCompile(`\{\w+\}`)
)

// TestTheEndpointsAreThoseOfTheAPI compares methods and paths; what a parameter is called may differ.
func TestTheEndpointsAreThoseOfTheAPI(t *testing.T) {
	var api struct {
		Paths map[string]map[string]json.RawMessage `json:"paths"`
	}
	text, err := os.ReadFile("openapi.json")
	if err != nil {
		t.Fatal(err)
	}
	if err := json.Unmarshal(text, &api); err != nil {
		t.Fatal(err)
	}
	served := make(map[string]bool)
	for path, methods := range api.Paths {
		for method := range methods {
			if method != "parameters" {
				served[strings.ToUpper(method)+" "+parameter.ReplaceAllString(path, "{}")] = true
			}
		}
	}
	documented := make(map[string]bool)
	endpoints, _, _ := strings.Cut(section(t, page(t, "rfc-rest-api.md"), "## 2. Endpoints"), "### Beside the API")
	for _, cells := range rows(endpoints) {
		if route := routeCell.FindStringSubmatch(cells[0]); route != nil {
			path, _, _ := strings.Cut(route[2], "?")
			documented[route[1]+" "+parameter.ReplaceAllString(path, "{}")] = true
		}
	}
	differ(t, documented, served)
}
