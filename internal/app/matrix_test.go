package app

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"log/slog"
	"maps"
	"net/http"
	"net/http/httptest"
	"net/url"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/golang-jwt/jwt/v5"
	"golang.org/x/crypto/bcrypt"

	"github.com/fixpoint-cd/fixpoint/internal/access"
	"github.com/fixpoint-cd/fixpoint/internal/api"
	"github.com/fixpoint-cd/fixpoint/internal/argoapi"
	"github.com/fixpoint-cd/fixpoint/internal/front"
	"github.com/fixpoint-cd/fixpoint/internal/guard"
	"github.com/fixpoint-cd/fixpoint/internal/signin"
	"github.com/fixpoint-cd/fixpoint/internal/view"
	"github.com/fixpoint-cd/fixpoint/internal/view/viewtest"
	"github.com/fixpoint-cd/fixpoint/internal/web"
)

// There is the app payments-api of the sample, and there is none that is called nowhere.
// Both names are equally long, as are all that follow from them.
const (
	there   = "payments-api"
	nowhere = "payments-apx"
)

// site is all that answers HTTP, as a controller puts it together, over viewtest's
// sample. shop has rights to the project shop and to nothing of payments; all other
// accounts but admin have none.
type site struct {
	*httptest.Server
	backend *viewtest.Backend
	service *signin.Service
	cm      map[string]string
	secret  map[string][]byte
}

const siteKey = "0123456789abcdef0123456789abcdef"

func newSite(t *testing.T) *site {
	t.Helper()
	hash, err := bcrypt.GenerateFromPassword([]byte("correct horse"), bcrypt.MinCost)
	if err != nil {
		t.Fatal(err)
	}
	s := &site{
		backend: viewtest.New(), service: signin.New(signin.Config{}), cm: map[string]string{},
		secret: map[string][]byte{"server.secretkey": []byte(siteKey), "admin.password": hash},
	}
	for _, name := range []string{"shop", "none", "gone", "left", "off"} {
		s.cm["accounts."+name] = "login"
		s.secret["accounts."+name+".password"] = hash
	}
	s.use(t)
	rules, problems := access.Read(map[string]string{"policy.csv": "p, shop, *, *, shop/*, allow"}, nil)
	if len(problems) > 0 {
		t.Fatal(problems)
	}
	var enforcer access.Enforcer
	enforcer.Use(rules.With(s.cm))
	log := slog.New(slog.DiscardHandler)
	audit := func(context.Context, view.Audit) error { return nil }
	desks := guard.New(guard.Config{Backend: s.backend, May: enforcer.May, Accounts: ownAccounts{s.service, &enforcer}, Audit: audit, Log: log})
	pages, mux := web.New(web.Config{Log: log, Now: func() time.Time { return viewtest.Now }}), http.NewServeMux()
	pages.Routes(mux)
	door := doorkeeper{s.service, log}
	login, logout := programs{door, audit, front.NewRefusals(audit, log)}.api()
	s.Server = httptest.NewServer(front.New(front.Config{
		SignIn: door, Page: pages.SignIn, Pages: mux, Log: log, Audit: audit,
		Desk: func(r front.Reader) view.Desk {
			return desks.Desk(guard.Reader{Identity: r.Identity, From: r.From, Via: r.Via, Valid: r.Valid})
		},
		API: api.New(api.Config{Login: login, Logout: logout}), Argo: argoapi.New(argoapi.Config{Patience: time.Millisecond}),
	}))
	t.Cleanup(s.Close)
	return s
}

func (s *site) use(t *testing.T) {
	t.Helper()
	set, problems := signin.Read(s.cm, s.secret, "", nil, nil)
	if len(problems) > 0 {
		t.Fatal(problems)
	}
	s.service.Use(set)
}

func (s *site) login(t *testing.T, name string) string {
	t.Helper()
	session, err := s.service.Login(t.Context(), name, "correct horse", "192.0.2.1")
	if err != nil {
		t.Fatalf("signing %s in: %v", name, err)
	}
	return session.Token
}

