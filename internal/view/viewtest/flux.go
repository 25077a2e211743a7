package viewtest

import (
	"time"

	"github.com/fixpoint-cd/fixpoint/internal/model"
	"github.com/fixpoint-cd/fixpoint/internal/view"
)

// fluxApps are Kustomizations and HelmReleases.
func fluxApps() []*sample {
	return []*sample{infrastructure(), suspended(), nightly(), podinfo(), ingressNginx()}
}

func fluxApp(kind, namespace, name, ns string, cluster view.ClusterName, object string, src view.Source) *sample {
	src.Object = object
	return newSample(view.App{
		Key: Key(kind, namespace, name), Kind: kind, Namespace: ns, Cluster: cluster,
		Labels: map[string]string{"team": "platform"}, Auto: true, Prune: true, SelfHeal: true,
	}, src)
}

func infrastructure() *sample {
	src := view.Source{
		Kind: model.SourceOCI, URL: "oci://registry.example/fleet/infrastructure", Path: "./", Target: "stable", Tool: "Kustomize",
		Revision: "sha256:" + digits("infrastructure") + digits("more")[:24],
	}
	s := fluxApp(view.KindKustomization, "flux-system", "infrastructure", "", inCluster, "OCIRepository/flux-system/infrastructure", src)
	f := &forest{ns: "infrastructure"}
	f.add("", "Namespace", "infrastructure", model.Healthy).Wave = -10
	f.add("", "Certificate", "wildcard", model.Healthy).Info = []string{"valid for 61 days"}
	f.deployment("dns", "registry.example/platform/dns:1.11.1", 2)
	return s.grow(f)
}

func suspended() *sample {
	s := fluxApp(view.KindKustomization, "flux-system", "apps", "apps", staging, "GitRepository/flux-system/fleet",
		gitSource(fleetRepo, "./apps/staging", commit("apps", "Team Platform", "Stop everything for the audit", 4*24*time.Hour)))
	s.Suspended, s.Health, s.Message = true, model.Suspended, "suspended"
	s.Changed = Now.Add(-4 * 24 * time.Hour)
	s.Conditions = []view.Condition{{
		Severity: view.SeverityInfo, Type: "Suspended", Text: "Nothing is applied while it is suspended.", Next: "Resume it to go on.", Since: s.Changed,
	}}
	f := &forest{ns: "apps"}
	f.deployment("notes", "registry.example/apps/notes:0.9.3", 1)
	return s.grow(f)
}

func nightly() *sample {
	s := fluxApp(view.KindKustomization, "flux-system", "nightly-jobs", "jobs", inCluster, "GitRepository/flux-system/fleet",
		gitSource(fleetRepo, "./jobs", commit("jobs", "Team Data", "Back up at three", 12*24*time.Hour)))
	f := &forest{ns: "jobs"}
	c := f.add("", "CronJob", "backup", model.Healthy)
	c.Info, c.Images = []string{"0 3 * * *"}, []string{"registry.example/data/backup:2.0.0"}
	owner := c.UID
	for _, night := range []string{"29393460", "29394900"} {
		j := f.add(owner, "Job", "backup-"+night, model.Healthy)
		j.Info = []string{"completed in 4m12s"}
		f.pod(j.UID, "backup-"+night+"-"+digits(night)[:5], "registry.example/data/backup:2.0.0").Info = []string{"Completed"}
	}
	f.add("", "Secret", "backup-target", "")
	return s.grow(f)
}

func podinfo() *sample {
	s := fluxApp(view.KindHelmRelease, "podinfo", "podinfo", "podinfo", staging, "HelmRepository/flux-system/charts",
		chartSource(chartsRepo, "podinfo", ">=6.0.0", "6.7.1"))
	f := &forest{ns: "podinfo"}
	f.deployment("podinfo", "registry.example/podinfo:6.7.1", 2)
	f.service("podinfo", "ClusterIP")
	return s.grow(f)
}

// ingressNginx failed to upgrade and went back by itself.
func ingressNginx() *sample {
	s := fluxApp(view.KindHelmRelease, "ingress", "ingress-nginx", "ingress", inCluster, "HelmRepository/flux-system/charts",
		chartSource(chartsRepo, "ingress-nginx", "4.x", "4.12.0"))
	text := "upgrading to 4.12.1 failed: Deployment controller did not become healthy in 5m"
	s.Phase, s.Sync, s.OutOfSync, s.Message, s.Changed = model.PhaseFailed, model.OutOfSync, 1, text, Now.Add(-6*time.Hour)
	s.Conditions = []view.Condition{{
		Severity: view.SeverityError, Type: "Sync", Text: text + "; 4.12.0 was restored.", Next: "Look at the events of Deployment controller, then publish a corrected chart.", Since: s.Changed,
	}}
	f := &forest{ns: "ingress"}
	d := f.deployment("controller", "registry.example/ingress/controller:1.12.0", 2)
	d.Sync, d.Message = model.OutOfSync, "1 field differs"
	f.service("controller", "LoadBalancer")
	s.Operation = &view.Operation{
		Phase: model.PhaseFailed, Message: text, Revision: "4.12.1", Started: s.Changed.Add(-6 * time.Minute), Finished: s.Changed, Retries: 3, Rollback: true,
		Results: []view.Result{
			{Ref: Ref("Deployment", "ingress", "controller"), Status: "failed", Message: "1 of 2 pods are ready", Phase: "Sync", Failed: true},
			{Ref: Ref("Service", "ingress", "controller"), Status: "unchanged", Phase: "Sync"},
		},
	}
	s.grow(f)
	s.diff = view.Diff{Revision: "4.12.1", Objects: []view.ObjectDiff{imageChange(f.find("Deployment", "controller"), "1.12.0", "1.12.1")}, Unchanged: 1}
	return s
}
