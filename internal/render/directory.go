package render

import (
	"bytes"
	"errors"
	"io/fs"
	"path"
	"regexp"
	"strings"

	"github.com/fixpoint-cd/fixpoint/internal/model"
)

const (
	// skipMarker, anywhere in a file, keeps a directory app from reading it.
	skipMarker = "+argocd:skip-file-rendering"
	// maxDirs bounds how many directories one render lists, maxDepth how deep
	// they lie: symbolic links can make a tree endless.
	maxDirs  = 20_000
	maxDepth = 64
	// maxErrors is how many files' errors are told at once.
	maxErrors = 10
)

// directory reads the manifests of a directory, in the order of their names.
func (j *job) directory() ([]model.Object, error) {
	s, err := newSelection(j.spec.Directory)
	if err != nil {
		return nil, err
	}
	w := &walk{files: j.files, warnf: j.warnf, recurse: j.spec.Directory.Recurse}
	w.visit = func(name string) error {
		if s.takes(relative(name, j.dir)) {
			w.found = append(w.found, name)
		}
		return nil
	}
	if err := w.dir(j.dir, 0); err != nil {
		return nil, err
	}
	var objects []model.Object
	var failed []error
	for _, name := range w.found {
		made, err := j.manifestFile(name)
		if j.files.broken != nil {
			return nil, j.files.broken
		}
		if err != nil {
			if failed = append(failed, err); len(failed) == maxErrors {
				break
			}
		}
		objects = append(objects, made...)
		if len(objects) > j.config.MaxObjects {
			break
		}
	}
	return objects, model.As(model.ErrInvalid, errors.Join(failed...))
}

// manifestFile makes objects of one file.
func (j *job) manifestFile(name string) ([]model.Object, error) {
	data, err := j.files.file(name)
	if errors.Is(err, fs.ErrNotExist) {
		j.warnf("%s: a symbolic link that leads nowhere: skipped", name)
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	if bytes.Contains(data, []byte(skipMarker)) {
		return nil, nil
	}
	d := decoder{file: name, warnf: j.warnf, malformed: j.malformed}
	return d.objects(data)
}

// relative is name below dir.
func relative(name, dir string) string {
	if dir == "." {
		return name
	}
	return strings.TrimPrefix(name, dir+"/")
}

// selection says which files of a directory are manifests.
type selection struct{ include, exclude *regexp.Regexp }

func newSelection(d model.Directory) (s selection, err error) {
	if d.Include != "" {
		if s.include, err = compileGlob(d.Include); err != nil {
			return s, err
		}
	}
	if d.Exclude != "" {
		s.exclude, err = compileGlob(d.Exclude)
	}
	return s, err
}

// takes reports whether the file at that path below the app's is read.
func (s selection) takes(name string) bool {
	if !isManifestName(name) || s.exclude != nil && s.exclude.MatchString(name) {
		return false
	}
	return s.include == nil || s.include.MatchString(name)
}

func isManifestName(name string) bool {
	switch path.Ext(name) {
	case ".yaml", ".yml", ".json":
		return true
	}
	return false
}

// walk goes through directories in the order of names. Directories behind
// symbolic links are not entered.
type walk struct {
	files   *reader
	warnf   func(format string, args ...any)
	recurse bool
	// enter, if set, says whether a subdirectory is gone through.
	enter func(dir string) (bool, error)
	// visit is called for every file, and every link to one.
	visit func(name string) error

	found []string
	dirs  int
}

func (w *walk) dir(dir string, depth int) error {
	if w.dirs++; w.dirs > maxDirs || depth > maxDepth {
		return invalidf("%s: more than %d directories, or %d inside each other; "+
			"name a smaller path", dir, maxDirs, maxDepth)
	}
	entries, err := w.files.list(dir)
	if err != nil {
		return err
	}
	for _, e := range entries {
		if err := w.entry(path.Join(dir, e.Name()), e.Type(), depth); err != nil {
			return err
		}
	}
	return nil
}

func (w *walk) entry(name string, mode fs.FileMode, depth int) error {
	switch {
	case mode.IsRegular():
		return w.visit(name)
	case mode&fs.ModeSymlink != 0:
		if k, err := w.files.kind(name); err != nil || k == kindDir {
			return err
		}
		return w.visit(name)
	case !mode.IsDir() || !w.recurse:
		return nil
	case isSubmodule(mode):
		w.warnf("%s: a submodule: skipped", name)
		return nil
	}
	if w.enter != nil {
		if in, err := w.enter(name); err != nil || !in {
			return err
		}
	}
	return w.dir(name, depth+1)
}
