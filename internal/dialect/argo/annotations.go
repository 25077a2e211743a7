package argo

import (
	"strings"
	"time"

	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"

	"github.com/fixpoint-cd/fixpoint/internal/model"
)

// Annotations of an Application that say how it is worked on. Those that ask for
// something once are in keys.go.
const (
	annotationApproved  = "argocd.argoproj.io/deletion-approved"
	annotationMigration = "argocd.argoproj.io/client-side-apply-migration-manager"
	// annotationRollback, with "true", returns to what ran before when an automated
	// sync ends unhealthy, after annotationPatience.
	annotationRollback = "fixpoint-cd.github.io/rollback"
	annotationPatience = "fixpoint-cd.github.io/rollback-patience"
)

// readAnnotations reads what an Application's annotations say besides its spec.
func readAnnotations(app *model.App, u *unstructured.Unstructured) {
	annotations := u.GetAnnotations()
	warn := func(key, why string) {
		app.Warnings = append(app.Warnings, fieldWarning(complaint(key, annotations[key], why, "")))
	}
	if at := u.GetDeletionTimestamp(); at != nil {
		app.Since = at.UTC()
	}
	if text := annotations[annotationApproved]; text != "" {
		at, err := time.Parse(time.RFC3339, text)
		if app.Approved = at.UTC(); err != nil {
			app.Approved = time.Time{}
			warn(annotationApproved, "not a time such as 2026-01-31T12:00:00Z: nothing is approved")
		}
	}
	if manager := strings.TrimSpace(annotations[annotationMigration]); manager != "" && len(app.Sync.Migrate) > 0 {
		app.Sync.Migrate = []string{manager}
	}
	switch annotations[annotationRollback] {
	case "true":
		app.Sync.Rollback = true
	case "", "false":
	default:
		warn(annotationRollback, `only "true" counts`)
	}
	if text := annotations[annotationPatience]; text != "" {
		var err error
		if app.Sync.Patience, err = durationOf(text, 0); err != nil {
			warn(annotationPatience, "not a duration such as 10m: five minutes are taken")
		}
	}
}
