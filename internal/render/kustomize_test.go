package render

import (
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/fixpoint-cd/fixpoint/internal/model"
	"github.com/fixpoint-cd/fixpoint/internal/render/manifest"
	"github.com/google/go-cmp/cmp"
	"golang.org/x/tools/txtar"
	"sigs.k8s.io/kustomize/api/krusty"
	"sigs.k8s.io/kustomize/kyaml/filesys"
	"sigs.k8s.io/yaml"
)

// TestAsKustomizeBuild compares what is taken out of Kustomize with what its
// command prints, read as kubectl would.
func TestAsKustomizeBuild(t *testing.T) {
	archive, err := txtar.ParseFile("testdata/kustomize-plain.txtar")
	if err != nil {
		t.Fatal(err)
	}
	tree, disk := newTree(nil), filesys.MakeFsInMemory()
	for _, f := range archive.Files {
		tree = tree.with(map[string]string{f.Name: string(f.Data)})
		if err := disk.WriteFile("/"+f.Name, f.Data); err != nil {
			t.Fatal(err)
		}
	}
	built, err := krusty.MakeKustomizer(krusty.MakeDefaultOptions()).Run(disk, "/overlays/prod")
	if err != nil {
		t.Fatal(err)
	}
	printed, err := built.AsYaml()
	if err != nil {
		t.Fatal(err)
	}
	var want []string
	for _, doc := range manifest.Split(printed) {
		text, err := yaml.YAMLToJSON(doc.Text)
		if err != nil {
			t.Fatal(err)
		}
		want = append(want, string(text))
	}
	out, err := New(Config{}).Render(t.Context(), inputOf(tree, model.Render{Path: "overlays/prod"}))
	if err != nil {
		t.Fatal(err)
	}
	var got []string
	for _, o := range out.Objects {
		got = append(got, string(o.JSON))
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("-printed +rendered:\n%s", diff)
	}
}

// TestSchemaOfOneBuildDoesNotReachAnother builds, side by side, kustomizations
// that set a schema for Deployments and ones that need the built-in one.
func TestSchemaOfOneBuildDoesNotReachAnother(t *testing.T) {
	plain := map[string]string{
		"kustomization.yaml": "resources: [d.yaml]\npatches: [{path: p.yaml}]\n",
		"d.yaml":             "{apiVersion: apps/v1, kind: Deployment, metadata: {name: d}, spec: {template: {spec: {containers: [{name: a, image: a}, {name: b, image: b}]}}}}",
		"p.yaml":             "{apiVersion: apps/v1, kind: Deployment, metadata: {name: d}, spec: {template: {spec: {containers: [{name: b, image: c}]}}}}",
	}
	schema := newTree(plain).with(map[string]string{
		"kustomization.yaml": plain["kustomization.yaml"] + "openapi: {path: s.json}\n",
		"s.json": `{"definitions": {"apps.v1.Deployment": {"type": "object",
			"x-kubernetes-group-version-kind": [{"group": "apps", "kind": "Deployment", "version": "v1"}]}}}`,
	})
	r := New(Config{Workers: 4})
	var all sync.WaitGroup
	for i := range 24 {
		all.Go(func() {
			tree, want := newTree(plain), "a b"
			if i%4 == 0 {
				tree, want = schema, "b"
			}
			// The prefix makes every render another one.
			out, err := r.Render(t.Context(), inputOf(tree, model.Render{Kustomize: model.Kustomize{NamePrefix: fmt.Sprint("n", i, "-")}}))
			if err != nil {
				t.Error(err)
				return
			}
			if got := containers(t, out.Objects[0].JSON); got != want {
				t.Errorf("containers of build %d are %q, want %q", i, got, want)
			}
		})
	}
	all.Wait()
}

func containers(t *testing.T, text []byte) string {
	var d struct {
		Spec struct {
			Template struct {
				Spec struct{ Containers []struct{ Name string } }
			}
		}
	}
	if err := json.Unmarshal(text, &d); err != nil {
		t.Error(err)
	}
	var names []string
	for _, c := range d.Spec.Template.Spec.Containers {
		names = append(names, c.Name)
	}
	slices.Sort(names)
	return strings.Join(names, " ")
}

func TestPrefetch(t *testing.T) {
	tree := newTree(map[string]string{
		"app/kustomization.yaml":       "resources: [../base, ../base2, below]\n",
		"app/below/kustomization.yaml": "resources: [c.yaml]",
		"app/below/c.yaml":             "{apiVersion: v1, kind: ConfigMap, metadata: {name: c}}",
		"base/kustomization.yaml":      "resources: [a.yaml]",
		"base/a.yaml":                  configMapA,
		"base2/kustomization.yaml":     "resources: [b.yaml]",
		"base2/b.yaml":                 configMapB,
	})
	if _, err := New(Config{}).Render(t.Context(), inputOf(tree, model.Render{Path: "app"})); err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff([]string{"app", "base", "base2"}, tree.prefetched); diff != "" {
		t.Errorf("-want +got:\n%s", diff)
	}
}

func TestDirTree(t *testing.T) {
	dir := t.TempDir()
	write := func(name, text string) {
		t.Helper()
		at := filepath.Join(dir, name)
		if err := os.MkdirAll(filepath.Dir(at), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(at, []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	link := func(name, to string) {
		t.Helper()
		if err := os.Symlink(to, filepath.Join(dir, name)); err != nil {
			t.Fatal(err)
		}
	}
	write("repo/app/a.yaml", configMapA)
	write("repo/lib/b.yaml", configMapB)
	write("repo/.git/config.yaml", configMapA)
	write("secret.yaml", configMapB)
	link("repo/app/b.yaml", "../lib/b.yaml")
	link("repo/loop", ".")
	tree, err := DirTree(filepath.Join(dir, "repo"))
	if err != nil {
		t.Fatal(err)
	}
	r := New(Config{})
	render := func(path string) string {
		t.Helper()
		out, err := r.Render(t.Context(), inputOf(tree, model.Render{Path: path, Directory: model.Directory{Recurse: true}}))
		if err != nil {
			return "error: " + err.Error()
		}
		var names []string
		for _, o := range out.Objects {
			names = append(names, o.Origin)
		}
		return strings.Join(names, " ")
	}
	if got, want := render("."), "app/a.yaml app/b.yaml lib/b.yaml"; got != want {
		t.Errorf("rendered %q, want %q", got, want)
	}
	if render("app"); render("app") != "app/a.yaml app/b.yaml" || r.Stats().Hits != 1 {
		t.Errorf("rendered %q, stats are %+v", render("app"), r.Stats())
	}
	write("repo/lib/b.yaml", "{apiVersion: v1, kind: ConfigMap, metadata: {name: [}}")
	if got := render("app"); !strings.Contains(got, "app/b.yaml") {
		t.Errorf("after a change behind a link: %q", got)
	}
	if got := render(".git"); !strings.Contains(got, "does not exist") {
		t.Errorf("rendered %q", got)
	}
	link("repo/app/out.yaml", "../../secret.yaml")
	if got, want := render("app"), "error: app/out.yaml: a symbolic link leads out of the source; replace it by a copy of the file"; got != want {
		t.Errorf("rendered %q, want %q", got, want)
	}
	if _, err := DirTree(filepath.Join(dir, "missing")); err == nil {
		t.Error("a directory that does not exist is no error")
	}
}
