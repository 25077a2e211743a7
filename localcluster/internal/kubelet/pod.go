package kubelet

import (
	"context"
	"strings"
	"time"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/equality"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
)

func isOurs(pod *corev1.Pod) bool { return strings.HasPrefix(pod.Spec.NodeName, nodePrefix) }

func hasEnded(pod *corev1.Pod) bool {
	return pod.Status.Phase == corev1.PodSucceeded || pod.Status.Phase == corev1.PodFailed
}

// progress writes the status that the pod has now and returns when it changes
// next, 0 for never.
func (k *Kubelet) progress(ctx context.Context, key string, pod *corev1.Pod) (time.Duration, error) {
	if hasEnded(pod) {
		return 0, nil
	}
	now := time.Now()
	page := k.book.open(key, pod, now)
	moment := k.moment(pod, now.Sub(page.started))
	return moment.next, k.write(ctx, pod, statusOf(pod, moment, page, now))
}

// moment is that of the pod's script. A script that cannot be read shows as a
// container that does not start.
func (k *Kubelet) moment(pod *corev1.Pod, elapsed time.Duration) moment {
	script, err := ParseScript(pod.Annotations)
	if err != nil {
		return moment{state: waiting, reason: "InvalidAnnotation", message: err.Error()}
	}
	return script.at(elapsed, pod.Spec.RestartPolicy)
}

// finish ends a deleted pod at once, whatever its grace period. A pod that a
// finalizer holds gets its final status first, as the Job controller counts it.
func (k *Kubelet) finish(ctx context.Context, pod *corev1.Pod) error {
	if len(pod.Finalizers) > 0 && !hasEnded(pod) {
		return k.write(ctx, pod, killedStatus(pod, time.Now())) // the update brings the pod back here
	}
	if grace := pod.DeletionGracePeriodSeconds; grace != nil && *grace == 0 && len(pod.Finalizers) > 0 {
		return nil // it goes when the last finalizer goes
	}
	err := k.Client.CoreV1().Pods(pod.Namespace).Delete(ctx, pod.Name, metav1.DeleteOptions{
		GracePeriodSeconds: new(int64),
		Preconditions:      &metav1.Preconditions{UID: &pod.UID},
	})
	return ignoreGone(err)
}

// write updates the pod's status when it differs.
func (k *Kubelet) write(ctx context.Context, pod *corev1.Pod, status corev1.PodStatus) error {
	if equality.Semantic.DeepEqual(pod.Status, status) {
		return nil
	}
	updated := pod.DeepCopy()
	updated.Status = status
	_, err := k.Client.CoreV1().Pods(pod.Namespace).UpdateStatus(ctx, updated, metav1.UpdateOptions{})
	return ignoreGone(err)
}

// ignoreGone drops the error that says that the pod is no more.
func ignoreGone(err error) error {
	if apierrors.IsNotFound(err) {
		return nil
	}
	return err
}
