package kubelet

import (
	"context"
	"fmt"
	"io"
	"net"
	"net/http"
	"strconv"
	"strings"
	"time"

	corev1 "k8s.io/api/core/v1"
	listers "k8s.io/client-go/listers/core/v1"
	"k8s.io/klog/v2"
)

// serveLogs answers the requests that the API server passes on to a kubelet,
// until ctx is done. Logs are made up, and say so; there is no process for exec,
// attach and port-forward to reach.
func serveLogs(ctx context.Context, listener net.Listener, pods listers.PodLister) {
	mux := http.NewServeMux()
	mux.HandleFunc("GET /healthz", func(w http.ResponseWriter, _ *http.Request) { io.WriteString(w, "ok") })
	mux.Handle("GET /containerLogs/{namespace}/{pod}/{container}", logs{pods})
	for _, verb := range []string{"exec", "attach", "run", "portForward"} {
		mux.HandleFunc("/"+verb+"/", func(w http.ResponseWriter, _ *http.Request) {
			http.Error(w, verb+" is not supported by the stand-in kubelet: the pod has a status but no process", http.StatusNotImplemented)
		})
	}
	server := &http.Server{
		Handler:           onlyMasters(mux),
		ReadHeaderTimeout: 10 * time.Second,
		BaseContext:       func(net.Listener) context.Context { return ctx },
	}
	defer context.AfterFunc(ctx, func() { server.Close() })()
	if err := server.Serve(listener); err != nil && ctx.Err() == nil {
		klog.ErrorS(err, "The stand-in kubelet's server of logs ended")
	}
}

// onlyMasters lets the API server in, and administrators.
func onlyMasters(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		for _, group := range r.TLS.PeerCertificates[0].Subject.Organization {
			if group == "system:masters" {
				next.ServeHTTP(w, r)
				return
			}
		}
		http.Error(w, "the client certificate is not in the group system:masters", http.StatusForbidden)
	})
}

// logs serves the log of a container.
type logs struct{ pods listers.PodLister }

func (l logs) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	pod, err := l.pods.Pods(r.PathValue("namespace")).Get(r.PathValue("pod"))
	if err != nil {
		http.Error(w, err.Error(), http.StatusNotFound)
		return
	}
	status := statusNamed(pod, r.PathValue("container"))
	if status == nil {
		http.Error(w, "the container has not been seen yet", http.StatusBadRequest)
		return
	}
	query := r.URL.Query()
	state := status.State
	if query.Get("previous") == "true" || state.Waiting != nil && status.LastTerminationState.Terminated != nil {
		state = status.LastTerminationState
	}
	if state.Running == nil && state.Terminated == nil {
		http.Error(w, notStarted(pod, status), http.StatusBadRequest)
		return
	}
	out := printer{w: w, timestamps: query.Get("timestamps") == "true"}
	out.print(tail(lines(pod, status, state), query.Get("tailLines")))
	if query.Get("follow") == "true" && state.Running != nil {
		l.follow(r.Context(), out, pod, status.Name)
	}
}

func notStarted(pod *corev1.Pod, status *corev1.ContainerStatus) string {
	if waiting := status.State.Waiting; waiting != nil {
		return fmt.Sprintf("container %q in pod %q is waiting to start: %s", status.Name, pod.Name, waiting.Reason)
	}
	return fmt.Sprintf("container %q in pod %q has no previous run", status.Name, pod.Name)
}

// follow prints a line every other second until the container ends or the
// client goes away.
func (l logs) follow(ctx context.Context, out printer, pod *corev1.Pod, container string) {
	tick := time.NewTicker(2 * time.Second)
	defer tick.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
		}
		now, err := l.pods.Pods(pod.Namespace).Get(pod.Name)
		if err != nil || now.UID != pod.UID {
			return
		}
		status := statusNamed(now, container)
		if status == nil || status.State.Running == nil {
			return
		}
		age := time.Since(status.State.Running.StartedAt.Time).Round(time.Second)
		out.print([]line{{time.Now(), fmt.Sprintf("[stand-in kubelet] running for %s", age)}})
	}
}

func statusNamed(pod *corev1.Pod, container string) *corev1.ContainerStatus {
	for _, list := range [][]corev1.ContainerStatus{pod.Status.ContainerStatuses, pod.Status.InitContainerStatuses} {
		for i := range list {
			if list[i].Name == container {
				return &list[i]
			}
		}
	}
	return nil
}

// line is a line of a log.
type line struct {
	at   time.Time
	text string
}

// lines is the log of a container whose current or previous state is state.
func lines(pod *corev1.Pod, status *corev1.ContainerStatus, state corev1.ContainerState) []line {
	began := pod.CreationTimestamp.Time
	switch {
	case state.Running != nil:
		began = state.Running.StartedAt.Time
	case state.Terminated != nil:
		began = state.Terminated.StartedAt.Time
	}
	list := []line{
		{began, "[stand-in kubelet] this log is synthetic: no process runs in this pod"},
		{began, fmt.Sprintf("[stand-in kubelet] container %s of pod %s/%s on %s, image %s, restart %d", status.Name, pod.Namespace, pod.Name, pod.Spec.NodeName, status.Image, status.RestartCount)},
		{began, "[stand-in kubelet] started"},
	}
	if status.Ready {
		list = append(list, line{began, "[stand-in kubelet] ready"})
	}
	if end := state.Terminated; end != nil {
		list = append(list, line{end.FinishedAt.Time, fmt.Sprintf("[stand-in kubelet] ended with exit code %d", end.ExitCode)})
	}
	return list
}

// tail is the last lines, as many as text says; all when it says nothing.
func tail(list []line, text string) []line {
	count, err := strconv.Atoi(text)
	if err != nil || count < 0 || count >= len(list) {
		return list
	}
	return list[len(list)-count:]
}

// printer writes lines to a client as they come.
type printer struct {
	w          http.ResponseWriter
	timestamps bool
}

func (p printer) print(list []line) {
	var text strings.Builder
	for _, l := range list {
		if p.timestamps {
			text.WriteString(l.at.UTC().Format(time.RFC3339Nano) + " ")
		}
		text.WriteString(l.text + "\n")
	}
	io.WriteString(p.w, text.String())
	http.NewResponseController(p.w).Flush()
}
