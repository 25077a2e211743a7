package e2e

import (
	"bytes"
	"encoding/json"
	"fmt"
	"html"
	"io"
	"net/http"
	"strings"
	"testing"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime/schema"

	"github.com/fixpoint-cd/fixpoint/internal/app"
)

var (
	projectKind = schema.GroupVersionKind{Group: "argoproj.io", Version: "v1alpha1", Kind: "AppProject"}
	setKind     = schema.GroupVersionKind{Group: "argoproj.io", Version: "v1alpha1", Kind: "ApplicationSet"}
)

// define has the cluster serve a kind, and forget it when the test is over.
func (e *env) define(kind schema.GroupVersionKind) {
	e.t.Helper()
	e.apply(strings.Replace(definition(kind.Group, kind.Kind), "{name: v1,", "{name: "+kind.Version+",", 1))
	name := strings.ToLower(kind.Kind) + "s.argoproj.io"
	e.t.Cleanup(func() { e.undefine(kind) })
	e.eventually(kind.Kind+" is served", func() error {
		if err := hasCondition(e.get(crdKind, "", name), "Established", "True"); err != nil {
			return err
		}
		r, err := e.cluster.kind(kind, "argocd")
		if err != nil {
			return err
		}
		_, err = r.List(e.t.Context(), metav1.ListOptions{})
		return err
	})
}

// undefine takes a kind away, with all objects of it.
func (e *env) undefine(kind schema.GroupVersionKind) {
	e.t.Helper()
	name := strings.ToLower(kind.Kind) + "s.argoproj.io"
	e.delete(crdKind, "", name)
	e.eventually(kind.Kind+" is not served any more", func() error {
		if e.get(crdKind, "", name) != nil {
			return fmt.Errorf("its CRD is there still")
		}
		return nil
	})
	e.cluster.mapper.Reset()
}

// site is a controller with the address that it serves people and programs at.
type site struct {
	*commander
}

// newSite starts a controller that serves pages and APIs, and knows what it has for admin.
func newSite(t *testing.T) *site {
	t.Helper()
	shown := make(chan string, 1)
	e := newEnv(t, func(o *app.Options) { o.UIListen, o.UIStarted = "127.0.0.1:0", func(addr string) { shown <- addr } })
	for name, value := range map[string]string{
		"HOME": t.TempDir(), "XDG_CONFIG_HOME": "", "KUBECONFIG": "/none", "KUBERNETES_SERVICE_HOST": "", "FIXPOINT_SERVER": "", "FIXPOINT_TOKEN": "",
	} {
		t.Setenv(name, value)
	}
	return &site{&commander{env: e, server: "http://" + <-shown}}
}

// admin is a token of the account that may do everything.
func (s *site) admin() string {
	s.t.Helper()
	var session struct{ Token string }
	password := s.firstPassword()
	s.eventually("signing in", func() error {
		code, body := s.ask(http.MethodPost, "/api/v1/session", "", map[string]string{"username": "admin", "password": password})
		if code != http.StatusOK {
			return fmt.Errorf("%d: %s", code, body)
		}
		return json.Unmarshal([]byte(body), &session)
	})
	return session.Token
}

// ask sends a request as whoever has the token.
func (s *site) ask(method, path, token string, body any) (int, string) {
	s.t.Helper()
	var sent io.Reader
	if body != nil {
		raw, err := json.Marshal(body)
		if err != nil {
			s.t.Fatal(err)
		}
		sent = bytes.NewReader(raw)
	}
	r, err := http.NewRequestWithContext(s.t.Context(), method, s.server+path, sent)
	if err != nil {
		s.t.Fatal(err)
	}
	r.Header.Set("Content-Type", "application/json")
	if token != "" {
		r.Header.Set("Authorization", "Bearer "+token)
	}
	resp, err := http.DefaultClient.Do(r)
	if err != nil {
		s.t.Fatal(err)
	}
	defer resp.Body.Close()
	raw, err := io.ReadAll(resp.Body)
	if err != nil {
		s.t.Fatal(err)
	}
	return resp.StatusCode, string(raw)
}

