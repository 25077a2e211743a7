package backend

import (
	"encoding/json"
	"slices"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"

	"github.com/fixpoint-cd/fixpoint/internal/dialect/argo"
	"github.com/fixpoint-cd/fixpoint/internal/model"
	"github.com/fixpoint-cd/fixpoint/internal/view"
)

const kindApplicationSet = "ApplicationSet"

// origin is what makes the object that declares an app: the ApplicationSet that controls
// it, or the app whose mark it bears; nil if neither is there.
func (b *Backend) origin(obj *unstructured.Unstructured) *view.Origin {
	if by := metav1.GetControllerOf(obj); by != nil && by.Kind == kindApplicationSet {
		return &view.Origin{Kind: by.Kind, Namespace: obj.GetNamespace(), Name: by.Name, Heals: true}
	}
	gvk := obj.GroupVersionKind()
	key := model.ObjectKey{Group: gvk.Group, Kind: gvk.Kind, Namespace: obj.GetNamespace(), Name: obj.GetName()}
	owner, ok := b.Owner(obj.GetLabels(), obj.GetAnnotations(), key)
	if !ok {
		return nil
	}
	app, ok := b.board.Get(owner)
	if !ok {
		return nil
	}
	out := &view.Origin{
		Kind: app.Kind, Namespace: owner.Namespace, Name: owner.Name, App: owner,
		Heals: !app.Suspended && (owner.Dialect != argo.Dialect || app.Auto && app.SelfHeal),
	}
	var declared model.Object
	if declared, out.Known = b.Engine.Desired(owner, key); out.Known {
		out.Automated = automatedIn(declared.JSON)
	}
	return out
}

// automatedIn are the fields of automated sync that a manifest of an Application sets.
func automatedIn(manifest []byte) []string {
	var app struct {
		Spec struct {
			SyncPolicy struct {
				Automated map[string]any `json:"automated"`
			} `json:"syncPolicy"`
		} `json:"spec"`
	}
	if json.Unmarshal(manifest, &app) != nil {
		return nil
	}
	var out []string
	for name := range app.Spec.SyncPolicy.Automated {
		out = append(out, name)
	}
	slices.Sort(out)
	return out
}
