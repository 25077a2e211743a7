package backend

import (
	"context"
	"encoding/json"
	"errors"
	"maps"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/fixpoint-cd/fixpoint/internal/dialect/argo"
	"github.com/fixpoint-cd/fixpoint/internal/model"
	"github.com/fixpoint-cd/fixpoint/internal/view"
)

// listing is a client whose writes are in the list of apps at once.
type listing struct {
	client.Client
	b *Backend
}

func (l listing) Create(ctx context.Context, obj client.Object, o ...client.CreateOption) error {
	return l.list(obj, l.Client.Create(ctx, obj, o...))
}

func (l listing) Update(ctx context.Context, obj client.Object, o ...client.UpdateOption) error {
	return l.list(obj, l.Client.Update(ctx, obj, o...))
}

func (l listing) list(obj client.Object, err error) error {
	if u, is := obj.(*unstructured.Unstructured); is && err == nil {
		l.b.board.Put(view.App{Key: KeyOf(u.GetKind(), u.GetNamespace(), u.GetName()), Kind: u.GetKind(), Project: argo.ProjectOf(u)}, time.Now())
	}
	return err
}

// declaring is a backend with the project shop, for the control plane's namespace and those
// that begin with team-.
func declaring(t *testing.T, objects ...client.Object) (*Backend, client.Client) {
	t.Helper()
	b, c := working(t, objects...)
	b.Client = listing{c, b}
	b.Declares = func(namespace string) bool { return namespace == "argocd" || strings.HasPrefix(namespace, "team-") }
	b.Extra = func(string) []*unstructured.Unstructured {
		return []*unstructured.Unstructured{declaredBy(t, "kind: AppProject\nmetadata: {namespace: argocd, name: shop}\nspec: {sourceNamespaces: [team-s*], "+
			"sourceRepos: ['https://git.example/*', '!https://git.example/secret'], destinations: [{name: in-cluster, namespace: 'shop*'}]}\n")}
	}
	return b, c
}

// asIs is an Edit to one declaration.
func asIs(t *testing.T, metadata, spec string) view.Edit {
	t.Helper()
	obj := declaredBy(t, "metadata: {"+metadata+"}\nspec: {"+spec+"}\n")
	return func(map[string]any) (map[string]any, error) { return obj.Object, nil }
}

// valid is the spec of an Application that can be worked on.
const valid = "destination: {name: in-cluster, namespace: shop}, source: {repoURL: 'https://git.example/shop', path: base}"

// A declaration is what an Edit says, and all else stays: what the controller writes, what
// kubectl has applied, and the credentials in addresses, which the Edit was not shown.
func TestDeclare(t *testing.T) {
	secret := strings.ReplaceAll(valid, "git.example", "bot:hunter2@git.example")
	obj := anApplication(t, "labels: {a: '1'}, annotations: {kubectl.kubernetes.io/last-applied-configuration: x, keep: '1'}", secret)
	obj.Object["status"] = map[string]any{"sync": map[string]any{"status": "Synced"}}
	obj.Object["operation"] = map[string]any{"sync": map[string]any{}}
	b, c := declaring(t, obj)
	got, err := b.Declare(t.Context(), application, "ann", func(now map[string]any) (map[string]any, error) {
		if text := string(mustJSON(t, now)); strings.Contains(text, "hunter2") || strings.Contains(text, "last-applied") {
			t.Errorf("the Edit is shown %s", text)
		}
		next := maps.Clone(now)
		next["metadata"] = map[string]any{"name": "another", "uid": "another", "labels": map[string]any{"b": "2"}, "finalizers": []any{"resources-finalizer.argocd.argoproj.io"}}
		next["spec"] = map[string]any{
			"project": "shop", "destination": map[string]any{"name": "in-cluster", "namespace": "shop"},
			"source": map[string]any{"repoURL": "https://git.example/shop", "path": "other"},
		}
		next["status"], next["operation"] = map[string]any{"health": "x"}, nil
		return next, nil
	})
	if err != nil || strings.Contains(string(mustJSON(t, got)), "hunter2") {
		t.Errorf("answered %v, %v", got, err)
	}
	now, err := read(t.Context(), c, application)
	if err != nil {
		t.Fatal(err)
	}
	unstructured.RemoveNestedField(now.Object, "metadata", "resourceVersion")
	want := declaredBy(t, `
apiVersion: argoproj.io/v1alpha1
kind: Application
metadata:
  namespace: argocd
  name: shop
  uid: one
  labels: {b: "2"}
  annotations: {kubectl.kubernetes.io/last-applied-configuration: x}
  finalizers: [resources-finalizer.argocd.argoproj.io]
spec:
  project: shop
  destination: {name: in-cluster, namespace: shop}
  source: {repoURL: "https://bot:hunter2@git.example/shop", path: other}
status: {sync: {status: Synced}}
operation: {sync: {}}
`)
	if diff := cmp.Diff(want.Object, now.Object); diff != "" {
		t.Errorf("it is declared otherwise (-want +got):\n%s", diff)
	}
}

