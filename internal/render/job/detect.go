package job

import (
	"errors"
	"path"
	"slices"

	"github.com/fixpoint-cd/fixpoint/internal/model"
	"github.com/fixpoint-cd/fixpoint/internal/render/input"
	"github.com/fixpoint-cd/fixpoint/internal/render/kustomize"
)

// checkPath fails if the app's path is no directory.
func checkPath(in *input.Inputs, dir string) error {
	k, err := in.Files.Kind(dir)
	p := in.Render.Path
	switch {
	case err != nil:
		return err
	case k == input.None:
		return model.As(model.ErrNotFound, model.Invalidf("path %q does not exist in the source at this revision; "+
			"correct the app's path or push the directory", p))
	case k == input.Bad:
		return model.Invalidf("path %q is a symbolic link that leads out of the source", p)
	case k == input.Module:
		return model.Invalidf("path %q is a submodule, and submodules are not read; name its repository as the source", p)
	case k == input.File:
		return model.Invalidf("path %q is a file; name the directory that it is in", p)
	}
	return nil
}

// detect is the tool that renders: what is asked for, else what the directory
// holds, in the order in which Argo CD looks. A directory of *.cue files without
// any manifest, in which neither of the peers would find anything, is CUE.
func detect(in *input.Inputs, dir string) (string, error) {
	if in.Render.Tool != "" {
		return in.Render.Tool, nil
	}
	if in.Render.Kustomize.Generate {
		return model.ToolKustomize, nil
	}
	chart, err := in.Files.Kind(path.Join(dir, "Chart.yaml"))
	if err != nil {
		return "", err
	}
	if chart == input.File && !disabled(in, model.ToolHelm) {
		return model.ToolHelm, nil
	}
	file, err := kustomize.File(in.Files, dir)
	if err != nil {
		return "", err
	}
	if file != "" && !disabled(in, model.ToolKustomize) {
		return model.ToolKustomize, nil
	}
	if isCUE, err := onlyCUE(in, dir); isCUE || err != nil {
		return model.ToolCUE, err
	}
	return model.ToolDirectory, nil
}

func disabled(in *input.Inputs, tool string) bool { return slices.Contains(in.Render.Disabled, tool) }

// onlyCUE reports whether dir has *.cue files, and no file that a directory of
// manifests is made of.
func onlyCUE(in *input.Inputs, dir string) (found bool, err error) {
	if in.Render.Directory.Recurse {
		return false, nil
	}
	entries, err := in.Files.List(dir)
	for _, e := range entries {
		switch path.Ext(e.Name()) {
		case ".yaml", ".yml", ".json", ".jsonnet":
			return false, err
		case ".cue":
			found = true
		}
	}
	return found, err
}

// isInvalid reports whether err is the user's to mend.
func isInvalid(err error) bool { return errors.Is(err, model.ErrInvalid) }
