package api

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"strings"
	"testing"

	"github.com/fixpoint-cd/fixpoint/internal/model"
	"github.com/fixpoint-cd/fixpoint/internal/view"
	"github.com/fixpoint-cd/fixpoint/internal/view/viewtest"
)

// TestRequestsThatAreNone: each is refused before anything is asked for, and told what
// is wrong with it.
func TestRequestsThatAreNone(t *testing.T) {
	o := open(t, viewtest.Options{})
	sync := "POST " + frontend + "/sync"
	tests := map[string]struct {
		ask    []string
		status int
		want   string
	}{
		"no such address":         {[]string{"GET /nothing"}, 404, "openapi.json"},
		"no such kind":            {[]string{"GET /apps/pod/a/b"}, 404, "kustomization"},
		"no such method":          {[]string{"PUT /apps", `{}`}, 405, "no PUT"},
		"no such method of a two": {[]string{"PATCH " + cart + "/resources/object", `{}`}, 405, "no PATCH"},
		"not acceptable":          {[]string{"GET /apps", "Accept: text/html"}, 406, "application/json"},
		"accepted with 0":         {[]string{"GET /apps", "Accept: application/json;q=0"}, 406, "application/json"},
		"accepted among others":   {[]string{"GET /apps", "Accept: text/html;q=0.9, application/*;q=0.1"}, 200, "items"},
		"a stream as JSON":        {[]string{"GET /apps/watch", "Accept: application/json"}, 406, "text/event-stream"},
		"unknown parameter":       {[]string{"GET /apps?helth=Degraded"}, 400, `\"helth\"`},
		"unknown value":           {[]string{"GET /apps?health=Bad"}, 400, "parameter health"},
		"too many":                {[]string{"GET /apps?limit=501"}, 400, "parameter limit"},
		"no number":               {[]string{"GET /apps?offset=x"}, 400, "parameter offset"},
		"twice":                   {[]string{"GET /apps?sort=name&sort=sync"}, 400, "parameter sort"},
		"no time":                 {[]string{"GET /activity?from=yesterday"}, 400, "parameter from"},
		"no boolean":              {[]string{"GET " + cart + "/diff?noise=maybe"}, 400, "parameter noise"},
		"missing parameter":       {[]string{"GET " + cart + "/resources/object?name=x"}, 400, "parameter kind"},
		"half an object":          {[]string{"GET " + cart + "/events?kind=Pod"}, 400, "kind and name"},
		"query that is none":      {[]string{"GET /apps?q=%zz"}, 400, "query"},
		"unknown field":           {[]string{sync, `{"prun": true}`}, 400, `\"prun\"`},
		"unknown field below":     {[]string{sync, `{"only": [{"kin": "Pod"}]}`}, 400, `\"kin\"`},
		"wrong type":              {[]string{sync, `{"prune": "yes"}`}, 400, "true or false"},
		"no object":               {[]string{sync, `[]`}, 400, "JSON"},
		"no JSON":                 {[]string{sync, `{"prune"`}, 400, "JSON"},
		"more after it":           {[]string{sync, `{} {}`}, 400, "one object"},
		"object without name":     {[]string{sync, `{"only": [{"kind": "Pod"}]}`}, 400, "kind and name"},
		"no JSON by type":         {[]string{sync, "Content-Type: text/plain", `{}`}, 415, "application/json"},
		"too large":               {[]string{sync, `{"revision": "` + strings.Repeat("x", 20_000) + `"}`}, 413, "too large"},
		"no such app":             {[]string{"GET /apps/application/argocd/none"}, 404, "there is no app"},
		"no such object":          {[]string{"GET " + cart + "/resources/object?kind=Pod&name=none"}, 404, "next"},
		"no such problem":         {[]string{"GET /problems/none"}, 404, "no such kind"},
		"half an app":             {[]string{"GET /me?kind=application"}, 400, "all of them"},
		"an app that is none":     {[]string{"GET /activity?app=x"}, 400, "parameter app"},
	}
	c := newChecker(t)
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			got, body := o.ask(t, tt.ask...)
			if got.StatusCode != tt.status || !strings.Contains(body, tt.want) {
				t.Errorf("%d %s, want %d with %q", got.StatusCode, body, tt.status, tt.want)
			}
			if tt.status == http.StatusOK {
				return
			}
			c.check(t, "/components/schemas/Problem", body)
			if p := parse[Problem](t, body); got.Header.Get("Content-Type") != "application/problem+json" || p.Next == "" || p.Status != tt.status {
				t.Errorf("%s: %s", got.Header.Get("Content-Type"), body)
			}
			if tt.status == http.StatusMethodNotAllowed && !strings.Contains(got.Header.Get("Allow"), "GET, HEAD, OPTIONS") {
				t.Errorf("Allow: %q", got.Header.Get("Allow"))
			}
		})
	}
	if deeds := o.backend.Deeds(); len(deeds) != 0 {
		t.Errorf("something was done: %v", deeds)
	}
}