// Credentials stay where they are, and come to no other place.
func TestSecurityDeclareKeepsCredentials(t *testing.T) {
	before := map[string]any{"source": map[string]any{"repoURL": "https://bot:hunter2@git.example/shop"}}
	for name, c := range map[string]struct {
		now  map[string]any
		kept bool
	}{
		"as shown":         {map[string]any{"source": map[string]any{"repoURL": "https://git.example/shop"}}, true},
		"another address":  {map[string]any{"source": map[string]any{"repoURL": "https://git.example/other"}}, false},
		"another place":    {map[string]any{"info": []any{map[string]any{"value": "https://git.example/shop"}}}, false},
		"another field":    {map[string]any{"source": map[string]any{"path": "https://git.example/shop"}}, false},
		"its own user":     {map[string]any{"source": map[string]any{"repoURL": "https://eve@git.example/shop"}}, false},
		"of another shape": {map[string]any{"source": "https://git.example/shop"}, false},
	} {
		got := string(mustJSON(t, withUsers(c.now, before)))
		if strings.Contains(got, "hunter2") != c.kept {
			t.Errorf("%s: %s", name, got)
		}
	}
}

// What is declared anew is there at once, and only where it can be worked on.
func TestDeclareAnew(t *testing.T) {
	key := func(namespace string) model.AppKey {
		return model.AppKey{Dialect: argo.Dialect, Namespace: namespace, Name: "new"}
	}
	for name, c := range map[string]struct {
		key  model.AppKey
		spec string
		want error
		says string
	}{
		"in the control plane's namespace":      {key("argocd"), "project: shop, " + valid, nil, ""},
		"in the project default":                {key("argocd"), valid, nil, ""},
		"in a namespace that the project names": {key("team-shop"), "project: shop, " + valid, nil, ""},
		"in a namespace that it does not name":  {key("team-pay"), "project: shop, " + valid, model.ErrDenied, "sourceNamespaces"},
		"elsewhere in the project default":      {key("team-shop"), valid, model.ErrDenied, "sourceNamespaces"},
		"in a namespace of nobody":              {key("kube-system"), "project: shop, " + valid, model.ErrDenied, "--app-namespaces"},
		"in a project that does not exist":      {key("argocd"), "project: none, " + valid, model.ErrInvalid, "project none which does not exist"},
		"of a repository of others":             {key("argocd"), "project: shop, " + strings.ReplaceAll(valid, "git.example", "evil.example"), model.ErrDenied, "https://evil.example/shop is not permitted in project 'shop'"},
		"of one that the project is against":    {key("argocd"), "project: shop, " + strings.ReplaceAll(valid, "example/shop", "example/secret"), model.ErrDenied, "is not permitted"},
		"of a second one":                       {key("argocd"), "project: shop, destination: {name: in-cluster, namespace: shop}, sources: [{repoURL: 'https://git.example/shop', path: a}, {repoURL: 'https://evil.example/x', path: a}]", model.ErrDenied, "evil.example"},
		"in a namespace of others":              {key("argocd"), "project: shop, " + strings.ReplaceAll(valid, "namespace: shop", "namespace: kube-system"), model.ErrDenied, "do not match any of the allowed destinations"},
		"by the server's address":               {key("argocd"), "project: shop, " + strings.ReplaceAll(valid, "name: in-cluster", "server: 'https://kubernetes.default.svc'"), nil, ""},
		"without a destination":                 {key("argocd"), "source: {repoURL: 'https://git.example/a', path: b}", model.ErrInvalid, "neither server nor name"},
		"in a cluster that does not exist":      {key("argocd"), strings.ReplaceAll(valid, "in-cluster", "nowhere"), model.ErrInvalid, `no cluster "nowhere"`},
		"with two destinations":                 {key("argocd"), strings.ReplaceAll(valid, "name: in-cluster", "name: in-cluster, server: 'https://a'"), model.ErrInvalid, "both name and server"},
		"without a source":                      {key("argocd"), "destination: {name: in-cluster}", model.ErrInvalid, "source"},
		"with a field of another type":          {key("argocd"), valid + ", syncPolicy: 1", model.ErrInvalid, "syncPolicy"},
	} {
		t.Run(name, func(t *testing.T) {
			b, c2 := declaring(t)
			got, err := b.Declare(t.Context(), c.key, "ann", asIs(t, "labels: {a: b}", c.spec))
			if !errors.Is(err, c.want) || err != nil && !strings.Contains(err.Error(), c.says) {
				t.Fatalf("got %v, want %v that says %q", err, c.want, c.says)
			}
			now, err := read(t.Context(), c2, c.key)
			if made := err == nil; made != (c.want == nil) {
				t.Fatalf("made: %v, %v", now, err)
			}
			if c.want == nil && (now.GetLabels()["a"] != "b" || text(got, "metadata", "uid") != string(now.GetUID())) {
				t.Errorf("%v, answered %v", now, got)
			}
		})
	}
}

