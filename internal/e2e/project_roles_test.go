package e2e

import (
	"bufio"
	"encoding/json"
	"fmt"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/fixpoint-cd/fixpoint/internal/signin/oidctest"
)

// shopProject is a project with all that its page shows.
const shopProject = `apiVersion: argoproj.io/v1alpha1
kind: AppProject
metadata: {name: shop, namespace: argocd}
spec:
  description: What the shop sells
  sourceRepos: ["https://github.com/myorg/*"]
  destinations: [{server: "https://kubernetes.default.svc", namespace: "shop-*"}, {name: staging, namespace: "*"}]
  clusterResourceWhitelist: [{group: "", kind: Namespace, name: "shop-*"}]
  namespaceResourceBlacklist: [{group: "", kind: ResourceQuota}]
  roles:
    - name: ci
      description: The pipeline
      policies:
        - p, proj:shop:ci, applications, get, shop/*, allow
        - p, proj:shop:ci, applications, sync, shop/*, allow
    - name: watchers
      policies:
        - p, proj:shop:watchers, applications, get, shop/*, allow
        - p, proj:shop:watchers, applicationsets, get, shop/*, allow
      groups: [shop-watchers]
  syncWindows:
    - {kind: deny, schedule: "0 22 * * 5", duration: 60h, applications: ["*-prod"], timeZone: Europe/Berlin, manualSync: true}
`

// newShop is a site with a project, an app in it, and one in another project.
func newShop(t *testing.T) *site {
	t.Helper()
	s := newSite(t)
	s.define(projectKind)
	s.apply(shopProject)
	repo := s.repo("project-roles", map[string]string{"settings.yaml": configMap("settings", "one")})
	s.namespaces("shop-web", "books")
	s.apply(strings.Replace(manual("shop-web", repo, ".", "shop-web"), "project: default", "project: shop", 1))
	s.apply(strings.Replace(manual("books-web", repo, ".", "books"), "project: default", "project: books", 1))
	s.answers(s.admin(), "/api/v1/applications", 200, []string{`"shop-web"`, `"books-web"`}, nil)
	return s
}

// account runs a command about accounts at the cluster.
func (s *site) account(code int, args ...string) string {
	s.t.Helper()
	out, got := s.run(append(append([]string{"account"}, args...), "--kubeconfig", s.cluster.kubeconfig)...)
	if got != code {
		s.t.Fatalf("account %v ends with %d, want %d:\n%s", args, got, code, out)
	}
	return strings.TrimSpace(out)
}

// TestProjectTokens: a token of a project's role does what the role may and nothing else,
// while the project lists it and its time is not over.
func TestProjectTokens(t *testing.T) {
	s := newShop(t)
	const apps = "/api/v1/applications"
	token := s.account(0, "generate-token", "proj:shop:ci", "--id", "pipeline")
	s.answers(token, apps, 200, []string{`"shop-web"`}, []string{`"books-web"`})
	s.answers(token, "/api/v1/session/userinfo", 200, []string{`"username":"proj:shop:ci"`, `"loggedIn":true`}, nil)
	s.answers(token, "/api/v1/projects", 200, []string{`"name":"shop"`}, []string{`"name":"default"`, `"name":"books"`})
	if code, body := s.ask(http.MethodPost, apps+"/shop-web/sync", token, struct{}{}); code != http.StatusOK {
		t.Errorf("a sync in the role's project is answered by %d: %s", code, body)
	}
	for _, name := range []string{"books-web", "no-such-app"} {
		if code, body := s.ask(http.MethodPost, apps+"/"+name+"/sync", token, struct{}{}); code != http.StatusForbidden {
			t.Errorf("a sync of %s is answered by %d: %s", name, code, body)
		}
	}
	if out := s.account(0, "list"); !strings.Contains(out, "proj:shop:ci") || !strings.Contains(out, "pipeline") {
		t.Errorf("the list of tokens is\n%s", out)
	}
	s.account(1, "generate-token", "proj:shop:ci", "--id", "pipeline")
	s.account(1, "generate-token", "proj:shop:nobody")
	s.account(1, "generate-token", "proj:nowhere:ci")

	// The entry's time is over, and is not; Argo CD keeps it in the status as well.
	listed, _ := list(s.get(projectKind, "argocd", "shop"), "spec", "roles")[0]["jwtTokens"].([]any)
	if len(listed) != 1 {
		t.Fatalf("the role lists the tokens %v", listed)
	}
	entry := fmt.Sprint(listed[0].(map[string]any)["iat"])
	for _, lists := range []struct {
		spec, status string
		code         int
	}{
		{`[{"id":"pipeline","iat":` + entry + `,"exp":1}]`, `null`, 401},
		{`[{"id":"pipeline","iat":` + entry + `}]`, `null`, 200},
		{`[]`, `null`, 401},
		{`[]`, `{"ci":{"items":[{"id":"pipeline","iat":` + entry + `}]}}`, 200},
		{`[]`, `{"ci":null,"watchers":{"items":[{"id":"pipeline","iat":` + entry + `}]}}`, 401},
		{`[{"id":"pipeline","iat":` + entry + `}]`, `{"ci":{"items":[{"id":"pipeline","iat":` + entry + `}]}}`, 200},
	} {
		s.listTokens(lists.spec, lists.status)
		s.answers(token, apps, lists.code, nil, nil)
	}
	s.account(0, "delete-token", "proj:shop:ci", "pipeline")
	s.answers(token, apps, 401, nil, nil)
	s.account(1, "delete-token", "proj:shop:ci", "pipeline")

	lasting := s.account(0, "generate-token", "proj:shop:ci", "--expires-in", "1h")
	short := s.account(0, "generate-token", "proj:shop:ci", "--expires-in", "1s", "--id", "short")
	s.answers(lasting, apps, 200, []string{`"shop-web"`}, nil)
	s.eventually("the short token's time is over", func() error {
		if out := s.account(0, "list"); !strings.Contains(out, "(over)") {
			return fmt.Errorf("the list of tokens is\n%s", out)
		}
		return nil
	})
	s.answers(short, apps, 401, nil, nil)
	if spec := fmt.Sprint(s.get(projectKind, "argocd", "shop").Object["spec"]); strings.Contains(spec, "id:pipeline") {
		t.Errorf("the revoked token is listed still: %s", spec)
	}
}

