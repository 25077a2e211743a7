package examples_test

import (
	"context"
	"fmt"
	"io/fs"
	"path"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"sigs.k8s.io/yaml"

	"github.com/fixpoint-cd/fixpoint/examples"
	"github.com/fixpoint-cd/fixpoint/internal/dialect/argo"
	"github.com/fixpoint-cd/fixpoint/internal/dialect/flux"
	"github.com/fixpoint-cd/fixpoint/internal/model"
	"github.com/fixpoint-cd/fixpoint/internal/render"
)

// rendered is what each manifest of apps comes to.
var rendered = map[string][]string{
	"argo-cd.yaml": {
		"ConfigMap/my-app", "Deployment.apps/my-app", "Service/my-app", "ServiceAccount/my-app",
	},
	"flux.yaml": {
		"ConfigMap/my-app-staging/my-app", "Deployment.apps/my-app-staging/my-app", "Namespace/my-app-staging",
		"Service/my-app-staging/my-app", "ServiceAccount/my-app-staging/my-app",
	},
	"argo-cd-plain.yaml": {
		"ConfigMap/cleanup", "CronJob.batch/cleanup", "ResourceQuota/team", "Role.rbac.authorization.k8s.io/cleanup",
		"RoleBinding.rbac.authorization.k8s.io/cleanup", "ServiceAccount/cleanup",
	},
	"flux-plain.yaml": {
		"ConfigMap/cleanup-staging/cleanup", "CronJob.batch/cleanup-staging/cleanup", "ResourceQuota/cleanup-staging/team",
		"Role.rbac.authorization.k8s.io/cleanup-staging/cleanup", "RoleBinding.rbac.authorization.k8s.io/cleanup-staging/cleanup",
		"ServiceAccount/cleanup-staging/cleanup",
	},
}

// TestApps reads every manifest as the dialects do and renders what it names.
func TestApps(t *testing.T) {
	names, err := fs.Glob(examples.Apps(), "*.yaml")
	if err != nil || len(names) != len(rendered) {
		t.Fatalf("there are %d manifests and %d expectations (%v)", len(names), len(rendered), err)
	}
	for _, name := range names {
		t.Run(name, func(t *testing.T) {
			app, url := appOf(t, objectsOf(t, name))
			if app.Invalid != nil || len(app.Warnings) > 0 {
				t.Fatalf("invalid: %v, warnings: %v", app.Invalid, app.Warnings)
			}
			repository := strings.TrimPrefix(url, "https://github.com/myorg/")
			if !slices.Contains(examples.Repositories(), repository) {
				t.Fatalf("it follows %q, which is no example", url)
			}
			if diff := cmp.Diff(rendered[name], renderOf(t, repository, app.Sources[0].Render)); diff != "" {
				t.Errorf("rendered (-want +got):\n%s", diff)
			}
		})
	}
}

// TestRepositories renders every overlay and directory that a reader is told to.
func TestRepositories(t *testing.T) {
	for _, at := range []struct{ repository, path string }{
		{"my-app-config", "base"}, {"my-app-config", "overlays/production"},
		{"my-app-config", "overlays/staging"}, {"plain", "."},
	} {
		t.Run(path.Join(at.repository, at.path), func(t *testing.T) {
			if got := renderOf(t, at.repository, model.Render{Path: at.path}); len(got) < 4 {
				t.Errorf("it renders only %v", got)
			}
		})
	}
}

// TestSamples renders every directory that a sample app follows: what its commit
// declares can be applied, but for the app that is there to show an error.
func TestSamples(t *testing.T) {
	for _, at := range []struct {
		repository, path string
		objects          int
	}{
		{"sample-shop", "frontend/overlays/production", 4}, {"sample-shop", "frontend/overlays/staging", 3},
		{"sample-shop", "cart", 6}, {"sample-shop", "search", 3}, {"sample-shop", "recommendations", 3},
		{"sample-shop", "nightly-report", 3}, {"sample-payments", "api/overlays/production", 6},
		{"sample-payments", "api/overlays/staging", 5}, {"sample-payments", "invoices", 4},
	} {
		t.Run(path.Join(at.repository, at.path), func(t *testing.T) {
			if got := renderOf(t, at.repository, model.Render{Path: at.path}); len(got) != at.objects {
				t.Errorf("it renders %v, want %d objects", got, at.objects)
			}
		})
	}
	tree, err := render.DirTree("sample-shop")
	if err != nil {
		t.Fatal(err)
	}
	_, err = render.New(render.Config{}).Render(context.Background(), model.RenderInput{Render: model.Render{Path: "mail"}, Tree: tree})
	if err == nil || !strings.Contains(err.Error(), "smtp.example.com") {
		t.Errorf("mail renders with %v, want what to do", err)
	}
}

