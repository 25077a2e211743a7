package control

import (
	"context"
	"errors"
	"fmt"
	"time"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/client-go/kubernetes"
	"k8s.io/klog/v2"
)

const (
	// stopTimeout is how long one component may take to stop. The API server
	// takes all of it when clients keep their connections: by then the requests
	// that were under way are answered, and only watches and logs are left.
	stopTimeout = 1500 * time.Millisecond
	// startTimeout is how long a step of the start may take; a laptop that
	// builds something at the same time needs about thirty seconds.
	startTimeout = 3 * time.Minute
)

// component is a running part of the control plane.
type component struct {
	name string
	stop context.CancelFunc
	done <-chan struct{} // closed when it has ended
}

// end stops the component and waits for it, but not longer than timeout.
func (c *component) end(timeout time.Duration) {
	began := time.Now()
	c.stop()
	select {
	case <-c.done:
		klog.InfoS("Stopped", "component", c.name, "took", time.Since(began))
	case <-time.After(timeout):
		klog.InfoS("Left to end with the process", "component", c.name, "after", timeout)
	}
}

// run starts a component. When it ends before it is stopped, c.failed gets the
// reason.
func (c *cluster) run(name string, run func(context.Context) error) {
	ctx, stop := context.WithCancel(context.Background())
	done := make(chan struct{})
	c.running = append(c.running, &component{name: name, stop: stop, done: done})
	go func() {
		defer close(done)
		err := run(ctx)
		if ctx.Err() != nil {
			return
		}
		if err == nil {
			err = errors.New("ended by itself")
		}
		c.failed <- fmt.Errorf("%s: %w", name, err)
	}()
}

// await polls until check is true. It gives up when ctx is done or a component
// fails, and its error then names what was awaited.
func (c *cluster) await(ctx context.Context, what string, check func(context.Context) bool) error {
	ctx, cancel := context.WithTimeout(ctx, startTimeout)
	defer cancel()
	for !check(ctx) {
		select {
		case err := <-c.failed:
			return fmt.Errorf("%w; see %s", err, c.dir.path("log"))
		case <-ctx.Done():
			return fmt.Errorf("waiting for %s: %w; see %s", what, ctx.Err(), c.dir.path("log"))
		case <-time.After(50 * time.Millisecond):
		}
	}
	return nil
}

func readyz(client kubernetes.Interface) func(context.Context) bool {
	return func(ctx context.Context) bool {
		return client.Discovery().RESTClient().Get().AbsPath("/readyz").Do(ctx).Error() == nil
	}
}

// podsCanRun tells whether a pod that is created now would be admitted and
// scheduled: its ServiceAccount exists and every node takes pods.
func podsCanRun(client kubernetes.Interface, nodes int) func(context.Context) bool {
	return func(ctx context.Context) bool {
		if _, err := client.CoreV1().ServiceAccounts("default").Get(ctx, "default", metav1.GetOptions{}); err != nil {
			return false
		}
		list, err := client.CoreV1().Nodes().List(ctx, metav1.ListOptions{})
		if err != nil {
			return false
		}
		open := 0
		for _, node := range list.Items {
			if !notReady(node.Spec.Taints) {
				open++
			}
		}
		return open >= nodes
	}
}

func notReady(taints []corev1.Taint) bool {
	for _, taint := range taints {
		if taint.Key == corev1.TaintNodeNotReady || taint.Key == corev1.TaintNodeUnreachable {
			return true
		}
	}
	return false
}
