package apply

import (
	"encoding/json"
	"slices"
)

type container struct {
	Image string `json:"image"`
}

type podSpec struct {
	InitContainers []container `json:"initContainers"`
	Containers     []container `json:"containers"`
}

type podTemplate struct {
	Spec podSpec `json:"spec"`
}

// runnable is where objects have the pods that they run: Pods, PodTemplates, what
// has a template of pods, and CronJobs.
type runnable struct {
	Template podTemplate `json:"template"`
	Spec     struct {
		podSpec
		Template    podTemplate `json:"template"`
		JobTemplate struct {
			Spec struct {
				Template podTemplate `json:"template"`
			} `json:"spec"`
		} `json:"jobTemplate"`
	} `json:"spec"`
}

// images are those that an object runs, each once, in order.
func images(object []byte) []string {
	var o runnable
	if len(object) == 0 || json.Unmarshal(object, &o) != nil {
		return nil // fields of these names may be anything in kinds that run no pods
	}
	var out []string
	for _, pod := range []podSpec{o.Spec.podSpec, o.Spec.Template.Spec, o.Spec.JobTemplate.Spec.Template.Spec, o.Template.Spec} {
		for _, c := range slices.Concat(pod.InitContainers, pod.Containers) {
			if c.Image != "" && !slices.Contains(out, c.Image) {
				out = append(out, c.Image)
			}
		}
	}
	return out
}
