package flux

import (
	"cmp"
	"strings"

	"github.com/fixpoint-cd/fixpoint/internal/model"
)

// Revision is the snapshot's revision as Flux writes it: "main@sha1:<commit>",
// or "sha1:<commit>" where a commit was asked for; "" for nil.
func Revision(s *model.Snapshot) string {
	if s == nil {
		return ""
	}
	r := hashName(s.Commit.ID) + ":" + s.Commit.ID
	if s.Ref != "" {
		r = s.Ref + "@" + r
	}
	return r
}

func hashName(commit string) string {
	if len(commit) == 64 {
		return "sha256"
	}
	return "sha1"
}

// revisionOf is the snapshot's revision in the form that apps record.
func revisionOf(s *model.Snapshot) string { return cmp.Or(s.Revision, s.Commit.ID) }

// commitOf is the commit id of a revision: of "main@sha1:<commit>",
// "sha1:<commit>", the older "main/<commit>", or a bare commit id.
func commitOf(revision string) string {
	return revision[strings.LastIndexAny(revision, ":/@")+1:]
}
