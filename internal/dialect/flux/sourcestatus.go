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

// GitRepositoryStatus is the status of a GitRepository, given the one before
// it and what the source store knows. problem says why there is nothing in the
// store, such as a missing Secret; nil if there is no such thing. handled is the
// requestedAt token that has been carried out.
func GitRepositoryStatus(prev sourcev1.GitRepositoryStatus, repo Repository, state model.SourceState, problem error, handled string, now metav1.Time) sourcev1.GitRepositoryStatus {
	next := *prev.DeepCopy()
	if repo.Source.Suspended && repo.Invalid == nil {
		return next
	}
	if handled != "" {
		next.LastHandledReconcileAt = handled
	}
	c := &conditions{list: next.Conditions, generation: repo.Generation, now: now}
	c.warn(repo.Warnings)
	switch err := errors.Join(problem, state.Err); {
	case repo.Invalid != nil:
		c.set(sourcev1.FetchFailedCondition, metav1.ConditionTrue, repo.Reason, repo.Invalid.Error())
		c.stall(repo.Reason, repo.Invalid.Error())
		next.ObservedGeneration = repo.Generation
	case err != nil:
		c.set(sourcev1.FetchFailedCondition, metav1.ConditionTrue, fetchReason(err), err.Error())
		c.fail(fetchReason(err), err.Error())
	case state.Snapshot != nil && isOf(state.Snapshot, repo.Source.Ref):
		next.Artifact = artifactOf(prev.Artifact, repo, state.Snapshot, now)
		next.ObservedGeneration = repo.Generation
		stored(c, next.Artifact.Revision)
	}
	next.Conditions = c.list
	return next
}

func stored(c *conditions, revision string) {
	message := "stored artifact for revision '" + revision + "'"
	c.remove(sourcev1.FetchFailedCondition, sourcev1.ArtifactOutdatedCondition, sourcev1.BuildFailedCondition,
		sourcev1.StorageOperationFailedCondition, sourcev1.IncludeUnavailableCondition)
	c.set(sourcev1.ArtifactInStorageCondition, metav1.ConditionTrue, meta.SucceededReason, message)
	c.succeed(meta.SucceededReason, message)
}

func fetchReason(err error) string {
	switch {
	case errors.Is(err, model.ErrDenied):
		return sourcev1.AuthenticationFailedReason
	default:
		return sourcev1.GitOperationFailedReason
	}
}

// isOf reports whether the snapshot is of the reference that is asked for, not
// of the one before it.
func isOf(s *model.Snapshot, ref model.Ref) bool {
	switch {
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
func artifactOf(prev *meta.Artifact, repo Repository, s *model.Snapshot, now metav1.Time) *meta.Artifact {
	sum := sha256.Sum256([]byte(s.Commit.ID))
	_, path, _ := strings.Cut(string(repo.Key), "/")
	a := &meta.Artifact{
		Revision:       Revision(s),
		Path:           "gitrepository/" + path + "/" + s.Commit.ID,
		Digest:         "sha256:" + hex.EncodeToString(sum[:]),
		LastUpdateTime: now,
	}
	if prev != nil && prev.Revision == a.Revision && prev.Path == a.Path {
		a.LastUpdateTime = prev.LastUpdateTime
	}
	return a
}
