package flux

import (
	"context"
	"fmt"

	helmv2 "github.com/fluxcd/helm-controller/api/v2"
	kustomizev1 "github.com/fluxcd/kustomize-controller/api/v1"
	sourcev1 "github.com/fluxcd/source-controller/api/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/types"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/fixpoint-cd/fixpoint/internal/model"
)

// sourceIndex finds the objects that use a source by its "Kind namespace/name".
const sourceIndex = "spec.sourceRef"

// users are the kinds of objects that use sources.
var users = []string{
	kustomizev1.KustomizationKind, helmv2.HelmReleaseKind, sourcev1.HelmChartKind, sourcev1.GitRepositoryKind,
}

// indexSource is the function of sourceIndex, for all of users.
func indexSource(obj client.Object) []string {
	u, ok := obj.(*unstructured.Unstructured)
	if !ok {
		return nil
	}
	var out []string
	for _, name := range usedBy(u) {
		out = append(out, name.String())
	}
	return out
}

// usedBy are the sources that the object names.
func usedBy(u *unstructured.Unstructured) []object {
	switch u.GetKind() {
	case kustomizev1.KustomizationKind:
		return refAt(u, "spec", "sourceRef")
	case sourcev1.HelmChartKind:
		return refAt(u, "spec", "sourceRef")
	case helmv2.HelmReleaseKind:
		out := refAt(u, "spec", "chartRef")
		for _, source := range refAt(u, "spec", "chart", "spec", "sourceRef") {
			out = append(out, source, object{sourcev1.HelmChartKind, chartName(u, source.Namespace)})
		}
		return out
	}
	includes, _, _ := unstructured.NestedSlice(u.Object, "spec", "include")
	var out []object
	for _, i := range includes {
		include, _ := i.(map[string]any)
		if name, _, _ := unstructured.NestedString(include, "repository", "name"); name != "" {
			out = append(out, object{sourcev1.GitRepositoryKind, types.NamespacedName{Namespace: u.GetNamespace(), Name: name}})
		}
	}
	return out
}

func refAt(u *unstructured.Unstructured, path ...string) []object {
	ref, _, _ := unstructured.NestedStringMap(u.Object, path...)
	if ref["kind"] == "" || ref["name"] == "" {
		return nil
	}
	namespace := ref["namespace"]
	if namespace == "" {
		namespace = u.GetNamespace()
	}
	return []object{{ref["kind"], types.NamespacedName{Namespace: namespace, Name: ref["name"]}}}
}

// wakeUsers looks again at the objects that use a source.
func (s *sources) wakeUsers(ctx context.Context, source object) error {
	for _, kind := range users {
		found, err := s.usersOf(ctx, source, kind)
		if err != nil {
			return err
		}
		for _, name := range found {
			s.wake(name)
		}
	}
	return nil
}

func (s *sources) usersOf(ctx context.Context, source object, kind string) ([]object, error) {
	list := newList(kind)
	if err := s.Cache.List(ctx, list, client.MatchingFields{sourceIndex: source.String()}); err != nil {
		return nil, fmt.Errorf("finding the %ss that use %s: %w", kind, source, err)
	}
	var out []object
	for i := range list.Items {
		out = append(out, objectOf(&list.Items[i]))
	}
	return out, nil
}

// news tells the charts of a source that it has changed: those in a repository
// with an index are looked for at once, those that lie in the source are read.
// Apps need not be told: the engine hears of it by itself.
func (s *sources) news(ctx context.Context, d Declaration, first bool) error {
	charts, err := s.usersOf(ctx, d.object(), sourcev1.HelmChartKind)
	if err != nil {
		return err
	}
	for _, name := range charts {
		if d.Kind != sourcev1.HelmRepositoryKind {
			s.wake(name)
		} else if !first {
			s.lookAt(name.key())
		}
	}
	return nil
}

// lookAt makes the store look at a source now, whatever was asked before.
func (s *sources) lookAt(key model.SourceKey) {
	sub := s.of(key)
	sub.mu.Lock()
	defer sub.mu.Unlock()
	s.Sources.Refresh(key, sub.asked)
}

// look makes the store look at what a source object stands for: its own source,
// the one that it lies in, or the charts of a registry.
func (s *sources) look(ctx context.Context, name object) {
	d, problem, err := s.find(ctx, name)
	switch {
	case problem != nil || err != nil:
	case d.Of != "":
		s.lookAt(d.Of)
	case d.Static:
		charts, err := s.usersOf(ctx, name, sourcev1.HelmChartKind)
		if err != nil {
			s.Log.Error("finding the charts of a registry", "object", name.String(), "err", err)
		}
		for _, chart := range charts {
			s.lookAt(chart.key())
		}
	default:
		s.lookAt(name.key())
	}
}
