package render

import (
	"errors"
	"fmt"
	"io/fs"
	"path"

	"github.com/fixpoint-cd/fixpoint/internal/model"
	"github.com/fixpoint-cd/fixpoint/internal/render/input"
)

// maxOverride is the size of the largest file that changes settings.
const maxOverride = 1 << 20

// Override lays over the settings what files beside the manifests say of them,
// and returns warnings about those. The build environment stays what it is.
func Override(in model.RenderInput) (model.RenderInput, []string, error) {
	if in.Overrides == nil {
		return in, nil, nil
	}
	overrides := in.Overrides
	in.Overrides = nil
	dir, err := input.Clean(in.Path)
	if err != nil {
		return in, nil, err
	}
	files := map[string][]byte{}
	for _, name := range overrides.Files() {
		text, err := overriding(in.Tree, path.Join(dir, name))
		if err != nil {
			return in, nil, err
		}
		if text != nil {
			files[name] = text
		}
	}
	if len(files) == 0 {
		return in, nil, nil
	}
	changed, warnings, err := overrides.Apply(files)
	if err != nil {
		return in, nil, model.As(model.ErrInvalid, fmt.Errorf("%s: %w", path.Join(dir, "."), err))
	}
	changed.Path, changed.Env, changed.RevisionEnv, changed.Overrides = in.Path, in.Env, in.RevisionEnv, nil
	// What a flag permits is not the files' to take back.
	changed.Kustomize.EnableHelm = changed.Kustomize.EnableHelm || in.Kustomize.EnableHelm
	changed.Kustomize.Unrestricted = changed.Kustomize.Unrestricted || in.Kustomize.Unrestricted
	in.Render = changed
	return in, warnings, nil
}

// overriding is the content of a file; nil if there is none.
func overriding(tree model.Tree, name string) ([]byte, error) {
	info, err := tree.Stat(name)
	switch {
	case errors.Is(err, fs.ErrNotExist) || err == nil && info.IsDir():
		return nil, nil
	case errors.Is(err, fs.ErrInvalid):
		return nil, model.Invalidf("%s: a symbolic link leads out of the source; replace it by a copy of the file", name)
	case err != nil:
		return nil, model.As(model.ErrTransient, fmt.Errorf("reading %s from the source: %w", name, err))
	case info.Size() > maxOverride:
		return nil, model.Invalidf("%s is larger than %d bytes; settings don't need that", name, maxOverride)
	}
	text, err := tree.ReadFile(name)
	if err != nil {
		return nil, model.As(model.ErrTransient, fmt.Errorf("reading %s from the source: %w", name, err))
	}
	if text == nil {
		text = []byte{}
	}
	return text, nil
}
