package argo

import (
	"strings"

	"github.com/fixpoint-cd/fixpoint/api/argoproj/v1alpha1"
	"github.com/fixpoint-cd/fixpoint/internal/model"
)

// Argo CD has two fields for revisions: one for an Application with
// spec.source, and a list, one for each, for one with spec.sources. The engine
// has them as model.Revision.

// revisionIn is what two such fields say.
func revisionIn(one string, several []string) string {
	if len(several) > 0 {
		return strings.Join(several, ",")
	}
	return one
}

// revisionFields are what to write into two such fields.
func revisionFields(revision string, several bool) (string, []string) {
	if !several || revision == "" {
		return revision, nil
	}
	return "", strings.Split(revision, ",")
}

// snapshotsOf are what a report is about, one for each source.
func snapshotsOf(r model.Report) []*model.Snapshot {
	if len(r.Sources) > 0 {
		return r.Sources
	}
	if r.Snapshot != nil {
		return []*model.Snapshot{r.Snapshot}
	}
	return nil
}

// copySources is a deep copy.
func copySources(all []v1alpha1.ApplicationSource) []v1alpha1.ApplicationSource {
	var out []v1alpha1.ApplicationSource
	for _, s := range all {
		out = append(out, *s.DeepCopy())
	}
	return out
}

// sourceTypes are Argo CD's names of the tools.
var sourceTypes = map[string]string{
	model.ToolDirectory: "Directory", model.ToolKustomize: "Kustomize", model.ToolHelm: "Helm", model.ToolPlugin: "Plugin",
}

// sourceTypeFields are status.sourceType and status.sourceTypes; of a source that
// renders nothing it is empty. What is not known stays.
func sourceTypeFields(prev v1alpha1.ApplicationStatus, r model.Report, several bool) (string, []string) {
	tools := r.Tools
	if len(tools) == 0 && r.Tool != "" {
		tools = []string{r.Tool}
	}
	switch {
	case len(tools) == 0:
		return prev.SourceType, prev.SourceTypes
	case !several:
		return sourceTypes[tools[0]], nil
	}
	var out []string
	for _, tool := range tools {
		out = append(out, sourceTypes[tool])
	}
	return "", out
}