func TestOptions(t *testing.T) {
	got, _ := open(t, viewtest.Options{}).ask(t, "OPTIONS "+cart+"/resources/object", "Origin: https://evil.example", "Access-Control-Request-Method: DELETE")
	if got.StatusCode != http.StatusNoContent || got.Header.Get("Allow") != "DELETE, GET, HEAD, OPTIONS" || got.Header.Get("Access-Control-Allow-Methods") != "" {
		t.Errorf("%d %v", got.StatusCode, got.Header)
	}
}

// TestKindsOfErrors: each kind has its status, and what to do next.
func TestKindsOfErrors(t *testing.T) {
	tests := map[string]struct {
		err    error
		status int
		kind   string
	}{
		"not signed in":      {model.As(view.ErrUnauthenticated, errors.New("x")), 401, "unauthenticated"},
		"not found":          {model.As(model.ErrNotFound, errors.New("x")), 404, "not-found"},
		"not now":            {model.As(view.ErrConflict, errors.New("x")), 409, "conflict"},
		"not now, and wrong": {model.As(model.ErrInvalid, model.As(view.ErrConflict, errors.New("x"))), 409, "conflict"},
		"denied":             {model.As(model.ErrDenied, errors.New("x")), 403, "denied"},
		"unverified":         {model.As(model.ErrDenied, model.As(model.ErrUnverified, errors.New("x"))), 422, "unverified"},
		"invalid":            {model.Invalidf("x"), 400, "invalid"},
		"passing":            {model.As(model.ErrTransient, errors.New("x")), 503, "unavailable"},
		"too slow":           {fmt.Errorf("rendering: %w", context.DeadlineExceeded), 504, "timeout"},
		"too large":          {&http.MaxBytesError{}, 413, "too-large"},
		"anything else":      {errors.New("PLANTED"), 500, "internal"},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			o := open(t, viewtest.Options{})
			o.backend.Fail("Sync", tt.err)
			got, body := o.ask(t, "POST "+frontend+"/sync")
			p := parse[Problem](t, body)
			if got.StatusCode != tt.status || p.Type != Root+"/problems/"+tt.kind || p.Next == "" || p.Detail == "" {
				t.Errorf("%d %s, want %d %s", got.StatusCode, body, tt.status, tt.kind)
			}
			if strings.Contains(body, "PLANTED") {
				t.Error("an error of no known kind is shown")
			}
			if tt.status == http.StatusInternalServerError && !strings.Contains(o.log.String(), "PLANTED") {
				t.Error("the log does not have it")
			}
			if again, text := o.ask(t, "GET "+strings.TrimPrefix(p.Type, Root)); again.StatusCode != http.StatusOK || parse[Problem](t, text).Status != tt.status {
				t.Errorf("its type leads to %d %s", again.StatusCode, text)
			}
		})
	}
}

// TestSecurityMissingAndForbiddenAreAlike (GHSA-2q5c-qw9c-fmvq, GHSA-3cqf-953p-h5cp):
// on every address of an app, by every method, the bytes of the answer are the same
// whether it does not exist or is not for the reader.
func TestSecurityMissingAndForbiddenAreAlike(t *testing.T) {
	hidden := open(t, viewtest.Options{May: func(_ view.Verb, a view.App) bool { return a.Key.Name != "shop-cart" && a.Key.Name != "apps" }})
	missing := open(t, viewtest.Options{})
	missing.backend.Remove(viewtest.Key(view.KindApplication, "argocd", "shop-cart"))
	missing.backend.Remove(viewtest.Key(view.KindKustomization, "flux-system", "apps"))
	n := 0
	for id, ask := range samples() {
		path := strings.Fields(ask[0])[1]
		if !strings.HasPrefix(path, cart) && !strings.HasPrefix(path, fleet) && id != "getMe" {
			continue
		}
		n++
		a, one := hidden.ask(t, ask...)
		b, other := missing.ask(t, ask...)
		if a.StatusCode != http.StatusNotFound || b.StatusCode != http.StatusNotFound || one != other || fmt.Sprint(a.Header["Content-Type"]) != fmt.Sprint(b.Header["Content-Type"]) {
			t.Errorf("%s: forbidden: %d %smissing: %d %s", id, a.StatusCode, one, b.StatusCode, other)
		}
	}
	for _, path := range []string{cart + "/watch", cart + "/watch?tree=true"} {
		n++
		_, one := hidden.ask(t, "GET "+path)
		if _, other := missing.ask(t, "GET "+path); one != other || !strings.Contains(one, "404") {
			t.Errorf("%s: forbidden: %smissing: %s", path, one, other)
		}
	}
	if n < 14 {
		t.Errorf("only %d addresses of apps", n)
	}
	_, list := hidden.ask(t, "GET /apps?facets=1")
	if strings.Contains(list, "shop-cart") {
		t.Error("the list has what is not for the reader")
	}
}

