package viewtest

import (
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"time"

	"github.com/fixpoint-cd/fixpoint/internal/model"
	"github.com/fixpoint-cd/fixpoint/internal/view"
)

// forest grows the tree of an app.
type forest struct {
	ns    string
	nodes []view.Node
}

// groups are those of the kinds that occur, with their versions.
var groups = map[string]struct{ group, version string }{
	"Deployment": {"apps", "v1"}, "ReplicaSet": {"apps", "v1"}, "StatefulSet": {"apps", "v1"}, "DaemonSet": {"apps", "v1"},
	"CronJob": {"batch", "v1"}, "Job": {"batch", "v1"}, "Ingress": {"networking.k8s.io", "v1"},
	"EndpointSlice": {"discovery.k8s.io", "v1"}, "HorizontalPodAutoscaler": {"autoscaling", "v2"},
	"PodDisruptionBudget": {"policy", "v1"}, "Certificate": {"cert-manager.io", "v1"},
	"CustomResourceDefinition": {"apiextensions.k8s.io", "v1"}, "Rollout": {"argoproj.io", "v1alpha1"},
	"HelmRelease": {"helm.toolkit.fluxcd.io", "v2"}, "Kustomization": {"kustomize.toolkit.fluxcd.io", "v1"},
}

// Ref is the object of a kind that the sample has: Ref("Pod", "shop", "web-1").
func Ref(kind, namespace, name string) model.ObjectRef {
	g := groups[kind]
	if g.version == "" {
		g.version = "v1"
	}
	return model.ObjectRef{
		ObjectKey: model.ObjectKey{Group: g.group, Kind: kind, Namespace: namespace, Name: name}, Version: g.version,
	}
}

// digits are forty hexadecimal ones made of a seed.
func digits(seed string) string {
	sum := sha256.Sum256([]byte(seed))
	return hex.EncodeToString(sum[:20])
}

func commitID(seed string) string { return digits("commit " + seed) }

func uid(ref model.ObjectRef) string {
	d := digits(ref.String())
	return fmt.Sprintf("%s-%s-%s-%s-%s", d[:8], d[8:12], d[12:16], d[16:20], d[20:32])
}

// add grows a node below a parent, or one that the app declares if there is none. What
// it returns is valid until the next add.
func (f *forest) add(parent, kind, name string, health model.HealthStatus) *view.Node {
	ref := Ref(kind, f.ns, name)
	n := view.Node{
		Ref: ref, UID: uid(ref), Health: health, Created: Now.Add(-26 * 24 * time.Hour),
		ResourceVersion: fmt.Sprint(100000 + len(f.nodes)),
	}
	if parent == "" {
		n.Managed, n.Sync = true, model.Synced
	} else {
		n.Parents = []string{parent}
		n.Created = Now.Add(-50 * time.Hour)
	}
	f.nodes = append(f.nodes, n)
	return &f.nodes[len(f.nodes)-1]
}

// missing is add of an object that is declared and not there.
func (f *forest) missing(kind, name string) *view.Node {
	n := f.add("", kind, name, model.Missing)
	n.UID, n.Sync, n.Message, n.ResourceVersion, n.Created = "", model.OutOfSync, "it does not exist", "", time.Time{}
	return n
}

// deployment is a Deployment with a ReplicaSet and its pods, and an old ReplicaSet.
func (f *forest) deployment(name, image string, pods int) *view.Node {
	at := len(f.nodes)
	d := f.add("", "Deployment", name, model.Healthy)
	d.Info, d.Images, d.Wave = []string{fmt.Sprintf("%d/%d ready", pods, pods)}, []string{image}, 1
	owner := d.UID
	old := f.add(owner, "ReplicaSet", name+"-"+digits(name + "old")[:9], model.Healthy)
	old.Info = []string{"0 replicas"}
	rs := f.add(owner, "ReplicaSet", name+"-"+digits(name)[:9], model.Healthy)
	rs.Info, rs.Images = []string{fmt.Sprintf("%d/%d ready", pods, pods)}, []string{image}
	rsUID, rsName := rs.UID, rs.Ref.Name
	for i := range pods {
		f.pod(rsUID, fmt.Sprintf("%s-%s", rsName, digits(fmt.Sprint(name, i))[:5]), image)
	}
	return &f.nodes[at]
}

func (f *forest) pod(parent, name, image string) *view.Node {
	p := f.add(parent, "Pod", name, model.Healthy)
	p.Info, p.Images = []string{"1/1 ready", "node-" + digits(name)[:1]}, []string{image}
	return p
}

// service is a Service with an EndpointSlice.
func (f *forest) service(name, kind string) {
	s := f.add("", "Service", name, model.Healthy)
	s.Info = []string{kind}
	f.add(s.UID, "EndpointSlice", name+"-"+digits(name + "slice")[:5], "")
}

// ingress is an Ingress of a host.
func (f *forest) ingress(name, host string) {
	i := f.add("", "Ingress", name, model.Healthy)
	i.Info = []string{host}
	i.Links = []view.Link{{Title: host, URL: "https://" + host + "/"}}
}

// hook is a finished Job of a hook with its pod.
func (f *forest) hook(name, image string) {
	j := f.add("", "Job", name, model.Healthy)
	j.Hook, j.Sync, j.Info, j.Wave = true, "", []string{"completed in 14s"}, -1
	p := f.pod(j.UID, name+"-"+digits(name)[:5], image)
	p.Info = []string{"Completed"}
}

// find is the first node of a kind whose name begins like that.
func (f *forest) find(kind, prefix string) *view.Node {
	for i := range f.nodes {
		if n := &f.nodes[i]; n.Ref.Kind == kind && len(n.Ref.Name) >= len(prefix) && n.Ref.Name[:len(prefix)] == prefix {
			return n
		}
	}
	panic("the sample has no " + kind + " " + prefix)
}

// Big is a tree of n nodes: Deployments with 20 pods each, and ConfigMaps.
func Big(n int) view.Tree {
	f := &forest{ns: "big"}
	for i := 0; len(f.nodes) < n; i++ {
		if i%3 == 2 {
			f.add("", "ConfigMap", fmt.Sprintf("settings-%03d", i), "")
			continue
		}
		f.deployment(fmt.Sprintf("worker-%03d", i), "registry.example/worker:1.4.2", 20)
	}
	return view.Tree{Nodes: f.nodes[:n]}
}
