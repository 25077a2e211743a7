package viewtest

import (
	"fmt"
	"time"

	"github.com/fixpoint-cd/fixpoint/internal/model"
	"github.com/fixpoint-cd/fixpoint/internal/view"
)

const (
	shopRepo     = "https://github.com/example/shop"
	paymentsRepo = "https://git.example/payments/deploy"
	fleetRepo    = "https://gitlab.example/platform/fleet"
	chartsRepo   = "https://charts.example/stable"
)

func sampleApps() []*sample {
	return append(fluxApps(),
		frontend(), cart(), paymentsAPI(), ledger(), searchIndex(), reports(), billing(), monitoring(), preview(),
	)
}

// application is an Application that syncs by itself, in the control plane's namespace.
func application(project, name, ns string, cluster view.ClusterName, sources ...view.Source) *sample {
	return newSample(view.App{
		Key: Key(view.KindApplication, "argocd", name), Kind: view.KindApplication, Project: project, Namespace: ns, Cluster: cluster,
		Labels: map[string]string{"team": project, "env": map[bool]string{true: "production", false: "staging"}[cluster == inCluster]},
		Auto:   true, Prune: true, SelfHeal: true,
	}, sources...)
}

// frontend is healthy and in sync, with a bit of everything.
func frontend() *sample {
	s := application("shop", "shop-frontend", "shop", inCluster,
		gitSource(shopRepo, "overlays/production/frontend", commit("shop", "Team Web", "Show prices with tax", 51*time.Hour)))
	s.Links = []view.Link{{Title: "Dashboard", URL: "https://dashboards.example/shop"}, {Title: "shop.example", URL: "https://shop.example/"}}
	s.SyncOptions = []string{"CreateNamespace=true", "ServerSideApply=true"}
	f := &forest{ns: "shop"}
	f.deployment("frontend", "registry.example/shop/frontend:2.8.1", 3)
	f.service("frontend", "ClusterIP")
	f.ingress("frontend", "shop.example")
	f.add("", "ConfigMap", "frontend-settings", "")
	f.add("", "HorizontalPodAutoscaler", "frontend", model.Healthy).Info = []string{"3 of 2–8 replicas"}
	f.add("", "PodDisruptionBudget", "frontend", model.Healthy)
	f.add("", "ServiceAccount", "frontend", "")
	f.hook("frontend-migrate", "registry.example/shop/migrate:2.8.1")
	return s.grow(f)
}

// cart has a sync under way.
func cart() *sample {
	at := commit("cart", "Team Web", "Keep carts for thirty days", 4*time.Minute)
	s := application("shop", "shop-cart", "shop", inCluster, gitSource(shopRepo, "overlays/production/cart", at))
	s.Health, s.Message, s.Phase, s.Unhealthy = model.Progressing, "Deployment cart: 1 of 3 pods are updated", model.PhaseRunning, 1
	s.Changed = Now.Add(-90 * time.Second)
	f := &forest{ns: "shop"}
	d := f.deployment("cart", "registry.example/shop/cart:1.9.0", 3)
	d.Health, d.Message, d.Info = model.Progressing, "1 of 3 pods are updated", []string{"2/3 ready"}
	p := f.find("Pod", "cart-")
	p.Health, p.Message, p.Info, p.Created = model.Progressing, "container cart is starting", []string{"0/1 ready", "node-4"}, Now.Add(-40*time.Second)
	f.service("cart", "ClusterIP")
	f.add("", "ConfigMap", "cart-settings", "")
	f.hook("cart-migrate", "registry.example/shop/migrate:1.9.0")
	s.Operation = &view.Operation{
		Phase: model.PhaseRunning, Message: "waiting for Deployment cart to become healthy", Revision: at.ID, Started: Now.Add(-90 * time.Second), Prune: true,
		Results: []view.Result{
			{Ref: Ref("Job", "shop", "cart-migrate"), Status: "succeeded", Message: "completed in 14s", Phase: "PreSync", Hook: true},
			{Ref: Ref("ConfigMap", "shop", "cart-settings"), Status: "updated", Phase: "Sync"},
			{Ref: Ref("Deployment", "shop", "cart"), Status: "running", Message: "1 of 3 pods are updated", Phase: "Sync"},
			{Ref: Ref("Service", "shop", "cart"), Status: "unchanged", Phase: "Sync"},
		},
	}
	return s.grow(f)
}

