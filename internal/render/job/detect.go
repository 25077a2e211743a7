package job

import (
	"errors"
	"path"

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
// holds, in the order in which Argo CD looks.
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
	if chart == input.File {
		return model.ToolHelm, nil
	}
	file, err := kustomize.File(in.Files, dir)
	if file != "" {
		return model.ToolKustomize, err
	}
	return model.ToolDirectory, err
}

// isInvalid reports whether err is the user's to mend.
func isInvalid(err error) bool { return errors.Is(err, model.ErrInvalid) }
