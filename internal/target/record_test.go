package target

import (
	"encoding/json"
	"slices"
	"testing"

	metainternal "k8s.io/apimachinery/pkg/apis/meta/internalversion"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime"

	"github.com/fixpoint-cd/fixpoint/internal/model"
)

func fields(manager string, op metav1.ManagedFieldsOperationType, at int64, json string) metav1.ManagedFieldsEntry {
	when := metav1.Unix(at, 0)
	return metav1.ManagedFieldsEntry{
		Manager: manager, Operation: op, APIVersion: "v1", Time: &when, FieldsType: "FieldsV1", FieldsV1: metav1.NewFieldsV1(json),
	}
}

const (
	apply  = metav1.ManagedFieldsOperationApply
	update = metav1.ManagedFieldsOperationUpdate
)

// TestOwnerships: the digest follows what our manager owns and nothing else.
func TestOwnerships(t *testing.T) {
	const owned = `{"f:data":{"f:a":{}}}`
	base := []metav1.ManagedFieldsEntry{fields("us", apply, 100, owned)}
	sub := fields("us", update, 100, `{"f:status":{}}`)
	sub.Subresource = "status"
	other := fields("us", apply, 100, owned)
	other.APIVersion = "v2"
	for name, c := range map[string]struct {
		entries []metav1.ManagedFieldsEntry
		same    bool
		time    int64
	}{
		"as it was":           {base, true, 100},
		"a later time":        {[]metav1.ManagedFieldsEntry{fields("us", apply, 200, owned)}, true, 200},
		"others own fields":   {append(base[:1:1], fields("them", apply, 200, `{"f:data":{"f:b":{}}}`)), true, 100},
		"others own the same": {append(base[:1:1], fields("them", update, 200, owned)), true, 100},
		"our status":          {append(base[:1:1], sub), true, 100},
		"a field is lost":     {[]metav1.ManagedFieldsEntry{fields("us", apply, 100, `{"f:data":{}}`)}, false, 100},
		"a field is gained":   {[]metav1.ManagedFieldsEntry{fields("us", apply, 100, `{"f:data":{"f:a":{},"f:b":{}}}`)}, false, 100},
		"an update of ours":   {append(base[:1:1], fields("us", update, 150, `{"f:data":{"f:a":{}}}`)), false, 150},
		"another operation":   {[]metav1.ManagedFieldsEntry{fields("us", update, 100, owned)}, false, 100},
		"another API version": {[]metav1.ManagedFieldsEntry{other}, false, 100},
	} {
		was, is := ownerships(base, []string{"us"})[0], ownerships(c.entries, []string{"us"})[0]
		if (was.Fields == is.Fields) != c.same {
			t.Errorf("%s: same digest is %v", name, !c.same)
		}
		if is.Time != c.time {
			t.Errorf("%s: time %d, want %d", name, is.Time, c.time)
		}
	}
	if got := ownerships([]metav1.ManagedFieldsEntry{fields("them", apply, 1, owned)}, []string{"us"}); got != nil {
		t.Errorf("managedFields that were reset: %v", got)
	}
	both := slices.Concat(base, []metav1.ManagedFieldsEntry{fields("us", update, 150, `{"f:data":{"f:c":{}}}`)})
	turned := []metav1.ManagedFieldsEntry{both[1], both[0]}
	if a, b := ownerships(both, []string{"us"})[0], ownerships(turned, []string{"us"})[0]; a != b {
		t.Error("the order of the entries counts")
	}
}

// digester is a target that can take in objects, with the marks of two dialects.
func digester() *Target {
	owner := func(dialect, label string) func(map[string]string, map[string]string, model.ObjectKey) (model.AppKey, bool) {
		return func(labels, _ map[string]string, _ model.ObjectKey) (model.AppKey, bool) {
			app := model.AppKey{Dialect: dialect, Namespace: "apps", Name: labels[label]}
			return app, app.Name != ""
		}
	}
	return &Target{
		managers: []string{"argo", "flux"}, versions: map[groupKind]string{{"", "ConfigMap"}: "v1"},
		mirror: newMirror(func(model.AppKey, model.ObjectKey) {}),
		cfg: Config{
			Marks: []Mark{
				{Manager: "argo", Owner: owner("argo", "mark"), Alone: true, Traits: keepTraits},
				{Manager: "flux", Owner: owner("flux", "label"), Traits: keepTraits},
			},
			Health: func(o map[string]any) model.Health {
				return model.Health{Status: model.Healthy, Message: o["kind"].(string)}
			},
		},
	}
}

// keepTraits are those of an object that may ask to be kept.
func keepTraits(_, annotations map[string]string) model.Traits {
	if annotations["keep"] != "" {
		return model.Traits{Prune: model.ConsentNo}
	}
	return model.Traits{}
}

func partial(name string, labels map[string]string, managed ...metav1.ManagedFieldsEntry) *metav1.PartialObjectMetadata {
	return &metav1.PartialObjectMetadata{
		TypeMeta: metav1.TypeMeta{Kind: "PartialObjectMetadata", APIVersion: "meta.k8s.io/v1"},
		ObjectMeta: metav1.ObjectMeta{
			Namespace: "web", Name: name, UID: "u", ResourceVersion: "7", Labels: labels, ManagedFields: managed,
		},
	}
}

