package argo

import (
	"strings"

	"github.com/fixpoint-cd/fixpoint/internal/model"
)

// revisionEnv are the build variables of the revision, and how many of its
// characters each has; 0 is all.
var revisionEnv = map[string]int{
	"ARGOCD_APP_REVISION": 0, "ARGOCD_APP_REVISION_SHORT": 7, "ARGOCD_APP_REVISION_SHORT_8": 8,
}

// buildEnv adds Argo CD's build variables.
func (r *rendering) buildEnv(out *model.Render) {
	out.RevisionEnv = revisionEnv
	out.Env = map[string]string{
		"ARGOCD_APP_NAME":                   r.app.Name,
		"ARGOCD_APP_NAMESPACE":              r.spec.Destination.Namespace,
		"ARGOCD_APP_PROJECT_NAME":           project(r.spec.Project),
		"ARGOCD_APP_SOURCE_REPO_URL":        r.RepoURL,
		"ARGOCD_APP_SOURCE_PATH":            r.Path,
		"ARGOCD_APP_SOURCE_TARGET_REVISION": r.TargetRevision,
	}
}

// keepRef keeps the name of another source at the beginning of a path from being
// taken for a build variable.
func (r *rendering) keepRef(path string) string {
	name, _, _ := strings.Cut(strings.TrimPrefix(path, "$"), "/")
	if !strings.HasPrefix(path, "$") || name == "" {
		return path
	}
	for _, s := range r.spec.Sources {
		if s.Ref == name {
			return "$" + path
		}
	}
	return path
}