// TestSecurityNobodyLearnsNothing: without a desk there is the document, and nothing
// else, which has nothing of the installation in it.
func TestSecurityNobodyLearnsNothing(t *testing.T) {
	o := open(t, viewtest.Options{})
	for _, r := range routes() {
		path := strings.NewReplacer("{kind}", "application", "{namespace}", "argocd", "{name}", "shop-cart", "{action}", "x", "{problem}", "denied").Replace(r.path)
		got, body := o.ask(t, r.method+" "+path, "X-Nobody: 1")
		if r.open {
			for _, word := range []string{"shop-", "staging", "payments", "192.0.2", "git.example", "https://"} {
				if strings.Contains(body, word) {
					t.Errorf("%s has %q in it", r.path, word)
				}
			}
			continue
		}
		if got.StatusCode != http.StatusUnauthorized || got.Header.Get("WWW-Authenticate") == "" {
			t.Errorf("%s %s: %d %.200s", r.method, r.path, got.StatusCode, body)
		}
	}
}

// TestLogs: what goes wrong before the first line is a problem, what does after it is
// in the last line.
func TestLogs(t *testing.T) {
	o := open(t, viewtest.Options{})
	logs := cart + "/logs?group=apps&kind=Deployment&namespace=shop&name=cart"
	o.backend.Fail("Logs", model.As(model.ErrTransient, errors.New("the cluster does not answer")))
	if got, body := o.ask(t, "GET "+logs); got.StatusCode != http.StatusServiceUnavailable || !strings.Contains(body, "does not answer") {
		t.Errorf("%d %s", got.StatusCode, body)
	}
	o.backend.Fail("Logs", nil)
	if _, body := o.ask(t, "GET "+logs+"&tail=2"); strings.Count(body, "\n") != 2 {
		t.Errorf("two lines: %s", body)
	}
	if got, body := o.ask(t, "GET "+logs+"&search=there-is-no-such-text"); got.StatusCode != http.StatusOK || body != "" || got.Header.Get("Content-Type") != jsonLines {
		t.Errorf("no lines: %d %q", got.StatusCode, body)
	}
}

func TestLogThatBreaksOff(t *testing.T) {
	b := viewtest.New()
	h := New(Config{})
	w := &recorder{header: http.Header{}}
	r, _ := http.NewRequest(http.MethodGet, Root+cart+"/logs?kind=Pod&name=x&namespace=y", nil)
	r = r.WithContext(view.WithDesk(t.Context(), broken{viewtest.Desk(b, viewtest.Options{})}))
	h.ServeHTTP(w, r)
	lines := strings.Split(strings.TrimSpace(w.text.String()), "\n")
	if len(lines) != 2 || !strings.Contains(lines[0], "hello") {
		t.Fatalf("%q", lines)
	}
	if p := parse[LogLine](t, lines[1]).Problem; p == nil || p.Status != http.StatusServiceUnavailable {
		t.Errorf("the last line is %s", lines[1])
	}
}

// broken is a desk whose logs break off.
type broken struct{ view.Desk }

func (broken) Logs(_ context.Context, _ model.AppKey, _ view.LogQuery, emit func(view.LogLine) error) error {
	if err := emit(view.LogLine{Text: "hello"}); err != nil {
		return err
	}
	return model.As(model.ErrTransient, errors.New("the pod is gone"))
}

type recorder struct {
	header http.Header
	text   strings.Builder
}

func (r *recorder) Header() http.Header         { return r.header }
func (r *recorder) WriteHeader(int)             {}
func (r *recorder) Write(b []byte) (int, error) { return r.text.Write(b) }
