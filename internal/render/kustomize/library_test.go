package kustomize_test

import (
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"path"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/fstest"

	"github.com/fixpoint-cd/fixpoint/internal/model"
	"github.com/fixpoint-cd/fixpoint/internal/render/input"
	"github.com/fixpoint-cd/fixpoint/internal/render/kustomize"
	"github.com/google/go-cmp/cmp"
	"golang.org/x/tools/txtar"
	"sigs.k8s.io/kustomize/api/krusty"
	"sigs.k8s.io/kustomize/kyaml/filesys"
)

// mapTree is a tree of files in memory. It keeps no hashes.
type mapTree struct{ fstest.MapFS }

func (mapTree) Hash(string) (string, error) { return "", nil }

// library builds with the library alone.
func library(t *testing.T, files map[string]string, dir string) ([]string, error) {
	t.Helper()
	disk := filesys.MakeFsInMemory()
	for name, text := range files {
		if err := disk.WriteFile("/"+name, []byte(text)); err != nil {
			t.Fatal(err)
		}
	}
	built, err := krusty.MakeKustomizer(krusty.MakeDefaultOptions()).Run(disk, path.Join("/", dir))
	if err != nil {
		return nil, err
	}
	var objects []string
	for _, r := range built.Resources() {
		text, err := r.MarshalJSON()
		if err != nil {
			return nil, err
		}
		objects = append(objects, string(text))
	}
	return objects, nil
}

func ours(t *testing.T, files map[string]string, dir string) ([]string, error) {
	t.Helper()
	tree := mapTree{fstest.MapFS{}}
	for name, text := range files {
		tree.MapFS[name] = &fstest.MapFile{Data: []byte(text)}
	}
	in := input.Open(t.Context(), model.RenderInput{Tree: tree}, 10<<20)
	made, err := kustomize.Render(in, dir, kustomize.Options{})
	var objects []string
	for _, o := range made {
		objects = append(objects, string(o.JSON))
	}
	return objects, err
}

// compare checks that both build the same, in the same order, or both fail. It
// reports whether they build.
func compare(t *testing.T, files map[string]string, dir string) bool {
	t.Helper()
	want, libraryErr := library(t, files, dir)
	got, err := ours(t, files, dir)
	if (libraryErr == nil) != (err == nil) {
		t.Fatalf("the library says %v, we say %v", libraryErr, err)
	}
	if !slices.Equal(want, got) {
		t.Errorf("-library +ours:\n%s", cmp.Diff(indent(want), indent(got)))
	}
	return err == nil
}

func indent(objects []string) (lines []string) {
	for _, o := range objects {
		var v any
		if json.Unmarshal([]byte(o), &v) == nil {
			text, _ := json.MarshalIndent(v, "", " ")
			lines = append(lines, strings.Split(string(text), "\n")...)
		}
	}
	return lines
}

// kustomization is a directory of the files of a case.
type kustomization struct {
	name  string
	files map[string]string
	dir   string
}

// kustomizations are those of the cases of package oracle that need nothing but
// files.
func kustomizations(t *testing.T) (all []kustomization) {
	t.Helper()
	cases, err := filepath.Glob("../oracle/testdata/kustomize/*.txtar")
	if err != nil || len(cases) == 0 {
		t.Fatalf("no cases: %v", err)
	}
	for _, name := range cases {
		archive, err := txtar.ParseFile(name)
		if err != nil {
			t.Fatal(err)
		}
		files := map[string]string{}
		for _, f := range archive.Files {
			files[f.Name] = string(f.Data)
		}
		for file, text := range files {
			if path.Base(file) != "kustomization.yaml" || strings.Contains(text, "elm") || strings.Contains(text, "://") ||
				strings.Contains(text, "managedByLabel") {
				continue
			}
			name := strings.TrimSuffix(filepath.Base(name), ".txtar") + "/" + path.Dir(file)
			all = append(all, kustomization{name, files, path.Dir(file)})
		}
	}
	if len(all) < 40 {
		t.Errorf("there are %d kustomizations, want at least 40", len(all))
	}
	return all
}

func TestAsLibrary(t *testing.T) {
	for _, k := range kustomizations(t) {
		t.Run(k.name, func(t *testing.T) { compare(t, k.files, k.dir) })
	}
}

// TestSideBySide builds everything at the same time, which the race detector
// watches. Some set a schema.
func TestSideBySide(t *testing.T) {
	all := kustomizations(t)
	alone := make([][]string, len(all))
	for i, k := range all {
		alone[i], _ = ours(t, k.files, k.dir)
	}
	var group sync.WaitGroup
	for range 2 {
		for i, k := range all {
			group.Go(func() {
				if got, _ := ours(t, k.files, k.dir); !slices.Equal(got, alone[i]) {
					t.Errorf("%s: another outcome beside others:\n%s", k.name, cmp.Diff(alone[i], got))
				}
			})
		}
	}
	group.Wait()
}

