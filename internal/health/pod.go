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
		return progressing(first(message, unscheduled(o), waitingContainers(o)))
	case "Succeeded":
		return healthy(message)
	case "Failed":
		return degraded(first(message, firstFailure(o, "state")))
	case "Running":
		if always {
			return runningPod(o)
		}
		// It has an end, and is not there yet.
		return progressing(first(message, waitingContainers(o)))
	}
	return unknown(message)
}

// runningPod judges a pod that is meant to run for ever.
func runningPod(o object) model.Health {
	message := o.text("status", "message")
	ready := o.condition("Ready")
	if ready.isTrue() {
		return healthy(message)
	}
	for _, c := range o.list("status", "containerStatuses") {
		if c.has("lastState", "terminated") {
			return degraded(first(message, firstFailure(o, "lastState"), ready.message))
		}
	}
	return progressing(first(message, waitingContainers(o), ready.message))
}

// first is the first text that is not empty.
func first(texts ...string) string {
	for _, text := range texts {
		if text != "" {
			return text
		}
	}
	return ""
}

// unscheduled is why no node is found; "" if one is.
func unscheduled(o object) string {
	if c := o.condition("PodScheduled"); c.isFalse() {
		return c.text()
	}
	return ""
}

// containers are the statuses of those that prepare the pod and of the others.
func containers(o object) []object {
	return append(o.list("status", "initContainerStatuses"), o.list("status", "containerStatuses")...)
}

// stuckContainers are those that wait because of an error, and why.
func stuckContainers(o object) []string {
	var messages []string
	for _, c := range o.list("status", "containerStatuses") {
		reason := c.text("state", "waiting", "reason")
		if strings.HasPrefix(reason, "Err") || strings.HasSuffix(reason, "Error") || strings.HasSuffix(reason, "BackOff") {
			messages = append(messages, waitingText(c))
		}
	}
	return messages
}

// waitingContainers are those that wait for anything but one another.
func waitingContainers(o object) string {
	var messages []string
	for _, c := range containers(o) {
		if reason := c.text("state", "waiting", "reason"); reason != "" && reason != "PodInitializing" {
			messages = append(messages, waitingText(c))
		}
	}
	return strings.Join(messages, ", ")
}

// waitingText is what a container waits for, and why it ended before.
func waitingText(c object) string {
	text := fmt.Sprintf("container %q: %s", c.text("name"), c.text("state", "waiting", "reason"))
	if message := c.text("state", "waiting", "message"); message != "" {
		text += ": " + message
	}
	if why := failure(c.child("lastState", "terminated")); why != "" {
		text += " (" + why + ")"
	}
	return text
}

// firstFailure is why the first container that failed did so, now (state) or
// before it was restarted (lastState); "" if none says.
func firstFailure(o object, state string) string {
	for _, c := range containers(o) {
		if why := failure(c.child(state, "terminated")); why != "" {
			return fmt.Sprintf("container %q failed: %s", c.text("name"), why)
		}
	}
	return ""
}

// failure is why a container ended; "" if it ended well.
func failure(ended object) string {
	if message := ended.text("message"); message != "" {
		return message
	}
	if reason := ended.text("reason"); reason == "OOMKilled" {
		return reason
	}
	if code := ended.number("exitCode"); code != 0 {
		return fmt.Sprintf("exit code %d", code)
	}
	return ""
}
