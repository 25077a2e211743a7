package engine

import (
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"maps"

	kjson "k8s.io/apimachinery/pkg/util/json"

	"github.com/fixpoint-cd/fixpoint/internal/model"
)

type groupKind struct{ group, kind string }

func kindOf(o model.Object) groupKind { return groupKind{o.Group, o.Kind} }

// definition is what a CRD of the same desired state says of a kind.
type definition struct {
	crd        model.ObjectKey
	namespaced bool
}

func definedKinds(objects []model.Object) map[groupKind]definition {
	out := map[groupKind]definition{}
	for _, o := range objects {
		if o.Kind != "CustomResourceDefinition" || o.Group != "apiextensions.k8s.io" {
			continue
		}
		var crd struct {
			Spec struct {
				Group, Scope string
				Names        struct{ Kind string }
			}
		}
		if json.Unmarshal(o.JSON, &crd) == nil {
			out[groupKind{crd.Spec.Group, crd.Spec.Names.Kind}] = definition{o.ObjectKey, crd.Spec.Scope == "Namespaced"}
		}
	}
	return out
}

// scope reports whether the object's kind is namespaced. model.ErrNotFound: the
// target does not serve it; the answer is then the best guess.
func (r *run) scope(o model.Object, defined map[groupKind]definition) (bool, error) {
	namespaced, err := r.target.Namespaced(o.ObjectRef)
	if errors.Is(err, model.ErrNotFound) {
		if def, ok := defined[kindOf(o)]; ok {
			return def.namespaced, err
		}
		if another, known := r.target.Namespaced(model.ObjectRef{ObjectKey: o.ObjectKey}); known == nil {
			return another, err // only that version is not served
		}
		return o.Namespace != "", err
	}
	return namespaced, err
}

// place gives an object its namespace, the app's metadata and its mark, and
// takes out what only a server may set.
func (r *run) place(o model.Object, namespaced bool) (model.Object, error) {
	var body map[string]any
	if err := kjson.Unmarshal(o.JSON, &body); err != nil {
		return o, err
	}
	meta, _ := body["metadata"].(map[string]any)
	if meta == nil {
		return o, model.As(model.ErrInvalid, fmt.Errorf("%s has no metadata", o.Kind))
	}
	switch {
	case !namespaced:
		o.Namespace = ""
	case o.Namespace == "":
		o.Namespace = r.app.Namespace
	}
	if namespaced && o.Namespace == "" {
		return o, model.As(model.ErrInvalid, fmt.Errorf(
			"%s %q names no namespace, and neither does the app: set metadata.namespace, or the app's destination (Argo CD) or targetNamespace (Flux)", o.Kind, o.Name))
	}
	if o.Namespace == "" {
		delete(meta, "namespace")
	} else {
		meta["namespace"] = o.Namespace
	}
	for _, k := range []string{"creationTimestamp", "managedFields", "resourceVersion", "uid", "generation", "selfLink"} {
		delete(meta, k)
	}
	delete(body, "status")
	if o.Kind == "Secret" && o.Group == "" {
		mergeStringData(body)
	}
	labels, annotations := r.e.cfg.Dialects[r.app.Key.Dialect].Stamp(r.app.Key, o.ObjectKey)
	o.Labels = overlay(meta, "labels", r.app.Labels, labels)
	o.Annotations = overlay(meta, "annotations", r.app.Annotations, annotations)
	out, err := json.Marshal(body)
	if err != nil {
		return o, err
	}
	o.JSON, o.Digest = out, model.DigestOf(out)
	return o, nil
}

// overlay sets the pairs in a map of the metadata and returns the whole map.
func overlay(meta map[string]any, field string, layers ...map[string]string) map[string]string {
	in, _ := meta[field].(map[string]any)
	out := map[string]string{}
	for k, v := range in {
		if s, ok := v.(string); ok {
			out[k] = s
		}
	}
	add := 0
	for _, l := range layers {
		add += len(l)
		maps.Copy(out, l)
	}
	if add > 0 {
		all := make(map[string]any, len(out)+len(in))
		maps.Copy(all, in)
		for k, v := range out {
			all[k] = v
		}
		meta[field] = all
	}
	return out
}

// mergeStringData moves a Secret's stringData into data, as the API server
// would: fields of stringData have no owner, so drift in them could not be seen.
func mergeStringData(body map[string]any) {
	text, ok := body["stringData"].(map[string]any)
	if !ok {
		return
	}
	data, _ := body["data"].(map[string]any)
	if data == nil {
		data = map[string]any{}
	}
	for k, v := range text {
		if s, ok := v.(string); ok {
			data[k] = base64.StdEncoding.EncodeToString([]byte(s))
		} else {
			return // let the API server refuse it
		}
	}
	body["data"] = data
	delete(body, "stringData")
}
