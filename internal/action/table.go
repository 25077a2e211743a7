package action

import "slices"

// table has the kinds that have actions. docs/actions.md is written from it.
var table = []kinds{
	{group: "apps", names: []string{"Deployment"}, rules: slices.Concat(
		[]rule{restartPods().when(notPaused), scale()}, pausing("rollout of changes"))},
	{group: "apps", names: []string{"StatefulSet"}, rules: []rule{restartPods(), scale()}},
	{group: "apps", names: []string{"DaemonSet"}, rules: []rule{restartPods()}},
	{group: "batch", names: []string{"CronJob"}, rules: slices.Concat([]rule{createJob()}, suspending("schedule"))},
	{group: "batch", names: []string{"Job"}, rules: jobs()},

	{group: "argoproj.io", names: []string{"Rollout"}, rules: append(rollouts(), scale())},
	{group: "argoproj.io", names: []string{"AnalysisRun", "Experiment"}, rules: []rule{terminateAnalysis()}},
	{group: "argoproj.io", names: []string{"Workflow"}, rules: workflows()},
	{group: "argoproj.io", names: []string{"CronWorkflow"}, rules: slices.Concat([]rule{workflowOfCron()}, suspending("schedule"))},
	{group: "argoproj.io", names: []string{"WorkflowTemplate"}, rules: []rule{workflowOfTemplate()}},
	{group: "argoproj.io", names: []string{"Application"}, rules: []rule{toggleAutoSync()}},
	{group: "numaflow.numaproj.io", names: []string{"Pipeline", "MonoVertex"}, rules: numaflow()},

	{group: "source.toolkit.fluxcd.io", names: []string{"GitRepository", "OCIRepository", "HelmRepository", "HelmChart", "Bucket"}, rules: flux()},
	{group: "kustomize.toolkit.fluxcd.io", names: []string{"Kustomization"}, rules: flux()},
	{group: "helm.toolkit.fluxcd.io", names: []string{"HelmRelease"}, rules: append(flux(), releases()...)},
	{group: "image.toolkit.fluxcd.io", names: []string{"ImageRepository", "ImagePolicy", "ImageUpdateAutomation"}, rules: flux()},
	{group: "notification.toolkit.fluxcd.io", names: []string{"Receiver"}, rules: flux()},
	{group: "notification.toolkit.fluxcd.io", names: []string{"Alert", "Provider"}, rules: suspending("notifications")},
	{group: "fluxcd.controlplane.io", names: []string{"FluxInstance", "ResourceSet", "ResourceSetInputProvider"}, rules: fluxOperator()},

	{group: "cert-manager.io", names: []string{"Certificate"}, rules: []rule{renew()}},
	{group: "external-secrets.io", names: []string{"ExternalSecret"}, rules: []rule{
		forceSync("refresh", "Refresh", "reads the secret from its store again")}},
	{group: "external-secrets.io", names: []string{"PushSecret"}, rules: []rule{
		forceSync("push", "Push", "writes the secret to its stores again")}},
	{group: "keda.sh", names: []string{"ScaledObject"}, rules: scaledObjects()},
	{group: "keda.sh", names: []string{"ScaledJob"}, rules: annotatedPause("autoscaling.keda.sh/paused", "scaling")},
	{group: "postgresql.cnpg.io", names: []string{"Cluster"}, rules: postgres()},
	{group: "postgresql.cnpg.io", names: []string{"ScheduledBackup"}, rules: slices.Concat([]rule{createBackup()}, suspending("schedule"))},

	{group: "core.strimzi.io", names: []string{"StrimziPodSet"}, rules: []rule{rollingUpdate()}},
	{group: "kafka.strimzi.io", names: []string{"Kafka", "KafkaConnect", "KafkaMirrorMaker2", "KafkaBridge", "KafkaUser"},
		rules: annotatedPause("strimzi.io/pause-reconciliation", "reconciliation")},
	{group: "kafka.strimzi.io", names: []string{"KafkaConnector"}, rules: connectors()},
	{group: "kafka.strimzi.io", names: []string{"KafkaRebalance"}, rules: rebalances()},

	{group: "cluster.x-k8s.io", names: []string{"Cluster"}, rules: pausing("reconciliation")},
	{group: "cluster.x-k8s.io", names: []string{"MachineDeployment"}, rules: slices.Concat(
		[]rule{restartMachines(), scale()}, pausing("rollout of changes"))},
	{group: "cluster.x-k8s.io", names: []string{"MachinePool"}, rules: []rule{scale()}},
	{group: "controlplane.cluster.x-k8s.io", names: []string{"KubeadmControlPlane"}, rules: []rule{restartMachines(), scale()}},

	{group: "*.crossplane.io", names: []string{"*"}, except: notReconciled, rules: annotatedPause("crossplane.io/paused", "reconciliation")},
	{group: "*.upbound.io", names: []string{"*"}, except: notReconciled, rules: annotatedPause("crossplane.io/paused", "reconciliation")},
}

// notReconciled are kinds of Crossplane that are settings of others: there is
// nothing to pause.
var notReconciled = []string{
	"*ProviderConfig", "*ProviderConfigUsage", "Composition", "CompositionRevision", "CompositeResourceDefinition",
	"DeploymentRuntimeConfig", "EnvironmentConfig", "ImageConfig", "StoreConfig", "Usage", "ClusterUsage",
}
