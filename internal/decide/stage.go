package decide

import "github.com/fixpoint-cd/fixpoint/internal/model"

// stage puts kinds before those that need them, in Argo CD's order; what has the
// same number is written in parallel.
var stage = map[string]int{
	"Namespace": 0,

	"NetworkPolicy": 1, "ResourceQuota": 1, "LimitRange": 1, "PodSecurityPolicy": 1, "PodDisruptionBudget": 1,

	"ServiceAccount": 2, "Secret": 2, "SecretList": 2, "ConfigMap": 2,

	"StorageClass": 3, "PersistentVolume": 3, "PersistentVolumeClaim": 3, "CustomResourceDefinition": 3,

	"ClusterRole": 4, "ClusterRoleList": 4, "ClusterRoleBinding": 4, "ClusterRoleBindingList": 4,
	"Role": 4, "RoleList": 4, "RoleBinding": 4, "RoleBindingList": 4,

	"Service": 5,

	"DaemonSet": 6, "Pod": 6, "ReplicationController": 6, "ReplicaSet": 6, "Deployment": 6, "HorizontalPodAutoscaler": 6,
	"StatefulSet": 6, "Job": 6, "CronJob": 6,

	"IngressClass": 7, "Ingress": 7, "APIService": 8,

	// What others live by comes before them, though Argo CD's order has no place for it.
	"PriorityClass": 1, "RuntimeClass": 1, "VolumeSnapshotClass": 3, "GatewayClass": 3, "ClusterClass": 3,

	"MutatingWebhookConfiguration": 10, "ValidatingWebhookConfiguration": 10,
}

// Stage is the stage of a kind; what is not listed comes after the known kinds,
// before what may refuse to let it in.
func Stage(k model.ObjectKey) int {
	if s, ok := stage[k.Kind]; ok {
		return s
	}
	return 9
}