// strangers are tokens of those who are not let in, some of whom were.
func (s *site) strangers(t *testing.T) map[string]string {
	t.Helper()
	out := map[string]string{
		"nobody": "", "nonsense": "abc", "gone": s.login(t, "gone"), "signed out": s.login(t, "left"), "disabled": s.login(t, "off"),
	}
	token := func(key any, how jwt.SigningMethod, sub string, ends time.Time) string {
		text, err := jwt.NewWithClaims(how, jwt.MapClaims{
			"iss": "argocd", "sub": sub, "aud": "fixpoint", "jti": "1", "iat": 946684800, "exp": ends.Unix(),
		}).SignedString(key)
		if err != nil {
			t.Fatal(err)
		}
		return text
	}
	never := time.Now().Add(time.Hour)
	out["expired"] = token([]byte(siteKey), jwt.SigningMethodHS256, "admin:login", time.Now().Add(-time.Hour))
	out["unsigned"] = token(jwt.UnsafeAllowNoneSignatureType, jwt.SigningMethodNone, "admin:login", never)
	out["of another key"] = token([]byte("another key of thirty-two bytes!"), jwt.SigningMethodHS256, "admin:login", never)
	out["of another algorithm"] = token([]byte(siteKey), jwt.SigningMethodHS512, "admin:login", never)
	out["of no account"] = token([]byte(siteKey), jwt.SigningMethodHS256, "eve:login", never)
	s.cm["accounts.off.enabled"] = "false"
	delete(s.cm, "accounts.gone")
	s.use(t)
	s.ask(t, route{method: http.MethodDelete, path: "/fixpoint/v1/session"}, "", out["signed out"])
	return out
}

// route is one method of an address, with what it may be asked; {name} is an app's.
type route struct{ method, path, query, body string }

// of is the address for an app of the sample.
func (r route) of(app string) string {
	at := strings.NewReplacer(
		"{kind}", "application", "{namespace}", "argocd", "{name}", app, "{action}", "restart", "{podName}", app+"-1", "{revision}", "abc",
		"{problem}", "denied", "{id}", app, "{repo}", app, "{project}", app, "{account}", app, "{token}", app,
	).Replace(r.path)
	return at + "?" + strings.ReplaceAll(r.query, "{name}", app)
}

// answer is what came of a request, but for when.
type answer struct {
	status int
	header http.Header
	body   string
}

func (a answer) String() string { return fmt.Sprintf("%d %v %s", a.status, a.header, a.body) }

// ask sends a request; headers are pairs. Of a stream only the beginning is read.
func (s *site) ask(t *testing.T, r route, app, token string, headers ...string) answer {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 10*time.Minute)
	defer cancel()
	ask, err := http.NewRequestWithContext(ctx, r.method, s.URL+r.of(app), strings.NewReader(strings.ReplaceAll(r.body, "{name}", app)))
	if err != nil {
		t.Fatal(err)
	}
	if token != "" {
		ask.Header.Set("Authorization", "Bearer "+token)
	}
	ask.Header.Set("Content-Type", "application/json")
	if isPage(r) {
		ask.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	}
	for pair := range slices.Chunk(headers, 2) {
		ask.Header.Set(pair[0], pair[1])
	}
	client := &http.Client{CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}
	got, err := client.Do(ask)
	if err != nil {
		t.Fatalf("%s %s: %v", r.method, r.path, err)
	}
	defer func() { _ = got.Body.Close() }()
	var body []byte
	if got.StatusCode >= 300 || !isStreamed(got.Header) {
		if body, err = io.ReadAll(got.Body); err != nil {
			t.Fatalf("%s %s: %v", r.method, r.path, err)
		}
	}
	got.Header.Del("Date")
	return answer{got.StatusCode, got.Header, string(body)}
}

func isPage(r route) bool {
	return !strings.HasPrefix(r.path, "/api/") && !strings.HasPrefix(r.path, "/fixpoint/")
}

func isStreamed(h http.Header) bool { return h.Get("X-Accel-Buffering") != "" }

// inPlaceOf is an answer with another name in it.
func (a answer) inPlaceOf(name, other string) answer {
	a.body = strings.ReplaceAll(a.body, name, other)
	a.header = maps.Clone(a.header)
	for field, values := range a.header {
		a.header[field] = slices.Clone(values)
		for i := range values {
			a.header[field][i] = strings.ReplaceAll(values[i], name, other)
		}
	}
	return a
}

// everyRoute are all that the tables of the APIs and of the pages have.
func everyRoute(t *testing.T, s *site) []route {
	t.Helper()
	all := append(append(ownRoutes(t, s), argoRoutes(t)...), pageRoutes(t)...)
	if len(all) < 70 {
		t.Fatalf("only %d routes are found", len(all))
	}
	return all
}

