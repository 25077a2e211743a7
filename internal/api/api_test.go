package api

import (
	"bytes"
	"context"
	"encoding/json"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"strconv"
	"strings"
	"testing"

	"github.com/santhosh-tekuri/jsonschema/v6"

	"github.com/fixpoint-cd/fixpoint/internal/view"
	"github.com/fixpoint-cd/fixpoint/internal/view/viewtest"
)

// office is an API with the installation behind it.
type office struct {
	*httptest.Server
	backend *viewtest.Backend
	log     *bytes.Buffer
	left    int // how many have signed out
}

func open(t *testing.T, o viewtest.Options) *office {
	t.Helper()
	b := viewtest.New()
	out := &office{backend: b, log: &bytes.Buffer{}}
	h := New(Config{Log: slog.New(slog.NewTextHandler(out.log, nil)), Pause: 1, Login: letAliceIn, Logout: out.signOut})
	out.Server = httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.Header.Get("X-Nobody") == "" {
			r = r.WithContext(view.WithDesk(r.Context(), viewtest.Desk(b, o)))
		}
		r.Body = http.MaxBytesReader(w, r.Body, 10_000)
		h.ServeHTTP(w, r)
	}))
	t.Cleanup(out.Close)
	return out
}

// ask sends "METHOD /path" below Root, with headers as "Name: value" and a last line
// that is the body.
func (o *office) ask(t *testing.T, lines ...string) (*http.Response, string) {
	t.Helper()
	got := o.open(t, t.Context(), lines...)
	defer got.Body.Close()
	body, err := io.ReadAll(got.Body)
	if err != nil {
		t.Fatal(err)
	}
	return got, string(body)
}

func (o *office) open(t *testing.T, ctx context.Context, lines ...string) *http.Response {
	t.Helper()
	method, path, _ := strings.Cut(lines[0], " ")
	header := http.Header{}
	var body io.Reader
	for _, l := range lines[1:] {
		if name, value, ok := strings.Cut(l, ": "); ok && !strings.HasPrefix(l, "{") {
			header.Set(name, value)
			continue
		}
		body = strings.NewReader(l)
		if header.Get("Content-Type") == "" {
			header.Set("Content-Type", "application/json")
		}
	}
	r, err := http.NewRequestWithContext(ctx, method, o.URL+Root+path, body)
	if err != nil {
		t.Fatal(err)
	}
	r.Header = header
	got, err := http.DefaultClient.Do(r)
	if err != nil {
		t.Fatal(err)
	}
	return got
}

const (
	cart     = "/apps/application/argocd/shop-cart"
	frontend = "/apps/application/argocd/shop-frontend"
	fleet    = "/apps/kustomization/flux-system/"
)

// samples are calls of each route, by the name of the operation, that succeed.
func samples() map[string][]string {
	object := "?group=apps&kind=Deployment&namespace=shop&name=cart"
	return map[string][]string{
		"listApps": {"GET /apps?facets=1&sort=-status"}, "getApp": {"GET " + cart}, "getTree": {"GET " + cart + "/tree"},
		"getDiff": {"GET " + cart + "/diff?noise=true"}, "getHistory": {"GET " + cart + "/history"},
		"getObject": {"GET " + cart + "/resources/object" + object}, "deleteObject": {"DELETE " + cart + "/resources/object" + object},
		"getEvents": {"GET " + cart + "/events" + object}, "getLogs": {"GET " + cart + "/logs" + object + "&tail=20"},
		"act":         {"POST " + cart + "/actions/restart", `{"object": {"group": "apps", "kind": "Deployment", "namespace": "shop", "name": "cart"}}`},
		"syncApp":     {"POST " + frontend + "/sync", `{"prune": true, "only": [{"kind": "Service", "namespace": "shop", "name": "cart"}]}`},
		"rollbackApp": {"POST " + cart + "/rollback", `{"id": 3}`}, "terminateApp": {"POST " + cart + "/terminate"},
		"refreshApp":  {"POST " + cart + "/refresh", `{"hard": true}`},
		"autosyncApp": {"POST " + cart + "/autosync", `{"on": true, "prune": false}`}, "deleteApp": {"DELETE " + frontend + "?cascade=background"},
		"suspendApp": {"POST " + fleet + "apps/suspend", `{}`}, "resumeApp": {"POST " + fleet + "apps/resume"},
		"listClusters": {"GET /clusters"}, "listRepositories": {"GET /repositories"}, "listProjects": {"GET /projects"},
		"listSources": {"GET /sources"}, "getMe": {"GET /me?kind=application&namespace=argocd&name=shop-cart"},
		"getOpenAPI": {"GET /openapi.json", "X-Nobody: 1"}, "getProblem": {"GET /problems/conflict"},
		"listActivity": {"GET /activity?app=application/argocd/shop-cart"}, "listAudit": {"GET /audit"},
		"exportAudit":    {"GET /audit/export"},
		"verifyAudit":    {"GET /audit/verify"},
		"getAccount":     {"GET /account"},
		"listAccounts":   {"GET /accounts"},
		"updatePassword": {"POST /accounts/admin/password", `{"current": "correct horse", "new": "staple battery"}`},
		"issueToken":     {"POST /accounts/admin/tokens", `{"id": "ci", "seconds": 3600}`},
		"deleteToken":    {"DELETE /accounts/admin/tokens/release"},
		"getWays":        {"GET /sign-in", "X-Nobody: 1"},
		"signIn":         {"POST /session", "X-Nobody: 1", `{"username": "alice", "password": "correct"}`},
		"signOut":        {"DELETE /session"},
	}
}

// checker checks answers against the schemas of the document, which for a test forbid
// what they do not name.
type checker struct {
	compiler *jsonschema.Compiler
}

