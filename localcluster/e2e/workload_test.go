package e2e

import (
	"errors"
	"fmt"
	"testing"

	appsv1 "k8s.io/api/apps/v1"
	batchv1 "k8s.io/api/batch/v1"
	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/resource"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/client-go/kubernetes/scheme"
	"k8s.io/client-go/tools/remotecommand"
)

const prefix = "localcluster.fixpoint-cd.github.io/"

func deployment(t *testing.T, c *cluster) {
	ns := c.namespace(t, "deployment")
	c.deploy(t, ns, "web", 3, nil)
	c.awaitAvailable(t, ns, "web")
	pods := must(c.client.CoreV1().Pods(ns).List(t.Context(), metav1.ListOptions{}))(t)
	addresses := map[string]bool{}
	managers := map[string]bool{}
	for _, pod := range pods.Items {
		addresses[pod.Status.PodIP] = true
		for _, entry := range pod.ManagedFields {
			managers[entry.Manager] = true
		}
	}
	if len(addresses) != 3 || addresses[""] {
		t.Errorf("pod addresses: %v", addresses)
	}
	if !managers["kubelet"] || !managers["kube-controller-manager"] {
		t.Errorf("field managers: %v", managers)
	}

	change := []byte(`{"spec":{"template":{"metadata":{"annotations":{"version":"2"}}}}}`)
	must(c.client.AppsV1().Deployments(ns).Patch(t.Context(), "web", types.MergePatchType, change, metav1.PatchOptions{}))(t)
	c.awaitAvailable(t, ns, "web")
	eventually(t, "the old pods to go", func() error {
		pods, err := c.client.CoreV1().Pods(ns).List(t.Context(), metav1.ListOptions{})
		if err != nil {
			return err
		}
		for _, pod := range pods.Items {
			if pod.Annotations["version"] != "2" {
				return fmt.Errorf("%s is still there", pod.Name)
			}
		}
		return nil
	})
}

func quota(t *testing.T, c *cluster) {
	ns := c.namespace(t, "quota")
	must(c.client.CoreV1().ResourceQuotas(ns).Create(t.Context(), &corev1.ResourceQuota{
		ObjectMeta: metav1.ObjectMeta{Name: "two-pods"},
		Spec:       corev1.ResourceQuotaSpec{Hard: corev1.ResourceList{corev1.ResourcePods: resource.MustParse("2")}},
	}, metav1.CreateOptions{}))(t)
	c.deploy(t, ns, "web", 3, nil)
	eventually(t, "two pods and a failure to make the third", func() error {
		d, err := c.client.AppsV1().Deployments(ns).Get(t.Context(), "web", metav1.GetOptions{})
		if err != nil {
			return err
		}
		for _, condition := range d.Status.Conditions {
			if condition.Type == appsv1.DeploymentReplicaFailure && d.Status.AvailableReplicas == 2 {
				return contains(condition.Message, "exceeded quota")
			}
		}
		return fmt.Errorf("status %+v", d.Status)
	})
}

func jobs(t *testing.T, c *cluster) {
	ns := c.namespace(t, "jobs")
	c.runJob(t, ns, "three", 3, nil)
	job := c.awaitJob(t, ns, "three", batchv1.JobComplete)
	if job.Status.Succeeded != 3 || job.Status.CompletionTime == nil {
		t.Errorf("status %+v", job.Status)
	}
}

func failingJob(t *testing.T, c *cluster) {
	ns := c.namespace(t, "failing-job")
	c.runJob(t, ns, "bad", 1, map[string]string{"exit-code": "3"})
	job := c.awaitJob(t, ns, "bad", batchv1.JobFailed)
	if job.Status.Failed != 1 {
		t.Errorf("status %+v", job.Status)
	}
	pods := must(c.client.CoreV1().Pods(ns).List(t.Context(), metav1.ListOptions{}))(t)
	for _, pod := range pods.Items {
		if end := pod.Status.ContainerStatuses[0].State.Terminated; end == nil || end.ExitCode != 3 {
			t.Errorf("state of %s: %+v", pod.Name, pod.Status.ContainerStatuses[0].State)
		}
	}
}

