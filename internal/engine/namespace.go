package engine

import (
	"encoding/json"

	"github.com/fixpoint-cd/fixpoint/internal/decide"
	"github.com/fixpoint-cd/fixpoint/internal/model"
)

// addNamespace puts the app's namespace first where it is to be created. Where the
// app says what it has to bear it is kept so, and never deleted: it has no mark.
func (r *run) addNamespace(d *desired) {
	key := model.ObjectKey{Kind: "Namespace", Name: r.app.Namespace}
	if _, declared := d.byKey[key]; declared || !r.app.Sync.CreateNamespace || r.app.Namespace == "" {
		return
	}
	meta, managed := map[string]any{"name": r.app.Namespace}, r.app.Sync.NamespaceMeta
	if managed != nil {
		if len(managed.Labels) > 0 {
			meta["labels"] = managed.Labels
		}
		if len(managed.Annotations) > 0 {
			meta["annotations"] = managed.Annotations
		}
	}
	body, err := json.Marshal(map[string]any{"apiVersion": "v1", "kind": "Namespace", "metadata": meta})
	if err != nil {
		return
	}
	o := model.Object{
		ObjectRef: model.ObjectRef{ObjectKey: key, Version: "v1"}, JSON: body, Digest: model.DigestOf(body),
		Labels: map[string]string{}, Annotations: map[string]string{},
	}
	lowest := int32(0)
	for _, x := range d.objects {
		lowest = min(lowest, x.Traits.Wave)
	}
	d.objects = append(d.objects, decide.Desired{
		Object: o, Implicit: managed == nil, First: true, Traits: model.Traits{Wave: lowest},
	})
	d.byKey[key] = o
}
