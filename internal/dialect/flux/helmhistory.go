package flux

import (
	"strings"

	helmv2 "github.com/fluxcd/helm-controller/api/v2"
	kustomizev1 "github.com/fluxcd/kustomize-controller/api/v1"
	"github.com/fluxcd/pkg/apis/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/fixpoint-cd/fixpoint/internal/model"
)

// chartRevision is the version of the chart as Flux writes it, and what it was
// got as where that is no version.
func chartRevision(s *model.Snapshot, app model.App) (version, digest string) {
	revision := revisionOf(s)
	switch {
	case s.Commit.ID != "":
		digest = hashName(revision) + ":" + revision
	case strings.Contains(revision, ":"):
		digest = revision
	default:
		return revision, ""
	}
	version = digest
	if s.Tree != nil && len(app.Sources) > 0 {
		if chart, err := chartMeta(s.Tree, app.Sources[0].Render.Path); err == nil {
			hash := commitOf(digest)
			version = chart.Version + "+" + hash[:min(12, len(hash))]
		}
	}
	return version, digest
}

// helmApplied is the revision that is installed, in the engine's form.
func helmApplied(s helmv2.HelmReleaseStatus) string {
	if condition(s.Conditions, meta.ReadyCondition).Status != metav1.ConditionTrue {
		return ""
	}
	if d := s.LastAttemptedRevisionDigest; d != "" {
		return strings.TrimPrefix(d, "sha1:")
	}
	return s.LastAttemptedRevision
}

// configDigest begins lastAttemptedConfigDigest; the digest of the spec, the
// values and the chart's source follows.
const configDigest = "sha256:"

// lastRelease is the release that the status tells of, if it has succeeded: so
// that a restart begins no other one.
func lastRelease(hr helmv2.HelmRelease) *model.Operation {
	op := &model.Operation{Phase: model.PhaseSucceeded, Revision: helmApplied(hr.Status)}
	text, ok := strings.CutPrefix(hr.Status.LastAttemptedConfigDigest, configDigest)
	if op.Revision == "" || !ok || op.Spec.UnmarshalText([]byte(text)) != nil {
		return nil
	}
	ready := condition(hr.Status.Conditions, meta.ReadyCondition)
	op.Started, op.Finished = ready.LastTransitionTime.Time, ready.LastTransitionTime.Time
	return op
}

// isReleased is isReady for a HelmRelease: what others have changed since does
// not make it unready, where it is not to be corrected.
func isReleased(app model.App, r model.Report) bool {
	op := r.Operation
	left := !app.Sync.SelfHeal && r.Err == nil && r.Sync == model.OutOfSync && len(r.Unready) == 0 && isAt(r.Applied, r.Snapshot) &&
		op != nil && op.Phase == model.PhaseSucceeded && op.Spec == app.Spec && isAt(op.Revision, r.Snapshot)
	return left || isReady(r)
}

// actionOf is what Helm would do: install what has never been, else upgrade.
func actionOf(hr helmv2.HelmRelease) helmv2.ReleaseAction {
	if len(hr.Status.History) > 0 || hr.Status.LastAttemptedReleaseAction == helmv2.ReleaseActionUpgrade ||
		condition(hr.Status.Conditions, helmv2.ReleasedCondition).Status == metav1.ConditionTrue {
		return helmv2.ReleaseActionUpgrade
	}
	return helmv2.ReleaseActionInstall
}

func kustomizeInventory(in *helmv2.ResourceInventory) *kustomizev1.ResourceInventory {
	if in == nil {
		return nil
	}
	out := &kustomizev1.ResourceInventory{Entries: []kustomizev1.ResourceRef{}}
	for _, e := range in.Entries {
		out.Entries = append(out.Entries, kustomizev1.ResourceRef{ID: e.ID, Version: e.Version})
	}
	return out
}

func helmInventory(in *kustomizev1.ResourceInventory) *helmv2.ResourceInventory {
	if in == nil {
		return nil
	}
	out := &helmv2.ResourceInventory{Entries: []helmv2.ResourceRef{}}
	for _, e := range in.Entries {
		out.Entries = append(out.Entries, helmv2.ResourceRef{ID: e.ID, Version: e.Version})
	}
	return out
}

func helmKnown(in *helmv2.ResourceInventory) []model.ObjectRef {
	return knownOf(kustomizeInventory(in))
}
