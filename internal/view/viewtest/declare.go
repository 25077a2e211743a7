package viewtest

import (
	"cmp"
	"context"
	"encoding/json"
	"fmt"
	"maps"

	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime"

	"github.com/fixpoint-cd/fixpoint/internal/model"
	"github.com/fixpoint-cd/fixpoint/internal/view"
)

// Declare is view.Backend's: an Application that is declared anew is missing until
// somebody syncs it. One without a path in its source is invalid.
func (b *Backend) Declare(_ context.Context, app model.AppKey, by string, edit view.Edit) (map[string]any, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if err := b.failures["Declare"]; err != nil {
		return nil, err
	}
	s := b.apps[app]
	var now map[string]any
	if s != nil {
		now = runtime.DeepCopyJSON(s.Raw)
	}
	wanted, err := edit(now)
	if err != nil {
		return nil, err
	}
	if path, _, _ := unstructured.NestedString(wanted, "spec", "source", "path"); path == "" {
		return nil, model.Invalidf("application spec for %s is invalid: source has no path", app.Name)
	}
	if s == nil {
		s = &sample{Detail: view.Detail{App: view.App{
			Key: app, Kind: view.KindApplication, UID: "made-here", Cluster: inCluster, Created: b.tick(), Health: model.Missing, Sync: model.OutOfSync,
		}}}
	}
	s.redeclare(wanted)
	b.put(s)
	b.deeds = append(b.deeds, fmt.Sprintf("declare %s by %s: %s", app, by, declared(wanted)))
	b.board.Touch(view.TopicApp(app))
	return runtime.DeepCopyJSON(s.Raw), nil
}

// redeclare makes the app what a manifest says.
func (s *sample) redeclare(wanted map[string]any) {
	text := func(fields ...string) string {
		value, _, _ := unstructured.NestedString(wanted, fields...)
		return value
	}
	s.Project, s.Namespace = cmp.Or(text("spec", "project"), "default"), text("spec", "destination", "namespace")
	s.Sources = []view.Source{{URL: text("spec", "source", "repoURL"), Path: text("spec", "source", "path"), Target: text("spec", "source", "targetRevision")}}
	s.Labels, _, _ = unstructured.NestedStringMap(wanted, "metadata", "labels")
	s.declare()
	meta := maps.Clone(s.Raw["metadata"].(map[string]any))
	meta["resourceVersion"] = "4800"
	asked, _ := wanted["metadata"].(map[string]any)
	for _, field := range []string{"annotations", "finalizers"} {
		if value, is := asked[field]; is {
			meta[field] = value
		}
	}
	s.Raw["metadata"], s.Raw["spec"] = meta, wanted["spec"]
}

// declared is what of a manifest counts, in one line.
func declared(wanted map[string]any) string {
	counts := map[string]any{"spec": wanted["spec"]}
	meta, _ := wanted["metadata"].(map[string]any)
	for _, field := range []string{"annotations", "finalizers", "labels"} {
		if value, is := meta[field]; is {
			counts[field] = value
		}
	}
	line, err := json.Marshal(counts)
	if err != nil {
		panic(err) // it came from JSON
	}
	return string(line)
}