func crashLoop(t *testing.T, c *cluster) {
	ns := c.namespace(t, "crash-loop")
	c.deploy(t, ns, "web", 1, map[string]string{"crash-loop": "true"})
	eventually(t, "two restarts and a back-off", func() error {
		pods, err := c.client.CoreV1().Pods(ns).List(t.Context(), metav1.ListOptions{})
		if err != nil {
			return err
		}
		for _, pod := range pods.Items {
			for _, s := range pod.Status.ContainerStatuses {
				waits := s.State.Waiting != nil && s.State.Waiting.Reason == "CrashLoopBackOff"
				end := s.LastTerminationState.Terminated
				if waits && s.RestartCount >= 2 && end != nil && end.ExitCode == 1 && pod.Status.Phase == corev1.PodRunning {
					return nil
				}
			}
		}
		return fmt.Errorf("%d pods, none as expected", len(pods.Items))
	})
	d := must(c.client.AppsV1().Deployments(ns).Get(t.Context(), "web", metav1.GetOptions{}))(t)
	if d.Status.AvailableReplicas != 0 {
		t.Error("a deployment whose pod crashes is available")
	}
}

func exitCodes(t *testing.T, c *cluster) {
	ns := c.namespace(t, "exit-codes")
	for name, tc := range map[string]struct {
		annotations map[string]string
		phase       corev1.PodPhase
		code        int32
	}{
		"by-itself":  {nil, corev1.PodSucceeded, 0},
		"zero":       {map[string]string{"exit-code": "0", "run-for": "1s"}, corev1.PodSucceeded, 0},
		"forty-two":  {map[string]string{"exit-code": "42"}, corev1.PodFailed, 42},
		"crash-once": {map[string]string{"crash-loop": "true"}, corev1.PodFailed, 1},
	} {
		pod := newPod(name, tc.annotations)
		pod.Spec.RestartPolicy = corev1.RestartPolicyNever
		must(c.client.CoreV1().Pods(ns).Create(t.Context(), pod, metav1.CreateOptions{}))(t)
		end := c.awaitPod(t, ns, name, func(pod *corev1.Pod) bool { return pod.Status.Phase == tc.phase })
		if state := end.Status.ContainerStatuses[0].State.Terminated; state == nil || state.ExitCode != tc.code {
			t.Errorf("state of %s: %+v", name, end.Status.ContainerStatuses[0].State)
		}
	}
}

func slowReady(t *testing.T, c *cluster) {
	ns := c.namespace(t, "slow-ready")
	must(c.client.CoreV1().Pods(ns).Create(t.Context(), newPod("slow", map[string]string{"ready-after": "3s"}), metav1.CreateOptions{}))(t)
	pod := c.awaitPod(t, ns, "slow", func(pod *corev1.Pod) bool { return readySince(pod) != nil })
	if took := readySince(pod).Sub(pod.Status.StartTime.Time); took.Seconds() < 3 {
		t.Errorf("ready %s after the start by the pod's own status, want at least 3s", took)
	}
}

func waitingReason(t *testing.T, c *cluster) {
	ns := c.namespace(t, "waiting-reason")
	must(c.client.CoreV1().Pods(ns).Create(t.Context(), newPod("stuck", map[string]string{"waiting-reason": "ImagePullBackOff"}), metav1.CreateOptions{}))(t)
	pod := c.awaitPod(t, ns, "stuck", func(pod *corev1.Pod) bool { return len(pod.Status.ContainerStatuses) == 1 })
	if waiting := pod.Status.ContainerStatuses[0].State.Waiting; waiting == nil || waiting.Reason != "ImagePullBackOff" || pod.Status.Phase != corev1.PodPending {
		t.Errorf("status %+v", pod.Status)
	}
}

