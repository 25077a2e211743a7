package health

// builtinGroups are the API groups that Kubernetes itself serves. No custom
// resource lives in them.
var builtinGroups = map[string]bool{
	"":                             true,
	"admissionregistration.k8s.io": true,
	"apiextensions.k8s.io":         true,
	"apiregistration.k8s.io":       true,
	"apps":                         true,
	"authentication.k8s.io":        true,
	"authorization.k8s.io":         true,
	"autoscaling":                  true,
	"batch":                        true,
	"certificates.k8s.io":          true,
	"coordination.k8s.io":          true,
	"discovery.k8s.io":             true,
	"events.k8s.io":                true,
	"extensions":                   true,
	"flowcontrol.apiserver.k8s.io": true,
	"internal.apiserver.k8s.io":    true,
	"networking.k8s.io":            true,
	"node.k8s.io":                  true,
	"policy":                       true,
	"rbac.authorization.k8s.io":    true,
	"resource.k8s.io":              true,
	"scheduling.k8s.io":            true,
	"storage.k8s.io":               true,
	"storagemigration.k8s.io":      true,
}

// NeedsContent reports whether the health of a kind depends on more than its
// metadata. It is false for the built-in kinds without a rule (ConfigMap,
// Secret, RBAC, …) and for those that are declared to have no health, of which
// nothing but metadata has to be watched, and true for kinds that are not known:
// any of them may have conditions.
func NeedsContent(group, name string) bool {
	k := kind{group, name}
	if _, hasRule := builtin[k]; hasRule {
		return true
	}
	if set := declaredRules().find(k); set != nil {
		return !set.none
	}
	return !builtinGroups[group]
}