// TestSecurityDeclareWithinTheProject: who may change an app in a project can't have it
// deploy what or where the project does not admit; what it was before may stay.
func TestSecurityDeclareWithinTheProject(t *testing.T) {
	elsewhere := strings.ReplaceAll(valid, "namespace: shop", "namespace: kube-system")
	in := func(project, spec string) *unstructured.Unstructured {
		obj := anApplication(t, "", spec)
		return declaredBy(t, strings.Replace(string(mustJSON(t, obj.Object)), `"project":"default"`, `"project":"`+project+`"`, 1))
	}
	for name, c := range map[string]struct {
		was, spec string
		project   string
		want      error
	}{
		"the same place":             {valid, "project: shop, " + valid + ", revisionHistoryLimit: 3", "shop", nil},
		"another place":              {valid, "project: shop, " + elsewhere, "shop", model.ErrDenied},
		"another repository":         {valid, "project: shop, " + strings.ReplaceAll(valid, "git.example", "evil.example"), "shop", model.ErrDenied},
		"into the project":           {elsewhere, "project: shop, " + elsewhere, "default", model.ErrDenied},
		"what is not admitted stays": {elsewhere, "project: shop, " + elsewhere + ", revisionHistoryLimit: 3", "shop", nil},
	} {
		b, c2 := declaring(t, in(c.project, c.was))
		_, err := b.Declare(t.Context(), application, "ann", asIs(t, "", c.spec))
		if !errors.Is(err, c.want) {
			t.Errorf("%s: %v, want %v", name, err, c.want)
		}
		now, err := read(t.Context(), c2, application)
		if err != nil || c.want != nil && text(now.Object, "spec", "destination", "namespace") != text(in(c.project, c.was).Object, "spec", "destination", "namespace") {
			t.Errorf("%s: it is %v, %v", name, now, err)
		}
	}
}

