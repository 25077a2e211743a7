package view

// explanation is what a reason means and what to do next.
type explanation struct{ text, next string }

// Explain says in plain words what a reason means that Kubernetes gives, such as
// CrashLoopBackOff, and what to do next. Both are "" of a reason that is not known.
func Explain(reason string) (text, next string) {
	e := reasons[reason]
	return e.text, e.next
}

// reasons are those of pods, containers, and the conditions and events of workloads,
// volumes, Jobs and custom resources. Those that mean the same share an entry.
var reasons = map[string]explanation{
	"ImagePullBackOff":           pullFails,
	"ErrImagePull":               pullFails,
	"RegistryUnavailable":        {"the registry of the image does not answer", "Check that the registry runs and that the node can reach it."},
	"InvalidImageName":           {"the name of the image is malformed", "Correct the image's name in Git."},
	"ErrImageNeverPull":          {"the image is not on the node, and imagePullPolicy is Never", "Set imagePullPolicy to IfNotPresent, or load the image onto the node."},
	"ImageInspectError":          {"the node can't read the image that it has", "Delete the image on the node, so that it is pulled again."},
	"CrashLoopBackOff":           {"a container ends again and again; it is started after a growing pause", "Read the log of its previous run."},
	"BackOff":                    {"something is tried again after a growing pause", "Look at the events before this one for the cause."},
	"Error":                      {"a container ended with an error", "Read the log of its previous run."},
	"ContainerCannotRun":         startFails,
	"RunContainerError":          startFails,
	"StartError":                 startFails,
	"CreateContainerError":       {"the container can't be created", "Look at the pod's events: often a volume or a command is wrong."},
	"CreateContainerConfigError": {"a ConfigMap or Secret that the container needs, or a key in it, does not exist", "Declare it, in the pod's namespace, or mark the reference as optional."},
	"CreatePodSandboxError":      sandboxFails,
	"FailedCreatePodSandBox":     sandboxFails,
	"ContainerCreating":          {"the container is being created", "Wait. If it lasts, look at the pod's events: often a volume can't be mounted."},
	"PodInitializing":            {"the init containers run", "Wait. If it lasts, read the logs of the init containers."},
	"OOMKilled":                  {"a container was ended because it used more memory than its limit", "Raise its memory limit, or find out what uses the memory."},
	"DeadlineExceeded":           {"it took longer than activeDeadlineSeconds", "Read its log to see how far it came, then raise the limit or make it faster."},
	"Evicted":                    {"the node ran short of memory, disk or process ids and ended the pod", "Set requests that match what it uses, and look at the node's conditions."},
	"Preempted":                  preempted,
	"Preempting":                 preempted,
	"NodeLost":                   nodeLost,
	"NodeNotReady":               nodeLost,
	"NodeShutdown":               {"the node was shut down", "Wait until the pod is started elsewhere."},
	"UnexpectedAdmissionError":   {"the node refused the pod", "Look at the pod's message, and at the device plugins of the node."},
	"OutOfcpu":                   noRoom,
	"OutOfmemory":                noRoom,
	"OutOfpods":                  noRoom,
	"FailedScheduling":           unschedulable,
	"Unschedulable":              unschedulable,
	"SchedulingGated":            {"something has to open the pod's scheduling gates first", "See in spec.schedulingGates who that is."},
	"ContainersNotReady":         {"not all containers are ready", "Look at the containers' states and readiness probes."},
	"Unhealthy":                  {"a probe failed", "Read the container's log at that time, and check the probe's path, port and delays."},
	"ProbeError":                 {"a probe could not be carried out", "Check the probe's path, port and delays."},
	"FailedMount":                mountFails,
	"FailedAttachVolume":         mountFails,
	"FailedBinding":              {"no volume fits the claim, and no storage class makes one", "Name a storage class that the cluster has, or provide a volume."},
	"ProvisioningFailed":         {"the storage class could not make a volume", "Look at the event's message, and at the log of the storage driver."},
	"WaitForFirstConsumer":       {"the volume is made once a pod uses the claim", "Nothing: it waits for a pod."},
	"ExternalProvisioning":       {"the volume is being made by a storage driver", "Wait. If it lasts, look at the log of the driver."},
	"ProgressDeadlineExceeded":   {"the rollout made no progress within progressDeadlineSeconds", "Look at the newest pods: why do they not become ready?"},
	"MinimumReplicasUnavailable": {"fewer pods are available than there have to be", "Look at the pods that are not ready."},
	"ReplicaSetUpdated":          {"the rollout is under way", "Wait."},
	"DeploymentPaused":           {"the rollout is paused", "Resume it to go on."},
	"ReplicaFailure":             createFails,
	"FailedCreate":               createFails,
	"FailedDelete":               {"a pod or other object could not be deleted", "Look at the event's message: often a webhook or a finalizer is in the way."},
	"BackoffLimitExceeded":       {"the Job failed as often as backoffLimit permits", "Read the logs of its pods; delete the Job to run it again."},
	"PodFailurePolicy":           {"the Job failed because a pod ended in a way that its podFailurePolicy names", "Read the logs of its pods."},
	"FailedIndexes":              {"some indexes of the Job failed", "Read the logs of their pods."},
	"TooManyMissedTimes":         missedTimes,
	"FailedNeedsStart":           missedTimes,
	"FailedGetScale":             {"the autoscaler can't read what it should scale", "Check that the object in spec.scaleTargetRef exists."},
	"FailedGetResourceMetric":    noMetrics,
	"FailedGetExternalMetric":    noMetrics,
	"FailedComputeMetricsReplicas": {
		"the autoscaler could not work out how many replicas there should be",
		"Look at its conditions: often a metric has no value, or the pods have no requests.",
	},
	"SyncLoadBalancerFailed": noBalancer,
	"NoPods":                 {"no pod matches the selector", "Compare the selector with the pods' labels."},
	"SomeResourcesRemain":    namespaceStays,
	"SomeFinalizersRemain":   namespaceStays,
	"DiscoveryFailed":        {"an API service does not answer, so that the namespace can't be emptied", "Repair the API service, or delete it if nothing needs it."},
	"ServiceNotFound":        {"the Service that it refers to does not exist", "Declare the Service, or correct its name."},
	"MissingEndpoints":       {"the Service that it refers to has no ready pods", "Look at the pods that the Service selects."},
	"FailedDiscoveryCheck":   {"the API service does not answer", "Look at the pods behind it."},
	"InstallFailed":          helmFails,
	"UpgradeFailed":          helmFails,
	"HealthCheckFailed":      {"not all objects became healthy in time", "Look at the objects that are not healthy."},
	"BuildFailed":            {"the manifests could not be rendered", "Read the message for the file, and correct it in Git."},
	"ReconciliationFailed":   {"its controller could not bring it to the declared state", "Read its message."},
	"ArtifactFailed":         {"the source has no content that can be used", "Look at the source: its address, credentials and revision."},
	"DependencyNotReady":     {"another object has to be ready first", "Look at the object that it names."},
	"AuthenticationFailed":   {"the credentials were refused", "Renew the credentials in the Secret that it names."},
	"PolicyViolation":        {"a policy of the cluster forbids it", "Read the message for the rule, and change what is declared."},
	"FailedKillPod":          {"the node could not end the pod", "Look at the node: its container runtime may hang."},
	"NetworkNotReady":        {"the node has no network for pods yet", "Look at the pods of the network plugin on the node."},
	"FailedPostStartHook":    {"the command after the container's start failed", "Correct lifecycle.postStart."},
	"FailedPreStopHook":      {"the command before the container's end failed", "Correct lifecycle.preStop."},
	"NodeAffinity":           {"the node does not have the labels that the pod asks for", "Correct nodeSelector and affinity, or label a node."},
	"TooManyReplicas":        {"the autoscaler wants more replicas than maxReplicas", "Raise maxReplicas if there is room."},
	"CalculateExpectedPodCountFailed": {
		"the disruption budget can't tell which pods it is about", "Check that its selector matches pods of one workload only.",
	},
}

