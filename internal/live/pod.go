package live

import (
	"fmt"
	"strings"

	"github.com/fixpoint-cd/fixpoint/internal/view"
)

// podState is what logs are read by.
type podState struct {
	view view.Pod
	// preferred is the container that is shown first.
	preferred string
	// started says of each of its containers whether it runs or has run.
	started []bool
	// over: none of its containers will run again.
	over bool
}

// containerDefault names the container that a pod is mostly about.
const containerDefault = "kubectl.kubernetes.io/default-container"

func podFacts(o object, i *item) {
	containers, started := containersOf(o)
	i.pod = &podState{
		view:    view.Pod{Namespace: i.node.Ref.Namespace, Name: i.node.Ref.Name, Containers: containers},
		started: started,
		over:    o.text("status", "phase") == "Succeeded" || o.text("status", "phase") == "Failed",
	}
	ready, all, restarts := 0, 0, 0
	for _, c := range o.list("status", "containerStatuses") {
		if c.truth("ready") {
			ready++
		}
	}
	for _, c := range containers {
		restarts += c.Restarts
		if !c.Init {
			all++
			i.pod.preferred = first(i.pod.preferred, c.Name)
		}
	}
	i.pod.preferred = first(o.child("metadata", "annotations").text(containerDefault), i.pod.preferred)
	i.tell("%d/%d ready", ready, all)
	switch {
	case restarts == 1:
		i.tell("1 restart")
	case restarts > 1:
		i.tell("%d restarts", restarts)
	}
	i.tellTexts(podStatus(o), o.text("spec", "nodeName"))
	if i.node.Health != "Healthy" {
		i.node.Message = first(podTrouble(o), i.node.Message)
	}
}

// containersOf are a pod's containers as its spec orders them, and which have started.
func containersOf(o object) (out []view.Container, started []bool) {
	for _, kind := range []struct {
		spec, status string
		init         bool
	}{{"initContainers", "initContainerStatuses", true}, {"containers", "containerStatuses", false}} {
		states := map[string]object{}
		for _, s := range o.list("status", kind.status) {
			states[s.text("name")] = s
		}
		for _, c := range o.list("spec", kind.spec) {
			s := states[c.text("name")]
			out = append(out, view.Container{
				Name: c.text("name"), Init: kind.init, Restarts: int(s.number("restartCount")), State: containerState(s),
			})
			started = append(started, s.has("state", "running") || s.has("state", "terminated") || s.has("lastState", "terminated"))
		}
	}
	return out, started
}

// The states of containers that logs go by; others are reasons of the cluster.
const (
	stateRunning = "Running"
	stateWaiting = "Waiting"
)

// containerState is Running, or why it does not run.
func containerState(status object) string {
	switch {
	case status.has("state", "running"):
		return stateRunning
	case status.has("state", "terminated"):
		return first(status.text("state", "terminated", "reason"), "Terminated")
	}
	return first(status.text("state", "waiting", "reason"), stateWaiting)
}

// podStatus is a word for what a pod does, as kubectl gives it; "" while it just runs.
func podStatus(o object) string {
	if o.has("metadata", "deletionTimestamp") {
		return "Terminating"
	}
	if reason := o.text("status", "reason"); reason != "" {
		return reason
	}
	if status := initStatus(o); status != "" {
		return status
	}
	for _, c := range o.list("status", "containerStatuses") {
		if reason := c.text("state", "waiting", "reason"); reason != "" {
			return reason
		}
	}
	for _, c := range o.list("status", "containerStatuses") {
		if reason := c.text("state", "terminated", "reason"); reason != "" {
			return reason
		}
	}
	if phase := o.text("status", "phase"); phase != "Running" {
		return phase
	}
	return ""
}

// initStatus says how far the containers are that prepare a pod; "" if they are done.
func initStatus(o object) string {
	statuses := o.list("status", "initContainerStatuses")
	for n, c := range statuses {
		switch {
		case c.has("state", "terminated") && c.number("state", "terminated", "exitCode") == 0,
			c.truth("started"):
			continue
		case c.has("state", "terminated"):
			return "Init:" + first(c.text("state", "terminated", "reason"), "Error")
		case c.has("state", "waiting") && c.text("state", "waiting", "reason") != "PodInitializing":
			return "Init:" + c.text("state", "waiting", "reason")
		}
		return fmt.Sprintf("Init:%d/%d", n, len(statuses))
	}
	return ""
}

// podTrouble says in plain words why a pod does not do what it should; "" if nothing
// says.
func podTrouble(o object) string {
	for _, list := range []string{"initContainerStatuses", "containerStatuses"} {
		for _, c := range o.list("status", list) {
			if text := containerTrouble(c); text != "" {
				return fmt.Sprintf("Container %s %s", c.text("name"), text)
			}
		}
	}
	if c := o.condition("PodScheduled"); c.text("status") == "False" {
		return "No node takes it: " + first(c.text("message"), c.text("reason"))
	}
	return ""
}

func containerTrouble(c object) string {
	waiting := c.child("state", "waiting")
	why := colon(waiting.text("message"))
	switch reason := waiting.text("reason"); {
	case reason == "CrashLoopBackOff":
		return "ends again and again after its start" + ended(c.child("lastState", "terminated")) +
			". The log of its previous run may say why."
	case strings.HasPrefix(reason, "ErrImage"), strings.HasPrefix(reason, "ImagePull"),
		reason == "InvalidImageName", reason == "RegistryUnavailable":
		return fmt.Sprintf("can't get its image %s (%s)%s", c.text("image"), reason, why)
	case strings.HasSuffix(reason, "Error"):
		return fmt.Sprintf("can't be started (%s)%s", reason, why)
	}
	if end := c.child("state", "terminated"); end.number("exitCode") != 0 {
		return "has failed" + ended(end) + colon(end.text("message"))
	}
	return ""
}

// ended is how a run of a container ended.
func ended(end object) string {
	switch {
	case end == nil:
		return ""
	case end.text("reason") == "OOMKilled":
		return ": it takes more memory than its limit"
	case end.number("signal") > 0:
		return fmt.Sprintf(" (signal %d)", end.number("signal"))
	}
	return fmt.Sprintf(" (exit code %d)", end.number("exitCode"))
}

func colon(message string) string {
	if message == "" {
		return ""
	}
	return ": " + message
}