// TestSecurityDeclareInAClusterOtherwiseNamed: a project that is against a cluster is so
// however a destination names it.
func TestSecurityDeclareInAClusterOtherwiseNamed(t *testing.T) {
	for named, want := range map[string]error{
		"server: 'https://kubernetes.default.svc'": model.ErrDenied, "server: 'https://kubernetes.default.svc/'": model.ErrDenied, "name: in-cluster": model.ErrDenied,
		"server: 'https://other.example'": model.ErrInvalid, // it is none of those that there are
	} {
		b, _ := declaring(t)
		b.Extra = func(string) []*unstructured.Unstructured {
			return []*unstructured.Unstructured{declaredBy(t, "kind: AppProject\nmetadata: {namespace: argocd, name: shop}\nspec: {sourceRepos: ['*'], "+
				"destinations: [{server: '*', namespace: '*'}, {server: '!https://kubernetes.default.svc', namespace: '*'}]}\n")}
		}
		_, err := b.Declare(t.Context(), application, "ann", asIs(t, "", "project: shop, "+strings.ReplaceAll(valid, "name: in-cluster", named)))
		if !errors.Is(err, want) {
			t.Errorf("%s: %v, want %v", named, err, want)
		}
	}
}

// An Edit is asked again where somebody else has written meanwhile, and what that was stays.
func TestDeclareBetweenWrites(t *testing.T) {
	for times, want := range map[int]error{0: nil, attempts - 1: nil, attempts: view.ErrConflict} {
		b, c := declaring(t, anApplication(t, "", valid))
		b.Latest = &overtaken{c, times}
		_, err := b.Declare(t.Context(), application, "ann", func(now map[string]any) (map[string]any, error) {
			next := maps.Clone(now)
			spec, _ := now["spec"].(map[string]any)
			spec = maps.Clone(spec)
			spec["revisionHistoryLimit"] = int64(3)
			next["spec"] = spec
			return next, nil
		})
		if !errors.Is(err, want) {
			t.Errorf("overtaken %d times: got %v, want %v", times, err, want)
		}
		now, err := read(t.Context(), c, application)
		_, set, _ := unstructured.NestedInt64(now.Object, "spec", "revisionHistoryLimit")
		if err != nil || set != (want == nil) || times > 0 && now.GetLabels()["written"] != "0" {
			t.Errorf("overtaken %d times: %v, %v", times, now, err)
		}
	}
}

// What is being deleted, and what changes nothing, is not written.
func TestDeclareWritesNothing(t *testing.T) {
	deleted := anApplication(t, "deletionTimestamp: '2026-11-20T09:30:00Z', finalizers: [somebody.example/else]", valid)
	b, _ := declaring(t, deleted)
	if _, err := b.Declare(t.Context(), application, "ann", asIs(t, "", "project: shop, "+valid)); !errors.Is(err, view.ErrConflict) {
		t.Errorf("one that is being deleted: got %v, want a conflict", err)
	}
	b, c := declaring(t, anApplication(t, "", valid))
	before, err := read(t.Context(), c, application)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := b.Declare(t.Context(), application, "ann", func(now map[string]any) (map[string]any, error) { return now, nil }); err != nil {
		t.Error(err)
	}
	if now, err := read(t.Context(), c, application); err != nil || now.GetResourceVersion() != before.GetResourceVersion() {
		t.Errorf("it was written: %v, %v", now, err)
	}
	if _, err := b.Declare(t.Context(), kustomization, "ann", asIs(t, "", valid)); !errors.Is(err, model.ErrInvalid) {
		t.Errorf("a Kustomization: got %v, want it refused", err)
	}
}

func mustJSON(t *testing.T, v any) []byte {
	t.Helper()
	raw, err := json.Marshal(v)
	if err != nil {
		t.Fatal(err)
	}
	return raw
}