// TestMarks: labels count only on what their dialect wrote, since controllers
// copy them to what they derive.
func TestMarks(t *testing.T) {
	target, gk := digester(), groupKind{"", "ConfigMap"}
	for name, c := range map[string]struct {
		labels  map[string]string
		manager string
		want    []model.AppKey
	}{
		"none":                    {},
		"alone":                   {map[string]string{"mark": "a"}, "other", []model.AppKey{appKey("argo:a")}},
		"a label that was copied": {map[string]string{"label": "a"}, "other", nil},
		"a label that we wrote":   {map[string]string{"label": "a"}, "flux", []model.AppKey{appKey("flux:a")}},
		"both":                    {map[string]string{"label": "a", "mark": "b"}, "flux", []model.AppKey{appKey("argo:b"), appKey("flux:a")}},
	} {
		rec := target.digest(gk, partial("x", c.labels, fields(c.manager, apply, 1, "{}"))).rec
		if len(rec.Owners) != len(c.want) || len(rec.managers) != len(c.want) {
			t.Errorf("%s: owners %v", name, rec.Owners)
			continue
		}
		for i, want := range c.want {
			if rec.Owners[i] != want || rec.managers[i] != want.Dialect {
				t.Errorf("%s: owner %d is %v, written by %s", name, i, rec.Owners[i], rec.managers[i])
			}
		}
	}
}

// TestDigestForms: the same object gives the same digest whether it comes whole
// or as metadata, so that neither looks like drift beside the other.
func TestDigestForms(t *testing.T) {
	target, gk := digester(), groupKind{"", "ConfigMap"}
	meta := partial("x", map[string]string{"mark": "a"}, fields("argo", apply, 100, `{"f:data":{"f:b":{},"f:a":{}}}`))
	meta.Annotations = map[string]string{"keep": "yes"}
	now := metav1.Unix(200, 0)
	meta.DeletionTimestamp = &now
	raw, err := json.Marshal(meta)
	if err != nil {
		t.Fatal(err)
	}
	whole := &unstructured.Unstructured{}
	if err := json.Unmarshal(raw, &whole.Object); err != nil {
		t.Fatal(err)
	}
	whole.SetAPIVersion("v1")
	whole.SetKind("ConfigMap")
	// As the API server sends it: keys sorted.
	meta.ManagedFields[0].FieldsV1 = metav1.NewFieldsV1(`{"f:data":{"f:a":{},"f:b":{}}}`)
	a, b := target.digest(gk, meta).rec, target.digest(gk, whole).rec
	if b.Health != (model.Health{Status: model.Healthy, Message: "ConfigMap"}) {
		t.Errorf("health of a whole object: %v", b.Health)
	}
	if a.Health.Status != model.Progressing {
		t.Errorf("health of an object that is being deleted: %v", a.Health)
	}
	b.Health = a.Health
	if !a.sameAs(b) || a.Ref != b.Ref || a.ResourceVersion != b.ResourceVersion || a.Traits.Prune != model.ConsentNo || !a.Terminating {
		t.Errorf("as metadata %+v\nwhole %+v", a, b)
	}
}

// TestDigestList: both forms of lists keep their versions and continuations; an
// answer that is no list is an error and not an empty list.
func TestDigestList(t *testing.T) {
	w := &kindWatch{gk: groupKind{"", "ConfigMap"}, target: digester()}
	left := int64(3)
	metas := &metav1.PartialObjectMetadataList{Items: []metav1.PartialObjectMetadata{*partial("a", nil), *partial("b", nil)}}
	metas.ResourceVersion, metas.Continue, metas.RemainingItemCount = "9", "next", &left
	wholes := &unstructured.UnstructuredList{Items: []unstructured.Unstructured{{Object: map[string]any{
		"apiVersion": "v1", "kind": "ConfigMap", "metadata": map[string]any{"name": "a", "namespace": "web"},
	}}}}
	wholes.SetResourceVersion("9")
	wholes.SetContinue("next")
	wholes.SetRemainingItemCount(&left)
	for name, c := range map[string]struct {
		list runtime.Object
		n    int
	}{"metadata": {metas, 2}, "whole": {wholes, 1}} {
		out, err := w.digestList(c.list)
		if err != nil {
			t.Fatal(err)
		}
		got := out.(*metainternal.List)
		if len(got.Items) != c.n || got.ResourceVersion != "9" || got.Continue != "next" || *got.RemainingItemCount != 3 {
			t.Errorf("%s: %d items, %+v", name, len(got.Items), got.ListMeta)
		}
		if e := got.Items[0].(*entry); e.rec.Ref.ObjectKey != configMap("a") || e.Name != "a" || e.rec.Ref.Version != "v1" {
			t.Errorf("%s: the first is %+v", name, e.rec.Ref)
		}
	}
	if out, err := w.digestList(&metav1.Status{}); err == nil {
		t.Errorf("a Status became the list %v", out)
	}
}

func TestVersionsOfObjects(t *testing.T) {
	for _, c := range []struct {
		a, b string
		want bool
	}{{"10", "9", true}, {"9", "10", false}, {"9", "9", false}, {"", "9", false}, {"9", "", false}, {"x", "9", false}} {
		if newer(c.a, c.b) != c.want {
			t.Errorf("newer(%q, %q) is %v", c.a, c.b, !c.want)
		}
	}
	if e := (&entry{rec: &Record{UID: "u"}}); e.DeepCopyObject().(*entry).rec.UID != "u" || e.GetObjectKind() == nil {
		t.Error("a copy of an entry is not one")
	}
}
