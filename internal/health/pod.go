package health

import (
	"fmt"
	"strings"

	"github.com/fixpoint-cd/fixpoint/internal/model"
)

func pod(o object) model.Health {
	always := o.text("spec", "restartPolicy") == "Always"
	if stuck := stuckContainers(o); always && len(stuck) > 0 {
		return degraded(strings.Join(stuck, ", "))
	}
	message := o.text("status", "message")
	switch o.text("status", "phase") {
	case "Pending":
		return progressing(message)
	case "Succeeded":
		return healthy(message)
	case "Failed":
		if message == "" {
			message = firstFailure(o)
		}
		return degraded(message)
	case "Running":
		if always {
			return runningPod(o)
		}
		// It has an end, and is not there yet.
		return progressing(message)
	}
	return unknown(message)
}

// runningPod judges a pod that is meant to run for ever.
func runningPod(o object) model.Health {
	message := o.text("status", "message")
	if o.condition("Ready").isTrue() {
		return healthy(message)
	}
	for _, c := range o.list("status", "containerStatuses") {
		if c.has("lastState", "terminated") {
			return degraded(message)
		}
	}
	return progressing(message)
}

// stuckContainers are the messages of those that wait because of an error.
func stuckContainers(o object) []string {
	var messages []string
	for _, c := range o.list("status", "containerStatuses") {
		reason := c.text("state", "waiting", "reason")
		if strings.HasPrefix(reason, "Err") || strings.HasSuffix(reason, "Error") || strings.HasSuffix(reason, "BackOff") {
			messages = append(messages, condition{reason: reason, message: c.text("state", "waiting", "message")}.text())
		}
	}
	return messages
}

// firstFailure is why the first container that failed did so; "" if none says.
func firstFailure(o object) string {
	containers := append(o.list("status", "initContainerStatuses"), o.list("status", "containerStatuses")...)
	for _, c := range containers {
		if message := c.text("state", "terminated", "message"); message != "" {
			return message
		}
		if reason := c.text("state", "terminated", "reason"); reason == "OOMKilled" {
			return reason
		}
		if code := c.number("state", "terminated", "exitCode"); code != 0 {
			return fmt.Sprintf("container %q failed with exit code %d", c.text("name"), code)
		}
	}
	return ""
}
