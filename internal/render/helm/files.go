package helm

import (
	"bytes"
	"io/fs"
	"path"
	"strings"
	"time"

	"github.com/fixpoint-cd/fixpoint/internal/model"
	"github.com/fixpoint-cd/fixpoint/internal/render/input"
	"helm.sh/helm/v4/pkg/chart/loader/archive"
	"helm.sh/helm/v4/pkg/ignore"
)

// Symbolic links can make a tree endless: maxFiles bounds how many entries of a
// chart's directory are looked at, maxDepth how deep they lie.
const (
	maxFiles = 50_000
	maxDepth = 40
)

// chartFile is the file that makes a directory a chart.
const chartFile = "Chart.yaml"

// reader reads the files of a chart in the order of their paths, links to
// directories followed.
type reader struct {
	files *input.Files
	// dir is the chart's directory.
	dir   string
	rules *ignore.Rules
	seen  int
	out   []*archive.BufferedFile
}

// readChart reads the directory of a chart. What .helmignore names is left out,
// except for a chart that was packaged, which has no such rules any more.
func readChart(files *input.Files, dir string, packaged bool) ([]*archive.BufferedFile, error) {
	r := &reader{files: files, dir: dir}
	if err := files.Prefetch(dir); err != nil {
		return nil, err
	}
	if !packaged {
		if err := r.readRules(); err != nil {
			return nil, err
		}
	}
	if err := r.list("", 0); err != nil {
		return nil, err
	}
	return r.out, nil
}

func (r *reader) readRules() error {
	r.rules = ignore.Empty()
	name := path.Join(r.dir, ignore.HelmIgnore)
	kind, err := r.files.Kind(name)
	if err != nil {
		return err
	}
	if kind == input.File {
		data, err := r.files.Read(name)
		if err != nil {
			return err
		}
		if r.rules, err = ignore.Parse(bytes.NewReader(data)); err != nil {
			return model.Invalidf("%s: %w", name, err)
		}
	}
	r.rules.AddDefaults()
	return nil
}

// list reads the directory at, relative to the chart's.
func (r *reader) list(at string, depth int) error {
	entries, err := r.files.List(path.Join(r.dir, at))
	if err != nil {
		return err
	}
	if r.seen += len(entries); r.seen > maxFiles || depth > maxDepth {
		return model.Invalidf("%s: more than %d files, or %d directories inside each other; "+
			"add what is no part of the chart to .helmignore", r.dir, maxFiles, maxDepth)
	}
	for _, e := range entries {
		if err := r.entry(path.Join(at, e.Name()), e.Type(), depth); err != nil {
			return err
		}
	}
	return nil
}

func (r *reader) entry(at string, mode fs.FileMode, depth int) error {
	name := path.Join(r.dir, at)
	kind := kindOf(mode)
	if mode&fs.ModeSymlink != 0 {
		var err error
		if kind, err = r.files.Kind(name); err != nil {
			return err
		}
	}
	if r.rules != nil && r.rules.Ignore(at, entryInfo{at, kind == input.Dir}) {
		return nil
	}
	switch kind {
	case input.Dir:
		return r.list(at, depth+1)
	case input.Module:
		return nil
	case input.None:
		return model.Invalidf("%s: a symbolic link to nothing; repair it, or add it to .helmignore", name)
	case input.Bad:
		return model.Invalidf("%s: a symbolic link that leads out of the source; replace it by a copy of the file", name)
	}
	data, err := r.files.Read(name)
	if err != nil {
		return err
	}
	r.out = append(r.out, &archive.BufferedFile{Name: at, Data: bytes.TrimPrefix(data, utf8BOM)})
	return nil
}

var utf8BOM = []byte("\ufeff")

func kindOf(mode fs.FileMode) input.Kind {
	switch {
	case input.IsSubmodule(mode):
		return input.Module
	case mode.IsDir():
		return input.Dir
	}
	return input.File
}

// entryInfo is what ignore.Rules asks of a file.
type entryInfo struct {
	name string
	dir  bool
}

func (e entryInfo) Name() string       { return path.Base(e.name) }
func (e entryInfo) IsDir() bool        { return e.dir }
func (e entryInfo) Size() int64        { return 0 }
func (e entryInfo) ModTime() time.Time { return time.Time{} }
func (e entryInfo) Sys() any           { return nil }
func (e entryInfo) Mode() fs.FileMode {
	if e.dir {
		return fs.ModeDir
	}
	return 0
}

// below are the files at the directory at of a chart.
func below(at string, files []*archive.BufferedFile) []*archive.BufferedFile {
	out := make([]*archive.BufferedFile, len(files))
	for i, f := range files {
		out[i] = &archive.BufferedFile{Name: strings.TrimSuffix(at, "/") + "/" + f.Name, Data: f.Data}
	}
	return out
}
