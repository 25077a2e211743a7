package cli

import (
	"context"
	"errors"
	"fmt"
	"io"
	"maps"
	"os"
	"path"
	"path/filepath"
	"slices"
	"strings"

	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"sigs.k8s.io/yaml"

	"github.com/fixpoint-cd/fixpoint/internal/model"
)

// world is what manifests declare, by themselves.
type world struct {
	apps    []declaredApp
	sources map[model.SourceKey]model.Source
	// build are options that a build has beside an Application's own.
	build model.Kustomize
}

// declaredApp is an app, the file that declares it, and how it is called in
// messages.
type declaredApp struct {
	kind, title, file string
	Declared
}

// readManifests reads files, and those that directories hold; "-" is in.
func readManifests(names []string, in io.Reader) ([]manifest, error) {
	var out []manifest
	for _, name := range names {
		files, err := filesOf(name)
		if err != nil {
			return nil, err
		}
		for _, file := range files {
			data, err := readFile(file, in)
			if err != nil {
				return nil, err
			}
			found, err := manifestsIn(file, data)
			if err != nil {
				return nil, err
			}
			out = append(out, found...)
		}
	}
	return out, nil
}

// filesOf are the manifests of a directory, or the file itself.
func filesOf(name string) ([]string, error) {
	entries, err := os.ReadDir(name)
	if err != nil {
		return []string{name}, nil // no directory
	}
	var out []string
	for _, e := range entries {
		if !e.IsDir() && isManifestFile(e.Name()) {
			out = append(out, filepath.Join(name, e.Name()))
		}
	}
	if len(out) == 0 {
		return nil, fmt.Errorf("%s holds no *.yaml, *.yml or *.json: correct --file", name)
	}
	return out, nil
}

// manifestsIn are the objects of a file, also those of a list.
func manifestsIn(file string, data []byte) ([]manifest, error) {
	var out []manifest
	for _, doc := range separators.Split(string(data), -1) {
		var body map[string]any
		if err := yaml.Unmarshal([]byte(doc), &body); err != nil {
			return nil, fmt.Errorf("%s is no YAML of manifests: %w", file, err)
		}
		if len(body) == 0 {
			continue
		}
		u := &unstructured.Unstructured{Object: whole(body)}
		if !u.IsList() {
			out = append(out, manifest{file: file, Unstructured: u})
			continue
		}
		list, err := u.ToList()
		if err != nil {
			return nil, fmt.Errorf("%s: a list of what is no objects: %w", file, err)
		}
		for i := range list.Items {
			out = append(out, manifest{file: file, Unstructured: &list.Items[i]})
		}
	}
	return out, nil
}

func readFile(name string, in io.Reader) ([]byte, error) {
	if name == "-" {
		return io.ReadAll(in)
	}
	data, err := os.ReadFile(name)
	if err != nil {
		return nil, fmt.Errorf("reading the manifests: %w: correct --file", err)
	}
	return data, nil
}

// declare collects what manifests declare, which may refer to others, too.
func declare(deps Deps, found, others []manifest) world {
	w := world{sources: map[model.SourceKey]model.Source{}}
	around := newSurroundings(append(slices.Clone(found), others...))
	for _, u := range found {
		d, ok := deps.Declared(u.Unstructured, around.of(u.file))
		if !ok {
			continue
		}
		maps.Copy(w.sources, d.Sources)
		if d.App != nil {
			w.apps = append(w.apps, declaredApp{u.GetKind(), fmt.Sprintf("%s %q", u.GetKind(), u.GetName()), u.file, d})
		}
	}
	w.distinguish()
	return w
}

// distinguish gives apps of one kind and name the file in their title.
func (w world) distinguish() {
	count := map[string]int{}
	for _, app := range w.apps {
		count[app.title]++
	}
	for i, app := range w.apps {
		if count[app.title] > 1 {
			w.apps[i].title = fmt.Sprintf("%s (%s)", app.title, app.file)
		}
	}
}

// render renders an app: with files of a directory where they are its source's,
// and else with what is fetched.
func (w world) render(ctx context.Context, bench Workbench, app declaredApp, at place) (model.Rendered, error) {
	if errors.Is(app.Invalid, model.ErrNotFound) {
		return model.Rendered{}, fmt.Errorf("%w, or give the file that declares it with --file", app.Invalid)
	}
	if app.Invalid != nil {
		return model.Rendered{}, app.Invalid
	}
	in := model.RenderInput{Refs: map[string]model.Tree{}}
	trees, revisions := make([]model.Tree, len(app.App.Sources)), make([]string, len(app.App.Sources))
	for i, src := range app.App.Sources {
		var err error
		if trees[i], revisions[i], err = w.tree(ctx, bench, app, src, at); err != nil {
			return model.Rendered{}, err
		}
		if src.Ref != "" {
			in.Refs[src.Ref] = trees[i]
		}
	}
	var all model.Rendered
	for _, warning := range app.Warnings {
		all.Warnings = append(all.Warnings, app.title+": "+warning.Message)
	}
	for i, src := range app.App.Sources {
		if src.FilesOnly {
			continue
		}
		in.Tree, in.Render = trees[i], src.Render.WithRevision(revisions[i])
		if app.kind == application.name {
			in.Kustomize.EnableHelm = in.Kustomize.EnableHelm || w.build.EnableHelm
			in.Kustomize.Unrestricted = in.Kustomize.Unrestricted || w.build.Unrestricted
		}
		part, err := bench.Render(ctx, in)
		if err != nil {
			return all, err
		}
		all.Objects = append(all.Objects, part.Objects...)
		all.Warnings = append(all.Warnings, part.Warnings...)
	}
	return all, nil
}

// tree is the content of an app's source, and its revision.
func (w world) tree(ctx context.Context, bench Workbench, app declaredApp, src model.AppSource, at place) (model.Tree, string, error) {
	from, ok := app.Sources[src.Key]
	if !ok {
		from, ok = w.sources[src.Key]
	}
	if !ok && at.holds(src.Render.Path) {
		return at.tree, at.revision, nil
	}
	if !ok {
		return nil, "", fmt.Errorf("its source %s is not declared in the files given: give the file that declares it, too", src.Key)
	}
	if at.isClone(from.URL) && (from.Kind == "" || from.Kind == model.SourceGit) {
		return at.tree, at.revision, nil
	}
	snap, err := bench.Fetch(ctx, from)
	if err != nil && at.holds(src.Render.Path) && from.Chart == "" {
		return nil, "", fmt.Errorf("%w; %s is no clone of it: no remote there has that URL", err, at.top)
	}
	if err != nil {
		return nil, "", err
	}
	return snap.Tree, snap.Revision, nil
}

// holds reports whether the tree has a directory of that path.
func (p place) holds(dir string) bool {
	info, err := p.tree.Stat(path.Clean("./" + strings.TrimLeft(dir, "/")))
	return err == nil && info.IsDir()
}
