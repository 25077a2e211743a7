package flux

import (
	"context"

	kustomizev1 "github.com/fluxcd/kustomize-controller/api/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/types"

	"github.com/fixpoint-cd/fixpoint/internal/model"
)

// kustomizations are the apps that Kustomizations declare.
type kustomizations struct{ sources *sources }

var _ appKind = kustomizations{}

func (kustomizations) names() (kind, manager string) {
	return kustomizev1.KustomizationKind, kustomizationManager
}

func (kustomizations) references(obj *unstructured.Unstructured) []Ref { return RefsOf(obj) }

func (k kustomizations) app(ctx context.Context, obj *unstructured.Unstructured, in Contents) (model.App, *Declaration, error) {
	app := Kustomization(obj, in)
	if problem := k.sources.foreign(obj); problem != nil && obj.GetDeletionTimestamp().IsZero() {
		app.Invalid = problem
	}
	if app.Invalid != nil || !obj.GetDeletionTimestamp().IsZero() {
		return app, nil, nil
	}
	name, _ := ofKey(app.Sources[0].Key)
	d, problem, err := k.sources.find(ctx, name)
	app.Invalid = problem
	return app, &d, err
}

func (kustomizations) gone(context.Context, types.NamespacedName, *unstructured.Unstructured) error {
	return nil
}

func (k kustomizations) report(obj *unstructured.Unstructured, app model.App, r model.Report, changes []string, handled string, now metav1.Time) change {
	decoded, err := kustomizationOf(obj)
	if err != nil {
		k.sources.Log.Debug("status is written without what was there before", "app", app.Key, "error", err)
	}
	prev := decoded.Status
	next := KustomizationStatus(prev, app, r, handled, now)
	return change{
		prev: prev, next: next,
		events:      KustomizationEvents(prev, next, app, r, changes),
		annotations: revisionAnnotation(kustomizev1.GroupVersion.Group, r.Snapshot),
	}
}

// revisionAnnotation tells of which revision an event is.
func revisionAnnotation(group string, s *model.Snapshot) map[string]string {
	revision := Revision(s)
	if revision == "" {
		return map[string]string{}
	}
	return map[string]string{group + "/revision": revision}
}