// TestSampleApps reads the sample manifests as the dialects do: they are valid, and
// what they follow is there.
func TestSampleApps(t *testing.T) {
	names, err := fs.Glob(examples.SampleApps(), "*.yaml")
	if err != nil || len(names) < 10 {
		t.Fatalf("there are %d manifests (%v)", len(names), err)
	}
	for _, name := range names {
		for _, u := range objectsIn(t, examples.SampleApps(), name) {
			var app model.App
			switch u.GetKind() {
			case "Application":
				inCluster(t, u)
				app, _ = argo.Adapt(u, argo.Env{Namespace: "argocd"})
			case "Kustomization":
				app = flux.Applied(u)
			default:
				continue
			}
			if app.Invalid != nil {
				t.Errorf("%s: %v", name, app.Invalid)
			}
			for _, s := range app.Sources {
				if !exists(s.Render.Path) {
					t.Errorf("%s follows %q, which no sample has", name, s.Render.Path)
				}
			}
		}
	}
}

// inCluster gives an Application of the cluster staging, which only the demo
// declares, another destination.
func inCluster(t *testing.T, u *unstructured.Unstructured) {
	t.Helper()
	if name, found, _ := unstructured.NestedString(u.Object, "spec", "destination", "name"); found {
		if name != "staging" {
			t.Errorf("%s is for the cluster %q, which nobody declares", u.GetName(), name)
		}
		if err := unstructured.SetNestedField(u.Object, "in-cluster", "spec", "destination", "name"); err != nil {
			t.Fatal(err)
		}
	}
}

// exists reports whether any of the samples has a folder.
func exists(folder string) bool {
	return slices.ContainsFunc(examples.Samples(), func(repository string) bool {
		info, err := fs.Stat(examples.Repository(repository), path.Clean(folder))
		return err == nil && info.IsDir()
	})
}

func renderOf(t *testing.T, repository string, spec model.Render) []string {
	t.Helper()
	dir, err := render.DirTree(repository)
	if err != nil {
		t.Fatal(err)
	}
	// The demo serves the embedded files: they have to be the ones on disk.
	files := examples.Repository(repository)
	err = fs.WalkDir(files, ".", func(name string, e fs.DirEntry, err error) error {
		if err != nil || e.IsDir() {
			return err
		}
		embedded, _ := fs.ReadFile(files, name)
		if onDisk, _ := dir.ReadFile(name); string(onDisk) != string(embedded) {
			return fmt.Errorf("%s is not embedded as it is", name)
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	out, err := render.New(render.Config{}).Render(context.Background(), model.RenderInput{Render: spec, Tree: dir})
	if err != nil {
		t.Fatal(err)
	}
	if len(out.Warnings) > 0 {
		t.Errorf("warnings: %v", out.Warnings)
	}
	var keys []string
	for _, o := range out.Objects {
		keys = append(keys, o.String())
	}
	slices.Sort(keys)
	return keys
}

// appOf adapts the app among the objects and finds the repository it follows.
func appOf(t *testing.T, objects []*unstructured.Unstructured) (app model.App, url string) {
	t.Helper()
	for _, u := range objects {
		switch u.GetKind() {
		case "Application":
			adapted, sources := argo.Adapt(u, argo.Env{Namespace: "argocd"})
			app, url = adapted, sources[0].URL
		case "Kustomization":
			app = flux.Applied(u)
		case "GitRepository":
			url, _, _ = unstructured.NestedString(u.Object, "spec", "url")
		}
	}
	return app, url
}

func objectsOf(t *testing.T, name string) []*unstructured.Unstructured {
	t.Helper()
	return objectsIn(t, examples.Apps(), name)
}

func objectsIn(t *testing.T, from fs.FS, name string) []*unstructured.Unstructured {
	t.Helper()
	data, err := fs.ReadFile(from, name)
	if err != nil {
		t.Fatal(err)
	}
	var out []*unstructured.Unstructured
	for doc := range strings.SplitSeq(string(data), "\n---\n") {
		u := &unstructured.Unstructured{}
		if err := yaml.UnmarshalStrict([]byte(doc), &u.Object); err != nil {
			t.Fatal(err)
		}
		out = append(out, u)
	}
	return out
}
