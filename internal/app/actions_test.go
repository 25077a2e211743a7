package app

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	jsonpatch "gopkg.in/evanphx/json-patch.v4"
	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/client-go/rest"
	"sigs.k8s.io/yaml"

	"github.com/fixpoint-cd/fixpoint/internal/action"
	"github.com/fixpoint-cd/fixpoint/internal/dialect/argo"
	"github.com/fixpoint-cd/fixpoint/internal/model"
	"github.com/fixpoint-cd/fixpoint/internal/script"
)

func TestMain(m *testing.M) {
	if code, ok := internalCommand(os.Args[1:], os.Stderr); ok {
		os.Exit(code)
	}
	os.Exit(m.Run())
}

// shelf is a cluster that keeps objects and refuses patches of old ones.
type shelf struct {
	t       *testing.T
	objects map[model.ObjectKey]map[string]any
	version int
	// meanwhile is called before each write.
	meanwhile func(m *shelf, change action.Change)

	mu   sync.Mutex
	done []string // the reads and writes
}

func (m *shelf) Kind(ref model.ObjectRef) (liveKind, error) {
	if ref.Kind == "Unserved" {
		return liveKind{}, model.As(model.ErrNotFound, errors.New("no such kind"))
	}
	return liveKind{namespaced: ref.Kind != "Node", statusApart: ref.Kind != "Plain"}, nil
}

func (m *shelf) Read(_ context.Context, ref model.ObjectRef) (map[string]any, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.done = append(m.done, "read "+ref.ObjectKey.String())
	obj, ok := m.objects[ref.ObjectKey]
	if !ok {
		return nil, model.As(model.ErrNotFound, fmt.Errorf("there is no %s in the cluster", ref.ObjectKey))
	}
	return m.parse(m.text(obj)), nil
}

func (m *shelf) Write(_ context.Context, c action.Change) (map[string]any, error) {
	if m.meanwhile != nil {
		m.meanwhile(m, c)
	}
	body := string(c.Patch)
	if c.Create != nil {
		body = m.text(c.Create)
	}
	m.done = append(m.done, strings.TrimSpace(fmt.Sprintf("write %s %s %s", c.Ref.ObjectKey, c.Subresource, body)))
	if c.Create != nil {
		c.Create["metadata"].(map[string]any)["namespace"] = c.Ref.Namespace
		m.put(c.Create)
		return m.objects[c.Ref.ObjectKey], nil
	}
	obj := m.objects[c.Ref.ObjectKey]
	meta, _ := m.parse(body)["metadata"].(map[string]any)
	if v := meta["resourceVersion"]; v != nil && v != obj["metadata"].(map[string]any)["resourceVersion"] {
		gr := schema.GroupResource{Resource: c.Ref.Kind}
		return nil, fmt.Errorf("writing: %w", apierrors.NewConflict(gr, c.Ref.Name, errors.New("it has changed")))
	}
	patched, err := jsonpatch.MergePatch([]byte(m.text(obj)), c.Patch)
	if err != nil {
		m.t.Fatal(err)
	}
	m.put(m.parse(string(patched)))
	return m.objects[c.Ref.ObjectKey], nil
}

func (m *shelf) put(obj map[string]any) {
	m.version++
	meta := obj["metadata"].(map[string]any)
	meta["resourceVersion"] = fmt.Sprint(m.version)
	m.objects[action.New(obj).Ref.ObjectKey] = obj
}

func (m *shelf) text(obj map[string]any) string {
	m.t.Helper()
	text, err := json.Marshal(obj)
	if err != nil {
		m.t.Fatal(err)
	}
	return string(text)
}

func (m *shelf) parse(text string) (obj map[string]any) {
	m.t.Helper()
	if err := yaml.Unmarshal([]byte(text), &obj); err != nil {
		m.t.Fatal(err)
	}
	return obj
}

