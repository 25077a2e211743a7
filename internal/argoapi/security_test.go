package argoapi_test

import (
	"bytes"
	"context"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"maps"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/fixpoint-cd/fixpoint/api/argoproj/v1alpha1"
	"github.com/fixpoint-cd/fixpoint/internal/argoapi"
	"github.com/fixpoint-cd/fixpoint/internal/model"
	"github.com/fixpoint-cd/fixpoint/internal/view"
	"github.com/fixpoint-cd/fixpoint/internal/view/viewtest"
)

// perApp are the addresses of an app, with the bodies of those that take one.
var perApp = []struct{ method, path, body string }{
	{"GET", "", ""}, {"GET", "?refresh=normal", ""}, {"GET", "/resource-tree", ""}, {"GET", "/managed-resources", ""},
	{"GET", "/events", ""}, {"GET", "/events?resourceName=a&resourceUID=b", ""}, {"GET", "/logs", ""}, {"GET", "/pods/a/logs", ""},
	{"GET", "/resource?kind=Pod&resourceName=a", ""}, {"DELETE", "/resource?kind=Pod&resourceName=a", ""},
	{"GET", "/resource/actions?kind=Pod&resourceName=a", ""}, {"POST", "/resource/actions?kind=Pod&resourceName=a", `"restart"`},
	{"POST", "/resource/actions/v2", `{"kind":"Pod","resourceName":"a","action":"restart"}`}, {"GET", "/resource/links?kind=Pod&resourceName=a", ""},
	{"GET", "/links", ""}, {"GET", "/syncwindows", ""}, {"GET", "/revisions/abc/metadata", ""},
	{"PUT", "", `{"spec":{"source":{"path":"a"}}}`}, {"PUT", "/spec", `{"source":{"path":"a"}}`},
	{"PATCH", "", `{"patchType":"merge","patch":"{}"}`}, {"PATCH", "", `{"patch":"[{\"op\":\"remove\",\"path\":\"/spec\"}]"}`},
	{"POST", "/sync", "{}"}, {"POST", "/sync", `{"resources":[{"kind":"Pod","name":"a"}]}`}, {"POST", "/rollback", `{"id":1}`}, {"DELETE", "/operation", ""},
}

// TestMissingAndForbiddenAnswerAlike (CVE-2022-41354, CVE-2024-36106): nobody learns
// which apps or clusters there are, whatever is asked for.
func TestMissingAndForbiddenAnswerAlike(t *testing.T) {
	w := newWorld()
	w.options = limited
	same := func(method, there, nowhere, body string) {
		t.Helper()
		a, b := w.ask(method, there, body), w.ask(method, nowhere, body)
		missing := strings.ReplaceAll(b.Body.String(), "nothing-at-all", "payments-api")
		if a.Code != b.Code || a.Body.String() != missing || a.Code == http.StatusOK {
			t.Errorf("%s %s: %d %s, of what is missing: %d %s", method, there, a.Code, a.Body, b.Code, b.Body)
		}
	}
	for _, to := range perApp {
		path, query, _ := strings.Cut(to.path, "?")
		for _, more := range []string{"", "project=payments", "project=shop", "appNamespace=argocd"} {
			tail := path + "?" + query + "&" + more
			same(to.method, "/api/v1/applications/payments-api"+tail, "/api/v1/applications/nothing-at-all"+tail, to.body)
		}
	}
	same("GET", "/api/v1/stream/applications/payments-api/resource-tree", "/api/v1/stream/applications/nothing-at-all/resource-tree", "")
	same("GET", "/api/v1/clusters/staging?id.type=name", "/api/v1/clusters/nowhere?id.type=name", "")
	for _, below := range []string{"", "/detailed", "/globalprojects", "/links"} {
		same("GET", "/api/v1/projects/payments-api"+below, "/api/v1/projects/nothing-at-all"+below, "")
	}
	declared := func(name, project string) string {
		return fmt.Sprintf(`{"metadata":{"name":%q},"spec":{"project":%q,"source":{"path":"a"}}}`, name, project)
	}
	for _, project := range []string{"payments", "shop", ""} {
		for _, query := range []string{"", "?upsert=true"} {
			a := w.ask("POST", "/api/v1/applications"+query, declared("payments-api", project))
			b := w.ask("POST", "/api/v1/applications"+query, declared("nothing-at-all", project))
			if a.Code != http.StatusForbidden || a.Body.String() != strings.ReplaceAll(b.Body.String(), "nothing-at-all", "payments-api") {
				t.Errorf("creating in project %q: %d %s, of what is missing: %d %s", project, a.Code, a.Body, b.Code, b.Body)
			}
		}
	}
	if len(w.Deeds()) > 0 {
		t.Errorf("it was done: %v", w.Deeds())
	}
}

