package viewtest

import (
	"fmt"
	"slices"
	"time"

	"github.com/fixpoint-cd/fixpoint/internal/model"
	"github.com/fixpoint-cd/fixpoint/internal/view"
)

func sampleClusters() []view.Cluster {
	return []view.Cluster{
		{
			ClusterName: inCluster, Connected: true, Since: Now.Add(-26 * 24 * time.Hour), Version: "v1.34.1", Apps: 9, Objects: 61, Kinds: 14,
			Requests: map[string]int64{"get": 1204, "list": 56, "watch": 311, "apply": 874, "delete": 23},
		},
		{
			ClusterName: staging, Project: "", Connected: true, Since: Now.Add(-3 * time.Hour), Version: "v1.33.5", Apps: 5, Objects: 19, Kinds: 9,
			Requests: map[string]int64{"get": 402, "list": 28, "watch": 97, "apply": 130}, Unsupported: []string{"shard"},
		},
		{
			ClusterName: view.ClusterName{Name: "edge", Server: "https://edge.example:6443"}, Project: "shop",
			Err: "dial tcp: connection refused", Since: Now.Add(-42 * time.Minute),
		},
	}
}

func sampleRepositories() []view.Repository {
	followed := func(seed, author, subject string, before time.Duration) []view.Followed {
		c := commit(seed, author, subject, before)
		return []view.Followed{{Target: "main", Revision: c.ID, Commit: c}}
	}
	checked := Now.Add(-40 * time.Second)
	return []view.Repository{
		{Kind: model.SourceGit, URL: shopRepo, Web: shopRepo, Credentials: "none", Checked: checked, Apps: 4, Looks: 1288, Contents: 41, Revisions: followed("shop", "Team Web", "Show prices with tax", 51*time.Hour)},
		{Kind: model.SourceGit, URL: paymentsRepo, Web: paymentsRepo, Project: "payments", Credentials: "SSH key", Checked: checked, Apps: 4, Revisions: followed("payments", "Team Payments", "Connect through the proxy", 3*time.Hour)},
		{Kind: model.SourceGit, URL: fleetRepo, Web: fleetRepo, Credentials: "password", Checked: checked, Apps: 3, Err: "the host answers 401 Unauthorized: the password is no longer accepted", Since: Now.Add(-72 * time.Minute)},
		{Kind: model.SourceHelm, URL: chartsRepo, Web: chartsRepo, Credentials: "none", Checked: checked, Apps: 3, Revisions: []view.Followed{{Target: "61.*", Revision: "61.3.2"}}},
		{Kind: model.SourceOCI, URL: "oci://registry.example/fleet/infrastructure", Credentials: "token", Checked: checked, Apps: 1},
	}
}

func sampleProjects() []view.Project {
	return []view.Project{
		{Name: "default", SourceRepos: []string{"*"}, Destinations: []string{"* / *"}, ClusterKinds: []string{"*.*"}, Implicit: true},
		{
			Name: "payments", Description: "All that moves money", SourceRepos: []string{paymentsRepo}, Destinations: []string{"in-cluster / payments", "in-cluster / reports", "staging / *"},
			Namespaces: []string{"argocd"}, NamespacedKinds: []string{"*.*", "-ResourceQuota"}, Apps: 4, Declared: true,
			Roles:       []view.Role{{Name: "deployer", Description: "Deploys from the pipeline", Policies: []string{"p, proj:payments:deployer, applications, sync, payments/*, allow"}, Groups: []string{"payments-leads"}, Tokens: 2}},
			Windows:     []string{"no syncs on Fridays from 15:00 for 3 days, Europe/Berlin"},
			SyncWindows: []map[string]any{{"kind": "deny", "schedule": "0 15 * * 5", "duration": "72h", "timeZone": "Europe/Berlin"}},
			Version:     "4242", UID: "0f0c6a1e-5ad7-4b3f-9a35-4ba0c3b4d7c1", Created: Now.Add(-90 * 24 * time.Hour),
		},
		{Name: "platform", SourceRepos: []string{fleetRepo, chartsRepo}, Destinations: []string{"* / *"}, ClusterKinds: []string{"*.*"}, Apps: 1, Declared: true},
		{Name: "shop", Apps: 4},
	}
}

func sampleFeeders() []view.Feeder {
	fleet := commit("apps", "Team Platform", "Stop everything for the audit", 4*24*time.Hour)
	flux := func(kind, name string) model.AppKey { return Key(kind, "flux-system", name) }
	return []view.Feeder{
		{
			Kind: "ApplicationSet", Namespace: "argocd", Name: "previews", Ready: "True", Message: "1 app is generated", Changed: Now.Add(-31 * time.Minute),
			Feeds: []model.AppKey{Key(view.KindApplication, "team-web", "preview-42")},
		},
		{
			Kind: "GitRepository", Namespace: "flux-system", Name: "fleet", Ready: "False", Message: "the host answers 401 Unauthorized", URL: fleetRepo, Revision: "main@sha1:" + fleet.ID,
			Commit: fleet, Changed: Now.Add(-72 * time.Minute), Feeds: []model.AppKey{flux(view.KindKustomization, "apps"), flux(view.KindKustomization, "nightly-jobs")},
		},
		{
			Kind: "HelmRepository", Namespace: "flux-system", Name: "charts", Ready: "True", Message: "the index has 214 charts", URL: chartsRepo, Changed: Now.Add(-5 * time.Hour),
			Feeds: []model.AppKey{Key(view.KindHelmRelease, "podinfo", "podinfo"), Key(view.KindHelmRelease, "ingress", "ingress-nginx")},
		},
		{
			Kind: "OCIRepository", Namespace: "flux-system", Name: "infrastructure", Ready: "True", Message: "stored artifact", URL: "oci://registry.example/fleet/infrastructure",
			Revision: "stable@sha256:" + digits("infrastructure"), Suspended: true, Changed: Now.Add(-50 * time.Hour), Feeds: []model.AppKey{flux(view.KindKustomization, "infrastructure")},
		},
		{
			Kind: "Receiver", Namespace: "flux-system", Name: "push", Ready: "True", Message: "waiting for calls", Address: "/hook/" + digits("receiver"), Changed: Now.Add(-26 * 24 * time.Hour),
			Upstream: []string{"GitRepository/flux-system/fleet"}, Note: "calls are answered at once; what they name is looked at within a second",
		},
	}
}

