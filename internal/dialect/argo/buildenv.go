package argo

import (
	"fmt"
	"os"
	"strings"

	"github.com/fixpoint-cd/fixpoint/api/argoproj/v1alpha1"
	"github.com/fixpoint-cd/fixpoint/internal/model"
)

// environment are Argo CD's build variables and what went wrong in using them.
type environment struct {
	values  map[string]string
	failure *error
}

// buildEnv are the build variables that are known before a revision is: those
// that contain it can't be used yet.
func buildEnv(app model.AppKey, spec v1alpha1.ApplicationSpec) environment {
	return environment{failure: new(error), values: map[string]string{
		"ARGOCD_APP_NAME":                   app.Name,
		"ARGOCD_APP_NAMESPACE":              spec.Destination.Namespace,
		"ARGOCD_APP_PROJECT_NAME":           project(spec.Project),
		"ARGOCD_APP_SOURCE_REPO_URL":        spec.Source.RepoURL,
		"ARGOCD_APP_SOURCE_PATH":            spec.Source.Path,
		"ARGOCD_APP_SOURCE_TARGET_REVISION": spec.Source.TargetRevision,
	}}
}

// expand replaces $NAME and ${NAME}; $$ is a dollar, an unknown name is nothing.
func (e environment) expand(field, text string) string {
	return os.Expand(text, func(name string) string {
		if name == "$" {
			return "$"
		}
		if strings.HasPrefix(name, "ARGOCD_APP_REVISION") && *e.failure == nil {
			*e.failure = fmt.Errorf("spec.source.kustomize.%s: $%s is not supported yet", field, name)
		}
		return e.values[name]
	})
}

func (e environment) expandAll(field string, texts map[string]string) map[string]string {
	if texts == nil {
		return nil
	}
	out := make(map[string]string, len(texts))
	for k, v := range texts {
		out[k] = e.expand(field, v)
	}
	return out
}

func (e environment) err() error { return *e.failure }
