package target

import (
	"encoding/json"
	"slices"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/runtime/schema"

	"github.com/fixpoint-cd/fixpoint/internal/model"
)

// digest makes an entry of an object as it arrives. What it is made of can be
// collected at once: no content is kept.
func (t *Target) digest(gk groupKind, obj runtime.Object) *entry {
	switch o := obj.(type) {
	case *metav1.PartialObjectMetadata:
		return t.digestMeta(gk, &o.ObjectMeta, t.versionOf(gk, o.APIVersion))
	case *unstructured.Unstructured:
		meta := metaOf(o)
		e := t.digestMeta(gk, meta, t.versionOf(gk, o.GetAPIVersion()))
		e.rec.Health = t.cfg.Health(o.Object)
		e.rec.Busy = e.rec.Health.Status == model.Progressing && (t.cfg.Busy == nil || t.cfg.Busy(o.Object))
		return e
	case *entry:
		return o
	}
	return &entry{rec: &Record{}}
}

// versionOf is the version of the object, or that of the watch where a
// metadata watch names the kind of the metadata instead.
func (t *Target) versionOf(gk groupKind, apiVersion string) string {
	gv, err := schema.ParseGroupVersion(apiVersion)
	if err == nil && gv.Group == gk.group && gv.Version != "" {
		return gv.Version
	}
	t.mu.Lock()
	defer t.mu.Unlock()
	return t.versions[gk]
}

func (t *Target) digestMeta(gk groupKind, m *metav1.ObjectMeta, version string) *entry {
	key := model.ObjectKey{Group: gk.group, Kind: gk.kind, Namespace: m.Namespace, Name: m.Name}
	rec := &Record{
		Ref: model.ObjectRef{ObjectKey: key, Version: version},
		UID: string(m.UID), ResourceVersion: m.ResourceVersion, Terminating: m.DeletionTimestamp != nil,
		Operation: m.Annotations[model.AnnotationOperation], Held: slices.Contains(m.Finalizers, model.HookFinalizer),
		owned: ownerships(m.ManagedFields, t.managers), writes: writesOf(m), updaters: updaters(m.ManagedFields),
	}
	if rec.Terminating && !rec.Held {
		rec.Health = model.Health{Status: model.Progressing, Message: "Pending deletion"}
	}
	t.readMarks(rec, m)
	return &entry{
		ObjectMeta: metav1.ObjectMeta{Name: m.Name, Namespace: m.Namespace, ResourceVersion: m.ResourceVersion},
		rec:        rec,
	}
}

// readMarks fills in the owners whose marks count, and what the object asks for in
// their dialects.
func (t *Target) readMarks(rec *Record, m *metav1.ObjectMeta) {
	for _, mark := range t.cfg.Marks {
		app, ok := mark.Owner(m.Labels, m.Annotations, rec.Ref.ObjectKey)
		if ok && (mark.Alone || rec.Ownership(mark.Manager) != (Ownership{})) {
			rec.Owners, rec.managers = append(rec.Owners, app), append(rec.managers, mark.Manager)
			if mark.Traits != nil {
				rec.Traits = joined(rec.Traits, mark.Traits(m.Labels, m.Annotations))
			}
		}
	}
}

// joined are the traits that two dialects read of one object: each reads its own
// annotations.
func joined(a, b model.Traits) model.Traits {
	out := a.Over(b)
	if a.Wave == 0 {
		out.Wave = b.Wave
	}
	out.Hooks, out.HookDelete = a.Hooks|b.Hooks, a.HookDelete|b.HookDelete
	out.Skip, out.IgnoreHealth = a.Skip || b.Skip, a.IgnoreHealth || b.IgnoreHealth
	return out
}

// metaOf reads the metadata that records are made of from a whole object.
func metaOf(o *unstructured.Unstructured) *metav1.ObjectMeta {
	m := &metav1.ObjectMeta{
		Name: o.GetName(), Namespace: o.GetNamespace(), UID: o.GetUID(), ResourceVersion: o.GetResourceVersion(), Generation: o.GetGeneration(),
		DeletionTimestamp: o.GetDeletionTimestamp(), Labels: o.GetLabels(), Annotations: o.GetAnnotations(),
		Finalizers: o.GetFinalizers(),
	}
	meta, _ := o.Object["metadata"].(map[string]any)
	raw, _ := meta["managedFields"].([]any)
	for _, r := range raw {
		e, ok := r.(map[string]any)
		if !ok {
			continue
		}
		m.ManagedFields = append(m.ManagedFields, fieldsEntry(e))
	}
	return m
}

func fieldsEntry(e map[string]any) metav1.ManagedFieldsEntry {
	text := func(k string) string { s, _ := e[k].(string); return s }
	out := metav1.ManagedFieldsEntry{
		Manager: text("manager"), Operation: metav1.ManagedFieldsOperationType(text("operation")),
		APIVersion: text("apiVersion"), Subresource: text("subresource"),
	}
	if at, err := time.Parse(time.RFC3339, text("time")); err == nil {
		out.Time = &metav1.Time{Time: at}
	}
	// Keys of a marshalled map are sorted: the same fields give the same bytes.
	if raw, err := json.Marshal(e["fieldsV1"]); err == nil {
		out.FieldsV1 = metav1.NewFieldsV1(string(raw))
	}
	return out
}
