package argo

import (
	"strings"

	"github.com/Masterminds/semver/v3"

	"github.com/fixpoint-cd/fixpoint/internal/model"
)

// refOf reads a targetRevision. A version constraint means the highest tag that
// satisfies it, before any branch of that name.
func refOf(revision string) model.Ref {
	revision = strings.TrimSpace(revision)
	if isConstraint(revision) {
		return model.Ref{SemVer: revision}
	}
	return model.Ref{Any: revision}
}

// isConstraint reports whether a revision is a constraint and not one version:
// "1.2.*", "^2", ">= 1 < 3"; but not "v1.2.3" nor "1".
func isConstraint(revision string) bool {
	if !strings.ContainsAny(revision, "0123456789*") {
		return false
	}
	if _, err := semver.NewVersion(revision); err == nil {
		return false
	}
	_, err := semver.NewConstraint(revision)
	return err == nil
}
