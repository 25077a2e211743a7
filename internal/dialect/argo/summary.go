package argo

import (
	"slices"

	"github.com/fixpoint-cd/fixpoint/api/argoproj/v1alpha1"
	"github.com/fixpoint-cd/fixpoint/internal/model"
)

// summary gathers facts from an Application's objects: the images that its last
// deployment runs, and whether it consists of Applications. What is not known this
// time stays.
func summary(prev, next v1alpha1.ApplicationStatus, r model.Report) v1alpha1.ApplicationSummary {
	out := prev.Summary
	if next.OperationState != prev.OperationState && isDeployment(r.Operation) {
		out.Images = images(r.Operation.Results)
	}
	if len(r.Resources) > 0 || r.Err == nil {
		out.IsAppOfApps = slices.ContainsFunc(r.Resources, func(s model.ResourceState) bool {
			return s.Object.Group == v1alpha1.GroupVersion.Group && s.Object.Kind == v1alpha1.ApplicationKind.Kind
		})
	}
	return out
}

// images are those that an operation's objects run, each once.
func images(results []model.Result) []string {
	var out []string
	for _, r := range results {
		if !r.Hook && r.Action != model.ActionDelete {
			out = append(out, r.Images...)
		}
	}
	slices.Sort(out)
	return slices.Compact(out)
}
