package action

import (
	"strconv"
	"time"

	"github.com/fixpoint-cd/fixpoint/internal/model"
)

const restartedAt = "kubectl.kubernetes.io/restartedAt"

// restartPods replaces all pods of a workload, as kubectl rollout restart does.
func restartPods() rule {
	return stamp("restart", "Restart", "replaces all pods, following the update strategy: sets the annotation `"+restartedAt+"` of the pod template",
		time.RFC3339, []string{restartedAt}, "spec", "template")
}

func notPaused(o object) string {
	if o.flag("spec", "paused") {
		return "it is paused; resume it first"
	}
	return ""
}

// maxReplicas is more than any kind takes.
const maxReplicas = 1<<31 - 1

// scale sets the number of replicas through the subresource, so that kinds may
// have it wherever they like.
func scale() rule {
	return rule{
		name: "scale", title: "Scale", help: "sets the number of replicas, through the subresource `scale`",
		params: func(o object) []Param {
			p := Param{Name: "replicas", Type: TypeNumber, Help: "how many there shall be, 0 or more", Required: true}
			if n, ok := o.number("spec", "replicas"); ok {
				p.Default = strconv.FormatInt(n, 10)
			}
			return []Param{p}
		},
		run: func(c call) ([]Change, error) {
			n, err := c.replicas()
			if err != nil {
				return nil, err
			}
			return []Change{c.patch("scale", at(n, "spec", "replicas"))}, nil
		},
	}
}

// replicas is the parameter of that name.
func (c call) replicas() (int64, error) {
	n, err := strconv.ParseInt(c.params["replicas"], 10, 64)
	if err != nil || n < 0 || n > maxReplicas {
		return 0, model.Invalidf("replicas is %q: it has to be a whole number from 0 to %d", c.params["replicas"], maxReplicas)
	}
	return n, nil
}

// pausing are pause and resume of what a kind stops by spec.paused.
func pausing(what string) []rule {
	return switching("pause", "resume", what, "paused")
}

// suspending are suspend and resume of what a kind stops by spec.suspend.
func suspending(what string) []rule {
	return switching("suspend", "resume", what, "suspend")
}

func switching(off, on, what, field string) []rule {
	is := func(o object) bool { return o.flag("spec", field) }
	return []rule{
		set(off, titled(off), "stops the "+what+": sets `spec."+field+"`", true, "spec", field).
			when(func(o object) string { return unless(!is(o), "it is "+past(off)+" already") }),
		set(on, titled(on), "goes on with the "+what+": sets `spec."+field+"` to false", false, "spec", field).
			when(func(o object) string { return unless(is(o), "it is not "+past(off)) }),
	}
}

// annotatedPause are pause and resume of what a kind stops by an annotation that
// says "true".
func annotatedPause(annotation, what string) []rule {
	return annotatedSwitch("pause", "resume", annotation, "true", what)
}

func annotatedSwitch(off, on, annotation, value, what string) []rule {
	is := func(o object) bool { return o.annotation(annotation) == value }
	return []rule{
		annotate(off, titled(off), "stops the "+what+": sets the annotation `"+annotation+"` to `"+value+"`", map[string]any{annotation: value}).
			when(func(o object) string { return unless(!is(o), "it is "+past(off)+" already") }),
		annotate(on, titled(on), "goes on with the "+what+": removes the annotation `"+annotation+"`", map[string]any{annotation: nil}).
			when(func(o object) string { return unless(is(o), "it is not "+past(off)) }),
	}
}

// unless is why where ok does not hold.
func unless(ok bool, why string) string {
	if ok {
		return ""
	}
	return why
}

func titled(name string) string { return string(name[0]-'a'+'A') + name[1:] }

func past(name string) string {
	switch name {
	case "suspend":
		return "suspended"
	case "hibernate":
		return "hibernated"
	}
	return name + "d"
}
