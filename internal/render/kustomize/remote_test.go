package kustomize_test

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"testing"
	"testing/fstest"

	"github.com/fixpoint-cd/fixpoint/internal/model"
	"github.com/fixpoint-cd/fixpoint/internal/render/input"
	"github.com/fixpoint-cd/fixpoint/internal/render/kustomize"
	"github.com/google/go-cmp/cmp"
)

// elsewhere is a host with repositories by URL and ref, and files by URL.
type elsewhere struct {
	repositories map[string]mapTree
	files        map[string]string
	// asked are the sources that were asked for.
	asked []model.Source
	fail  error
}

func (*elsewhere) Cluster(context.Context) (string, []string, error)       { return "", nil, nil }
func (*elsewhere) Lookup(context.Context, model.ObjectRef) ([]byte, error) { return nil, nil }
func (e *elsewhere) Remote(_ context.Context, s model.Source) (*model.Snapshot, error) {
	e.asked = append(e.asked, s)
	if e.fail != nil {
		return nil, e.fail
	}
	tree, ok := e.repositories[s.URL+"@"+s.Ref.Any]
	if !ok {
		return nil, model.As(model.ErrDenied, fmt.Errorf("not allowed: use --allow-remote"))
	}
	return &model.Snapshot{URL: s.URL, Revision: s.Ref.Any, Tree: tree}, nil
}

func (e *elsewhere) Download(_ context.Context, url string) ([]byte, error) {
	text, ok := e.files[url]
	if !ok {
		return nil, model.As(model.ErrNotFound, errors.New("the server answers with 404"))
	}
	return []byte(text), nil
}

func treeOf(files map[string]string) mapTree {
	tree := mapTree{fstest.MapFS{}}
	for name, text := range files {
		tree.MapFS[name] = &fstest.MapFile{Data: []byte(text)}
	}
	return tree
}

func configMap(name string) string {
	return "{apiVersion: v1, kind: ConfigMap, metadata: {name: " + name + "}}\n"
}

// render is the names of what a kustomization at the root makes.
func render(t *testing.T, e *elsewhere, files map[string]string, k model.Kustomize) (string, error) {
	t.Helper()
	in := input.Open(t.Context(), model.RenderInput{Tree: treeOf(files), Host: e, Render: model.Render{Kustomize: k}}, 10<<20)
	made, err := kustomize.Render(in, ".", kustomize.Options{})
	if in.Broken() != nil {
		err = in.Broken()
	}
	var names []string
	for _, o := range made {
		names = append(names, o.Name)
	}
	return strings.Join(names, " "), err
}

// TestRemoteBase reads every form of a repository's address.
func TestRemoteBase(t *testing.T) {
	base := treeOf(map[string]string{
		"web/kustomization.yaml": "resources: [../common, a.yaml]", "web/a.yaml": configMap("a"),
		"common/kustomization.yaml": "resources: [c.yaml]", "common/c.yaml": configMap("c"),
		"kustomization.yaml": "resources: [common]",
	})
	git := func(url, ref string) model.Source {
		return model.Source{Kind: model.SourceGit, URL: url, Ref: model.Ref{Any: ref}, Git: model.Git{Submodules: true}}
	}
	alone := git("https://github.com/org/repo", "")
	alone.Git.Submodules = false
	for text, c := range map[string]struct {
		asked model.Source
		names string
	}{
		"https://github.com/org/repo//web?ref=v1":                 {git("https://github.com/org/repo", "v1"), "c a"},
		"https://github.com/org/repo/web?ref=v1":                  {git("https://github.com/org/repo", "v1"), "c a"},
		"github.com/org/repo/web?ref=v1":                          {git("https://github.com/org/repo", "v1"), "c a"},
		"github.com/org/repo":                                     {git("https://github.com/org/repo", ""), "c"},
		"https://github.com/org/repo?submodules=false&timeout=9s": {alone, "c"},
		"git::https://github.com/org/repo//web?version=v1":        {git("https://github.com/org/repo", "v1"), "c a"},
		"git@github.com:org/repo//web?ref=v1":                     {git("git@github.com:org/repo", "v1"), "c a"},
		"git@git.example.com:team/repo.git//web?ref=v1":           {git("git@git.example.com:team/repo.git", "v1"), "c a"},
		"ssh://git@git.example.com/team/repo.git/web?ref=v1":      {git("ssh://git@git.example.com/team/repo.git", "v1"), "c a"},
		"https://git.example.com/team/deep/repo.git//web?ref=v1":  {git("https://git.example.com/team/deep/repo.git", "v1"), "c a"},
		"https://git.example.com/team/_git/repo/web?ref=v1":       {git("https://git.example.com/team/_git/repo", "v1"), "c a"},
		"https://git.example.com/team/repo/web":                   {git("https://git.example.com/team/repo", ""), "c a"},
	} {
		t.Run(text, func(t *testing.T) {
			e := &elsewhere{repositories: map[string]mapTree{c.asked.URL + "@" + c.asked.Ref.Any: base}}
			names, err := render(t, e, map[string]string{"kustomization.yaml": "resources: ['" + text + "']"}, model.Kustomize{})
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff([]model.Source{c.asked}, e.asked); diff != "" {
				t.Errorf("-want +asked:\n%s", diff)
			}
			if names != c.names {
				t.Errorf("it makes %q, want %q", names, c.names)
			}
		})
	}
}