// TestAsLibraryAtRandom builds trees of kustomizations with fields chosen at
// random.
func TestAsLibraryAtRandom(t *testing.T) {
	archive, err := txtar.ParseFile("../oracle/testdata/kustomize/prefix-suffix.txtar")
	if err != nil {
		t.Fatal(err)
	}
	objects := map[string]string{}
	for _, f := range archive.Files {
		if path.Dir(f.Name) != "." && path.Base(f.Name) != "kustomization.yaml" {
			objects["objects/"+path.Base(f.Name)] = string(f.Data)
		}
	}
	const trees = 60
	built := 0
	for seed := range uint64(trees) {
		t.Run(fmt.Sprint(seed), func(t *testing.T) {
			r := rand.New(rand.NewPCG(seed, 1))
			if compare(t, randomTree(r, objects), "top") {
				built++
			}
		})
	}
	if built < trees/2 {
		t.Errorf("%d of %d trees were built: the others have mistakes", built, trees)
	}
}

// fields are what a layer may have, besides resources.
var fields = []string{
	"namePrefix: p%d-\n", "nameSuffix: -s%d\n", "namespace: ns%d\n",
	"commonLabels: {l%d: a}\n", "labels: [{pairs: {m%d: b}, includeTemplates: true}, {pairs: {name: c}}]\n",
	"commonAnnotations: {note%d: d}\n",
	"images: [{name: registry.example.com/shop/web, newTag: v%d}, {name: sidecar, newName: other}]\n",
	"replicas: [{name: web, count: %d}]\n",
	"configMapGenerator: [{name: made%d, literals: [a=b]}]\n",
	"secretGenerator: [{name: access%d, literals: [token=x]}]\n",
	"patches: [{target: {kind: Deployment}, patch: '[{\"op\": \"add\", \"path\": \"/metadata/annotations\", \"value\": {\"x%d\": \"y\"}}]'}]\n",
	"patches: [{target: {kind: Deployment}, patch: '{apiVersion: a, kind: b, metadata: {name: c}, spec: {template: {spec: {nodeName: n%d}}}}'}]\n",
	"patches: [{target: {name: .*}, patch: '{apiVersion: a, kind: b, metadata: {name: c, labels: {q%d: r}}}'}]\n",
	"vars: [{name: V%d, objref: {apiVersion: v1, kind: Service, name: web}}]\n",
	"buildMetadata: [originAnnotations, transformerAnnotations]\n# %d\n",
	"replacements: [{source: {kind: Service, name: web}, targets: [{select: {kind: ConfigMap}, fieldPaths: [data.from%d], options: {create: true}}]}]\n",
}

// randomTree is a base of all objects with layers over it, some side by side.
func randomTree(r *rand.Rand, objects map[string]string) map[string]string {
	files := map[string]string{}
	var names []string
	for name, text := range objects {
		files[strings.Replace(name, "objects", "l0", 1)] = text
		names = append(names, path.Base(name))
	}
	slices.Sort(names)
	files["l0/kustomization.yaml"] = "resources: [" + strings.Join(names, ", ") + "]\n" + randomFields(r, 0)
	layers := 1 + r.IntN(3)
	for i := 1; i <= layers; i++ {
		below := fmt.Sprintf("../l%d", i-1)
		if r.IntN(4) == 0 {
			side := fmt.Sprintf("l%d-side", i)
			files[side+"/own.yaml"] = fmt.Sprintf("{apiVersion: v1, kind: Service, metadata: {name: own%d}}", i)
			files[side+"/kustomization.yaml"] = "resources: [own.yaml]\n" + randomFields(r, i)
			below += ", ../" + side
		}
		files[fmt.Sprintf("l%d/kustomization.yaml", i)] = "resources: [" + below + "]\n" + randomFields(r, i)
	}
	files["top/kustomization.yaml"] = fmt.Sprintf("resources: [../l%d]\n", layers) + randomFields(r, 9)
	return files
}

func randomFields(r *rand.Rand, layer int) (text string) {
	seen := map[string]bool{}
	for range r.IntN(6) {
		field := fields[r.IntN(len(fields))]
		key, _, _ := strings.Cut(field, ":")
		if !seen[key] {
			seen[key] = true
			text += fmt.Sprintf(field, layer)
		}
	}
	return text
}