// TestDeclaredAreApplications: what creating and changing answer is an Application of the
// API's types, or its spec, with no field that these don't have; and who takes a change
// back is said in a header.
func TestDeclaredAreApplications(t *testing.T) {
	w := newWorld()
	w.Edit(cart, func(d *view.Detail) {
		d.Origin = &view.Origin{Kind: view.KindApplication, Namespace: "argocd", Name: "root", App: index, Heals: true}
	})
	strict := func(answer *httptest.ResponseRecorder, v any) {
		t.Helper()
		d := json.NewDecoder(answer.Body)
		d.DisallowUnknownFields()
		if err := d.Decode(v); err != nil || answer.Code != http.StatusOK {
			t.Fatal(answer.Code, err)
		}
	}
	spec := `{"project":"shop","destination":{"name":"in-cluster"},"source":{"repoURL":"https://git.example/a","path":"b"}}`
	var made, changed, patched v1alpha1.Application
	strict(w.ask("POST", "/api/v1/applications", `{"metadata":{"name":"made"},"spec":`+spec+`}`), &made)
	if made.Name != "made" || made.Namespace != "argocd" || made.ResourceVersion == "" || made.Spec.Source.Path != "b" {
		t.Errorf("%+v", made)
	}
	answer := w.ask("PUT", "/api/v1/applications/shop-cart", `{"spec":`+spec+`}`)
	warning := `299 fixpoint "Application argocd/root declares this app in Git, and takes back at once what it declares otherwise: change it there"`
	if got := answer.Header().Get("Warning"); got != warning {
		t.Errorf("the warning is %s", got)
	}
	if strict(answer, &changed); changed.Spec.Source.Path != "b" {
		t.Errorf("%+v", changed)
	}
	strict(w.ask("PATCH", "/api/v1/applications/made", `{"patchType":"merge","patch":"{\"spec\":{\"source\":{\"path\":\"c\"}}}"}`), &patched)
	var got v1alpha1.ApplicationSpec
	if strict(w.ask("PUT", "/api/v1/applications/made/spec", spec), &got); patched.Spec.Source.Path != "c" || got.Source.Path != "b" {
		t.Errorf("%+v, %+v", patched, got)
	}
}

// TestListsShowOnlyWhatMayBeSeen: the reader's rights hold for lists, whatever filter is
// used to look for others.
func TestListsShowOnlyWhatMayBeSeen(t *testing.T) {
	w := newWorld()
	w.options = limited
	for _, filter := range []string{"", "?name=payments-api", "?projects=payments", "?selector=team%3Dpayments", "?names=payments-api", "?appNamespace=argocd", "?repo=https://git.example/payments/deploy"} {
		if got := w.ask("GET", "/api/v1/applications"+filter, "").Body.String(); strings.Contains(got, "payments") {
			t.Errorf("%s shows %s", filter, got)
		}
	}
}

// hush is what nobody may see.
const hush = "hunter2-in-clear"

// TestSecretsStayMasked (CVE-2023-40029, CVE-2025-23216): no state of a Secret shows a
// value, be it as invalid as it likes, and even if the diff should show one.
func TestSecretsStayMasked(t *testing.T) {
	broken := []map[string]any{
		{"data": map[string]any{"password": hush}}, // not in base64
		{"data": hush}, {"data": []any{hush}}, {"stringData": map[string]any{"password": map[string]any{"deep": hush}}},
		{"data": map[string]any{"password": base64.StdEncoding.EncodeToString([]byte(hush))}},
		{"metadata": map[string]any{"annotations": map[string]any{"kubectl.kubernetes.io/last-applied-configuration": `{"data":"` + hush + `"}`}}},
	}
	ledger := viewtest.Key(view.KindApplication, "argocd", "payments-ledger")
	for i, fields := range broken {
		w := newWorld()
		secret := map[string]any{"apiVersion": "v1", "kind": "Secret"}
		maps.Copy(secret, fields)
		w.SetDiff(ledger, view.Diff{Objects: []view.ObjectDiff{{Ref: viewtest.Ref("Secret", "payments", "ledger-keys"), Action: model.ActionUpdate, Before: secret, After: secret}}})
		for _, address := range []string{"/managed-resources", "/resource?kind=Secret&namespace=payments&resourceName=ledger-keys"} {
			answer := w.ask("GET", "/api/v1/applications/payments-ledger"+address, "")
			text := answer.Body.String()
			if answer.Code != http.StatusOK || strings.Contains(text, hush) || strings.Contains(text, base64.StdEncoding.EncodeToString([]byte(hush))) {
				t.Errorf("%d: %s: %d %s", i, address, answer.Code, text)
			}
			if !strings.Contains(text, "(hidden value ") {
				t.Errorf("%d: %s shows no Secret at all: %s", i, address, text)
			}
		}
	}
}