// answers waits until a request is answered with the code, with all of has and nothing
// of hasNot in the body.
func (s *site) answers(token, path string, code int, has, hasNot []string) {
	s.t.Helper()
	s.eventually("GET "+path, func() error {
		got, body := s.ask(http.MethodGet, path, token, nil)
		body = strings.ReplaceAll(html.UnescapeString(body), "\u00a0", " ")
		if got != code {
			return fmt.Errorf("the answer is %d, want %d: %.500s", got, code, body)
		}
		for _, text := range has {
			if !strings.Contains(body, text) {
				return fmt.Errorf("there is no %q in %.3000s", text, body)
			}
		}
		for _, text := range hasNot {
			if strings.Contains(body, text) {
				return fmt.Errorf("there is %q in %.3000s", text, body)
			}
		}
		return nil
	})
}

// faults are the lines of the log that tell of an error about any of these.
func (e *env) faults(about ...string) []string {
	var out []string
	for line := range strings.Lines(e.logs.String() + libraries.String()[e.heard:]) {
		if !strings.Contains(line, "level=ERROR") && !strings.Contains(line, "level=WARN") {
			continue
		}
		for _, text := range about {
			if strings.Contains(strings.ToLower(line), text) {
				out = append(out, line)
				break
			}
		}
	}
	return out
}

// TestExtraKinds: AppProjects and ApplicationSets are shown from when their CRDs are there,
// and no more once they are gone, as often as that happens, without a restart, without an
// app in the cluster and without complaints.
func TestExtraKinds(t *testing.T) {
	s := newSite(t)
	admin := s.admin()
	const projects, sources = "/fixpoint/v1/projects", "/fixpoint/v1/sources"
	s.answers(admin, projects, 200, []string{`"name":"default"`, `"implicit":true`}, []string{"team-one", "team-two"})
	for _, name := range []string{"team-one", "team-two"} {
		s.define(projectKind)
		s.define(setKind)
		s.apply("apiVersion: argoproj.io/v1alpha1\nkind: AppProject\nmetadata: {name: " + name + ", namespace: argocd}\nspec: {sourceRepos: ['*']}")
		s.apply("apiVersion: argoproj.io/v1alpha1\nkind: ApplicationSet\nmetadata: {name: set-" + name + ", namespace: argocd}\nspec: {template: {spec: {project: " + name + "}}}")
		s.answers(admin, projects, 200, []string{`"name":"` + name + `"`}, nil)
		s.answers(admin, sources, 200, []string{`"name":"set-` + name + `"`}, nil)
		s.undefine(projectKind)
		s.undefine(setKind)
		s.answers(admin, projects, 200, []string{`"name":"default"`}, []string{name})
		s.answers(admin, sources, 200, nil, []string{name})
	}
	if lines := s.faults("appproject", "applicationset"); len(lines) > 0 {
		t.Errorf("that kinds come and go is told as an error:\n%s", strings.Join(lines, ""))
	}
}

// TestDefaultProject: it is there without an AppProject, and what one says holds where
// there is one.
func TestDefaultProject(t *testing.T) {
	s := newSite(t)
	admin := s.admin()
	s.answers(admin, "/projects", 200, []string{"Always there, as with Argo CD"}, []string{"there is no AppProject of that name"})
	s.define(projectKind)
	s.apply(`apiVersion: argoproj.io/v1alpha1
kind: AppProject
metadata: {name: default, namespace: argocd}
spec:
  description: What nobody has put anywhere else
  sourceRepos: ["https://github.com/myorg/*"]
`)
	s.answers(admin, "/projects", 200, []string{"What nobody has put anywhere else", "https://github.com/myorg/*"}, []string{"Always there"})
	s.delete(projectKind, "argocd", "default")
	s.answers(admin, "/projects", 200, []string{"Always there, as with Argo CD"}, []string{"What nobody has put"})
}
