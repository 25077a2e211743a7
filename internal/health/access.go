package health

import "github.com/fixpoint-cd/fixpoint/internal/model"

func service(o object) model.Health {
	if o.text("spec", "type") == "LoadBalancer" && !hasAddress(o) {
		return progressing("Waiting for a load balancer address")
	}
	return healthy("")
}

func ingress(o object) model.Health {
	if !hasAddress(o) {
		return progressing("Waiting for a load balancer address")
	}
	return healthy("")
}

func hasAddress(o object) bool { return len(o.list("status", "loadBalancer", "ingress")) > 0 }

func volumeClaim(o object) model.Health {
	switch o.text("status", "phase") {
	case "Bound":
		return healthy("")
	case "Pending":
		return progressing("Waiting for a volume")
	case "Lost":
		return degraded("The volume is lost")
	default:
		return unknown("The claim has no known phase")
	}
}
