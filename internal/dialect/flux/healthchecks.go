package flux

import (
	"strings"

	kustomizev1 "github.com/fluxcd/kustomize-controller/api/v1"

	"github.com/fixpoint-cd/fixpoint/internal/model"
)

// healthOf is what the Kustomization waits for: everything with wait, else what
// healthChecks lists.
func healthOf(k kustomizev1.Kustomization) model.HealthRules {
	if k.Spec.Wait {
		return model.HealthRules{All: true}
	}
	var rules model.HealthRules
	for _, c := range k.Spec.HealthChecks {
		apiVersion := c.APIVersion
		if apiVersion == "" {
			apiVersion = "apps/v1"
		}
		group, version, found := strings.Cut(apiVersion, "/")
		if !found {
			group, version = "", apiVersion
		}
		key := model.ObjectKey{Group: group, Kind: c.Kind, Namespace: c.Namespace, Name: c.Name}
		if key.Namespace == "" && !isClusterScoped(key) {
			key.Namespace = k.Namespace
		}
		rules.Only = append(rules.Only, model.ObjectRef{ObjectKey: key, Version: version})
	}
	return rules
}

// clusterScoped are the built-in kinds without a namespace, as kind.group.
var clusterScoped = map[string]bool{
	"Namespace":                         true,
	"Node":                              true,
	"PersistentVolume":                  true,
	"APIService.apiregistration.k8s.io": true,
	"CertificateSigningRequest.certificates.k8s.io":               true,
	"ClusterRole." + rbacGroup:                                    true,
	"ClusterRoleBinding." + rbacGroup:                             true,
	"CSIDriver.storage.k8s.io":                                    true,
	"CustomResourceDefinition.apiextensions.k8s.io":               true,
	"FlowSchema.flowcontrol.apiserver.k8s.io":                     true,
	"IngressClass.networking.k8s.io":                              true,
	"MutatingWebhookConfiguration.admissionregistration.k8s.io":   true,
	"PriorityClass.scheduling.k8s.io":                             true,
	"PriorityLevelConfiguration.flowcontrol.apiserver.k8s.io":     true,
	"RuntimeClass.node.k8s.io":                                    true,
	"StorageClass.storage.k8s.io":                                 true,
	"ValidatingAdmissionPolicy.admissionregistration.k8s.io":      true,
	"ValidatingWebhookConfiguration.admissionregistration.k8s.io": true,
}

func isClusterScoped(k model.ObjectKey) bool {
	if k.Group == "" {
		return clusterScoped[k.Kind]
	}
	return clusterScoped[k.Kind+"."+k.Group]
}