// TestRepositoriesWithoutPasswords (CVE-2023-25163): an address with a password, which
// somebody has declared so, is shown without it.
func TestRepositoriesWithoutPasswords(t *testing.T) {
	w := newWorld()
	w.Edit(index, func(d *view.Detail) {
		source := map[string]any{"repoURL": "https://bot:" + hush + "@git.example/shop", "path": "a"}
		d.Raw = map[string]any{
			"apiVersion": "argoproj.io/v1alpha1", "kind": "Application", "metadata": d.Raw["metadata"],
			"spec":   map[string]any{"source": source, "sources": []any{source}, "project": "shop", "destination": map[string]any{}},
			"status": map[string]any{"history": []any{map[string]any{"source": source}}},
		}
	})
	for _, address := range []string{"/api/v1/applications", "/api/v1/applications/search-index", "/api/v1/applications?repo=https://git.example/shop"} {
		text := w.ask("GET", address, "").Body.String()
		if strings.Contains(text, hush) || strings.Count(text, `"repoURL":"https://git.example/shop"`) != 3 {
			t.Errorf("%s: %s", address, text)
		}
	}
}

// TestSettingsLeakNothing (CVE-2024-37152): who is not signed in learns the address, how
// to sign in, and constants.
func TestSettingsLeakNothing(t *testing.T) {
	w := newWorld()
	w.nobody = true
	var got map[string]any
	if err := json.Unmarshal(w.ask("GET", "/api/v1/settings", "").Body.Bytes(), &got); err != nil {
		t.Fatal(err)
	}
	allowed := map[string]bool{
		"url": true, "oidcConfig": true, "appLabelKey": true, "trackingMethod": true, "userLoginsDisabled": true,
		"appsInAnyNamespaceEnabled": true, "statusBadgeEnabled": true, "execEnabled": true,
	}
	for name := range got {
		if !allowed[name] {
			t.Errorf("%s is told to everybody", name)
		}
	}
	if provider, _ := got["oidcConfig"].(map[string]any); len(provider) != 1 || provider["name"] != "Example SSO" {
		t.Errorf("of the provider: %v", provider)
	}
}

// TestNobodyIsRefused: what is not open is refused without a desk, whatever it is.
func TestNobodyIsRefused(t *testing.T) {
	w := newWorld()
	w.nobody = true
	for _, to := range perApp {
		if got := w.ask(to.method, "/api/v1/applications/shop-frontend"+to.path, to.body); got.Code != http.StatusUnauthorized {
			t.Errorf("%s %s: %d %s", to.method, to.path, got.Code, got.Body)
		}
	}
	for _, path := range []string{"/applications", "/clusters", "/repositories", "/projects", "/stream/applications", "/account", "/applicationsets"} {
		if got := w.ask("GET", "/api/v1"+path, ""); got.Code != http.StatusUnauthorized {
			t.Errorf("%s: %d %s", path, got.Code, got.Body)
		}
	}
}

// TestHugeBodies: a body is read up to a bound.
func TestHugeBodies(t *testing.T) {
	w := newWorld()
	huge := `{"revision":"` + strings.Repeat("a", 2<<20) + `"}`
	for _, to := range perApp {
		if to.method == "POST" {
			if got := w.ask(to.method, "/api/v1/applications/shop-frontend"+to.path, huge); got.Code != http.StatusRequestEntityTooLarge {
				t.Errorf("%s: %d", to.path, got.Code)
			}
		}
	}
	w.nobody = true
	if got := w.ask("POST", "/api/v1/session", huge); got.Code != http.StatusRequestEntityTooLarge {
		t.Errorf("session: %d", got.Code)
	}
}

