package argo

import (
	"errors"
	"fmt"
	"slices"
	"strings"

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
	p.request = requestOf(p.operation, spec, fmt.Sprintf("%s/%s", u.GetUID(), u.GetResourceVersion()))
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
	case len(s.Revisions) > max(len(spec.Sources), 1):
		return fmt.Errorf("operation.sync.revisions has %d revisions, and the Application %d sources", len(s.Revisions), max(len(spec.Sources), 1))
	case len(s.Sources) > 0 && !slices.EqualFunc(s.Sources, spec.Sources, sameButRevision):
		return errors.New("operation.sync.sources differs from spec.sources, which is not supported yet: change spec.sources")
	case s.Source != nil && len(spec.Sources) > 0:
		return errors.New("operation.sync.source is not possible, since the Application has spec.sources: use operation.sync.sources")
	case s.Source != nil && (spec.Source == nil || !sameButRevision(*s.Source, *spec.Source)):
		return errors.New("operation.sync.source differs from spec.source, which is not supported yet: change spec.source")
	}
	return nil
}

// sameButRevision reports whether two sources differ in nothing but the revision.
func sameButRevision(a, b v1alpha1.ApplicationSource) bool {
	a.TargetRevision, b.TargetRevision = "", ""
	return string(mustJSON(a)) == string(mustJSON(b))
}

// wanted is the revision that a request names, or revisions in the form of
// model.Revision: by themselves, or in the sources that it repeats. What a source
// follows in any case is not asked for.
func wanted(s *v1alpha1.SyncOperation, spec v1alpha1.ApplicationSpec) string {
	declared, repeated, asked := spec.Sources, s.Sources, slices.Clone(s.Revisions)
	if len(declared) == 0 && spec.Source != nil {
		declared = []v1alpha1.ApplicationSource{*spec.Source}
	}
	if len(repeated) == 0 && s.Source != nil {
		repeated = []v1alpha1.ApplicationSource{*s.Source}
	}
	if len(asked) == 0 && s.Revision != "" {
		asked = []string{s.Revision}
	}
	if len(asked) == 0 {
		for _, r := range repeated {
			asked = append(asked, r.TargetRevision)
		}
	}
	for i, revision := range asked {
		if revision == "HEAD" || (i < len(declared) && revision == declared[i].TargetRevision) {
			asked[i] = ""
		}
	}
	if strings.Join(asked, "") == "" {
		return ""
	}
	return strings.Join(asked, ",")
}

func keepsExtra(spec v1alpha1.ApplicationSpec) bool {
	if spec.SyncPolicy == nil {
		return false
	}
	return slices.Contains(spec.SyncPolicy.SyncOptions, "Prune=false")
}
