package manifest

import (
	"encoding/json"
	"maps"

	"github.com/fixpoint-cd/fixpoint/internal/model"
)

// Mark sets labels and annotations of an object, over its own.
func Mark(o model.Object, labels, annotations map[string]string) (model.Object, error) {
	place := o.Origin + ": " + o.ObjectKey.String()
	var whole Fields
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
			maps.Copy(all, some)
		}
		meta[name], _ = json.Marshal(all)
	}
	whole["metadata"], _ = json.Marshal(meta)
	text, err := json.Marshal(whole)
	if err != nil {
		return o, model.Invalidf("%s: %w", place, err)
	}
	made, err := New(place, whole, text)
	made.Origin = o.Origin
	return made, err
}