const scripts = `
apps/Deployment:
  actions: |
    mergeBuiltinActions: true
    discovery.lua: |
      return {grow = {params = {{name = "by", default = "1"}}}, ["not-now"] = {disabled = true}, nowhere = {}}
    definitions:
    - name: grow
      action.lua: |
        obj.spec.replicas = obj.spec.replicas + tonumber(actionParams["by"])
        obj.status = {replicas = obj.spec.replicas}
        return obj
    - name: not-now
      action.lua: return obj
batch/CronJob:
  actions: |
    discovery.lua: return {twice = {}, away = {}}
    definitions:
    - name: twice
      action.lua: |
        local job = {apiVersion = "batch/v1", kind = "Job", metadata = {name = "a"}}
        obj.metadata.annotations = {ran = "yes"}
        return {{operation = "create", resource = job}, {operation = "patch", resource = obj}}
    - name: away
      action.lua: |
        return {{operation = "create", resource = {apiVersion = "batch/v1", kind = "Job", metadata = {name = "a", namespace = "elsewhere"}}}}
Secret:
  actions: |
    discovery.lua: error("it is secret")
`

const world = `
apiVersion: apps/v1
kind: Deployment
metadata: {name: web, namespace: app}
spec: {replicas: 1}
---
apiVersion: batch/v1
kind: CronJob
metadata: {name: nightly, namespace: app}
---
apiVersion: v1
kind: Secret
metadata: {name: login, namespace: app}
---
apiVersion: v1
kind: ConfigMap
metadata: {name: settings, namespace: app}
`

func newTestActor(t *testing.T) (*actor, *shelf) {
	t.Helper()
	settings, problems := argo.ReadSettings([]corev1.Secret{{
		ObjectMeta: metav1.ObjectMeta{Name: "c", Labels: map[string]string{argo.LabelSecretType: "cluster"}},
		Data:       map[string][]byte{"name": []byte("limited"), "server": []byte("https://limited"), "namespaces": []byte("app"), "config": []byte("{}")},
	}}, []corev1.ConfigMap{{
		ObjectMeta: metav1.ObjectMeta{Name: "argocd-cm"}, Data: map[string]string{"resource.customizations": scripts},
	}})
	if len(problems) > 0 {
		t.Fatal(problems)
	}
	m := &shelf{t: t, objects: map[model.ObjectKey]map[string]any{}}
	for doc := range strings.SplitSeq(world, "\n---\n") {
		m.put(m.parse(doc))
	}
	pool := script.New(script.Config{Time: time.Minute})
	t.Cleanup(pool.Close)
	now := func() time.Time { return time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC) }
	return &actor{app: model.App{Target: "https://limited"}, settings: settings, cluster: m, scripts: pool, now: now}, m
}

// object is one of the world: "group/kind namespace/name".
func object(text string) model.ObjectRef {
	kind, name, _ := strings.Cut(text, " ")
	group, kind, _ := strings.Cut(kind, "/")
	namespace, name, _ := strings.Cut(name, "/")
	return model.ObjectRef{ObjectKey: model.ObjectKey{Group: group, Kind: kind, Namespace: namespace, Name: name}, Version: "v1"}
}