// paymentsAPI is degraded: one pod crashes.
func paymentsAPI() *sample {
	s := application("payments", "payments-api", "payments", inCluster,
		gitSource(paymentsRepo, "api", commit("payments", "Team Payments", "Connect through the proxy", 3*time.Hour)))
	s.Health, s.Message, s.Unhealthy = model.Degraded, "Deployment api: 1 of 2 pods are ready", 1
	s.Changed = Now.Add(-2*time.Hour - 50*time.Minute)
	crash := "container api: CrashLoopBackOff: back-off 5m0s restarting failed container"
	s.Conditions = []view.Condition{{
		Severity: view.SeverityError, Type: "Health", Text: "Deployment api did not become healthy: pod api is in CrashLoopBackOff.",
		Next: "Read the log of the container's previous run.", Since: s.Changed,
	}}
	f := &forest{ns: "payments"}
	d := f.deployment("api", "registry.example/payments/api:4.2.0", 2)
	d.Health, d.Message, d.Info = model.Degraded, "1 of 2 pods are ready", []string{"1/2 ready"}
	rs := &f.nodes[2]
	rs.Health, rs.Message, rs.Info = model.Degraded, "1 of 2 pods are ready", []string{"1/2 ready"}
	p := f.find("Pod", "api-")
	p.Health, p.Message, p.Info = model.Degraded, crash, []string{"0/2 ready", "17 restarts", "node-2"}
	p.Images = []string{"registry.example/payments/api:4.2.0", "registry.example/mesh/proxy:1.20.3", "registry.example/mesh/init-proxy:1.20.3"}
	pod := p.Ref
	f.service("api", "ClusterIP")
	f.add("", "Secret", "api-database", "")
	s.events = []view.Event{
		{Ref: pod, Type: "Warning", Reason: "BackOff", Source: "kubelet", Message: "Back-off restarting failed container api", Count: 63, First: Now.Add(-170 * time.Minute), Last: Now.Add(-2 * time.Minute)},
		{Ref: pod, Type: "Normal", Reason: "Pulled", Source: "kubelet", Message: "Container image is already present on the machine", Count: 18, First: Now.Add(-171 * time.Minute), Last: Now.Add(-7 * time.Minute)},
		{Ref: pod, Type: "Normal", Reason: "Scheduled", Source: "scheduler", Message: "Assigned payments/" + pod.Name + " to node-2", Count: 1, First: Now.Add(-172 * time.Minute), Last: Now.Add(-172 * time.Minute)},
	}
	return s.grow(f)
}

// searchIndex is declared and not there yet.
func searchIndex() *sample {
	s := application("shop", "search-index", "search", staging,
		gitSource(shopRepo, "overlays/staging/search", commit("search", "Team Search", "Add the index service", 20*time.Minute)))
	s.Sync, s.Health, s.Auto, s.SelfHeal, s.Prune = model.OutOfSync, model.Missing, false, false, false
	s.Message, s.Phase, s.Operation, s.History, s.OutOfSync = "3 objects do not exist", "", nil, nil, 3
	s.CanRollback, s.WhyNot = false, "nothing was deployed yet"
	s.Changed = Now.Add(-18 * time.Minute)
	f := &forest{ns: "search"}
	f.missing("Deployment", "index").Images = []string{"registry.example/search/index:0.1.0"}
	f.missing("Service", "index")
	f.missing("ConfigMap", "index-settings")
	s.grow(f)
	s.diff = view.Diff{Revision: s.Revision, Commit: s.Commit}
	for i := range f.nodes {
		s.diff.Objects = append(s.diff.Objects, created(&f.nodes[i]))
	}
	return s
}