// ownRoutes are those of the document that the API serves of itself.
func ownRoutes(t *testing.T, s *site) []route {
	t.Helper()
	type operation struct {
		Parameters  []struct{ Name, In string }
		RequestBody struct {
			Content map[string]struct{ Example any }
		}
	}
	var doc struct {
		Paths map[string]map[string]json.RawMessage
	}
	if err := json.Unmarshal([]byte(s.ask(t, route{method: "GET", path: "/fixpoint/v1/openapi.json"}, "", "").body), &doc); err != nil {
		t.Fatal(err)
	}
	object := url.Values{"group": {"apps"}, "kind": {"Deployment"}, "namespace": {"payments"}, "name": {"api"}}
	var out []route
	for path, methods := range doc.Paths {
		for method, raw := range methods {
			var o operation
			if json.Unmarshal(raw, &o) != nil || method == "parameters" {
				continue
			}
			r := route{method: strings.ToUpper(method), path: path}
			if !strings.HasPrefix(path, api.Root) {
				r.path = api.Root + path
			}
			q := url.Values{}
			for _, p := range o.Parameters {
				if v, ok := object[p.Name]; ok && p.In == "query" && strings.Contains(path, "{name}") {
					q[p.Name] = v
				}
			}
			if example, err := json.Marshal(o.RequestBody.Content["application/json"].Example); err == nil && string(example) != "null" {
				r.body = string(example)
			}
			r.query = q.Encode()
			out = append(out, r)
		}
	}
	return out
}

var inDocs = regexp.MustCompile("`(GET|POST|PUT|PATCH|DELETE) (/api/[^`?]+)`")

// argoRoutes are those of docs/argo-cd-api.md, which has all of them.
func argoRoutes(t *testing.T) []route {
	t.Helper()
	page, err := os.ReadFile("../../docs/argo-cd-api.md")
	if err != nil {
		t.Fatal(err)
	}
	const declared = `{"metadata":{"name":"{name}"},"spec":{"project":"another","source":{"path":"a"}}}`
	bodies := map[string]string{
		"POST /api/v1/applications": declared, "PUT /api/v1/applications/{name}": declared, "PUT /api/v1/applications/{name}/spec": `{"source":{"path":"a"}}`,
		"PATCH /api/v1/applications/{name}": `{"patchType":"merge","patch":"{}"}`,
	}
	ends := map[string]string{"/rollback": `{"id":1}`, "/resource/actions": `"restart"`, "/v2": `{"kind":"Deployment","group":"apps","namespace":"payments","resourceName":"api","action":"restart"}`}
	var out []route
	for _, m := range inDocs.FindAllStringSubmatch(string(page), -1) {
		r := route{method: m[1], path: m[2], query: "group=apps&kind=Deployment&namespace=payments&resourceName=api"}
		if r.method != http.MethodGet && r.method != http.MethodDelete {
			r.body = "{}"
		}
		if body, has := bodies[r.method+" "+r.path]; has {
			r.body = body
		}
		for end, body := range ends {
			if strings.HasSuffix(r.path, end) && r.method == http.MethodPost {
				r.body = body
			}
		}
		if slices.Contains([]string{"/links", "/clusters"}, strings.TrimPrefix(r.path, "/api/v1/applications/{name}")) {
			r.query = ""
		}
		out = append(out, r)
	}
	return out
}

var (
	registered = regexp.MustCompile(`w\.(page|deed|accountDeed)\((appRoot)?\+?(?:"([^"]*)")?, `)
	handled    = regexp.MustCompile(`w\.pages\.HandleFunc\("(GET|POST) "\+appRoot\+"([^"]*)"`)
)

// pageRoutes are those that internal/web registers.
func pageRoutes(t *testing.T) []route {
	t.Helper()
	files, err := filepath.Glob("../web/*.go")
	if err != nil {
		t.Fatal(err)
	}
	const root, object = "/apps/{kind}/{namespace}/{name}", "group=apps&kind=Deployment&namespace=payments&name=api&action=restart&id=1&app=argo/argocd/{name}"
	out := []route{{method: "GET", path: "/live", query: "page=/apps/application/argocd/{name}&have="}, {method: "GET", path: "/"}}
	add := func(method, path string) {
		r := route{method: method, path: path, query: object}
		if method == http.MethodPost {
			r.query, r.body = "", object
		} else if !strings.Contains(path, "{name}") {
			r.query = ""
		}
		out = append(out, r)
	}
	for _, file := range files {
		text, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		for _, m := range registered.FindAllStringSubmatch(string(text), -1) {
			at := m[3]
			if m[2] != "" {
				at = root + at
			}
			add(map[string]string{"page": "GET", "deed": "POST", "accountDeed": "POST"}[m[1]], at)
		}
		for _, m := range handled.FindAllStringSubmatch(string(text), -1) {
			add(m[1], root+m[2])
		}
	}
	return out
}

