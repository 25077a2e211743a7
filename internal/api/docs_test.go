package api

import (
	"encoding/json"
	"flag"
	"fmt"
	"maps"
	"net/http"
	"os"
	"reflect"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/fixpoint-cd/fixpoint/internal/view/viewtest"
)

var update = flag.Bool("update", false, "write docs/api.md")

const docs = "../../docs/api.md"

const intro = `# The API

Below ` + "`/fixpoint/v1`" + ` programs see and do what the pages show. ` + "`go test ./internal/api -update`" + `
writes this page, from the table that registers the routes; ` + "`/fixpoint/v1/openapi.json`" + ` is the same as
OpenAPI 3.1. Programs that talk to Argo CD find its API for apps below ` + "`/api/v1`" + `.

## Requests

    curl -H "Authorization: Bearer $TOKEN" "https://fixpoint.example/fixpoint/v1/apps?health=Degraded&fields=name,message"

- **Who asks.** A token of an account or a project's role in ` + "`Authorization: Bearer`" + `, or the session of a
  browser. Who shows neither is let in only where anonymous readers are. Every answer has only what its
  reader may see; what is missing and what is not for the reader answer alike, with 404.
- **Changes** are sent as ` + "`application/json`" + `. Requests that another site makes a browser send are refused, and no
  site is let in by CORS. What is accepted (202) is not over: the answer says where the app is and where its changes
  are. A deed that can't be done while another is under way is 409.
- **Strictness.** A parameter or field that does not exist is 400, and named: a filter with a wrong name would find
  everything. New fields may come in answers; clients let pass what they don't know.
- **Pages.** ` + "`offset` and `limit`" + `, or ` + "`before`" + ` of what happened. The answer's ` + "`next`" + ` and its header
  ` + "`Link`" + ` are the address of the next page; the last one has none.
- **Fields.** ` + "`fields=name,health,commit.subject`" + ` leaves out all others, of the items where the answer is a list.
- **ETags.** Each answer to a GET has one, of its content; with ` + "`If-None-Match`" + ` it is not sent again (304).
- **Streams.** Server-sent events. A client that comes back says ` + "`Last-Event-ID`" + `, as browsers do by themselves,
  and is told what has changed since, or everything, after ` + "`reset`" + `. Comments keep the connection open. A reader
  may hold 64 streams, all together 2000; more are 429.
- **Limits.** A body has at most 1 MiB, a request that is no stream a minute.
- **Times** are RFC 3339, in UTC.

## Problems

Errors are ` + "`application/problem+json`" + ` (RFC 9457): ` + "`detail`" + ` says what is the matter, ` + "`next`" + ` what to do.
` + "`type`" + ` leads to what this table says.

| type | status | what to do |
|---|---|---|
`

