package flux

import (
	"cmp"
	"strings"

	sourcev1 "github.com/fluxcd/source-controller/api/v1"

	"github.com/fixpoint-cd/fixpoint/internal/model"
)

// Revision is the snapshot's revision as Flux writes it: "main@sha1:<commit>",
// or "sha1:<commit>" where a commit was asked for; "v1@sha256:<digest>", or
// "sha256:<digest>"; the version of a chart as it is; "" for nil.
func Revision(s *model.Snapshot) string {
	if s == nil {
		return ""
	}
	r := revisionOf(s)
	if s.Commit.ID != "" {
		r = hashName(r) + ":" + r
	}
	if s.Ref == "" || !strings.Contains(r, ":") {
		return r
	}
	return s.Ref + "@" + r
}

func hashName(commit string) string {
	if len(commit) == 64 {
		return "sha256"
	}
	return "sha1"
}

// revisionOf is the snapshot's revision in the form that apps record.
func revisionOf(s *model.Snapshot) string { return cmp.Or(s.Revision, s.Commit.ID) }

// commitOf is the hash of a revision, whatever its form: the commit id of
// "main@sha1:<commit>", "sha1:<commit>", the older "main/<commit>" or a bare
// commit id, the digest of "v1@sha256:<digest>".
func commitOf(revision string) string {
	return revision[strings.LastIndexAny(revision, ":/@")+1:]
}

// isAt reports whether a revision of any form is the snapshot's.
func isAt(revision string, s *model.Snapshot) bool {
	return s != nil && commitOf(revision) == commitOf(revisionOf(s))
}

// appliedOf gives a revision of a status the form that apps record.
func appliedOf(kind, revision string) string {
	hash := commitOf(revision)
	if hash != "" && kind != sourcev1.GitRepositoryKind {
		return "sha256:" + hash
	}
	return hash
}