func unreadableAnnotation(t *testing.T, c *cluster) {
	ns := c.namespace(t, "unreadable")
	must(c.client.CoreV1().Pods(ns).Create(t.Context(), newPod("p", map[string]string{"run-for": "soon"}), metav1.CreateOptions{}))(t)
	pod := c.awaitPod(t, ns, "p", func(pod *corev1.Pod) bool { return len(pod.Status.ContainerStatuses) == 1 })
	waiting := pod.Status.ContainerStatuses[0].State.Waiting
	if waiting == nil || contains(waiting.Message, prefix+"run-for") != nil {
		t.Errorf("state %+v", pod.Status.ContainerStatuses[0].State)
	}
}

func logsAndExec(t *testing.T, c *cluster) {
	ns := c.namespace(t, "logs")
	c.runPod(t, ns, "p", nil)
	pods := c.client.CoreV1().Pods(ns)
	text := must(pods.GetLogs("p", &corev1.PodLogOptions{}).DoRaw(t.Context()))(t)
	if err := contains(string(text), "this log is synthetic"); err != nil {
		t.Error(err)
	}
	stream := must(pods.GetLogs("p", &corev1.PodLogOptions{Follow: true}).Stream(t.Context()))(t)
	defer stream.Close()
	seen := ""
	buffer := make([]byte, 1024)
	for contains(seen, "running for") != nil {
		n, err := stream.Read(buffer)
		if err != nil {
			t.Fatalf("the followed log ends after %q: %v", seen, err)
		}
		seen += string(buffer[:n])
	}

	request := c.client.CoreV1().RESTClient().Post().Resource("pods").Namespace(ns).Name("p").SubResource("exec").
		VersionedParams(&corev1.PodExecOptions{Command: []string{"true"}, Stdout: true}, scheme.ParameterCodec)
	executor := must(remotecommand.NewSPDYExecutor(c.config, "POST", request.URL()))(t)
	err := executor.StreamWithContext(t.Context(), remotecommand.StreamOptions{Stdout: &output{}})
	if err == nil || contains(err.Error(), "exec is not supported by the stand-in kubelet") != nil {
		t.Errorf("exec: %v", err)
	}
}

func podHeldByFinalizer(t *testing.T, c *cluster) {
	ns := c.namespace(t, "held")
	pod := newPod("p", nil)
	pod.Finalizers = []string{"example.org/hold"}
	pods := c.client.CoreV1().Pods(ns)
	must(pods.Create(t.Context(), pod, metav1.CreateOptions{}))(t)
	c.awaitPod(t, ns, "p", func(pod *corev1.Pod) bool { return readySince(pod) != nil })
	if err := pods.Delete(t.Context(), "p", metav1.DeleteOptions{}); err != nil {
		t.Fatal(err)
	}
	c.awaitPod(t, ns, "p", func(pod *corev1.Pod) bool { return pod.Status.Phase == corev1.PodFailed })
	must(pods.Patch(t.Context(), "p", types.MergePatchType, []byte(`{"metadata":{"finalizers":null}}`), metav1.PatchOptions{}))(t)
	eventually(t, "the pod to go", gone(func() error {
		_, err := pods.Get(t.Context(), "p", metav1.GetOptions{})
		return err
	}))
}

// template is a pod's template whose annotations, without their prefix, steer
// the stand-in kubelet.
func template(app string, annotations map[string]string) corev1.PodTemplateSpec {
	t := corev1.PodTemplateSpec{
		ObjectMeta: metav1.ObjectMeta{Labels: map[string]string{"app": app}, Annotations: map[string]string{}},
		Spec:       corev1.PodSpec{Containers: []corev1.Container{{Name: "main", Image: "example.org/app:1"}}},
	}
	for name, value := range annotations {
		t.Annotations[prefix+name] = value
	}
	return t
}

