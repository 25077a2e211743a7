package health

import (
	"fmt"
	"strings"
	"time"

	"github.com/fixpoint-cd/fixpoint/internal/model"
)

// job goes by conditions that are True only: a job that was resumed keeps a
// Suspended condition, and is neither suspended nor complete.
func job(o object) model.Health {
	if c := o.condition("Failed"); c.isTrue() {
		return degraded(c.text())
	}
	if c := o.condition("Suspended"); c.isTrue() {
		return suspended(c.text())
	}
	if c := o.condition("Complete"); c.isTrue() {
		return healthy(c.message)
	}
	return progressing(jobProgress(o))
}

// jobProgress says what the pods of a job are at.
func jobProgress(o object) string {
	var parts []string
	succeeded := o.number("status", "succeeded")
	if o.has("spec", "completions") {
		parts = append(parts, fmt.Sprintf("%d of %d succeeded", succeeded, o.number("spec", "completions")))
	} else if succeeded > 0 {
		parts = append(parts, fmt.Sprintf("%d succeeded", succeeded))
	}
	if active := o.number("status", "active"); active > 0 {
		parts = append(parts, fmt.Sprintf("%d running", active))
	}
	if failed := o.number("status", "failed"); failed > 0 {
		parts = append(parts, fmt.Sprintf("%d failed", failed))
	}
	return strings.Join(parts, ", ")
}

// cronJob is Degraded only when the last run is known to have failed: from a
// status alone, a run that was never due or never ended looks like any other.
func cronJob(o object) model.Health {
	if o.flag("spec", "suspend") {
		return healthy("CronJob is suspended")
	}
	if !o.has("status") {
		return progressing("Waiting for the CronJob's status")
	}
	scheduled := o.text("status", "lastScheduleTime")
	succeeded := o.text("status", "lastSuccessfulTime")
	switch {
	case scheduled == "":
		return healthy("CronJob has not been due yet")
	case succeeded == "":
		return healthy("CronJob has not succeeded yet")
	case len(o.list("status", "active")) > 0:
		return healthy("CronJob is running")
	case before(succeeded, scheduled):
		return degraded("The last run of the CronJob did not succeed")
	}
	return healthy("The last run of the CronJob succeeded")
}

// before compares two times of the API; times that can't be read are equal.
func before(a, b string) bool {
	first, err := time.Parse(time.RFC3339, a)
	if err != nil {
		return false
	}
	second, err := time.Parse(time.RFC3339, b)
	return err == nil && first.Before(second)
}

// workflow judges a workflow of Argo Workflows.
func workflow(o object) model.Health {
	message := o.text("status", "message")
	switch o.text("status", "phase") {
	case "", "Pending", "Running":
		return progressing(message)
	case "Succeeded":
		return healthy(message)
	case "Failed", "Error":
		return degraded(message)
	}
	return unknown(message)
}