// sampleActivity is newest first.
func sampleActivity() []view.Activity {
	app := func(name string) model.AppKey { return Key(view.KindApplication, "argocd", name) }
	c := commit("shop", "Team Web", "Show prices with tax", 51*time.Hour)
	out := []view.Activity{
		{At: Now.Add(-90 * time.Second), App: app("shop-cart"), Project: "shop", Kind: view.ActivityRevision, Revision: commitID("cart"), Commit: commit("cart", "Team Web", "Keep carts for thirty days", 4*time.Minute), Web: shopRepo + "/commit/" + commitID("cart"), Message: "new content"},
		{At: Now.Add(-7 * time.Minute), App: app("reports"), Project: "payments", Kind: view.ActivityError, Revision: commitID("reports"), Message: "reports/kustomization.yaml:7: resource schedule.yml does not exist", Failed: true},
		{At: Now.Add(-18 * time.Minute), App: app("search-index"), Project: "shop", Kind: view.ActivityCreated, By: "admin", Message: "the app was declared"},
		{At: Now.Add(-35 * time.Minute), App: app("payments-ledger"), Project: "payments", Kind: view.ActivityDrift, Message: "kubectl-edit changed StatefulSet ledger: .spec.replicas"},
		{At: Now.Add(-80 * time.Minute), App: app("shop-frontend"), Project: "shop", Kind: view.ActivityHealed, Message: "restored Deployment frontend"},
		{At: Now.Add(-170 * time.Minute), App: app("payments-api"), Project: "payments", Kind: view.ActivityHealth, Message: "became Degraded: CrashLoopBackOff", Failed: true},
		{At: Now.Add(-6 * time.Hour), App: Key(view.KindHelmRelease, "ingress", "ingress-nginx"), Kind: view.ActivityFailed, Revision: "4.12.1", Message: "Deployment controller did not become healthy in 5m", Failed: true},
		{At: Now.Add(-6*time.Hour + time.Minute), App: Key(view.KindHelmRelease, "ingress", "ingress-nginx"), Kind: view.ActivityRollback, Revision: "4.12.0", Message: "went back to 4.12.0"},
		{At: Now.Add(-50 * time.Hour), App: app("shop-frontend"), Project: "shop", Kind: view.ActivitySynced, By: "proj:shop:ci", Revision: c.ID, Commit: c, Web: shopRepo + "/commit/" + c.ID, Message: "8 objects, 2 of them changed"},
		{At: Now.Add(-4 * 24 * time.Hour), App: Key(view.KindKustomization, "flux-system", "apps"), Kind: view.ActivityAction, By: "admin", Message: "asked for suspend"},
	}
	for i := range 120 {
		out = append(out, view.Activity{
			At: Now.Add(-5*24*time.Hour - time.Duration(i)*53*time.Minute), App: app([]string{"shop-frontend", "shop-cart", "payments-api"}[i%3]),
			Project: []string{"shop", "shop", "payments"}[i%3], Kind: view.ActivitySynced, Revision: commitID(fmt.Sprint("old", i)), Message: "1 object changed",
		})
	}
	slices.SortStableFunc(out, func(a, b view.Activity) int { return b.At.Compare(a.At) })
	for i := range out {
		out[i].ID = int64(len(out) - i)
	}
	return out
}

// sampleAudits is newest first.
func sampleAudits() []view.Audit {
	out := []view.Audit{
		{Who: "admin", From: "192.0.2.17", Via: "ui", Action: "logs", Object: "payments/payments-api", Target: "Pod/payments/api", Outcome: "allowed"},
		{Who: "proj:shop:ci", From: "198.51.100.4", Via: "argocd-api", Action: "sync", Object: "shop/shop-frontend", Revision: commitID("shop"), Outcome: "allowed"},
		{Who: "guest", From: "203.0.113.9", Via: "api", Action: "delete", Object: "payments/legacy-billing", Target: "Secret/billing/billing", Outcome: "denied", Detail: "no policy allows it"},
		{Who: "admin", From: "192.0.2.17", Via: "ui", Action: "rollback", Object: "shop/shop-cart", Outcome: "failed", Detail: "automated sync is on"},
		{Who: "admin", From: "192.0.2.17", Via: "ui", Action: "login", Outcome: "allowed"},
	}
	for i := range out {
		out[i].ID, out[i].At = int64(len(out)-i), Now.Add(-time.Duration(i+1)*11*time.Minute)
	}
	return out
}
