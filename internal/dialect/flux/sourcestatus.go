package flux

import (
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"strings"

	"github.com/fluxcd/pkg/apis/meta"
	sourcev1 "github.com/fluxcd/source-controller/api/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/fixpoint-cd/fixpoint/internal/model"
)

// SourceStatus is the status of a source object of any kind, as far as it is
// written. Fields that only some kinds have are empty for the others.
type SourceStatus struct {
	ObservedGeneration     int64              `json:"observedGeneration,omitempty"`
	Conditions             []metav1.Condition `json:"conditions,omitempty"`
	Artifact               *meta.Artifact     `json:"artifact,omitempty"`
	LastHandledReconcileAt string             `json:"lastHandledReconcileAt,omitempty"`
	Observed               `json:",inline"`
}

// Observed is what a status repeats of the spec that the artifact was made by.
type Observed struct {
	ObservedIgnore                 *string                         `json:"observedIgnore,omitempty"`
	ObservedInclude                []sourcev1.GitRepositoryInclude `json:"observedInclude,omitempty"`
	ObservedRecurseSubmodules      bool                            `json:"observedRecurseSubmodules,omitempty"`
	ObservedSparseCheckout         []string                        `json:"observedSparseCheckout,omitempty"`
	SourceVerificationMode         *sourcev1.GitVerificationMode   `json:"sourceVerificationMode,omitempty"`
	ObservedLayerSelector          *sourcev1.OCILayerSelector      `json:"observedLayerSelector,omitempty"`
	ObservedChartName              string                          `json:"observedChartName,omitempty"`
	ObservedValuesFiles            []string                        `json:"observedValuesFiles,omitempty"`
	ObservedSourceArtifactRevision string                          `json:"observedSourceArtifactRevision,omitempty"`
}

// SourceStatusOf is the status of a source object, given the one before it and
// what the source store knows. problem says why there is nothing in the store,
// such as a missing Secret; nil if there is no such thing. handled is the
// requestedAt token that has been carried out.
func SourceStatusOf(prev SourceStatus, d Declaration, state model.SourceState, problem error, handled string, now metav1.Time) SourceStatus {
	next := prev
	if d.Source.Suspended && d.Invalid == nil || d.Static && d.Invalid == nil && len(d.Warnings) == 0 && len(prev.Conditions) == 0 {
		return next // Flux writes nothing about a registry
	}
	if handled != "" {
		next.LastHandledReconcileAt = handled
	}
	c := &conditions{list: append([]metav1.Condition(nil), prev.Conditions...), generation: d.Generation, now: now}
	c.warn(d.Warnings)
	switch err := errors.Join(problem, state.Err); {
	case d.Invalid != nil && errors.Is(d.Invalid, model.ErrInvalid):
		c.set(sourcev1.FetchFailedCondition, metav1.ConditionTrue, d.Reason, d.Invalid.Error())
		c.stall(d.Reason, d.Invalid.Error())
		next.ObservedGeneration = d.Generation
	case d.Static:
		c.remove(sourcev1.FetchFailedCondition)
		c.succeed(meta.SucceededReason, "Helm repository is ready")
		next.ObservedGeneration = d.Generation
	case err != nil:
		reason := fetchReason(d, err)
		c.set(sourcev1.FetchFailedCondition, metav1.ConditionTrue, reason, err.Error())
		if isUnverified(d, err) {
			c.set(sourcev1.SourceVerifiedCondition, metav1.ConditionFalse, reason, err.Error())
		}
		if lacking := (lackingError{}); errors.As(problem, &lacking) {
			c.set(sourcev1.IncludeUnavailableCondition, metav1.ConditionTrue, "NotFound", problem.Error())
		}
		c.fail(reason, err.Error())
	case state.Snapshot != nil && isOf(state.Snapshot, d.Source.Ref):
		next.Artifact = artifactOf(prev.Artifact, d, state.Snapshot, now)
		next.ObservedGeneration, next.Observed = d.Generation, d.Observed
		stored(c, d, state.Snapshot, next.Artifact.Revision)
	}
	next.Conditions = c.list
	return next
}

