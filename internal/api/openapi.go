package api

import (
	"encoding/json"
	"net/http"
	"reflect"
	"regexp"
	"slices"
	"strconv"
	"strings"
)

// document is the OpenAPI document of routes.
func document(all []route) map[string]any {
	types := schemas{}
	problems := map[string]any{"application/problem+json": map[string]any{"schema": types.of(reflect.TypeFor[Problem]())}}
	paths := map[string]map[string]any{}
	for _, r := range all {
		if paths[r.path] == nil {
			paths[r.path] = map[string]any{}
		}
		paths[r.path][strings.ToLower(r.method)] = types.operation(r)
	}
	return map[string]any{
		"openapi": "3.1.0",
		"info": map[string]any{
			"title": "Fixpoint", "version": "1",
			"description": "What is deployed where, what differs and why, and what is to be done about it.",
			"license":     map[string]any{"name": "Apache-2.0", "identifier": "Apache-2.0"},
		},
		"servers":  []any{map[string]any{"url": Root}},
		"security": []any{map[string]any{"token": []any{}}, map[string]any{"session": []any{}}},
		"paths":    paths,
		"components": map[string]any{
			"schemas":   types,
			"responses": map[string]any{"Problem": map[string]any{"description": "What went wrong, and what to do next.", "content": problems}},
			"securitySchemes": map[string]any{
				"token":   map[string]any{"type": "http", "scheme": "bearer"},
				"session": map[string]any{"type": "apiKey", "in": "cookie", "name": "fixpoint", "description": "the session of a browser that has signed in"},
			},
		},
	}
}

// operation is what the document says of a route.
func (s schemas) operation(r route) map[string]any {
	status := strconv.Itoa(max(r.status, http.StatusOK))
	op := map[string]any{
		"operationId": r.id, "summary": r.title, "description": r.doc, "tags": []string{r.tag},
		"responses": map[string]any{
			status:    map[string]any{"description": http.StatusText(max(r.status, http.StatusOK)), "content": s.content(r)},
			"default": map[string]any{"$ref": "#/components/responses/Problem"},
		},
	}
	if r.method == http.MethodGet && r.stream == "" {
		op["responses"].(map[string]any)["304"] = map[string]any{"description": "Not changed since the ETag that If-None-Match names."}
	}
	if list := r.parametersOf(); len(list) > 0 {
		op["parameters"] = list
	}
	if r.body != nil {
		var example any
		if err := json.Unmarshal([]byte(r.example), &example); err != nil {
			panic("the example of " + r.id + ": " + err.Error())
		}
		op["requestBody"] = map[string]any{"content": map[string]any{
			"application/json": map[string]any{"schema": s.of(reflect.TypeOf(r.body)), "example": example},
		}}
	}
	if r.open {
		op["security"] = []any{}
	}
	return op
}

// content says what an answer has; of streams, what a line or an event's data is.
func (s schemas) content(r route) map[string]any {
	schema := s.of(reflect.TypeOf(r.result))
	if r.stream != "" {
		schema = map[string]any{"type": "string", "description": "each line or event has a " + reflect.TypeOf(r.result).Name(), "x-item": schema}
	}
	out := map[string]any{r.media(): map[string]any{"schema": schema}}
	if slices.Contains(r.also, "text/csv") {
		out["text/csv"] = map[string]any{"schema": map[string]any{"type": "string"}}
	}
	return out
}

var pathParam = regexp.MustCompile(`\{(\w+)\}`)

// pathParams say what the parts of addresses are.
var pathParams = map[string]string{
	"kind": "what declares the app", "namespace": "of the declaring object", "name": "of the app", "account": "the name of a local account", "token": "the id of an API token",
	"action": "name of the action", "problem": "name of the kind of problem",
}

func (r route) parametersOf() []any {
	var out []any
	for _, m := range pathParam.FindAllStringSubmatch(r.path, -1) {
		schema := map[string]any{"type": "string"}
		if m[1] == "kind" {
			schema["enum"] = []string{"application", "kustomization", "helmrelease"}
		}
		out = append(out, map[string]any{"name": m[1], "in": "path", "required": true, "description": pathParams[m[1]], "schema": schema})
	}
	for _, p := range r.query {
		out = append(out, p.document())
	}
	return out
}

func (p param) document() map[string]any {
	schema := map[string]any{"type": "string"}
	switch p.kind {
	case "integer":
		schema = map[string]any{"type": "integer", "minimum": p.least(), "maximum": p.limit()}
	case "boolean":
		schema = map[string]any{"type": "boolean"}
	case "time":
		schema["format"] = "date-time"
	}
	if p.words != nil {
		schema["enum"] = p.words
	}
	if p.many {
		schema = map[string]any{"type": "array", "items": schema}
	}
	return map[string]any{"name": p.name, "in": "query", "required": p.required, "description": p.doc, "schema": schema}
}
