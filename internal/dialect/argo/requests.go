package argo

import (
	"cmp"
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
	// pin is set where something else is asked for than what is declared.
	pin *pinning
}

// asking is what a request is read with.
type asking struct {
	app     model.App
	spec    v1alpha1.ApplicationSpec
	history []v1alpha1.RevisionHistory
	env     Env
	// atHand is what the Application's own sources hold.
	atHand []*model.Snapshot
}

// pendingOf reads the operation field; nil if there is none. The ID names the
// version of the object in which the request was first seen, so that the same
// request written again is another one. An error says why it can't be carried out.
func pendingOf(u *unstructured.Unstructured, a asking) (*pending, error) {
	raw, ok := u.Object["operation"].(map[string]any)
	if !ok {
		return nil, nil
	}
	p := &pending{digest: model.DigestOf(mustJSON(raw))}
	if err := decode(raw, &p.operation); err != nil {
		return p, fmt.Errorf("operation can't be read: %w", err)
	}
	p.operation.InitiatedBy.Automated = false // it stands there because somebody wrote it
	if err := refuseOperation(p.operation, a); err != nil {
		return p, err
	}
	p.request = requestOf(p.operation, a.spec, fmt.Sprintf("%s/%s", u.GetUID(), u.GetResourceVersion()))
	if _, err := retryOf(p.operation.Retry); err != nil {
		return p, fmt.Errorf("operation.retry.%w", err)
	}
	if a.app.Invalid != nil {
		return p, a.app.Invalid
	}
	return p, p.pinTo(a)
}

// pinTo pins a request to what it asks for, where that is another thing than what
// is declared.
func (p *pending) pinTo(a asking) error {
	t := targetOf(*p.operation.Sync, a.spec, a.atHand)
	if p.request.Revision = t.revision(); !t.pinned {
		return nil
	}
	back := deployedAs(*p.operation.Sync, a.history)
	if isAutomated(a.spec) && !p.request.DryRun {
		return refuseAutomated(t, a.spec, back != nil)
	}
	p.request.Rollback = back != nil
	made, err := newPinning(t, a.app.Key, a.env)
	if err != nil {
		return fmt.Errorf("operation.sync: %w", err)
	}
	p.pin, p.request.Pin = made, &made.pin
	return nil
}

// refuseAutomated says why something else than what is declared is not synced
// while automated syncs would undo it at once.
func refuseAutomated(t target, spec v1alpha1.ApplicationSpec, isRollback bool) error {
	const first = "set spec.syncPolicy.automated.enabled to false first (argocd app set --sync-policy none)"
	if isRollback {
		return errors.New("rollback cannot be initiated when auto-sync is enabled: " + first)
	}
	meant, declared := sourceList(t.spec), sourceList(spec)
	if !slices.EqualFunc(meant, declared, sameButRevision) {
		return errors.New("cannot sync other sources than those of spec: auto-sync is enabled: " + first)
	}
	for i, revision := range t.revisions {
		if revision != "" {
			return fmt.Errorf("cannot sync to %s: auto-sync currently set to %s: change targetRevision, or %s",
				revision, cmp.Or(declared[i].TargetRevision, "HEAD"), first)
		}
	}
	return nil
}

// isAutomated reports whether automated syncs are on.
func isAutomated(spec v1alpha1.ApplicationSpec) bool {
	p := spec.SyncPolicy
	return p != nil && p.Automated != nil && (p.Automated.Enabled == nil || *p.Automated.Enabled)
}

// refuseOperation refuses requests for which another thing than what is asked
// would be applied.
func refuseOperation(op v1alpha1.Operation, a asking) error {
	s := op.Sync
	if s == nil {
		return errors.New("operation.sync is missing: nothing is asked for")
	}
	sources := max(len(sourceList(withSources(a.spec, *s))), 1)
	switch {
	case len(s.Manifests) > 0:
		return errors.New("operation.sync.manifests is not supported: what runs is always a commit: " +
			"push the manifests to a branch and sync to that (argocd app sync --revision)")
	case len(s.Revisions) > sources:
		return fmt.Errorf("operation.sync.revisions has %d revisions, and the Application %d sources", len(s.Revisions), sources)
	case slices.ContainsFunc(asksFor(*s), func(r string) bool { return strings.Contains(r, ",") }):
		return errors.New("operation.sync.revision holds a comma: use operation.sync.revisions for several sources")
	}
	return nil
}

// requestOf reads a request for a sync of an app with that spec; its Sync must be
// set. What it is to be pinned to is read by targetOf.
func requestOf(op v1alpha1.Operation, spec v1alpha1.ApplicationSpec, id string) model.Request {
	req := model.Request{
		ID: id, Prune: op.Sync.Prune, DryRun: op.Sync.DryRun,
		Heal: op.InitiatedBy.Automated && op.Sync.AutoHealAttemptsCount > 0,
	}
	// A back-off that can't be read is the default one; the API server has
	// accepted it, and the sync is wanted.
	req.Retry, _ = retryOf(op.Retry)
	for _, r := range op.Sync.Resources {
		req.Only = append(req.Only, model.ObjectKey{Group: r.Group, Kind: r.Kind, Namespace: r.Namespace, Name: r.Name})
	}
	setStrategy(&req, op.Sync.SyncStrategy)
	if op.InitiatedBy.Automated {
		return req // the newest wins over the revision that it began with
	}
	req.By = initiator(op.InitiatedBy)
	req.Revision = targetOf(*op.Sync, spec, nil).revision()
	if len(op.Sync.SyncOptions) > 0 {
		options, _ := parseOptions(op.Sync.SyncOptions)
		if req.Options != nil {
			options.Defaults.Force = req.Options.Defaults.Force
		}
		req.Options = &options
	}
	return req
}

// setStrategy reads how is synced: with hooks, or without, and with force.
func setStrategy(req *model.Request, s *v1alpha1.SyncStrategy) {
	if s == nil {
		return
	}
	req.NoHooks = s.Apply != nil && s.Hook == nil
	if (s.Apply != nil && s.Apply.Force) || (s.Hook != nil && s.Hook.Force) {
		req.Options = &model.Options{Defaults: model.Traits{Force: model.Yes}}
	}
}

// initiator is who asked for a sync that is not automated.
func initiator(by v1alpha1.OperationInitiator) string {
	if by.Username == "" {
		return "Unknown user"
	}
	return by.Username
}