func stored(c *conditions, d Declaration, s *model.Snapshot, revision string) {
	reason, message := storedMessage(d, revision)
	c.remove(sourcev1.FetchFailedCondition, sourcev1.ArtifactOutdatedCondition, sourcev1.BuildFailedCondition,
		sourcev1.StorageOperationFailedCondition, sourcev1.IncludeUnavailableCondition)
	c.set(sourcev1.ArtifactInStorageCondition, metav1.ConditionTrue, reason, message)
	if d.Source.Verify == nil {
		c.remove(sourcev1.SourceVerifiedCondition)
	} else {
		c.set(sourcev1.SourceVerifiedCondition, metav1.ConditionTrue, meta.SucceededReason,
			"verified signature of revision '"+revision+"': "+s.Verified)
	}
	c.succeed(reason, message)
}

// storedMessage is the reason and the message of a source that is ready, in
// Flux's words.
func storedMessage(d Declaration, revision string) (reason, message string) {
	switch d.Kind {
	case sourcev1.OCIRepositoryKind:
		return meta.SucceededReason, "stored artifact for digest '" + revision + "'"
	case sourcev1.BucketKind, sourcev1.HelmRepositoryKind:
		return meta.SucceededReason, "stored artifact: revision '" + revision + "'"
	case sourcev1.HelmChartKind:
		reason, verb := sourcev1.ChartPullSucceededReason, "pulled"
		if d.Of != "" {
			reason, verb = sourcev1.ChartPackageSucceededReason, "packaged"
		}
		return reason, verb + " '" + d.Observed.ObservedChartName + "' chart with version '" + revision + "'"
	}
	return meta.SucceededReason, "stored artifact for revision '" + revision + "'"
}

// failedReasons are those of a failed look, by kind.
var failedReasons = map[string]string{
	sourcev1.GitRepositoryKind:  sourcev1.GitOperationFailedReason,
	sourcev1.OCIRepositoryKind:  sourcev1.OCIPullFailedReason,
	sourcev1.BucketKind:         sourcev1.BucketOperationFailedReason,
	sourcev1.HelmRepositoryKind: sourcev1.IndexationFailedReason,
	sourcev1.HelmChartKind:      chartPullError,
}

func fetchReason(d Declaration, err error) string {
	switch {
	case isUnverified(d, err):
		return sourcev1.VerificationError
	case errors.Is(err, model.ErrDenied):
		return sourcev1.AuthenticationFailedReason
	}
	return failedReasons[d.Kind]
}

// isUnverified reports whether content was refused for its signature.
func isUnverified(d Declaration, err error) bool {
	return d.Source.Verify != nil && errors.Is(err, model.ErrUnverified)
}

// isOf reports whether the snapshot is of the reference that is asked for, not
// of the one before it. What is not of Git tells by itself.
func isOf(s *model.Snapshot, ref model.Ref) bool {
	switch {
	case s.Commit.ID == "" || ref == model.Ref{}:
		return true
	case ref.Commit != "":
		return s.Commit.ID == ref.Commit
	case ref.Name != "":
		return sameRef(s.Ref, ref.Name)
	case ref.SemVer != "":
		return true
	case ref.Tag != "":
		return sameRef(s.Ref, ref.Tag)
	}
	return sameRef(s.Ref, ref.Branch)
}

// sameRef compares a reference's short name or full name with either.
func sameRef(a, b string) bool {
	return a == b || strings.HasSuffix(a, "/"+b) || strings.HasSuffix(b, "/"+a)
}

// artifactOf describes the revision. See the package comment: there is nothing
// to download. The time moves with the revision.
func artifactOf(prev *meta.Artifact, d Declaration, s *model.Snapshot, now metav1.Time) *meta.Artifact {
	revision := Revision(s)
	digest := s.Digest
	if digest == "" {
		sum := sha256.Sum256([]byte(revisionOf(s)))
		digest = "sha256:" + hex.EncodeToString(sum[:])
	}
	a := &meta.Artifact{
		Revision:       revision,
		Path:           strings.ToLower(d.Kind) + "/" + d.Namespace + "/" + d.Name + "/" + strings.ReplaceAll(revisionOf(s), ":", "-"),
		Digest:         digest,
		LastUpdateTime: now,
		Metadata:       s.Metadata,
	}
	if prev != nil && prev.Revision == a.Revision && prev.Path == a.Path {
		a.LastUpdateTime = prev.LastUpdateTime
	}
	return a
}
