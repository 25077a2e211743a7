package render

import (
	"context"
	"fmt"
	"path"
	"slices"
	"strings"

	"github.com/fixpoint-cd/fixpoint/internal/model"
	"sigs.k8s.io/kustomize/api/konfig"
)

// job is one render.
type job struct {
	config Config
	tree   model.Tree
	spec   model.Render
	// dir is spec.Path as a name in the tree.
	dir string

	files    *reader
	warnings []string
	partial  bool
	// origin is the kustomization file of dir.
	origin string
}

// do renders. Panics of the libraries that are fed with what users wrote become
// errors.
func (j *job) do(ctx context.Context) (out outcome) {
	j.files = newReader(ctx, j.tree, j.config.MaxBytes)
	defer func() {
		if p := recover(); p != nil {
			out = outcome{err: invalidf("rendering %s panicked: %.300v; please report it with the files", j.dir, p)}
		}
	}()
	tool, objects, err := j.render()
	if j.files.broken != nil {
		err = j.files.broken
	}
	if err == nil && len(objects) > j.config.MaxObjects {
		err = invalidf("%s makes %d objects, more than the limit of %d; split the app", j.dir, len(objects), j.config.MaxObjects)
	}
	reads, comparable := j.files.noted()
	if err != nil {
		return outcome{err: err, reads: reads, lasting: comparable && isInvalid(err)}
	}
	if len(objects) == 0 {
		j.warnf("no manifests in %s", j.dir)
	}
	rendered := model.Rendered{Objects: objects, Tool: tool, Digest: digestOf(objects), Partial: j.partial, Warnings: j.warnings}
	return outcome{rendered: rendered, reads: reads, lasting: comparable}
}

func (j *job) render() (tool string, objects []model.Object, err error) {
	if err := j.checkPath(); err != nil {
		return "", nil, err
	}
	if tool, err = j.tool(); err != nil {
		return "", nil, err
	}
	if err := j.files.prefetch(j.dir); err != nil {
		return "", nil, err
	}
	if tool == toolKustomize {
		objects, err = j.kustomize()
	} else {
		objects, err = j.directory()
	}
	return tool, objects, err
}

func (j *job) warnf(format string, args ...any) {
	const most = 50
	if len(j.warnings) < most {
		j.warnings = append(j.warnings, fmt.Sprintf(format, args...))
	}
}

// malformed tells of a file or document that is neither a manifest nor anything
// else that can be read.
func (j *job) malformed(place, format string) {
	j.partial = true
	j.warnf("%s: no manifest, and malformed %s: skipped; nothing is deleted until it is repaired or removed", place, format)
}

// checkPath fails if the app's path is no directory.
func (j *job) checkPath() error {
	k, err := j.files.kind(j.dir)
	switch {
	case err != nil:
		return err
	case k == kindNone:
		return model.As(model.ErrNotFound, invalidf("path %q does not exist in the source at this revision; "+
			"correct the app's path or push the directory", j.spec.Path))
	case k == kindBad:
		return invalidf("path %q is a symbolic link that leads out of the source", j.spec.Path)
	case k == kindModule:
		return invalidf("path %q is a submodule, and submodules are not read; name its repository as the source", j.spec.Path)
	case k == kindFile:
		return invalidf("path %q is a file; name the directory that it is in", j.spec.Path)
	}
	return nil
}

// tool is what renders: what is asked for, else what the directory holds, in
// the order in which Argo CD looks.
func (j *job) tool() (string, error) {
	switch j.spec.Tool {
	case toolDirectory, toolKustomize:
		return j.spec.Tool, nil
	case "":
	default:
		return "", invalidf("%q can't be rendered yet; known are %q and %q", j.spec.Tool, toolDirectory, toolKustomize)
	}
	if j.spec.Kustomize.Generate {
		return toolKustomize, nil
	}
	chart, err := j.files.kind(path.Join(j.dir, "Chart.yaml"))
	if err != nil {
		return "", err
	}
	if chart == kindFile {
		return "", invalidf("%s holds a Helm chart (Chart.yaml), which can't be rendered yet", j.dir)
	}
	file, err := j.kustomizationFile(j.dir)
	if file != "" {
		return toolKustomize, err
	}
	return toolDirectory, err
}

// kustomizationFile is the name of the kustomization file in dir; "" if there
// is none.
func (j *job) kustomizationFile(dir string) (string, error) {
	for _, name := range konfig.RecognizedKustomizationFileNames() {
		k, err := j.files.kind(path.Join(dir, name))
		if err != nil {
			return "", err
		}
		if k == kindFile {
			return path.Join(dir, name), nil
		}
	}
	return "", nil
}

// isKustomizationFile reports whether Kustomize takes a file of that name for
// a kustomization.
func isKustomizationFile(name string) bool {
	return slices.Contains(konfig.RecognizedKustomizationFileNames(), path.Base(name))
}

// cleanPath is a path as users write it as a name in a tree: "", ".", "./x" and
// "/x" are relative to the root.
func cleanPath(p string) (string, error) {
	if strings.ContainsRune(p, 0) || strings.Contains(p, `\`) {
		return "", invalidf("path %q has a character that can't be in a path; separate directories by /", p)
	}
	clean := path.Clean(strings.TrimLeft(p, "/"))
	if p == "" || clean == "/" {
		clean = "."
	}
	if clean == ".." || strings.HasPrefix(clean, "../") {
		return "", invalidf("path %q leads out of the source; name a directory inside of it", p)
	}
	return clean, nil
}