// TestSecurityLongQueries: what is looked for in each object has an end.
func TestSecurityLongQueries(t *testing.T) {
	w := newWorld()
	for name, query := range map[string]string{
		"fields": "fields=" + strings.Repeat("items.a,", 201), "fields that are left out": "fields=-" + strings.Repeat("a,", 201),
		"a selector": "selector=" + strings.Repeat("!a,", 6000) + "!a", "names": strings.Repeat("names=a&", 3000),
	} {
		for _, path := range []string{"", "/shop-frontend/managed-resources"} {
			if got := w.ask("GET", "/api/v1/applications"+path+"?"+query, ""); got.Code != http.StatusBadRequest {
				t.Errorf("%s of %q: %d", name, path, got.Code)
			}
		}
	}
	if got := w.ask("GET", "/api/v1/applications?fields="+strings.Repeat("items.metadata.name,", 199), ""); got.Code != http.StatusOK {
		t.Errorf("as many as can be asked for: %d %s", got.Code, got.Body)
	}
}

// TestLogin: what a login says is the same whatever is wrong, and nothing of it is in the
// log or the answer.
func TestLogin(t *testing.T) {
	var log bytes.Buffer
	c := config()
	c.Log = slog.New(slog.NewTextHandler(&log, nil))
	c.Login = func(_ context.Context, name, password, from string) (string, error) {
		switch {
		case name == "busy":
			return "", argoapi.Busy{After: 1500 * time.Millisecond}
		case name == "broken":
			return "", errors.New("the store is away")
		case name != "admin" || password != "right" || from != "192.0.2.1":
			return "", fmt.Errorf("%w: %s", view.ErrUnauthenticated, password)
		}
		return "token-1", nil
	}
	w := &world{Backend: viewtest.New(), api: argoapi.New(c), nobody: true}
	login := func(name, password string) *httptest.ResponseRecorder {
		return w.ask("POST", "/api/v1/session", fmt.Sprintf(`{"username":%q,"password":%q,"other":1}`, name, password))
	}
	if got := login("admin", "right"); got.Code != 200 || got.Body.String() != `{"token":"token-1"}` || got.Header().Get("Cache-Control") != "no-store" {
		t.Errorf("%d %s", got.Code, got.Body)
	}
	unknown, wrong := login("nobody", hush), login("admin", hush)
	if unknown.Code != 401 || unknown.Body.String() != wrong.Body.String() || strings.Contains(wrong.Body.String(), hush) {
		t.Errorf("%d %s, %s", unknown.Code, unknown.Body, wrong.Body)
	}
	if got := login("busy", "x"); got.Code != 429 || got.Header().Get("Retry-After") != "2" {
		t.Errorf("%d %v", got.Code, got.Header())
	}
	if got := login("broken", hush); got.Code != 500 || strings.Contains(got.Body.String(), "store") || strings.Contains(log.String(), hush) {
		t.Errorf("%d %s\n%s", got.Code, got.Body, log.String())
	}
}

// TestAnswersAreApplications: what is listed and got are Applications of the API's types,
// with no field that these don't have.
func TestAnswersAreApplications(t *testing.T) {
	w := newWorld()
	w.Add(1700) // more than fit into a page of the desk
	strict := func(raw []byte, v any) {
		t.Helper()
		d := json.NewDecoder(bytes.NewReader(raw))
		d.DisallowUnknownFields()
		if err := d.Decode(v); err != nil {
			t.Fatal(err)
		}
	}
	var list v1alpha1.ApplicationList
	strict(w.ask("GET", "/api/v1/applications", "").Body.Bytes(), &list)
	want := w.Apps(view.Query{Kinds: []string{view.KindApplication}}, nil).Total
	if len(list.Items) != want || want < 500 || list.ResourceVersion != "4711" {
		t.Errorf("%d items of %d, at version %s", len(list.Items), want, list.ResourceVersion)
	}
	for i := 1; i < len(list.Items); i++ {
		if list.Items[i-1].Name > list.Items[i].Name {
			t.Fatalf("%s is before %s", list.Items[i-1].Name, list.Items[i].Name)
		}
	}
	var app v1alpha1.Application
	strict(w.ask("GET", "/api/v1/applications/shop-frontend", "").Body.Bytes(), &app)
	if app.Spec.Project != "shop" || app.Status.Sync.Status != "Synced" {
		t.Errorf("%+v", app)
	}
}

