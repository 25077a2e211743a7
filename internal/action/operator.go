package action

import (
	"cmp"
	"fmt"
	"strconv"
	"strings"
	"time"
)

// renew issues a certificate anew, as cmctl renew does.
func renew() rule {
	return rule{
		name: "renew", title: "Renew", help: "issues it anew: sets the condition `Issuing` of its status",
		why: func(o object) string { return unless(!o.condition("Issuing", "True"), "it is being issued already") },
		run: func(c call) ([]Change, error) {
			issuing := map[string]any{
				"type": "Issuing", "status": "True", "reason": "ManuallyTriggered",
				"message": "renewed by hand", "lastTransitionTime": c.now.Format(time.RFC3339),
			}
			if n, ok := c.number("metadata", "generation"); ok {
				issuing["observedGeneration"] = n
			}
			return []Change{c.guarded("status", at(with(c.list("status", "conditions"), issuing), "status", "conditions"))}, nil
		},
	}
}

// forceSync makes External Secrets look at an object again.
func forceSync(name, title, does string) rule {
	return stamp(name, title, does+": sets the annotation `force-sync`", time.RFC3339, []string{"force-sync"})
}

// The annotations of KEDA.
const (
	kedaPaused   = "autoscaling.keda.sh/paused"
	kedaReplicas = "autoscaling.keda.sh/paused-replicas"
)

// scaledObjects pause scaling, at the replicas that there are or at some number.
func scaledObjects() []rule {
	paused := func(o object) bool { return o.annotation(kedaReplicas) != "" || o.annotation(kedaPaused) == "true" }
	return []rule{
		annotate("pause", "Pause", "stops scaling, at the replicas that there are: sets the annotation `"+kedaPaused+"`", map[string]any{kedaPaused: "true"}).
			when(func(o object) string { return unless(!paused(o), "it is paused already") }),
		{
			name: "paused-replicas", title: "Pause at replicas",
			help: "stops scaling, at a number of replicas: sets the annotation `" + kedaReplicas + "`",
			params: func(o object) []Param {
				return []Param{{Name: "replicas", Default: cmp.Or(o.annotation(kedaReplicas), "0"), Type: TypeNumber, Help: "how many there shall be meanwhile, 0 or more", Required: true}}
			},
			why: func(o object) string {
				return unless(o.annotation(kedaPaused) != "true", "it is paused already; resume it first")
			},
			run: func(c call) ([]Change, error) {
				n, err := c.replicas()
				if err != nil {
					return nil, err
				}
				return []Change{c.annotated(kedaReplicas, strconv.FormatInt(n, 10))}, nil
			},
		},
		annotate("resume", "Resume", "goes on scaling: removes the annotations `"+kedaPaused+"` and `"+kedaReplicas+"`",
			map[string]any{kedaPaused: nil, kedaReplicas: nil}).
			when(func(o object) string { return unless(paused(o), "it is not paused") }),
	}
}

func (c call) annotated(name string, value any) Change {
	return c.patch("", at(map[string]any{name: value}, "metadata", "annotations"))
}

// restartMachines replaces all machines of a kind of Cluster API, whose versions
// have the field in different places.
func restartMachines() rule {
	return rule{
		name: "restart", title: "Restart", danger: true,
		help: "replaces all machines, following the rollout strategy: sets `spec.rollout.after` (`spec.rolloutAfter` before v1beta2) to now",
		why:  notPaused,
		run: func(c call) ([]Change, error) {
			now := c.now.Format(time.RFC3339)
			if strings.HasPrefix(c.version(), "v1alpha") || c.version() == "v1beta1" {
				return []Change{c.patch("", at(now, "spec", "rolloutAfter"))}, nil
			}
			return []Change{c.patch("", at(now, "spec", "rollout", "after"))}, nil
		},
	}
}

// rollingUpdate replaces the pods of Kafka's brokers one after the other.
func rollingUpdate() rule {
	const annotation = "strimzi.io/manual-rolling-update"
	return annotate("rolling-update", "Rolling update", "replaces all pods, one after the other: sets the annotation `"+annotation+"`",
		map[string]any{annotation: "true"}).
		when(func(o object) string { return unless(o.annotation(annotation) != "true", "it is asked for already") })
}

// connectors are actions of a connector of Kafka Connect.
func connectors() []rule {
	const annotation = "strimzi.io/restart"
	state := func(o object) string {
		if s := o.text("spec", "state"); s != "" {
			return s
		}
		return "running"
	}
	to := func(name, does, want string) rule {
		return set(name, titled(name), does+": sets `spec.state` to `"+want+"`", want, "spec", "state").
			when(func(o object) string { return unless(state(o) != want, "it is "+want+" already") })
	}
	return []rule{
		annotate("restart", "Restart", "restarts the connector: sets the annotation `"+annotation+"`", map[string]any{annotation: "true"}).
			when(func(o object) string { return unless(state(o) == "running", "it is "+state(o)) }),
		to("pause", "stops it from moving data", "paused"),
		to("stop", "ends its tasks", "stopped").dangerous(),
		to("resume", "lets it move data again", "running"),
	}
}

// rebalances are the answers to a proposal of Cruise Control. Which of them it
// takes depends on its state.
func rebalances() []rule {
	const annotation = "strimzi.io/rebalance"
	answer := func(name, does string, states ...string) rule {
		return annotate(name, titled(name), does+": sets the annotation `"+annotation+"` to `"+name+"`", map[string]any{annotation: name}).
			when(func(o object) string {
				for _, s := range states {
					if o.condition(s, "True") {
						return ""
					}
				}
				return fmt.Sprintf("that is for the states %s only", strings.Join(states, ", "))
			})
	}
	return []rule{
		answer("approve", "carries the proposal out", "ProposalReady").dangerous(),
		answer("refresh", "asks for a new proposal", "ProposalReady", "Ready", "Stopped", "NotReady"),
		answer("stop", "stops after the batch that is being moved", "PendingProposal", "Rebalancing"),
	}
}