// listTokens has the project list these tokens of the role ci in its spec, and these by
// role in its status.
func (s *site) listTokens(spec, status string) {
	s.t.Helper()
	o := s.get(projectKind, "argocd", "shop")
	roles, err := json.Marshal(o.Object["spec"].(map[string]any)["roles"])
	if err != nil {
		s.t.Fatal(err)
	}
	var all []map[string]any
	if err := json.Unmarshal(roles, &all); err != nil {
		s.t.Fatal(err)
	}
	all[0]["jwtTokens"] = json.RawMessage(spec)
	if roles, err = json.Marshal(all); err != nil {
		s.t.Fatal(err)
	}
	s.edit(projectKind, "argocd", "shop", fmt.Sprintf(`{"spec":{"roles":%s},"status":{"jwtTokensByRole":%s}}`, roles, status))
}

// groupToken is that of somebody whom an identity provider knows, in a group.
func (s *site) groupToken(group string) string {
	s.t.Helper()
	provider := oidctest.New()
	s.t.Cleanup(provider.Close)
	s.forgetSettings()
	s.settings(map[string]string{"url": s.server, "oidc.config": fmt.Sprintf(
		"name: Example ID\nissuer: %s\nclientID: %s\nclientSecret: %s\nrootCA: |\n  %s\n", provider.URL, oidctest.ClientID, oidctest.ClientSecret,
		strings.ReplaceAll(strings.TrimSpace(provider.RootCA()), "\n", "\n  "))})
	return provider.IDToken(oidctest.Person{Claims: map[string]any{"sub": "u-ann", "groups": []string{group}}}, "")
}

// TestProjectGroups: who is in a group of a project's role sees the project and its apps,
// and open streams follow what the project says.
func TestProjectGroups(t *testing.T) {
	s := newShop(t)
	token := s.groupToken("shop-watchers")
	s.answers(token, "/api/v1/applications", 200, []string{`"shop-web"`}, []string{`"books-web"`})
	s.answers(token, "/api/v1/projects", 200, []string{`"name":"shop"`}, []string{`"name":"books"`})
	events := s.events(token)
	events.tells("ADDED", "shop-web")
	s.watchersOf("shop-watchers-of-old")
	events.tells("DELETED", "shop-web")
	s.answers(token, "/projects", 200, []string{"No projects that you may see"}, []string{"What the shop sells"})
	s.watchersOf("shop-watchers")
	events.tells("ADDED", "shop-web")
	s.delete(projectKind, "argocd", "shop")
	events.tells("DELETED", "shop-web")
	s.apply(shopProject)
	events.tells("ADDED", "shop-web")
	s.undefine(projectKind)
	events.tells("DELETED", "shop-web")
}

// watchersOf makes a group the only one of the role watchers.
func (s *site) watchersOf(group string) {
	s.t.Helper()
	s.apply(strings.Replace(shopProject, "groups: [shop-watchers]", "groups: ["+group+"]", 1))
}