// reports can't be rendered.
func reports() *sample {
	s := application("payments", "reports", "reports", inCluster,
		gitSource(paymentsRepo, "reports", commit("reports", "Team Payments", "Send reports on Mondays", 8*time.Minute)))
	text := "rendering reports: reports/kustomization.yaml:7: resource schedule.yml does not exist"
	s.Sync, s.Message, s.Phase = model.SyncUnknown, text, model.PhaseError
	s.Changed = Now.Add(-7 * time.Minute)
	s.Operation = &view.Operation{Phase: model.PhaseError, Message: text, Revision: s.Revision, Started: s.Changed, Finished: s.Changed, Retries: 2}
	s.Conditions = []view.Condition{
		{Severity: view.SeverityError, Type: "Render", Text: text, Next: "Correct line 7, or add the file: the folder has schedule.yaml.", Since: s.Changed},
		{Severity: view.SeverityWarning, Type: "Field", Text: "spec.source.kustomize.version is not honoured: there is one version of Kustomize.", Next: "Remove the field."},
		{Severity: view.SeverityInfo, Type: "Shared", Text: "ConfigMap reports/currencies is declared by argocd/payments-ledger as well."},
	}
	f := &forest{ns: "reports"}
	f.deployment("reports", "registry.example/payments/reports:1.0.4", 1)
	f.add("", "ConfigMap", "currencies", "")
	s.grow(f)
	s.diff = view.Diff{Blocked: text}
	return s
}

// billing is being deleted and can't be.
func billing() *sample {
	s := application("payments", "legacy-billing", "billing", staging,
		gitSource(paymentsRepo, "billing", commit("billing", "Team Payments", "Retire billing", 5*time.Hour)))
	s.Deleting, s.Changed = true, Now.Add(-25*time.Minute)
	s.Deletion.Since = s.Changed
	s.Health, s.Message = model.Progressing, "it is being deleted"
	s.Blocking = []string{"PersistentVolumeClaim billing/archive has the finalizer kubernetes.io/pvc-protection"}
	s.Conditions = []view.Condition{{
		Severity: view.SeverityWarning, Type: "Deletion", Text: "The deletion waits for PersistentVolumeClaim billing/archive.", Next: "End the pod that uses it.", Since: s.Changed,
	}}
	f := &forest{ns: "billing"}
	n := f.add("", "PersistentVolumeClaim", "archive", model.Healthy)
	n.Deleting, n.Info = true, []string{"20Gi"}
	f.add("", "Secret", "billing", "").Deleting = true
	return s.grow(f)
}

// monitoring has several sources: a chart, and its values in Git.
func monitoring() *sample {
	chart := chartSource(chartsRepo, "monitoring", "61.*", "61.3.2")
	values := gitSource(fleetRepo, "monitoring", commit("monitoring", "Team Platform", "Keep metrics for 90 days", 9*24*time.Hour))
	s := application("platform", "platform-monitoring", "monitoring", inCluster, chart, values)
	s.Changed = Now.Add(-9 * 24 * time.Hour)
	f := &forest{ns: "monitoring"}
	f.add("", "CustomResourceDefinition", "alerts.monitoring.example", model.Healthy).Wave = -5
	sts := f.add("", "StatefulSet", "metrics", model.Healthy)
	sts.Info, sts.Images = []string{"2/2 ready"}, []string{"registry.example/monitoring/metrics:3.1.0"}
	owner := sts.UID
	for i := range 2 {
		f.pod(owner, fmt.Sprintf("metrics-%d", i), "registry.example/monitoring/metrics:3.1.0")
	}
	f.deployment("dashboards", "registry.example/monitoring/dashboards:11.2.0", 1)
	f.service("metrics", "ClusterIP")
	f.ingress("dashboards", "dashboards.example")
	return s.grow(f)
}

// preview is declared outside of the control plane's namespace.
func preview() *sample {
	s := application("shop", "preview-42", "preview-42", staging,
		gitSource(shopRepo, "overlays/preview", commit("preview", "Team Web", "Try larger pictures", 33*time.Minute)))
	s.Key.Namespace = "team-web"
	s.Sources[0].Target = "larger-pictures"
	s.Changed = Now.Add(-31 * time.Minute)
	f := &forest{ns: "preview-42"}
	f.deployment("frontend", "registry.example/shop/frontend:pr-42", 1)
	f.service("frontend", "NodePort")
	return s.grow(f)
}