func newPod(name string, annotations map[string]string) *corev1.Pod {
	t := template(name, annotations)
	t.Name = name
	return &corev1.Pod{ObjectMeta: t.ObjectMeta, Spec: t.Spec}
}

// runPod makes a pod and waits until it is ready.
func (c *cluster) runPod(t *testing.T, ns, name string, annotations map[string]string) *corev1.Pod {
	t.Helper()
	must(c.client.CoreV1().Pods(ns).Create(t.Context(), newPod(name, annotations), metav1.CreateOptions{}))(t)
	return c.awaitPod(t, ns, name, func(pod *corev1.Pod) bool { return readySince(pod) != nil })
}

func (c *cluster) awaitPod(t *testing.T, ns, name string, is func(*corev1.Pod) bool) *corev1.Pod {
	t.Helper()
	var pod *corev1.Pod
	eventually(t, "pod "+name, func() (err error) {
		if pod, err = c.client.CoreV1().Pods(ns).Get(t.Context(), name, metav1.GetOptions{}); err != nil {
			return err
		}
		if !is(pod) {
			return fmt.Errorf("status %+v", pod.Status)
		}
		return nil
	})
	return pod
}

// readySince is when the pod became ready, nil when it is not.
func readySince(pod *corev1.Pod) *metav1.Time {
	for _, condition := range pod.Status.Conditions {
		if condition.Type == corev1.PodReady && condition.Status == corev1.ConditionTrue {
			return &condition.LastTransitionTime
		}
	}
	return nil
}

func (c *cluster) deploy(t *testing.T, ns, name string, replicas int32, annotations map[string]string) {
	t.Helper()
	must(c.client.AppsV1().Deployments(ns).Create(t.Context(), &appsv1.Deployment{
		ObjectMeta: metav1.ObjectMeta{Name: name},
		Spec: appsv1.DeploymentSpec{
			Replicas: &replicas,
			Selector: &metav1.LabelSelector{MatchLabels: map[string]string{"app": name}},
			Template: template(name, annotations),
		},
	}, metav1.CreateOptions{}))(t)
}

func (c *cluster) awaitAvailable(t *testing.T, ns, name string) {
	t.Helper()
	eventually(t, "deployment "+name, func() error {
		d, err := c.client.AppsV1().Deployments(ns).Get(t.Context(), name, metav1.GetOptions{})
		if err != nil {
			return err
		}
		want := *d.Spec.Replicas
		if s := d.Status; s.ObservedGeneration != d.Generation || s.UpdatedReplicas != want || s.AvailableReplicas != want || s.Replicas != want {
			return fmt.Errorf("status %+v", s)
		}
		return nil
	})
}

func (c *cluster) runJob(t *testing.T, ns, name string, completions int32, annotations map[string]string) {
	t.Helper()
	job := &batchv1.Job{
		ObjectMeta: metav1.ObjectMeta{Name: name},
		Spec:       batchv1.JobSpec{Completions: &completions, BackoffLimit: new(int32), Template: template(name, annotations)},
	}
	job.Spec.Template.Spec.RestartPolicy = corev1.RestartPolicyNever
	must(c.client.BatchV1().Jobs(ns).Create(t.Context(), job, metav1.CreateOptions{}))(t)
}

func (c *cluster) awaitJob(t *testing.T, ns, name string, want batchv1.JobConditionType) *batchv1.Job {
	t.Helper()
	var job *batchv1.Job
	eventually(t, "job "+name, func() (err error) {
		if job, err = c.client.BatchV1().Jobs(ns).Get(t.Context(), name, metav1.GetOptions{}); err != nil {
			return err
		}
		for _, condition := range job.Status.Conditions {
			if condition.Type == want && condition.Status == corev1.ConditionTrue {
				return nil
			}
		}
		return errors.New("it has no condition " + string(want))
	})
	return job
}