var (
	pullFails      = explanation{"the image can't be pulled", "Check its name and tag, that the registry has it, and the pull secret."}
	startFails     = explanation{"the container can't be started", "Check its command, its arguments and what it mounts."}
	sandboxFails   = explanation{"the node can't set up the pod", "Look at the pod's events: often the network plugin of the node does not work."}
	preempted      = explanation{"the pod made room for one of higher priority", "Add nodes, or raise its priority class."}
	nodeLost       = explanation{"the node does not answer any more", "Look at the node; its pods are started elsewhere after some minutes."}
	noRoom         = explanation{"the node has no room for the pod", "Lower the pod's requests, or add nodes."}
	unschedulable  = explanation{"no node fits the pod", "The message says why: lower its requests, correct nodeSelector, affinity and tolerations, or add nodes."}
	mountFails     = explanation{"a volume can't be attached or mounted", "Check that the claim, ConfigMap or Secret exists, and that no other node holds the volume."}
	createFails    = explanation{"pods can't be created", "The message says why: often a quota, a missing service account, or a policy of the namespace."}
	missedTimes    = explanation{"the CronJob missed too many of its times", "Set startingDeadlineSeconds, so that it counts fewer of them."}
	noMetrics      = explanation{"the autoscaler gets no metrics", "Check that metrics-server, or the adapter of the metric, runs, and that the pods have requests."}
	noBalancer     = explanation{"the load balancer has no address yet", "Wait. If it lasts, look at the Service's events: the cluster may have nothing that provides one."}
	namespaceStays = explanation{"the namespace still has objects", "Look for objects with finalizers in it, and at the controllers that should remove these."}
	helmFails      = explanation{"Helm could not deploy the release", "Read its message, and look at the release's objects that are not healthy."}
)
