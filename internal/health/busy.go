package health

import "github.com/fixpoint-cd/fixpoint/internal/model"

// Busy reports whether a live object is Progressing and something of it is really
// running, so that to end it now would interrupt work: a pod that waits for its
// image is not busy, nor is a job all of whose pods fail to start. Of kinds of
// which that can't be told, whatever is Progressing is busy.
func Busy(obj map[string]any) bool {
	if Of(obj).Status != model.Progressing {
		return false
	}
	o := object(obj)
	switch kindOf(o) {
	case kind{"batch", "Job"}:
		return busyJob(o)
	case kind{"", "Pod"}:
		return busyPod(o)
	case kind{"argoproj.io", "Workflow"}:
		return o.text("status", "phase") == "Running"
	}
	return true
}

// busyJob goes by the pods that are active where the server doesn't count those
// that are ready.
func busyJob(o object) bool {
	if o.has("status", "ready") {
		return o.number("status", "ready") > 0
	}
	return o.number("status", "active") > 0
}

func busyPod(o object) bool {
	if o.text("status", "phase") != "Running" {
		return false
	}
	for _, c := range o.list("status", "containerStatuses") {
		switch c.text("state", "waiting", "reason") {
		case "CrashLoopBackOff", "ImagePullBackOff":
			return false
		}
	}
	return true
}