// isOpen reports whether everybody is answered there. Of badges, argoapi's
// TestBadgeTellsNothing says that those that are there and others are alike while they are off.
func (r route) isOpen() bool {
	return slices.Contains([]string{
		"POST /fixpoint/v1/session", "GET /fixpoint/v1/sign-in", "GET /fixpoint/v1/openapi.json", "POST /api/v1/session", "GET /api/v1/session/userinfo",
		"GET /api/v1/settings", "GET /api/version", "GET /api/badge",
	}, r.method+" "+r.path)
}

// TestSecurityEveryRouteRefusesStrangers: who is not let in, or not any more, is told so at
// each address, and nothing else: what there is and what there is not are alike.
func TestSecurityEveryRouteRefusesStrangers(t *testing.T) {
	s := newSite(t)
	routes := everyRoute(t, s)
	for who, token := range s.strangers(t) {
		for _, r := range routes {
			if r.isOpen() {
				continue
			}
			got, missing := s.ask(t, r, there, token), s.ask(t, r, nowhere, token)
			if got.status != http.StatusUnauthorized || got.String() != missing.inPlaceOf(nowhere, there).String() {
				t.Errorf("%s: %s %s: %s\nof what is missing: %s", who, r.method, r.path, got, missing)
			}
		}
	}
	if deeds := s.backend.Deeds(); len(deeds) > 0 {
		t.Errorf("it was done: %v", deeds)
	}
}

// TestSecurityEveryDeedIsOfThisSite: whatever changes something is refused to the pages of
// another site, by whichever sign a browser gives of it.
func TestSecurityEveryDeedIsOfThisSite(t *testing.T) {
	s := newSite(t)
	session := s.login(t, "admin")
	for _, r := range everyRoute(t, s) {
		if r.method == http.MethodGet {
			continue
		}
		for _, sign := range [][2]string{{"Origin", "https://evil.example"}, {"Sec-Fetch-Site", "cross-site"}, {"Sec-Fetch-Site", "same-site"}} {
			if got := s.ask(t, r, there, session, sign[:]...); got.status != http.StatusForbidden {
				t.Errorf("%s %s with %v: %s", r.method, r.path, sign, got)
			}
		}
	}
	if deeds := s.backend.Deeds(); len(deeds) > 0 {
		t.Errorf("it was done: %v", deeds)
	}
	if s.login(t, "admin") == "" {
		t.Error("nobody can sign in any more")
	}
}

// TestSecurityEveryRouteHidesApps (CVE-2022-41354, CVE-2024-36106): at each address an app
// that the reader may not see is as one that does not exist, by status, headers, text and
// length; and no list, and no other page, has anything of it.
func TestSecurityEveryRouteHidesApps(t *testing.T) {
	s := newSite(t)
	routes := everyRoute(t, s)
	for _, who := range []string{"none", "shop"} {
		token := s.login(t, who)
		for _, r := range routes {
			if r.path == "/fixpoint/v1/session" || r.path == "/api/v1/session" {
				continue
			}
			got, missing := s.ask(t, r, there, token), s.ask(t, r, nowhere, token)
			if alike := missing.inPlaceOf(nowhere, there); got.String() != alike.String() {
				t.Errorf("%s: %s %s: %s\nof what is missing: %s", who, r.method, r.path, got, alike)
			}
			if strings.Contains(r.path, "{name}") && got.status < 400 {
				t.Errorf("%s: %s %s: %s", who, r.method, r.path, got)
			}
			secret := strings.NewReplacer("/"+there, "", there+" ", "", `"`+there, "").Replace(got.body)
			if strings.Contains(strings.ToLower(secret), "payments") && !strings.Contains(r.path, "{") && r.path != "/fixpoint/v1/openapi.json" {
				t.Errorf("%s: %s %s tells of payments: %s", who, r.method, r.path, got)
			}
		}
	}
	if deeds := s.backend.Deeds(); len(deeds) > 0 {
		t.Errorf("it was done: %v", deeds)
	}
}

// TestEveryRouteAnswersAdmin: the requests of the tests above are good ones. What an app
// is asked for is answered where it exists, and not where it does not.
func TestEveryRouteAnswersAdmin(t *testing.T) {
	s := newSite(t)
	token := s.login(t, "admin")
	for _, r := range everyRoute(t, s) {
		if !strings.Contains(r.path, "{name}") || r.method != http.MethodGet || strings.HasPrefix(r.path, "/api/") {
			continue
		}
		if got := s.ask(t, r, there, token); got.status != http.StatusOK {
			t.Errorf("%s %s: %s", r.method, r.path, got)
		}
		if got := s.ask(t, r, nowhere, token); got.status != http.StatusNotFound {
			t.Errorf("%s %s of what is missing: %s", r.method, r.path, got)
		}
	}
}
