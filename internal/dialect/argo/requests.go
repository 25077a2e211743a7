package argo

import (
	"errors"
	"fmt"
	"slices"

	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"

	"github.com/fixpoint-cd/fixpoint/api/argoproj/v1alpha1"
	"github.com/fixpoint-cd/fixpoint/internal/model"
)

// pending is a user's request for a sync that stands in an Application.
type pending struct {
	operation v1alpha1.Operation
	request   model.Request
	digest    model.Digest // of the operation as written
}

// pendingOf reads the operation field; nil if there is none. The ID names the
// version of the object in which the request was first seen, so that the same
// request written again is another one. An error says why it can't be carried out.
func pendingOf(u *unstructured.Unstructured, app model.App, spec v1alpha1.ApplicationSpec) (*pending, error) {
	raw, ok := u.Object["operation"].(map[string]any)
	if !ok {
		return nil, nil
	}
	p := &pending{digest: model.DigestOf(mustJSON(raw))}
	if err := decode(raw, &p.operation); err != nil {
		return p, fmt.Errorf("operation can't be read: %w", err)
	}
	p.operation.InitiatedBy.Automated = false // it stands there because somebody wrote it
	if err := refuseOperation(p.operation, spec); err != nil {
		return p, err
	}
	if p.operation.Sync.Source != nil && p.operation.Sync.Revision == "" {
		p.operation.Sync.Revision = p.operation.Sync.Source.TargetRevision
	}
	p.request = requestOf(p.operation, fmt.Sprintf("%s/%s", u.GetUID(), u.GetResourceVersion()))
	p.request.Prune = p.request.Prune && !keepsExtra(spec)
	if _, err := retryOf(p.operation.Retry); err != nil {
		return p, fmt.Errorf("operation.retry.%w", err)
	}
	return p, app.Invalid
}

// refuseOperation refuses requests for which another thing than what is asked
// would be applied.
func refuseOperation(op v1alpha1.Operation, spec v1alpha1.ApplicationSpec) error {
	s := op.Sync
	switch {
	case s == nil:
		return errors.New("operation.sync is missing: nothing is asked for")
	case len(s.Manifests) > 0:
		return errors.New("operation.sync.manifests is not supported yet: push the manifests to the repository")
	case len(s.Sources) > 0 || len(s.Revisions) > 0:
		return errors.New("operation.sync.sources is not supported yet: sync one source")
	case s.Source != nil && !sameSource(s.Source, spec.Source):
		return errors.New("operation.sync.source differs from spec.source, which is not supported yet: change spec.source")
	}
	return nil
}

// sameSource reports whether two sources differ in nothing but the revision.
func sameSource(a, b *v1alpha1.ApplicationSource) bool {
	if b == nil {
		return false
	}
	x, y := *a, *b
	x.TargetRevision, y.TargetRevision = "", ""
	return string(mustJSON(x)) == string(mustJSON(y))
}

func keepsExtra(spec v1alpha1.ApplicationSpec) bool {
	if spec.SyncPolicy == nil {
		return false
	}
	return slices.Contains(spec.SyncPolicy.SyncOptions, "Prune=false")
}
