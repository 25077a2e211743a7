package action

import (
	"time"
)

// createJob runs a CronJob once, now, as kubectl create job --from does.
func createJob() rule {
	return rule{
		name: "create-job", title: "Create job", help: "runs it once, now: creates a Job of its template, which it owns",
		run: func(c call) ([]Change, error) {
			spec := copied(c.fields("spec", "jobTemplate", "spec"))
			if spec == nil {
				return nil, errNoTemplate
			}
			meta := picked(c.fields("spec", "jobTemplate", "metadata"), "labels", "annotations")
			annotations, _ := meta["annotations"].(map[string]any)
			if annotations == nil {
				annotations = map[string]any{}
			}
			annotations["cronjob.kubernetes.io/instantiate"] = "manual"
			meta["annotations"] = annotations
			meta["ownerReferences"] = []any{c.owner()}
			return []Change{c.create(c.text("apiVersion"), "Job", c.named(), meta, spec)}, nil
		},
	}
}

// picked is a copy of some fields.
func picked(m map[string]any, names ...string) map[string]any {
	out := map[string]any{}
	for _, name := range names {
		if v, ok := m[name]; ok {
			out[name] = copyOf(v)
		}
	}
	return out
}

// maxName is what names of Jobs and Workflows may have at most: pods bear them as
// labels.
const maxName = 63

// named is the name of the object with the time, cut to what is allowed.
func (c call) named() string {
	suffix := c.now.Format("-20060102150405")
	name := c.text("metadata", "name")
	return name[:min(len(name), maxName-len(suffix))] + suffix
}

func jobs() []rule {
	rules := suspending("job")
	for i, r := range rules {
		rules[i] = r.when(func(o object) string {
			if why := running(o); why != "" {
				return why
			}
			return r.why(o)
		})
	}
	rules[0].help, rules[0].danger = "stops the job and ends its pods: sets `spec.suspend`", true
	return append(rules, terminateJob())
}

// running objects to a Job that is over.
func running(o object) string {
	for _, c := range []string{"Complete", "Failed", "FailureTarget", "SuccessCriteriaMet"} {
		if o.condition(c, "True") {
			return "it is over"
		}
	}
	return ""
}

// terminateJob makes a Job fail: its controller ends the pods of one that bears
// the condition.
func terminateJob() rule {
	return rule{
		name: "terminate", title: "Terminate",
		help: "makes it fail and ends its pods: adds the condition `FailureTarget` to its status", danger: true,
		why: running,
		run: func(c call) ([]Change, error) {
			now := c.now.Format(time.RFC3339)
			conditions := with(c.list("status", "conditions"), map[string]any{
				"type": "FailureTarget", "status": "True", "reason": "ManuallyTerminated", "message": "terminated by hand",
				"lastProbeTime": now, "lastTransitionTime": now,
			})
			return []Change{c.guarded("status", at(conditions, "status", "conditions"))}, nil
		},
	}
}

// with are conditions with one more, in place of that of its type if there is one.
func with(conditions []any, added map[string]any) []any {
	out := []any{}
	for _, item := range conditions {
		if m, _ := item.(map[string]any); m["type"] != added["type"] {
			out = append(out, copyOf(item))
		}
	}
	return append(out, added)
}
