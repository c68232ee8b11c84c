package httpapi

import (
	"net/http"
	"strconv"
	"strings"
	"time"

	"github.com/danielgtaylor/huma/v2"

	"github.com/parley-chat/parley/internal/chat"
)

const (
	documentPath = "/api/openapi.json"
	docsPath     = "/api/docs"
	alsoOKKey    = "alsoOK"
	bodyTimeout  = 10 * time.Second
)

// openAPIConfig sets huma up to make the document and nothing else: it is served, with its page, by us.
func openAPIConfig() huma.Config {
	config := huma.DefaultConfig("Parley", "1")
	config.CreateHooks = nil // no $schema members in answers
	config.OpenAPIPath, config.DocsPath, config.SchemasPath = "", "", ""
	// huma looks problem+json up as "json".
	config.Formats = map[string]huma.Format{"application/json": strictJSON, "json": strictJSON}
	config.Info.Description = "Parley's REST API. Real-time events come over the WebSocket at /ws.\n\n" +
		"Every failure is a problem (RFC 9457) with a code; times are RFC 3339 in UTC with microseconds; " +
		"ids are UUIDs in lower case; members may be added to answers."
	config.Info.License = &huma.License{Name: "MIT", Identifier: "MIT"}
	config.Components.SecuritySchemes = map[string]*huma.SecurityScheme{
		"bearer":  {Type: "http", Scheme: "bearer", BearerFormat: "JWT", Description: "The access token."},
		"refresh": {Type: "apiKey", In: "cookie", Name: refreshCookie, Description: "The refresh token; browsers send it by themselves. Requests with Parley-Slot use the cookie refresh_<slot>."},
	}
	return config
}

// member is a route for signed-in people.
func (a *api) member(id, method, path, tag, summary string, more ...middleware) huma.Operation {
	if method == http.MethodGet && id != "me" {
		more = append(more, a.readable)
	}
	return huma.Operation{
		OperationID: id, Method: method, Path: path, Summary: summary, Tags: []string{tag},
		Security: []map[string][]string{{"bearer": {}}}, MaxBodyBytes: maxBody + 1, BodyReadTimeout: bodyTimeout,
		Middlewares: append(huma.Middlewares{a.signedIn}, more...),
	}
}

// finishOpenAPI adds what huma cannot say: every route may fail with a problem, some 201s may be 200s,
// answers may grow members, and a conversation may have no last message.
func finishOpenAPI(document *huma.OpenAPI) *huma.OpenAPI {
	problem := &huma.Response{
		Description: "A problem (RFC 9457).",
		Content: map[string]*huma.MediaType{
			"application/problem+json": {Schema: &huma.Schema{Ref: "#/components/schemas/Problem"}},
		},
	}
	asked := map[string]bool{}
	for _, item := range document.Paths {
		for _, op := range []*huma.Operation{item.Get, item.Put, item.Post, item.Patch, item.Delete} {
			if op == nil {
				continue
			}
			op.Responses["default"] = problem
			if op.Metadata[alsoOKKey] == true {
				again := *op.Responses[strconv.Itoa(http.StatusCreated)]
				again.Description = "It was there already."
				op.Responses[strconv.Itoa(http.StatusOK)] = &again
			}
			if op.RequestBody != nil {
				for _, media := range op.RequestBody.Content {
					asked[strings.TrimPrefix(media.Schema.Ref, "#/components/schemas/")] = true
				}
			}
		}
	}
	for name, schema := range document.Components.Schemas.Map() {
		if !asked[name] {
			schema.AdditionalProperties = nil
		}
	}
	nameCodes(document.Components.Schemas.Map()["Problem"].Properties)
	conversation := document.Components.Schemas.Map()["Conversation"]
	last := conversation.Properties["lastMessage"]
	conversation.Properties["lastMessage"] = &huma.Schema{
		Description: last.Description, OneOf: []*huma.Schema{{Ref: last.Ref}, {Type: "null"}},
	}
	return document
}

// nameCodes lists the codes that answer a request, which are all that there will be, and the reasons, of which
// there will be more (C4.8).
func nameCodes(problem map[string]*huma.Schema) {
	for _, row := range chat.Codes {
		if row.Status != 0 {
			problem["code"].Enum = append(problem["code"].Enum, string(row.Code))
		}
	}
	for _, row := range chat.Reasons {
		problem["reason"].Examples = append(problem["reason"].Examples, string(row.Reason))
	}
}
