// Package api is the JSON API below /fixpoint/v1: what programs see and do, by the same
// desk that the pages have.
//
// The table of routes (routes.go) says all of it: it registers the handlers, and the
// OpenAPI document and docs/api.md are written from it. The types of bodies are those of
// this package, whose fields' tags are the schemas; view's values are put into them, so
// that a change inside changes nothing outside.
package api
