package backend

import (
	"context"
	"maps"

	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"

	"github.com/fixpoint-cd/fixpoint/internal/dialect/argo"
	"github.com/fixpoint-cd/fixpoint/internal/view"
)

// Manifests is Apps with the objects that declare the apps of the page. They share what
// the cache has and must not be changed. What has gone meanwhile, or moved to a project
// where may is no longer true, is left out of the page as well.
func (b *Backend) Manifests(ctx context.Context, q view.Query, may func(*view.App) bool) ([]map[string]any, view.Page, error) {
	page := b.board.Apps(q, may)
	out := make([]map[string]any, 0, len(page.Apps))
	kept := make([]view.App, 0, len(page.Apps))
	for _, app := range page.Apps {
		obj, err := b.declared(ctx, app.Key)
		if isGone(err) {
			continue
		}
		if err != nil {
			return nil, view.Page{}, err
		}
		if now := app; app.Key.Dialect == argo.Dialect {
			now.Project = argo.ProjectOf(obj)
			if now.Project != app.Project && may != nil && !may(&now) {
				continue
			}
		}
		out, kept = append(out, tidied(obj)), append(kept, app)
	}
	page.Apps = kept
	return out, page, nil
}

// tidied is an object without managed fields and what kubectl has last applied. All else
// is shared with obj.
func tidied(obj *unstructured.Unstructured) map[string]any {
	meta, ok := obj.Object["metadata"].(map[string]any)
	if !ok {
		return obj.Object
	}
	meta = maps.Clone(meta)
	delete(meta, "managedFields")
	if annotations, ok := meta["annotations"].(map[string]any); ok {
		annotations = maps.Clone(annotations)
		delete(annotations, lastApplied)
		meta["annotations"] = annotations
	}
	whole := maps.Clone(obj.Object)
	whole["metadata"] = meta
	return whole
}

// lastApplied is where kubectl keeps what it has applied.
const lastApplied = "kubectl.kubernetes.io/last-applied-configuration"