// events are those of a stream of Applications.
type events struct {
	*site
	lines chan string
}

// events opens the stream as whoever has the token.
func (s *site) events(token string) *events {
	s.t.Helper()
	r, err := http.NewRequestWithContext(s.t.Context(), http.MethodGet, s.server+"/api/v1/stream/applications", nil)
	if err != nil {
		s.t.Fatal(err)
	}
	r.Header.Set("Authorization", "Bearer "+token)
	resp, err := http.DefaultClient.Do(r)
	if err != nil {
		s.t.Fatal(err)
	}
	e := &events{s, make(chan string, 1000)}
	go func() {
		defer close(e.lines)
		defer resp.Body.Close()
		for lines := bufio.NewScanner(resp.Body); lines.Scan(); {
			e.lines <- lines.Text()
		}
	}()
	return e
}

// tells waits for the next event of a type, which has to be about an app; changes of what
// is known are passed over.
func (e *events) tells(kind, app string) {
	e.t.Helper()
	for {
		select {
		case line, ok := <-e.lines:
			switch {
			case !ok:
				e.t.Fatalf("the stream is over, waiting for %s %s", kind, app)
			case strings.Contains(line, `"type":"MODIFIED"`):
			case strings.Contains(line, `"type":"`+kind+`"`) && strings.Contains(line, `"name":"`+app+`"`):
				return
			default:
				e.t.Fatalf("waiting for %s %s, there comes %.500s", kind, app, line)
			}
		case <-time.After(patience):
			e.t.Fatalf("%s %s is not told", kind, app)
		}
	}
}

// TestProjectPage: a project's card says all that it declares.
func TestProjectPage(t *testing.T) {
	s := newShop(t)
	s.account(0, "generate-token", "proj:shop:ci")
	s.answers(s.admin(), "/projects", 200, []string{
		"What the shop sells", "https://github.com/myorg/*", "https://kubernetes.default.svc / shop-*", "staging / *",
		"Namespace/shop-*", "all but <code>ResourceQuota</code>", "2 roles", "The pipeline", "1 token", "Groups: shop-watchers",
		"p, proj:shop:ci, applications, sync, shop/*, allow", `href="/apps?project=shop"`, "1 app<",
		"deny 0 22 * * 5 for 60h (Europe/Berlin); applications *-prod; syncs by hand are let through",
		"there is no AppProject of that name", // the other app's
	}, nil)
}

// TestApplicationSets: the page of sources shows an ApplicationSet with the Applications
// that it owns, to whoever may see it in its project.
func TestApplicationSets(t *testing.T) {
	s := newShop(t)
	s.define(setKind)
	s.apply(`apiVersion: argoproj.io/v1alpha1
kind: ApplicationSet
metadata: {name: shops, namespace: argocd}
spec:
  generators: [{list: {elements: [{name: web}]}}]
  template: {metadata: {name: "shop-{{name}}"}, spec: {project: shop}}
status:
  conditions:
    - {type: ErrorOccurred, status: "True", message: the generator is broken, lastTransitionTime: "2026-01-02T03:04:05Z"}
    - {type: ResourcesUpToDate, status: "False", message: the generator is broken, lastTransitionTime: "2026-01-02T03:04:05Z"}
`)
	admin, watcher := s.admin(), s.groupToken("shop-watchers")
	s.answers(admin, "/sources", 200, []string{"ApplicationSet", "shops", "no app", "the generator is broken", "Not ready"}, nil)
	uid := string(s.get(setKind, "argocd", "shops").GetUID())
	for _, name := range []string{"shop-web", "books-web"} {
		s.edit(applicationKind, "argocd", name, `{"metadata":{"ownerReferences":[{"apiVersion":"argoproj.io/v1alpha1","kind":"ApplicationSet","name":"shops","uid":"`+uid+`"}]}}`)
	}
	const shop, books = `href="/apps/application/argocd/shop-web"`, `href="/apps/application/argocd/books-web"`
	s.answers(admin, "/sources", 200, []string{shop, books, "are not carried out yet"}, nil)
	s.answers(watcher, "/sources", 200, []string{"shops", shop}, []string{books})
	s.edit(setKind, "argocd", "shops", `{"status":{"conditions":[{"type":"ResourcesUpToDate","status":"True","lastTransitionTime":"2026-01-02T03:04:05Z"}]}}`)
	s.answers(admin, "/sources", 200, []string{"Ready"}, []string{"Not ready"})
	s.edit(setKind, "argocd", "shops", `{"spec":{"template":{"spec":{"project":"books"}}}}`)
	s.answers(watcher, "/sources", 200, []string{"No sources that you may see"}, []string{"shops"})
}
