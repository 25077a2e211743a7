package viewtest

import (
	"fmt"
	"time"

	"github.com/fixpoint-cd/fixpoint/internal/model"
	"github.com/fixpoint-cd/fixpoint/internal/view"
)

// Add adds n apps of all kinds, states, projects and clusters, named service-00000 and
// so on; one in seven is not as it should be. Each call goes on with the numbers.
func (b *Backend) Add(n int) {
	b.mu.Lock()
	defer b.mu.Unlock()
	start := len(b.apps)
	for i := range n {
		b.put(generated(start + i))
	}
}

var kinds = []struct{ kind, dialect, namespace, object string }{
	{view.KindApplication, "argo", "argocd", ""},
	{view.KindKustomization, "flux", "flux-system", "GitRepository/flux-system/fleet"},
	{view.KindHelmRelease, "helm", "flux-system", "HelmRepository/flux-system/charts"},
}

func generated(i int) *sample {
	k := kinds[i%len(kinds)]
	name := fmt.Sprintf("service-%05d", i)
	ns := fmt.Sprintf("team-%02d", i%40)
	at := commit(fmt.Sprint("generated ", i%97), "Team "+string(rune('A'+i%26)), fmt.Sprintf("Raise the limits of service %d", i%97), time.Duration(i%500)*time.Hour)
	src := gitSource("https://git.example/fleet/services", "services/"+name, at)
	src.Object = k.object
	s := newSample(view.App{
		Key: model.AppKey{Dialect: k.dialect, Namespace: k.namespace, Name: name}, Kind: k.kind, Namespace: ns,
		Cluster: []view.ClusterName{inCluster, staging}[i%2],
		Labels:  map[string]string{"team": ns, "tier": []string{"front", "back", "data"}[i%3]},
		Auto:    true, Prune: true, SelfHeal: i%4 != 0,
		Created: Now.Add(-time.Duration(100+i%300) * 24 * time.Hour), Changed: Now.Add(-time.Duration(i*37%50000) * time.Minute),
	}, src)
	if k.dialect == "argo" {
		s.Project = fmt.Sprintf("project-%d", i%8)
	}
	if i%7 == 3 {
		trouble := []model.HealthStatus{model.Degraded, model.Progressing, model.Missing, model.Unknown, model.Healthy}[i/7%5]
		s.Health, s.Message = trouble, "Deployment "+name+": 1 of 2 pods are ready"
		s.Unhealthy = 1
		if trouble == model.Missing || trouble == model.Healthy {
			s.Sync, s.OutOfSync, s.Unhealthy, s.Message = model.OutOfSync, 1, 0, "1 object differs"
		}
	}
	f := &forest{ns: ns}
	f.deployment(name, "registry.example/"+name+":1.0.0", 2)
	f.service(name, "ClusterIP")
	return s.grow(f)
}
