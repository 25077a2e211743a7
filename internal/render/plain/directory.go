// Package plain reads directories of YAML, JSON and Jsonnet files.
package plain

import (
	"bytes"
	"errors"
	"io/fs"
	"path"
	"regexp"

	"github.com/fixpoint-cd/fixpoint/internal/model"
	"github.com/fixpoint-cd/fixpoint/internal/render/input"
	"github.com/fixpoint-cd/fixpoint/internal/render/manifest"
)

const (
	// skipMarker, anywhere in a file, keeps a directory app from reading it.
	skipMarker = "+argocd:skip-file-rendering"
	// maxErrors is how many files' errors are told at once.
	maxErrors  = 10
	jsonnetExt = ".jsonnet"
)

// Options are what plain directories need of other packages.
type Options struct {
	// Decrypt returns the cleartext of a file that SOPS has encrypted, and other
	// files as they are; nil decrypts nothing.
	Decrypt func(name string, data []byte) ([]byte, error)
	// Jsonnet evaluates a file; nil leaves *.jsonnet files out.
	Jsonnet func(name string) ([]model.Object, error)
}

// Render reads the manifests of a directory, in the order of their names.
func Render(in *input.Inputs, dir string, opt Options) ([]model.Object, error) {
	names, err := find(in, dir, opt)
	if err != nil {
		return nil, err
	}
	var objects []model.Object
	var failed []error
	for _, name := range names {
		made, err := file(in, name, opt)
		if in.Broken() != nil {
			return nil, in.Broken()
		}
		if err != nil {
			if failed = append(failed, err); len(failed) == maxErrors {
				break
			}
		}
		objects = append(objects, made...)
		if in.MaxObjects > 0 && len(objects) > in.MaxObjects {
			break
		}
	}
	return objects, model.As(model.ErrInvalid, errors.Join(failed...))
}

// find are the files to read.
func find(in *input.Inputs, dir string, opt Options) (names []string, err error) {
	s, err := newSelection(in.Render.Directory)
	s.jsonnet = opt.Jsonnet != nil
	if err != nil {
		return nil, err
	}
	w := input.Walk{Files: in.Files, Warnf: in.Warnf, Recurse: in.Render.Directory.Recurse}
	w.Visit = func(name string) error {
		if s.takes(input.Relative(name, dir)) {
			names = append(names, name)
		}
		return nil
	}
	return names, w.Dir(dir)
}

// file makes objects of one file.
func file(in *input.Inputs, name string, opt Options) ([]model.Object, error) {
	if path.Ext(name) == jsonnetExt {
		return opt.Jsonnet(name)
	}
	data, err := in.Files.Read(name)
	if errors.Is(err, fs.ErrNotExist) {
		in.Warnf("%s: a symbolic link that leads nowhere: skipped", name)
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	if bytes.Contains(data, []byte(skipMarker)) {
		return nil, nil
	}
	if opt.Decrypt != nil {
		if data, err = opt.Decrypt(name, data); err != nil {
			return nil, err
		}
	}
	d := manifest.Decoder{File: name, Warnf: in.Warnf, Malformed: in.Malformed}
	return d.Objects(data)
}

// selection says which files of a directory are manifests.
type selection struct {
	include, exclude *regexp.Regexp
	jsonnet          bool
}

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
	read := isManifestName(name) || s.jsonnet && path.Ext(name) == jsonnetExt
	if !read || s.exclude != nil && s.exclude.MatchString(name) {
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
