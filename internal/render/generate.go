package render

import (
	"bytes"
	"errors"
	"io/fs"
	"path"
)

// generate lists what a kustomization of the app's path consists of where no
// file says so: the manifests, and the directories with their own kustomization.
func (j *job) generate() ([]string, error) {
	var found []string
	w := &walk{files: j.files, warnf: j.warnf, recurse: true}
	w.enter = func(dir string) (bool, error) {
		file, err := j.kustomizationFile(dir)
		if file != "" {
			found = append(found, relative(dir, j.dir))
		}
		return file == "", err
	}
	w.visit = func(name string) error {
		if ext := path.Ext(name); ext != ".yaml" && ext != ".yml" {
			return nil
		}
		is, err := j.isManifest(name)
		if is {
			found = append(found, relative(name, j.dir))
		}
		return err
	}
	return found, w.dir(j.dir, 0)
}

// isManifest reports whether a file looks like one for Kubernetes. Kustomize
// fails on any other.
func (j *job) isManifest(name string) (bool, error) {
	data, err := j.files.file(name)
	if errors.Is(err, fs.ErrNotExist) {
		j.warnf("%s: a symbolic link that leads nowhere: skipped", name)
		return false, nil
	}
	if err != nil {
		return false, err
	}
	// Kustomize will read it again.
	j.files.left += int64(len(data))
	docs := splitYAML(bytes.TrimPrefix(data, []byte("\ufeff")))
	for _, doc := range docs {
		if declaresType(doc.text) {
			return true, nil
		}
	}
	for _, doc := range docs {
		if !isReadable(doc) {
			j.malformed(name, "YAML")
			return false, nil
		}
	}
	if len(docs) > 0 {
		j.warnf("%s: no manifest (it has no apiVersion or kind): skipped", name)
	}
	return false, nil
}

// isReadable reports whether a document is YAML of some use.
func isReadable(doc yamlDoc) bool {
	if guard(doc.text) != nil {
		return false
	}
	text, err := doc.json()
	return err == nil && !isPlain(text)
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
