package argo

import (
	"strings"

	"github.com/Masterminds/semver/v3"

	"github.com/fixpoint-cd/fixpoint/internal/model"
)

// refOf reads a targetRevision. A version constraint means the highest tag or
// version that satisfies it, before any branch of that name.
func refOf(revision string, kind model.SourceKind) model.Ref {
	revision = strings.TrimSpace(revision)
	switch {
	case kind == model.SourceOCI && strings.HasPrefix(revision, "sha256:"):
		return model.Ref{Digest: revision}
	case isConstraint(revision):
		return model.Ref{SemVer: revision}
	}
	return model.Ref{Any: revision}
}

// isConstraint reports whether a revision is a constraint and not one version:
// "1.2.*", "^2", ">= 1 < 3"; but not "v1.2.3" nor "1".
func isConstraint(revision string) bool {
	if !strings.ContainsAny(revision, "0123456789*") || isVersion(revision) {
		return false
	}
	_, err := semver.NewConstraint(revision)
	return err == nil
}

func isVersion(revision string) bool {
	_, err := semver.NewVersion(strings.TrimSpace(revision))
	return err == nil
}
