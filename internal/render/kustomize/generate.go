package kustomize

import (
	"bytes"
	"errors"
	"io/fs"
	"path"

	"github.com/fixpoint-cd/fixpoint/internal/render/input"
	"github.com/fixpoint-cd/fixpoint/internal/render/manifest"
)

// manifests lists what a kustomization of the app's path consists of where no
// file says so: the manifests, and the directories with their own kustomization.
func (b *build) manifests(top string) (found []string, err error) {
	w := input.Walk{Files: b.in.Files, Warnf: b.in.Warnf, Recurse: true}
	w.Enter = func(dir string) (bool, error) {
		file, err := File(b.in.Files, dir)
		if file != "" {
			found = append(found, input.Relative(dir, top))
		}
		return file == "", err
	}
	w.Visit = func(name string) error {
		if ext := path.Ext(name); ext != ".yaml" && ext != ".yml" {
			return nil
		}
		is, err := b.isManifest(name)
		if is {
			found = append(found, input.Relative(name, top))
		}
		return err
	}
	return found, w.Dir(top)
}

// isManifest reports whether a file looks like one for Kubernetes. Kustomize
// fails on any other.
func (b *build) isManifest(name string) (bool, error) {
	data, err := b.in.Files.Read(name)
	if errors.Is(err, fs.ErrNotExist) {
		b.in.Warnf("%s: a symbolic link that leads nowhere: skipped", name)
		return false, nil
	}
	if err != nil {
		return false, err
	}
	// Kustomize will read it again.
	b.in.Refund(int64(len(data)))
	docs := manifest.Split(bytes.TrimPrefix(data, []byte("\ufeff")))
	for _, doc := range docs {
		if declaresType(doc.Text) {
			return true, nil
		}
	}
	for _, doc := range docs {
		if !isReadable(doc) {
			b.in.Malformed(name, "YAML")
			return false, nil
		}
	}
	if len(docs) > 0 {
		b.in.Warnf("%s: no manifest (it has no apiVersion or kind): skipped", name)
	}
	return false, nil
}

// isReadable reports whether a document is YAML of some use.
func isReadable(doc manifest.Document) bool {
	if manifest.Guard(doc.Text) != nil {
		return false
	}
	text, err := doc.JSON()
	return err == nil && !manifest.IsPlain(text)
}

// declaresType reports whether a document has apiVersion or kind among its
// outermost keys.
func declaresType(text []byte) bool {
	indent := -1
	for line := range bytes.Lines(text) {
		key := bytes.TrimLeft(line, " ")
		if len(bytes.TrimSpace(key)) == 0 || key[0] == '#' || key[0] == '%' {
			continue
		}
		if indent < 0 {
			indent = len(line) - len(key)
			if key[0] == '{' {
				return bytes.Contains(text, []byte("kind"))
			}
		}
		key = bytes.TrimLeft(key, `"'`)
		outermost := len(line)-len(bytes.TrimLeft(line, " ")) == indent
		if outermost && (bytes.HasPrefix(key, []byte("apiVersion")) || bytes.HasPrefix(key, []byte("kind"))) {
			return true
		}
	}
	return false
}
