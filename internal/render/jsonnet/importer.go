package jsonnet

import (
	"fmt"
	"path"
	"slices"
	"strings"

	"github.com/google/go-jsonnet"

	"github.com/fixpoint-cd/fixpoint/internal/model"
	"github.com/fixpoint-cd/fixpoint/internal/render/input"
)

// importer finds files in the source.
type importer struct {
	files *input.Files
	// libs are directories in the order in which they are searched.
	libs []string
	read map[string]jsonnet.Contents
}

var _ jsonnet.Importer = (*importer)(nil)

func newImporter(files *input.Files, libs []string) (*importer, error) {
	i := &importer{files: files, read: map[string]jsonnet.Contents{}}
	for _, lib := range slices.Backward(libs) {
		dir, err := input.Clean(lib)
		if err != nil {
			return nil, model.Invalidf("library of Jsonnet: %w", err)
		}
		i.libs = append(i.libs, dir)
	}
	i.libs = append(i.libs, ".")
	return i, nil
}

// Import implements jsonnet.Importer. A path that begins with / is one from the
// root of the source.
func (i *importer) Import(from, name string) (jsonnet.Contents, string, error) {
	dirs := append([]string{path.Dir(from)}, i.libs...)
	if strings.HasPrefix(name, "/") {
		dirs = []string{"."}
	}
	outside := false
	for _, dir := range dirs {
		at, err := input.Clean(path.Join(dir, name))
		if err != nil {
			outside = true
			continue
		}
		contents, found, err := i.file(at)
		if found || err != nil {
			return contents, at, err
		}
	}
	if outside {
		return jsonnet.Contents{}, "", fmt.Errorf("import %q leads out of the source", name)
	}
	return jsonnet.Contents{}, "", fmt.Errorf("import %q: there is no such file beside %s, in the libraries, or at the root of the source",
		name, orThis(from))
}

func orThis(from string) string {
	if from == "" {
		return "it"
	}
	return from
}

// file is the content of a file, read once.
func (i *importer) file(name string) (contents jsonnet.Contents, found bool, err error) {
	if contents, ok := i.read[name]; ok {
		return contents, true, nil
	}
	kind, err := i.files.Kind(name)
	if err != nil {
		return contents, false, err
	}
	if kind == input.Bad {
		return contents, false, fmt.Errorf("import %q is a symbolic link that leads out of the source", name)
	}
	if kind != input.File {
		return contents, false, nil
	}
	data, err := i.files.Read(name)
	if err != nil {
		return contents, false, err
	}
	contents = jsonnet.MakeContentsRaw(data)
	i.read[name] = contents
	return contents, true, nil
}