// TestDocs keeps docs/api.md the same as the table of routes.
func TestDocs(t *testing.T) {
	var out strings.Builder
	out.WriteString(intro)
	for _, k := range kinds {
		fmt.Fprintf(&out, "| `%s` | %d | %s |\n", k.name, k.status, cell(k.next))
	}
	types := schemas{}
	tag := ""
	titles := map[string]string{"apps": "What is deployed", "objects": "Objects of an app", "installation": "The installation", "trail": "What happened"}
	all := routes()
	slices.SortStableFunc(all, func(a, b route) int {
		order := []string{"apps", "objects", "installation", "trail"}
		return slices.Index(order, a.tag) - slices.Index(order, b.tag)
	})
	for _, r := range all {
		if r.tag != tag {
			tag = r.tag
			fmt.Fprintf(&out, "\n## %s\n", titles[tag])
		}
		describe(&out, types, r)
	}
	out.WriteString("\n## Types\n\nFields marked * are always there.\n")
	types.of(reflect.TypeFor[Problem]())
	for _, name := range slices.Sorted(maps.Keys(types)) {
		describeType(&out, name, types[name].(map[string]any))
	}
	got := out.String()
	if *update {
		if err := os.WriteFile(docs, []byte(got), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	was, err := os.ReadFile(docs)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(string(was), got); diff != "" {
		t.Errorf("docs/api.md is not what the table says (- is, + should be); go test ./internal/api -update writes it:\n%s", diff)
	}
}

func describe(out *strings.Builder, types schemas, r route) {
	fmt.Fprintf(out, "\n### %s\n\n`%s %s`\n\n%s\n", r.title, r.method, Root+r.path, r.doc)
	if len(r.query) > 0 {
		out.WriteString("\n| parameter | |\n|---|---|\n")
		for _, p := range r.query {
			fmt.Fprintf(out, "| `%s` | %s |\n", p.name, cell(p.describe()))
		}
	}
	if r.body != nil {
		fmt.Fprintf(out, "\nBody: %s, such as `%s`.\n", typeText(types.of(reflect.TypeOf(r.body))), r.example)
	}
	answer := typeText(types.of(reflect.TypeOf(r.result)))
	switch r.stream {
	case eventStream:
		answer = "`text/event-stream`, with " + answer
	case jsonLines:
		answer = "`application/x-ndjson`, each line " + answer
	}
	fmt.Fprintf(out, "\nAnswer: %d, %s.\n", max(r.status, http.StatusOK), answer)
}

func (p param) describe() string {
	text := p.doc
	switch {
	case p.words != nil && len(p.words) < 8:
		text += ": " + strings.Join(p.words, ", ")
	case p.name == "sort":
		text += ": name, status, health, sync, project, cluster, namespace, changed, revision"
	case p.words != nil:
		text += ": " + strings.Join(p.words, ", ")
	case p.kind == "boolean":
		text += ": true or false"
	case p.kind == "time":
		text += ", as RFC 3339"
	}
	if p.most > 0 {
		text += "; at most " + strconv.Itoa(p.most)
	}
	if p.many {
		text += "; may be repeated"
	}
	if p.required {
		text += "; needed"
	}
	return text
}

func describeType(out *strings.Builder, name string, schema map[string]any) {
	properties := schema["properties"].(map[string]any)
	if len(properties) == 0 {
		return
	}
	required, _ := schema["required"].([]string)
	fmt.Fprintf(out, "\n### %s\n\n| field | type | |\n|---|---|---|\n", name)
	for _, field := range slices.Sorted(maps.Keys(properties)) {
		p := properties[field].(map[string]any)
		star := ""
		if slices.Contains(required, field) {
			star = "*"
		}
		doc, _ := p["description"].(string)
		if words, ok := p["enum"].([]string); ok {
			doc = strings.TrimPrefix(doc+": "+strings.Join(words, ", "), ": ")
		}
		fmt.Fprintf(out, "| `%s`%s | %s | %s |\n", field, star, typeText(p), cell(doc))
	}
}

// typeText is a schema in a few words.
func typeText(schema map[string]any) string {
	if ref, ok := schema["$ref"].(string); ok {
		name := strings.TrimPrefix(ref, refPrefix)
		return "[" + name + "](#" + strings.ToLower(name) + ")"
	}
	switch schema["type"] {
	case "array":
		return "list of " + typeText(schema["items"].(map[string]any))
	case "object":
		of := typeText(schema["additionalProperties"].(map[string]any))
		if of == "" {
			return "object"
		}
		return "object, each value " + of
	case "string":
		if schema["format"] == "date-time" {
			return "time"
		}
	}
	text, _ := schema["type"].(string)
	return text
}

func cell(text string) string { return strings.ReplaceAll(text, "|", "\\|") }

// TestDocumentIsServed: what is served is the table's.
func TestDocumentIsServed(t *testing.T) {
	_, body := open(t, viewtest.Options{}).ask(t, "GET /openapi.json")
	want, _ := json.Marshal(document(routes()))
	if diff := cmp.Diff(parse[map[string]any](t, string(want)), parse[map[string]any](t, body)); diff != "" {
		t.Error(diff)
	}
}
