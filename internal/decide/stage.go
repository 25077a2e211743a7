package decide

import "github.com/fixpoint-cd/fixpoint/internal/model"

// stages is the number of stages within a wave.
const stages = 6

// stage puts kinds before those that need them: both peers' orders, coarser,
// since what is in one stage is written in parallel.
var stage = map[string]int{
	"Namespace": 0, "CustomResourceDefinition": 0,

	"NetworkPolicy": 1, "ResourceQuota": 1, "LimitRange": 1, "PodDisruptionBudget": 1, "ServiceAccount": 1,
	"Secret": 1, "ConfigMap": 1, "PersistentVolume": 1, "PersistentVolumeClaim": 1, "ClusterRole": 1,
	"ClusterRoleBinding": 1, "Role": 1, "RoleBinding": 1, "StorageClass": 1, "PriorityClass": 1,
	"RuntimeClass": 1, "IngressClass": 1, "VolumeSnapshotClass": 1, "GatewayClass": 1, "ClusterClass": 1,

	"Service": 2,

	"HorizontalPodAutoscaler": 4, "Ingress": 4, "APIService": 4,

	"MutatingWebhookConfiguration": 5, "ValidatingWebhookConfiguration": 5,
}

// stageOf is the stage of a kind; what is not listed comes with the workloads.
func stageOf(k model.ObjectKey) int {
	if s, ok := stage[k.Kind]; ok {
		return s
	}
	return 3
}
