package live

import (
	"fmt"
	"slices"
	"strings"

	"k8s.io/apimachinery/pkg/runtime/schema"
)

// facts say what a tree shows of objects of a kind beside what all objects have. Those
// kinds are read whole.
var facts = map[schema.GroupKind]func(object, *item){
	podKind:                         podFacts,
	deploymentKind:                  replicaFacts,
	replicaSetKind:                  replicaFacts,
	statefulKind:                    statefulFacts,
	{Kind: "ReplicationController"}: replicaFacts,
	daemonKind:                      daemonFacts,
	jobKind:                         jobFacts,
	cronJobKind:                     cronJobFacts,
	serviceKind:                     serviceFacts,
	claimKind:                       claimFacts,
	{Kind: "PersistentVolume"}:      volumeFacts,
	{Kind: "Namespace"}:             namespaceFacts,
	{Group: "networking.k8s.io", Kind: "Ingress"}:           ingressFacts,
	{Group: "autoscaling", Kind: "HorizontalPodAutoscaler"}: scalerFacts,
	{Group: "policy", Kind: "PodDisruptionBudget"}:          budgetFacts,
}

func (i *item) tell(format string, args ...any) {
	i.node.Info = append(i.node.Info, fmt.Sprintf(format, args...))
}

func replicaFacts(o object, i *item) {
	wanted := int64(1)
	if o.has("spec", "replicas") {
		wanted = o.number("spec", "replicas")
	}
	if wanted == 0 && o.number("status", "replicas") == 0 {
		i.tell("scaled to 0")
	} else {
		i.tell("%d/%d ready", o.number("status", "readyReplicas"), wanted)
	}
	if o.truth("spec", "paused") {
		i.tell("paused")
	}
	if n := o.child("metadata", "annotations").text("deployment.kubernetes.io/revision"); n != "" {
		i.tell("revision %s", n)
	}
}

func statefulFacts(o object, i *item) {
	replicaFacts(o, i)
	for _, t := range o.list("spec", "volumeClaimTemplates") {
		i.claims = append(i.claims, t.text("metadata", "name")+"-"+o.text("metadata", "name")+"-")
	}
}

func daemonFacts(o object, i *item) {
	i.tell("%d/%d ready", o.number("status", "numberReady"), o.number("status", "desiredNumberScheduled"))
}

func jobFacts(o object, i *item) {
	wanted := int64(1)
	if o.has("spec", "completions") {
		wanted = o.number("spec", "completions")
	} else if o.has("spec", "parallelism") {
		wanted = o.number("spec", "parallelism")
	}
	i.tell("%d/%d completed", o.number("status", "succeeded"), wanted)
	if n := o.number("status", "failed"); n > 0 {
		i.tell("%d failed", n)
	}
	if o.truth("spec", "suspend") {
		i.tell("suspended")
	}
}

func cronJobFacts(o object, i *item) {
	i.tell("%s", strings.TrimSpace(o.text("spec", "schedule")+" "+o.text("spec", "timeZone")))
	if o.truth("spec", "suspend") {
		i.tell("suspended")
	}
	if n := len(o.list("status", "active")); n > 0 {
		i.tell("%d running", n)
	}
	if at := o.time("status", "lastScheduleTime"); !at.IsZero() {
		i.tell("last run %s", at.Format("2006-01-02 15:04 UTC"))
	}
}

// maxListed is how many ports or addresses are shown.
const maxListed = 4

func serviceFacts(o object, i *item) {
	kind := o.text("spec", "type")
	if kind == "ClusterIP" && o.text("spec", "clusterIP") == "None" {
		kind = "headless"
	}
	if kind != "" {
		i.tell("%s", kind)
	}
	var ports []string
	for _, p := range o.list("spec", "ports") {
		port := fmt.Sprint(p.number("port"))
		if n := p.number("nodePort"); n > 0 {
			port += fmt.Sprintf(":%d", n)
		}
		ports = append(ports, port+"/"+p.text("protocol"))
	}
	i.tellSome(ports)
	if name := o.text("spec", "externalName"); name != "" {
		i.tell("%s", name)
	}
	i.tellSome(balanced(o))
}

// balanced are the addresses that a load balancer gave.
func balanced(o object) []string {
	var out []string
	for _, at := range o.list("status", "loadBalancer", "ingress") {
		out = append(out, first(at.text("hostname"), at.text("ip")))
	}
	return out
}

func (i *item) tellSome(all []string) {
	switch {
	case len(all) == 0:
	case len(all) > maxListed:
		i.tell("%s and %d more", strings.Join(all[:maxListed], ", "), len(all)-maxListed)
	default:
		i.tell("%s", strings.Join(all, ", "))
	}
}

func ingressFacts(o object, i *item) {
	if class := o.text("spec", "ingressClassName"); class != "" {
		i.tell("class %s", class)
	}
	i.tellSome(balanced(o))
	i.node.Links = append(i.node.Links, ingressLinks(o)...)
}

func claimFacts(o object, i *item) {
	i.tellTexts(o.text("status", "phase"),
		first(o.text("status", "capacity", "storage"), o.text("spec", "resources", "requests", "storage")),
		o.text("spec", "storageClassName"))
}

func volumeFacts(o object, i *item) {
	i.tellTexts(o.text("status", "phase"), o.text("spec", "capacity", "storage"), o.text("spec", "storageClassName"))
}

func namespaceFacts(o object, i *item) { i.tellTexts(o.text("status", "phase")) }

// tellTexts tells those that are there.
func (i *item) tellTexts(all ...string) {
	i.node.Info = append(i.node.Info, slices.DeleteFunc(all, func(s string) bool { return s == "" })...)
}

func scalerFacts(o object, i *item) {
	least := int64(1)
	if o.has("spec", "minReplicas") {
		least = o.number("spec", "minReplicas")
	}
	i.tell("%d replicas of %d to %d", o.number("status", "currentReplicas"), least, o.number("spec", "maxReplicas"))
	current := map[string]string{}
	for _, m := range o.list("status", "currentMetrics") {
		if use := m.child("resource", "current"); use.has("averageUtilization") {
			current[m.text("resource", "name")] = fmt.Sprintf("%d%%", use.number("averageUtilization"))
		}
	}
	for _, m := range o.list("spec", "metrics") {
		if target := m.child("resource", "target"); target.has("averageUtilization") {
			name := m.text("resource", "name")
			i.tell("%s %s of %d%%", name, first(current[name], "?"), target.number("averageUtilization"))
		}
	}
}

func budgetFacts(o object, i *item) {
	i.tell("%d may be disrupted", o.number("status", "disruptionsAllowed"))
	i.tell("%d healthy, %d needed", o.number("status", "currentHealthy"), o.number("status", "desiredHealthy"))
}

// first is the first text that is not empty.
func first(texts ...string) string {
	for _, text := range texts {
		if text != "" {
			return text
		}
	}
	return ""
}

// images are those that an object of any kind with a pod's template runs.
func images(o object) []string {
	var out []string
	for _, path := range [][]string{
		{"spec"}, {"spec", "template", "spec"}, {"spec", "jobTemplate", "spec", "template", "spec"},
	} {
		for _, field := range []string{"initContainers", "containers"} {
			for _, c := range o.child(path...).list(field) {
				if image := c.text("image"); image != "" && !slices.Contains(out, image) {
					out = append(out, image)
				}
			}
		}
	}
	return out
}