func newChecker(t *testing.T) checker {
	t.Helper()
	raw, err := json.Marshal(document(routes()))
	if err != nil {
		t.Fatal(err)
	}
	doc, err := jsonschema.UnmarshalJSON(bytes.NewReader(raw))
	if err != nil {
		t.Fatal(err)
	}
	strict(doc)
	c := jsonschema.NewCompiler()
	c.AssertFormat()
	if err := c.AddResource("openapi.json", doc); err != nil {
		t.Fatal(err)
	}
	return checker{c}
}

// strict forbids fields that a schema does not name.
func strict(v any) {
	switch v := v.(type) {
	case map[string]any:
		if v["type"] == "object" && v["properties"] != nil {
			v["additionalProperties"] = false
		}
		for _, below := range v {
			strict(below)
		}
	case []any:
		for _, below := range v {
			strict(below)
		}
	}
}

// check validates a text by the schema at a pointer into the document.
func (c checker) check(t *testing.T, pointer, text string) {
	t.Helper()
	schema, err := c.compiler.Compile("openapi.json#" + pointer)
	if err != nil {
		t.Fatalf("schema %s: %v", pointer, err)
	}
	v, err := jsonschema.UnmarshalJSON(strings.NewReader(text))
	if err != nil {
		t.Fatalf("no JSON: %v\n%s", err, text)
	}
	if err := schema.Validate(v); err != nil {
		t.Errorf("not as the document says: %v\n%.2000s", err, text)
	}
}

func pointer(parts ...string) string {
	out := ""
	for _, p := range parts {
		out += "/" + strings.NewReplacer("~", "~0", "/", "~1", "{", "%7B", "}", "%7D").Replace(p)
	}
	return out
}

// TestAnswersAreAsDocumented calls each route of the table.
func TestAnswersAreAsDocumented(t *testing.T) {
	c := newChecker(t)
	calls := samples()
	for _, r := range routes() {
		t.Run(r.id, func(t *testing.T) {
			if r.stream == eventStream {
				return // TestWatch…
			}
			call, ok := calls[r.id]
			if !ok {
				t.Fatal("the route has no sample: add one")
			}
			got, body := open(t, viewtest.Options{}).ask(t, call...)
			if want := max(r.status, http.StatusOK); got.StatusCode != want {
				t.Fatalf("%s: %d, want %d: %s", call[0], got.StatusCode, want, body)
			}
			if media, _, _ := strings.Cut(got.Header.Get("Content-Type"), ";"); media != r.media() {
				t.Errorf("%s: Content-Type %q, want %q", call[0], media, r.media())
			}
			at := []string{"paths", r.path, strings.ToLower(r.method), "responses", strconv.Itoa(got.StatusCode), "content", r.media(), "schema"}
			if r.stream == "" {
				c.check(t, pointer(at...), body)
				return
			}
			lines := strings.Split(strings.TrimSpace(body), "\n")
			if len(lines) < 2 {
				t.Fatalf("%d lines: %s", len(lines), body)
			}
			for _, line := range lines {
				c.check(t, pointer(append(at, "x-item")...), line)
			}
		})
	}
}

// TestExamplesAreAsDocumented: what the document shows as a body is one, and is taken.
func TestExamplesAreAsDocumented(t *testing.T) {
	c := newChecker(t)
	n := 0
	for _, r := range routes() {
		if r.body == nil {
			continue
		}
		n++
		c.check(t, pointer("paths", r.path, strings.ToLower(r.method), "requestBody", "content", "application/json", "schema"), r.example)
	}
	if n < 5 {
		t.Errorf("only %d routes have a body", n)
	}
}

// TestTable: what tools need to hold of the table.
func TestTable(t *testing.T) {
	ids := map[string]bool{}
	for _, r := range routes() {
		if ids[r.id] || r.title == "" || r.doc == "" || r.tag == "" || r.do == nil || r.result == nil {
			t.Errorf("%s %s (%s) is not whole, or its name is taken", r.method, r.path, r.id)
		}
		ids[r.id] = true
		seen := map[string]bool{}
		for _, p := range r.query {
			if seen[p.name] || p.doc == "" {
				t.Errorf("%s: parameter %s is there twice or says nothing", r.id, p.name)
			}
			seen[p.name] = true
		}
		for _, m := range pathParam.FindAllStringSubmatch(r.path, -1) {
			if pathParams[m[1]] == "" {
				t.Errorf("%s: nothing is said of {%s}", r.id, m[1])
			}
		}
	}
	for id := range samples() {
		if !ids[id] {
			t.Errorf("a sample is of no route: %s", id)
		}
	}
}

// TestDocumentRefersToWhatIsThere: each reference of the document leads somewhere.
func TestDocumentRefersToWhatIsThere(t *testing.T) {
	raw, _ := json.Marshal(document(routes()))
	var doc map[string]any
	if err := json.Unmarshal(raw, &doc); err != nil {
		t.Fatal(err)
	}
	refs := 0
	var walk func(any)
	walk = func(v any) {
		switch v := v.(type) {
		case map[string]any:
			if ref, ok := v["$ref"].(string); ok {
				refs++
				var at any = doc
				for part := range strings.SplitSeq(strings.TrimPrefix(ref, "#/"), "/") {
					m, _ := at.(map[string]any)
					at = m[part]
				}
				if at == nil {
					t.Errorf("%s leads nowhere", ref)
				}
			}
			for _, below := range v {
				walk(below)
			}
		case []any:
			for _, below := range v {
				walk(below)
			}
		}
	}
	walk(doc)
	if refs < 50 {
		t.Errorf("only %d references", refs)
	}
}