// TestActions lists the actions of some objects: those that don't exist have none,
// kinds without any are not read, and one script that fails leaves the others.
func TestActions(t *testing.T) {
	a, m := newTestActor(t)
	found, err := a.list(t.Context(), []model.ObjectRef{
		object("/ConfigMap app/settings"), object("apps/Deployment app/web"), object("apps/Deployment app/gone"),
		object("/Secret app/login"), object("batch/CronJob app/nightly"),
	})
	if err == nil || !strings.Contains(err.Error(), "Secret/app/login: discovery script of Secret") || strings.Contains(err.Error(), "web") {
		t.Errorf("error: %v", err)
	}
	var got []string
	for _, f := range found {
		text := f.On.Name + " " + f.Name
		if f.Disabled {
			text += " (" + f.Why + ")"
		}
		for _, p := range f.Params {
			text += " " + p.Name + "=" + p.Default
		}
		got = append(got, text)
	}
	want := []string{
		"web grow by=1", "web not-now (its discovery script in argocd-cm says so)",
		"web nowhere (argocd-cm has no definition of it: add its action.lua)",
		"web pause", "web restart", "web resume (it is not paused)", "web scale replicas=1",
		"nightly away", "nightly twice",
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
	for _, d := range m.done {
		if strings.Contains(d, "ConfigMap") {
			t.Errorf("a kind without actions was asked for: %s", d)
		}
	}
}

// TestAct does actions, and says what can't be done.
func TestAct(t *testing.T) {
	tests := map[string]struct {
		on, name string
		params   map[string]string
		done     []string
		writes   []string
		err      string
	}{
		"one that comes with the kind": {on: "apps/Deployment app/web", name: "pause",
			done: []string{"Deployment.apps/app/web changed"}, writes: []string{`write Deployment.apps/app/web  {"spec":{"paused":true}}`}},
		"a subresource": {on: "apps/Deployment app/web", name: "scale", params: map[string]string{"replicas": "3"},
			done: []string{"scale of Deployment.apps/app/web changed"}, writes: []string{`write Deployment.apps/app/web scale {"spec":{"replicas":3}}`}},
		"a script, the status apart": {on: "apps/Deployment app/web", name: "grow", params: map[string]string{"by": "2"},
			done: []string{"status of Deployment.apps/app/web changed", "Deployment.apps/app/web changed"},
			writes: []string{`write Deployment.apps/app/web status {"metadata":{"resourceVersion":"1"},"status":{"replicas":3}}`,
				`write Deployment.apps/app/web  {"metadata":{"resourceVersion":"5"},"spec":{"replicas":3}}`}},
		"nothing to do": {on: "apps/Deployment app/web", name: "grow", params: map[string]string{"by": "0"},
			done:   []string{"status of Deployment.apps/app/web changed"},
			writes: []string{`write Deployment.apps/app/web status {"metadata":{"resourceVersion":"1"},"status":{"replicas":1}}`}},
		"a new object": {on: "batch/CronJob app/nightly", name: "twice",
			done: []string{"Job.batch/app/a created", "CronJob.batch/app/nightly changed"},
			writes: []string{`write Job.batch/app/a  {"apiVersion":"batch/v1","kind":"Job","metadata":{"name":"a"}}`,
				`write CronJob.batch/app/nightly  {"metadata":{"annotations":{"ran":"yes"},"resourceVersion":"2"}}`}},
		"an object of another namespace": {on: "batch/CronJob app/nightly", name: "away",
			err: `namespace "elsewhere" of Job.batch/elsewhere/a is not among those that cluster "limited" is limited to`},
		"a cluster that is limited":  {on: "apps/Deployment other/web", name: "restart", err: `namespace "other"`},
		"no such object":             {on: "apps/Deployment app/gone", name: "restart", err: "there is no Deployment.apps/app/gone"},
		"no such action":             {on: "apps/Deployment app/web", name: "explode", err: `no action "explode"`},
		"replaced by the users' own": {on: "batch/CronJob app/nightly", name: "suspend", err: "argocd-cm replaces those"},
		"disabled":                   {on: "apps/Deployment app/web", name: "not-now", err: "can't be done with Deployment.apps/app/web now"},
		"not defined":                {on: "apps/Deployment app/web", name: "nowhere", err: "no definition"},
		"no such parameter":          {on: "apps/Deployment app/web", name: "grow", params: map[string]string{"of": "2"}, err: `takes no parameter "of"`},
		"a script that is wrong":     {on: "/Secret app/login", name: "x", err: "Secret/app/login: discovery script of Secret"},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			a, m := newTestActor(t)
			done, err := a.act(t.Context(), object(tt.on), tt.name, tt.params)
			if tt.err == "" && err != nil || tt.err != "" && (err == nil || !strings.Contains(err.Error(), tt.err)) {
				t.Errorf("error %v, want %q", err, tt.err)
			}
			if diff := cmp.Diff(tt.done, done); diff != "" {
				t.Errorf("done: %s", diff)
			}
			if diff := cmp.Diff(tt.writes, m.writes()); diff != "" {
				t.Errorf("writes: %s", diff)
			}
		})
	}
}

