package job

import (
	"encoding/json"

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
		if objects, err = substitute.Objects(objects, *spec.Substitute, in.Files.Tree().ReadFile); err != nil {
			return nil, err
		}
	}
	if len(spec.Labels) == 0 && len(spec.Annotations) == 0 {
		return objects, nil
	}
	marked := make([]model.Object, len(objects))
	for i, o := range objects {
		if marked[i], err = mark(o, spec.Labels, spec.Annotations); err != nil {
			return nil, err
		}
	}
	return marked, nil
}

// mark sets labels and annotations of an object, over its own.
func mark(o model.Object, labels, annotations map[string]string) (model.Object, error) {
	place := o.Origin + ": " + o.ObjectKey.String()
	var whole manifest.Fields
	if err := json.Unmarshal(o.JSON, &whole); err != nil {
		return o, model.Invalidf("%s: it is no object", place)
	}
	var meta map[string]json.RawMessage
	if err := json.Unmarshal(whole["metadata"], &meta); err != nil {
		return o, model.Invalidf("%s: metadata has to be a map", place)
	}
	for name, set := range map[string]map[string]string{"labels": labels, "annotations": annotations} {
		if len(set) == 0 {
			continue
		}
		all := map[string]string{}
		own := map[string]map[string]string{"labels": o.Labels, "annotations": o.Annotations}[name]
		for _, some := range []map[string]string{own, set} {
			for key, value := range some {
				all[key] = value
			}
		}
		meta[name], _ = json.Marshal(all)
	}
	whole["metadata"], _ = json.Marshal(meta)
	text, err := json.Marshal(whole)
	if err != nil {
		return o, model.Invalidf("%s: %w", place, err)
	}
	made, err := manifest.New(place, whole, text)
	made.Origin = o.Origin
	return made, err
}
