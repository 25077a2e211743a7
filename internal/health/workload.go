package health

import (
	"fmt"

	"github.com/fixpoint-cd/fixpoint/internal/model"
)

const specNotSeen = "Waiting for rollout: the newest spec has not been seen yet"

func deployment(o object) model.Health {
	if o.flag("spec", "paused") {
		return suspended("Deployment is paused")
	}
	if o.behind() {
		return progressing(specNotSeen)
	}
	if c := o.condition("Progressing"); c.reason == "ProgressDeadlineExceeded" {
		return degraded("Deployment exceeded its progress deadline: " + c.text())
	}
	wanted, updated := o.number("spec", "replicas"), o.number("status", "updatedReplicas")
	if updated < wanted {
		return rollout(o, "%d of %d replicas are updated", updated, wanted)
	}
	if all := o.number("status", "replicas"); all > updated {
		return rollout(o, "%d old replicas are still there", all-updated)
	}
	if available := o.number("status", "availableReplicas"); available < updated {
		return rollout(o, "%d of %d updated replicas are available", available, updated)
	}
	return healthy("")
}

// rollout says how far a rollout has come, and what the API server has against
// its pods.
func rollout(o object, format string, args ...any) model.Health {
	message := "Waiting for rollout: " + fmt.Sprintf(format, args...)
	if c := o.condition("ReplicaFailure"); c.isTrue() {
		message += ": " + c.text()
	}
	return progressing(message)
}

func statefulSet(o object) model.Health {
	if o.number("status", "observedGeneration") == 0 || o.behind() {
		return progressing(specNotSeen)
	}
	wanted := o.number("spec", "replicas")
	if ready := o.number("status", "readyReplicas"); ready < wanted {
		return progressing(fmt.Sprintf("Waiting for rollout: %d of %d replicas are ready", ready, wanted))
	}
	if o.has("spec", "updateStrategy", "rollingUpdate", "partition") {
		kept := o.number("spec", "updateStrategy", "rollingUpdate", "partition")
		if updated := o.number("status", "updatedReplicas"); updated < wanted-kept {
			return progressing(fmt.Sprintf("Waiting for rollout: %d of %d replicas are updated", updated, wanted-kept))
		}
		return healthy("")
	}
	if o.text("spec", "updateStrategy", "type") == "OnDelete" {
		return healthy("")
	}
	if current, next := o.text("status", "currentRevision"), o.text("status", "updateRevision"); current != next {
		return progressing(fmt.Sprintf("Waiting for rollout: %d replicas are at revision %s", o.number("status", "updatedReplicas"), next))
	}
	return healthy("")
}

func daemonSet(o object) model.Health {
	if o.behind() {
		return progressing(specNotSeen)
	}
	if o.text("spec", "updateStrategy", "type") == "OnDelete" {
		return healthy("")
	}
	wanted := o.number("status", "desiredNumberScheduled")
	if updated := o.number("status", "updatedNumberScheduled"); updated < wanted {
		return progressing(fmt.Sprintf("Waiting for rollout: %d of %d pods are updated", updated, wanted))
	}
	if available := o.number("status", "numberAvailable"); available < wanted {
		return progressing(fmt.Sprintf("Waiting for rollout: %d of %d pods are available", available, wanted))
	}
	return healthy("")
}

func replicaSet(o object) model.Health {
	if o.behind() {
		return progressing(specNotSeen)
	}
	if c := o.condition("ReplicaFailure"); c.isTrue() {
		return degraded(c.text())
	}
	wanted := o.number("spec", "replicas")
	if available := o.number("status", "availableReplicas"); available < wanted {
		return progressing(fmt.Sprintf("Waiting for rollout: %d of %d replicas are available", available, wanted))
	}
	return healthy("")
}