func TestRemoteFile(t *testing.T) {
	e := &elsewhere{
		files: map[string]string{
			"https://files.example.com/a/b/c.yaml": configMap("file"),
			"https://files.example.com/a/b/plain":  configMap("plain"),
			"https://files.example.com/patch.yaml": "{apiVersion: v1, kind: ConfigMap, metadata: {name: file, labels: {x: y}}}",
			"https://files.example.com/x/y/page":   "<html>\n<p>a: [page</p>",
		},
		repositories: map[string]mapTree{"https://files.example.com/x/y@": treeOf(map[string]string{
			"page/kustomization.yaml": "resources: [p.yaml]", "page/p.yaml": configMap("repository")})},
	}
	names, err := render(t, e, map[string]string{"kustomization.yaml": `resources:
- https://files.example.com/a/b/c.yaml
- https://files.example.com/a/b/plain
- https://files.example.com/x/y/page
patches: [{path: "https://files.example.com/patch.yaml"}]
`}, model.Kustomize{})
	if err != nil || names != "file plain repository" {
		t.Errorf("it makes %q, %v", names, err)
	}
}

// TestRemoteBaseStaysInItsRepository: a base can't read the app's source, nor
// what is beside it in its own repository, whatever the app may.
func TestRemoteBaseStaysInItsRepository(t *testing.T) {
	const url = "https://git.example.com/team/repo.git"
	for name, text := range map[string]string{
		"out of the repository": "resources: [../../../kustomization.yaml]",
		"app's file":            "resources: [../app.yaml]",
		"beside, as a file":     "resources: [../beside/b.yaml]",
		"beside, for a map":     "configMapGenerator: [{name: x, files: [../beside/b.yaml]}]",
		"itself":                "resources: ['" + url + "//web?ref=v1']",
		"through another":       "resources: ['https://git.example.com/team/other.git//x?ref=v1']",
		"unknown directory":     "resources: ['" + url + "//missing?ref=v1']",
		"a file of it":          "resources: ['" + url + "//beside/b.yaml?ref=v1']",
		"out of it":             "resources: ['" + url + "//../x?ref=v1']",
	} {
		t.Run(name, func(t *testing.T) {
			e := &elsewhere{repositories: map[string]mapTree{
				url + "@v1": treeOf(map[string]string{"web/kustomization.yaml": text, "beside/b.yaml": configMap("b")}),
				"https://git.example.com/team/other.git@v1": treeOf(map[string]string{
					"x/kustomization.yaml": "resources: ['" + url + "//web?ref=v1']"}),
			}}
			files := map[string]string{"kustomization.yaml": "resources: ['" + url + "//web?ref=v1']", "app.yaml": configMap("app")}
			names, err := render(t, e, files, model.Kustomize{Unrestricted: true})
			if err == nil || !strings.Contains(err.Error(), "web/kustomization.yaml: ") && !strings.Contains(err.Error(), "x/kustomization.yaml: ") {
				t.Errorf("it makes %q, %v", names, err)
			}
		})
	}
}

func TestRemoteErrorsKeepTheirKind(t *testing.T) {
	for name, c := range map[string]struct {
		fail error
		kind error
	}{
		"denied":    {nil, model.ErrDenied},
		"transient": {model.As(model.ErrTransient, errors.New("no route")), model.ErrTransient},
	} {
		e := &elsewhere{fail: c.fail}
		_, err := render(t, e, map[string]string{
			"kustomization.yaml": "resources: ['https://user:hunter2@git.example.com/team/repo.git//web?ref=v1&token=hunter2']"}, model.Kustomize{})
		if !errors.Is(err, c.kind) || errors.Is(err, model.ErrInvalid) {
			t.Errorf("%s: error is %v", name, err)
		}
		if !strings.HasPrefix(err.Error(), "kustomization.yaml: resources: remote base https://git.example.com/team/repo.git//web?ref=v1: ") {
			t.Errorf("%s: %v does not say what can't be read", name, err)
		}
		if strings.Contains(err.Error(), "hunter2") {
			t.Errorf("%s: a credential is in %v", name, err)
		}
	}
}
