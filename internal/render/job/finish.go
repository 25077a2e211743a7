package job

import (
	"github.com/fixpoint-cd/fixpoint/internal/model"
	"github.com/fixpoint-cd/fixpoint/internal/render/input"
	"github.com/fixpoint-cd/fixpoint/internal/render/manifest"
	"github.com/fixpoint-cd/fixpoint/internal/render/sops"
	"github.com/fixpoint-cd/fixpoint/internal/render/substitute"
)

// finish does with the objects of any tool what the app asks for: it decrypts
// what is still encrypted, replaces variables, and sets labels and annotations.
func finish(in *input.Inputs, objects []model.Object) (_ []model.Object, err error) {
	spec := in.Render
	if spec.Decrypt != nil {
		objects, err = sops.New(in.Context(), *spec.Decrypt, in.Hooks.Unwrap).Objects(objects)
	} else {
		err = sops.Check(objects, "")
	}
	if err != nil {
		return nil, err
	}
	if spec.Substitute != nil {
		if objects, err = substitute.Objects(objects, *spec.Substitute, &substitute.Files{Read: in.Files.Tree().ReadFile, Names: in.Files.WereRead}); err != nil {
			return nil, err
		}
	}
	if len(spec.Labels) == 0 && len(spec.Annotations) == 0 {
		return objects, nil
	}
	marked := make([]model.Object, len(objects))
	for i, o := range objects {
		if marked[i], err = manifest.Mark(o, spec.Labels, spec.Annotations); err != nil {
			return nil, err
		}
	}
	return marked, nil
}
