// Package httpapi is Parley over HTTP (seed DOC-003, C5): the REST API under /api with its OpenAPI document
// and a page to read it, the health checks, and the web client for everything else.
//
// A request passes, from the outside in: exchange.go, which gives it a trace id, logs it and catches
// panics; security.go, which sets headers and refuses what other sites sent; server.go, which finds the
// route; then, for a route of the API, huma, which checks the input against the route's types, and the
// handler in the file named for its noun. Handlers call internal/chat and internal/auth and decide
// nothing themselves.
//
// Errors leave as RFC 9457 problems made from [chat.Error] and its one table (problem.go). JSON is read
// strictly: unknown members, doubled keys, wrong case, lone surrogates and invalid UTF-8 are refused
// (strict.go).
//
// The WebSocket endpoint is not served here; internal/app puts it beside this handler.
package httpapi
