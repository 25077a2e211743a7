package kubelet

import (
	"fmt"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
)

var began = time.Date(2026, 1, 2, 3, 4, 5, 600_000_000, time.UTC)

func testPod() *corev1.Pod {
	always := corev1.ContainerRestartPolicyAlways
	return &corev1.Pod{
		ObjectMeta: metav1.ObjectMeta{Name: "p", UID: "u", Generation: 2},
		Spec: corev1.PodSpec{
			NodeName:       "node-1",
			InitContainers: []corev1.Container{{Name: "init"}, {Name: "sidecar", RestartPolicy: &always}},
			Containers:     []corev1.Container{{Name: "a"}, {Name: "b"}},
		},
		Status: corev1.PodStatus{QOSClass: corev1.PodQOSBestEffort, Conditions: []corev1.PodCondition{
			{Type: corev1.PodScheduled, Status: corev1.ConditionTrue},
		}},
	}
}

func TestStatusSettles(t *testing.T) {
	pod := testPod()
	p := page{started: began, ip: "10.244.0.1"}
	m := Script{}.at(time.Second, corev1.RestartPolicyAlways)
	pod.Status = statusOf(pod, m, p, began.Add(time.Second))
	again := statusOf(pod, m, p, began.Add(time.Hour))
	if diff := cmp.Diff(pod.Status, again); diff != "" {
		t.Errorf("the status changes though nothing happened (-first +second):\n%s", diff)
	}
}

func TestStatusConditions(t *testing.T) {
	gate := func(pod *corev1.Pod) {
		pod.Spec.ReadinessGates = []corev1.PodReadinessGate{{ConditionType: "example.org/gate"}}
	}
	for name, tc := range map[string]struct {
		script Script
		policy corev1.RestartPolicy
		change func(*corev1.Pod)
		want   string
	}{
		"ready":         {Script{}, corev1.RestartPolicyAlways, nil, "Running Ready=True ContainersReady=True Initialized=True"},
		"not ready":     {Script{CrashLoop: true}, corev1.RestartPolicyAlways, nil, "Running Ready=False ContainersReady=False Initialized=True"},
		"waiting":       {Script{WaitingReason: "x"}, corev1.RestartPolicyAlways, nil, "Pending Ready=False ContainersReady=False Initialized=True"},
		"succeeded":     {Script{}, corev1.RestartPolicyNever, nil, "Succeeded Ready=False ContainersReady=False Initialized=True"},
		"failed":        {Script{CrashLoop: true}, corev1.RestartPolicyNever, nil, "Failed Ready=False ContainersReady=False Initialized=True"},
		"behind a gate": {Script{}, corev1.RestartPolicyAlways, gate, "Running Ready=False ContainersReady=True Initialized=True"},
		"with a gate open": {Script{}, corev1.RestartPolicyAlways, func(pod *corev1.Pod) {
			gate(pod)
			pod.Status.Conditions = append(pod.Status.Conditions, corev1.PodCondition{Type: "example.org/gate", Status: corev1.ConditionTrue})
		}, "Running Ready=True ContainersReady=True Initialized=True"},
	} {
		t.Run(name, func(t *testing.T) {
			pod := testPod()
			if tc.change != nil {
				tc.change(pod)
			}
			status := statusOf(pod, tc.script.at(time.Minute, tc.policy), page{started: began, ip: "10.244.0.1"}, began.Add(time.Minute))
			is := map[corev1.PodConditionType]corev1.ConditionStatus{}
			for _, c := range status.Conditions {
				is[c.Type] = c.Status
			}
			got := fmt.Sprintf("%s Ready=%s ContainersReady=%s Initialized=%s",
				status.Phase, is[corev1.PodReady], is[corev1.ContainersReady], is[corev1.PodInitialized])
			if diff := cmp.Diff(tc.want, got); diff != "" {
				t.Error(diff)
			}
			if is[corev1.PodScheduled] != corev1.ConditionTrue || status.QOSClass != corev1.PodQOSBestEffort {
				t.Error("what others have set is lost")
			}
			if len(status.ContainerStatuses) != 2 || len(status.InitContainerStatuses) != 2 {
				t.Errorf("%d containers and %d init containers", len(status.ContainerStatuses), len(status.InitContainerStatuses))
			}
		})
	}
}

func TestBook(t *testing.T) {
	b := newBook()
	one := b.open("ns/a", testPod(), began)
	if again := b.open("ns/a", testPod(), began.Add(time.Hour)); again != one {
		t.Errorf("the page changes from %+v to %+v", one, again)
	}
	two := b.open("ns/b", testPod(), began)
	if one.ip == "" || one.ip == two.ip {
		t.Errorf("addresses %q and %q", one.ip, two.ip)
	}
	newer := testPod()
	newer.UID = "v"
	if p := b.open("ns/a", newer, began.Add(time.Hour)); p.started != began.Add(time.Hour) {
		t.Errorf("a new pod of the same name goes on as the old one: %+v", p)
	}
	resumed := testPod()
	resumed.Status.PodIP = "10.244.7.7"
	resumed.Status.StartTime = stamp(began)
	if p := b.open("ns/c", resumed, began.Add(time.Hour)); p.ip != "10.244.7.7" || !p.started.Equal(began.Truncate(time.Second)) {
		t.Errorf("a pod of an earlier process: %+v", p)
	}
	b.forget("ns/b")
	if b.taken[two.ip] {
		t.Error("a forgotten pod keeps its address")
	}
}