func (m *shelf) writes() (out []string) {
	for _, d := range m.done {
		if strings.HasPrefix(d, "write") {
			out = append(out, d)
		}
	}
	return out
}

// touch is somebody else's write.
func touch(m *shelf, key model.ObjectKey) {
	obj := m.objects[key]
	spec, _ := obj["spec"].(map[string]any)
	if n, ok := spec["replicas"].(float64); ok {
		spec["replicas"] = n + 10
	}
	m.put(obj)
}

// TestActAgain has somebody else write meanwhile: the action is run anew on what
// there is then, but not for ever, and no object is created twice.
func TestActAgain(t *testing.T) {
	web, nightly := object("apps/Deployment app/web"), object("batch/CronJob app/nightly")
	t.Run("once", func(t *testing.T) {
		a, m := newTestActor(t)
		m.meanwhile = func(m *shelf, c action.Change) {
			m.meanwhile = nil
			touch(m, c.Ref.ObjectKey)
		}
		done, err := a.act(t.Context(), web, "grow", nil)
		if err != nil || len(done) != 2 {
			t.Errorf("%v, %v", done, err)
		}
		if n := m.objects[web.ObjectKey]["spec"].(map[string]any)["replicas"]; fmt.Sprint(n) != "12" {
			t.Errorf("replicas are %v: a change was lost", n)
		}
	})
	t.Run("always", func(t *testing.T) {
		a, m := newTestActor(t)
		m.meanwhile = func(m *shelf, c action.Change) { touch(m, c.Ref.ObjectKey) }
		_, err := a.act(t.Context(), web, "grow", nil)
		if err == nil || !strings.Contains(err.Error(), "keep changing it") {
			t.Errorf("error: %v", err)
		}
		if n := len(m.writes()); n != manyTries {
			t.Errorf("%d writes", n)
		}
	})
	t.Run("after something was created", func(t *testing.T) {
		a, m := newTestActor(t)
		m.meanwhile = func(m *shelf, c action.Change) {
			if c.Create == nil {
				touch(m, c.Ref.ObjectKey)
			}
		}
		done, err := a.act(t.Context(), nightly, "twice", nil)
		if diff := cmp.Diff([]string{"Job.batch/app/a created"}, done); diff != "" || !apierrors.IsConflict(err) {
			t.Errorf("%v: %s", err, diff)
		}
		if n := len(m.writes()); n != 2 {
			t.Errorf("%d writes", n)
		}
	})
}

// TestRefusedSecret: what the API server says of a Secret is not passed on.
func TestRefusedSecret(t *testing.T) {
	said := apierrors.NewInvalid(schema.GroupKind{Kind: "Secret"}, "login", nil)
	said.ErrStatus.Message = "hunter2 is no base64"
	err := withoutValues(object("/Secret app/login"), said)
	if strings.Contains(err.Error(), "hunter2") || !apierrors.IsInvalid(err) {
		t.Errorf("%v", err)
	}
	if err := withoutValues(object("/ConfigMap app/settings"), said); !strings.Contains(err.Error(), "hunter2") {
		t.Errorf("%v", err)
	}
}

// TestConnectionTo: what is meant for a cluster that nobody has declared never goes
// to the one at hand.
func TestConnectionTo(t *testing.T) {
	a, _ := newTestActor(t)
	own := &rest.Config{Host: "https://own"}
	for target, want := range map[string]string{"": "https://own", "https://limited": "https://limited"} {
		if got, err := connectionTo(target, a.settings, own); err != nil || got.Host != want {
			t.Errorf("%q: %v, %v", target, got, err)
		}
	}
	if got, err := connectionTo("https://nowhere", a.settings, own); got != nil || !errors.Is(err, model.ErrNotFound) {
		t.Errorf("%v, %v", got, err)
	}
}