// TestRevisionMetadata: the author, time and subject of a commit.
func TestRevisionMetadata(t *testing.T) {
	w := newWorld()
	app, _ := w.Brief(viewtest.Key(view.KindApplication, "argocd", "shop-frontend"))
	got := w.ask("GET", "/api/v1/applications/shop-frontend/revisions/"+app.Commit.ID+"/metadata", "").Body.String()
	short := w.ask("GET", "/api/v1/applications/shop-frontend/revisions/"+app.Commit.ID[:7]+"/metadata?sourceIndex=0", "").Body.String()
	if short != got {
		t.Errorf("by its short name: %s", short)
	}
	if want := `{"author":"Team Web","date":"2026-11-18T06:30:00Z","message":"Show prices with tax"}`; got != want {
		t.Errorf("%s, want %s", got, want)
	}
}

// TestBareApplications: what clients take for granted is there of an Application that
// nobody has worked on yet.
func TestBareApplications(t *testing.T) {
	w := newWorld()
	w.Edit(cart, func(d *view.Detail) {
		d.Raw = map[string]any{"apiVersion": "argoproj.io/v1alpha1", "kind": "Application", "metadata": d.Raw["metadata"]}
	})
	for _, address := range []string{"/api/v1/applications/shop-cart", "/api/v1/applications?name=shop-cart"} {
		got := w.ask("GET", address, "").Body.String()
		for _, want := range []string{`"spec":{"destination":{},"project":"default"}`, `"status":{"health":{"status":"Unknown"},"sync":{"status":"Unknown"}}`} {
			if !strings.Contains(got, want) {
				t.Errorf("%s: %s is not in %s", address, want, got)
			}
		}
	}
}

// TestRefreshWaits: the answer to a refresh is the object that it has led to.
func TestRefreshWaits(t *testing.T) {
	c := config()
	c.Patience = time.Minute
	w := &world{Backend: viewtest.New(), api: argoapi.New(c)}
	done := make(chan *httptest.ResponseRecorder)
	go func() { done <- w.ask("GET", "/api/v1/applications/shop-cart?refresh=hard", "") }()
	for len(w.Deeds()) == 0 {
		time.Sleep(time.Millisecond)
	}
	renew(w, cart, "4712")
	if got := (<-done).Body.String(); !strings.Contains(got, `"resourceVersion":"4712"`) {
		t.Errorf("before the refresh: %s", got)
	}
}

// FuzzBodies: whatever is sent is answered, and what is no valid request does nothing.
func FuzzBodies(f *testing.F) {
	for _, to := range perApp {
		f.Add(to.method, to.path, to.body)
	}
	for _, body := range []string{"null", "[]", `"`, `{"id":"x"}`, `{"id":1e400}`, `{"strategy":{"hook":null}}`, `{"retryStrategy":{"backoff":{"factor":"2"}}}`, strings.Repeat("[", 20000), "{}{}", "\xff"} {
		f.Add("POST", "/sync", body)
		f.Add("POST", "/rollback", body)
		f.Add("POST", "/resource/actions/v2", body)
		f.Add("PATCH", "", `{"patch":`+strconv.Quote(body)+`}`)
		f.Add("PATCH", "", `{"patchType":"merge","patch":`+strconv.Quote(body)+`}`)
	}
	for _, patch := range []string{`[{"op":"remove","path":""}]`, `[{"op":"move","from":"/spec","path":"/metadata"}]`, `[{"op":"add","path":"/spec/sources/-"}]`, `[null]`, `[{}]`, `[{"op":null,"path":1}]`, `[{"op":"replace","path":"/metadata","value":1}]`} {
		f.Add("PATCH", "", `{"patch":`+strconv.Quote(patch)+`}`)
	}
	w := newWorld()
	f.Fuzz(func(t *testing.T, method, path, body string) {
		address, err := url.Parse("/api/v1/applications/shop-frontend" + path)
		if err != nil || address.Query().Get("follow") != "" || !strings.HasPrefix(address.Path, "/api/v1/applications/shop-frontend") {
			t.Skip()
		}
		r := &http.Request{Method: method, URL: address, Header: http.Header{}, Host: "fixpoint.example", Body: http.NoBody, RequestURI: address.RequestURI()}
		r.Body = httptest.NewRequest(http.MethodPost, "/", strings.NewReader(body)).Body
		out := httptest.NewRecorder()
		w.serve(out, r.WithContext(t.Context()))
		if out.Code == http.StatusInternalServerError {
			t.Errorf("%s %s %q: %s", method, path, body, out.Body)
		}
	})
}
