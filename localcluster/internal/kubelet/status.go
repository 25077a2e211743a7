package kubelet

import (
	"fmt"
	"slices"
	"time"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
)

// statusOf is the status of a pod whose containers are at m. It changes
// nothing in pod, and it keeps conditions that others have set.
func statusOf(pod *corev1.Pod, m moment, p page, now time.Time) corev1.PodStatus {
	status := *pod.Status.DeepCopy()
	status.ObservedGeneration = pod.Generation
	status.StartTime = stamp(p.started)
	status.HostIP, status.HostIPs = nodeAddress, []corev1.HostIP{{IP: nodeAddress}}
	status.PodIP, status.PodIPs = p.ip, []corev1.PodIP{{IP: p.ip}}
	status.Phase = phaseOf(m)
	status.InitContainerStatuses = initStatuses(pod, p)
	status.ContainerStatuses = nil
	for _, c := range pod.Spec.Containers {
		status.ContainerStatuses = append(status.ContainerStatuses, containerStatus(pod, c, m, p))
	}

	reason := ""
	switch {
	case m.state == terminated:
		reason = "PodCompleted"
	case !m.ready:
		reason = "ContainersNotReady"
	}
	conditions := conditions{&status, pod.Generation, now}
	conditions.set(corev1.PodReadyToStartContainers, m.state != terminated, "")
	conditions.set(corev1.PodInitialized, true, initReason(m))
	conditions.set(corev1.ContainersReady, m.ready, reason)
	if m.ready && !gatesOpen(pod) {
		conditions.set(corev1.PodReady, false, "ReadinessGatesNotReady")
	} else {
		conditions.set(corev1.PodReady, m.ready, reason)
	}
	return status
}

// killedStatus is the status of a pod that was deleted while it ran.
func killedStatus(pod *corev1.Pod, now time.Time) corev1.PodStatus {
	p := page{started: now, ip: pod.Status.PodIP}
	if pod.Status.StartTime != nil {
		p.started = pod.Status.StartTime.Time
	}
	killed := moment{state: terminated, ended: now.Sub(p.started), exitCode: 137}
	status := statusOf(pod, killed, p, now)
	if p.ip == "" {
		status.PodIPs = nil
	}
	return status
}

func phaseOf(m moment) corev1.PodPhase {
	switch {
	case m.state == terminated && m.exitCode == 0:
		return corev1.PodSucceeded
	case m.state == terminated:
		return corev1.PodFailed
	case m.state == running || m.last != nil:
		return corev1.PodRunning
	}
	return corev1.PodPending
}

func containerStatus(pod *corev1.Pod, c corev1.Container, m moment, p page) corev1.ContainerStatus {
	id := fmt.Sprintf("standin://%s/%s/%d", pod.UID, c.Name, m.restarts)
	started := m.state == running
	s := corev1.ContainerStatus{
		Name: c.Name, Image: c.Image, Ready: m.ready, Started: &started, RestartCount: m.restarts,
	}
	if m.state != waiting || m.last != nil {
		s.ImageID, s.ContainerID = "standin://"+c.Image, id
	}
	if m.last != nil {
		s.LastTerminationState.Terminated = ended(*m.last, p, fmt.Sprintf("standin://%s/%s/%d", pod.UID, c.Name, lastRun(m)))
	}
	switch m.state {
	case waiting:
		s.State.Waiting = &corev1.ContainerStateWaiting{Reason: m.reason, Message: m.message}
	case running:
		s.State.Running = &corev1.ContainerStateRunning{StartedAt: *stamp(p.started.Add(m.since))}
	case terminated:
		s.State.Terminated = ended(run{from: m.since, to: m.ended, exitCode: m.exitCode}, p, id)
	}
	return s
}

// lastRun is the number of the run that m.last tells of.
func lastRun(m moment) int32 {
	if m.state == waiting {
		return m.restarts
	}
	return m.restarts - 1
}

func ended(r run, p page, id string) *corev1.ContainerStateTerminated {
	reason := "Completed"
	if r.exitCode != 0 {
		reason = "Error"
	}
	return &corev1.ContainerStateTerminated{
		ExitCode: r.exitCode, Reason: reason, ContainerID: id,
		StartedAt: *stamp(p.started.Add(r.from)), FinishedAt: *stamp(p.started.Add(r.to)),
	}
}

// initStatuses has every init container completed, and every sidecar running.
func initStatuses(pod *corev1.Pod, p page) []corev1.ContainerStatus {
	var list []corev1.ContainerStatus
	for _, c := range pod.Spec.InitContainers {
		m := moment{state: terminated, ready: true}
		if c.RestartPolicy != nil && *c.RestartPolicy == corev1.ContainerRestartPolicyAlways {
			m = moment{state: running, ready: true}
		}
		list = append(list, containerStatus(pod, c, m, p))
	}
	return list
}

func initReason(m moment) string {
	if m.state == terminated && m.exitCode == 0 {
		return "PodCompleted"
	}
	return ""
}

// gatesOpen tells whether the conditions that the pod's readiness gates name
// are all true.
func gatesOpen(pod *corev1.Pod) bool {
	for _, gate := range pod.Spec.ReadinessGates {
		if !slices.ContainsFunc(pod.Status.Conditions, func(c corev1.PodCondition) bool {
			return c.Type == gate.ConditionType && c.Status == corev1.ConditionTrue
		}) {
			return false
		}
	}
	return true
}

// conditions sets conditions of a status.
type conditions struct {
	status     *corev1.PodStatus
	generation int64
	now        time.Time
}

// set keeps the time of the last transition when the condition does not change.
func (c conditions) set(kind corev1.PodConditionType, is bool, reason string) {
	condition := corev1.PodCondition{
		Type: kind, Status: corev1.ConditionFalse, Reason: reason,
		ObservedGeneration: c.generation, LastTransitionTime: *stamp(c.now),
	}
	if is {
		condition.Status = corev1.ConditionTrue
	}
	i := slices.IndexFunc(c.status.Conditions, func(old corev1.PodCondition) bool { return old.Type == kind })
	if i < 0 {
		c.status.Conditions = append(c.status.Conditions, condition)
		return
	}
	if old := c.status.Conditions[i]; old.Status == condition.Status {
		condition.LastTransitionTime = old.LastTransitionTime
	}
	c.status.Conditions[i] = condition
}

// stamp has whole seconds, as times in the API have.
func stamp(t time.Time) *metav1.Time {
	rounded := metav1.NewTime(t.Truncate(time.Second))
	return &rounded
}
