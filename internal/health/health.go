package health

import (
	"strings"

	"github.com/fixpoint-cd/fixpoint/internal/model"
)

// kind is what a rule is found by; rules hold for all versions of it.
type kind struct{ group, name string }

// builtin judge the kinds whose rules are code: those of Kubernetes that are not
// healthy by merely existing, and those that need more than expressions.
var builtin = map[kind]func(object) model.Health{
	{"apps", "Deployment"}:                               deployment,
	{"apps", "StatefulSet"}:                              statefulSet,
	{"apps", "DaemonSet"}:                                daemonSet,
	{"apps", "ReplicaSet"}:                               replicaSet,
	{"", "Pod"}:                                          pod,
	{"", "Service"}:                                      service,
	{"", "PersistentVolumeClaim"}:                        volumeClaim,
	{"batch", "Job"}:                                     job,
	{"batch", "CronJob"}:                                 cronJob,
	{"networking.k8s.io", "Ingress"}:                     ingress,
	{"extensions", "Ingress"}:                            ingress,
	{"autoscaling", "HorizontalPodAutoscaler"}:           autoscaler,
	{"policy", "PodDisruptionBudget"}:                    disruptionBudget,
	{"apiregistration.k8s.io", "APIService"}:             apiService,
	{"apiextensions.k8s.io", "CustomResourceDefinition"}: resourceDefinition,
	{"argoproj.io", "Workflow"}:                          workflow,
}

// Of judges a live object, given as its decoded JSON. The zero Health means that
// the kind has no rule and the object no condition to go by, which counts as
// healthy. Of a kind for which NeedsContent is false, the metadata is enough.
func Of(obj map[string]any) model.Health {
	o := object(obj)
	if o.deleting() && !o.held() {
		return progressing("Pending deletion")
	}
	k := kindOf(o)
	if rule, ok := builtin[k]; ok {
		return rule(o)
	}
	if set := declaredRules().find(k); set != nil {
		return set.judge(o)
	}
	if builtinGroups[k.group] {
		return model.Health{}
	}
	return byConditions(o)
}

// Aggregate is the health of an app with these objects: the worst of them,
// without a message. Objects that are missing count only if none is there, and
// those without a rule count as healthy, as does an app without objects.
func Aggregate(objects ...model.Health) model.Health {
	worst, live := model.Healthy, 0
	for _, h := range objects {
		if h.Status == model.Missing {
			continue
		}
		live++
		if h.Status.Worse(worst) {
			worst = h.Status
		}
	}
	if live == 0 && len(objects) > 0 {
		worst = model.Missing
	}
	return model.Health{Status: worst}
}

func kindOf(o object) kind { return kind{groupOf(o.text("apiVersion")), o.text("kind")} }

func groupOf(apiVersion string) string {
	group, _, found := strings.Cut(apiVersion, "/")
	if !found {
		return ""
	}
	return group
}

func healthy(message string) model.Health {
	return model.Health{Status: model.Healthy, Message: message}
}
func suspended(message string) model.Health {
	return model.Health{Status: model.Suspended, Message: message}
}
func progressing(message string) model.Health {
	return model.Health{Status: model.Progressing, Message: message}
}
func degraded(message string) model.Health {
	return model.Health{Status: model.Degraded, Message: message}
}
func unknown(message string) model.Health {
	return model.Health{Status: model.Unknown, Message: message}
}
