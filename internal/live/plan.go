package live

import (
	"fmt"
	"maps"
	"slices"

	"k8s.io/apimachinery/pkg/runtime/schema"

	"github.com/fixpoint-cd/fixpoint/internal/model"
)

const (
	// maxPlaces is how many places are looked through for one tree.
	maxPlaces = 200
	// maxRelated is how many kinds are looked through beyond the known ones, for their
	// group or because they own something.
	maxRelated = 24
	// byName is how many objects of a kind in a namespace are read one by one, where
	// nothing else of the kind is of interest.
	byName = 2
)

var (
	podKind        = schema.GroupKind{Kind: "Pod"}
	serviceKind    = schema.GroupKind{Kind: "Service"}
	claimKind      = schema.GroupKind{Kind: "PersistentVolumeClaim"}
	sliceKind      = schema.GroupKind{Group: "discovery.k8s.io", Kind: "EndpointSlice"}
	deploymentKind = schema.GroupKind{Group: "apps", Kind: "Deployment"}
	replicaSetKind = schema.GroupKind{Group: "apps", Kind: "ReplicaSet"}
	statefulKind   = schema.GroupKind{Group: "apps", Kind: "StatefulSet"}
	daemonKind     = schema.GroupKind{Group: "apps", Kind: "DaemonSet"}
	revisionKind   = schema.GroupKind{Group: "apps", Kind: "ControllerRevision"}
	jobKind        = schema.GroupKind{Group: "batch", Kind: "Job"}
	cronJobKind    = schema.GroupKind{Group: "batch", Kind: "CronJob"}
)

// makes says which kinds Kubernetes' controllers make of its own kinds.
var makes = map[schema.GroupKind][]schema.GroupKind{
	deploymentKind:                  {replicaSetKind},
	replicaSetKind:                  {podKind},
	statefulKind:                    {podKind, claimKind, revisionKind},
	daemonKind:                      {podKind, revisionKind},
	{Kind: "ReplicationController"}: {podKind},
	cronJobKind:                     {jobKind},
	jobKind:                         {podKind},
	serviceKind:                     {sliceKind},
}

// operated are the kinds that operators usually make of theirs.
var operated = []schema.GroupKind{
	deploymentKind, statefulKind, daemonKind, jobKind, cronJobKind, serviceKind, podKind, claimKind,
	{Kind: "ConfigMap"}, {Kind: "Secret"}, {Group: "networking.k8s.io", Kind: "Ingress"},
}

// plan says where an app's objects and their descendants are looked for.
type plan struct {
	kinds kinds
	roots []model.ResourceState
	// children are the kinds of descendants, by namespace.
	children map[string]map[schema.GroupKind]bool
	// custom are the namespaces with roots of custom kinds.
	custom  map[string]bool
	related int
	// problems say what is left out, for people.
	problems []string
}

func newPlan(known kinds, roots []model.ResourceState) *plan {
	p := &plan{kinds: known, roots: roots, children: map[string]map[schema.GroupKind]bool{}, custom: map[string]bool{}}
	for _, root := range roots {
		if root.Object.Namespace == "" || checkNames(root.Object.Namespace) != nil {
			continue
		}
		gk := schema.GroupKind{Group: root.Object.Group, Kind: root.Object.Kind}
		p.descend(root.Object.Namespace, gk)
		if !kubernetesOwn(gk.Group) {
			p.operate(root.Object.Namespace, gk.Group)
		}
	}
	return p
}

// descend adds what Kubernetes makes of a kind, and of that, and so on.
func (p *plan) descend(namespace string, gk schema.GroupKind) {
	for _, child := range makes[gk] {
		p.add(namespace, child)
	}
}

// add has a kind looked through; it reports whether that is new.
func (p *plan) add(namespace string, gk schema.GroupKind) bool {
	in := p.children[namespace]
	if in == nil {
		in = map[schema.GroupKind]bool{}
		p.children[namespace] = in
	}
	if in[gk] {
		return false
	}
	in[gk] = true
	p.descend(namespace, gk)
	return true
}

// operate adds what an operator may make of its kinds.
func (p *plan) operate(namespace, group string) {
	p.custom[namespace] = true
	for _, gk := range operated {
		p.add(namespace, gk)
	}
	for _, gk := range p.kinds.related(group) {
		p.addRelated(namespace, gk)
	}
}

func (p *plan) addRelated(namespace string, gk schema.GroupKind) (added bool) {
	if p.children[namespace][gk] {
		return false
	}
	if p.related >= maxRelated {
		p.problem("Objects of kind %s, which may be descendants, are left out: too many kinds are related.", gk)
		return false
	}
	p.related++
	return p.add(namespace, gk)
}

// learn adds the kinds that own something of what was found, and were not looked
// through; it reports whether there are any.
func (p *plan) learn(found map[string]*item) bool {
	var new bool
	p.ownerless(found, func(namespace string, o owner) {
		if all := p.kinds[o.GroupKind]; len(all) > 0 && all[0].namespaced && all[0].listed {
			new = p.addRelated(namespace, o.GroupKind) || new
		}
	})
	return new
}

// unknown are the kinds of owners that were not found, of which nothing is known.
func (p *plan) unknown(found map[string]*item) []model.ObjectRef {
	var out []model.ObjectRef
	p.ownerless(found, func(_ string, o owner) {
		ref := model.ObjectRef{ObjectKey: model.ObjectKey{Group: o.Group, Kind: o.Kind}}
		if len(p.kinds[o.GroupKind]) == 0 && !slices.Contains(out, ref) {
			out = append(out, ref)
		}
	})
	return out
}

// ownerless calls each with the owners that were not found of what was found where there are
// roots of custom kinds.
func (p *plan) ownerless(found map[string]*item, each func(namespace string, o owner)) {
	for _, uid := range slices.Sorted(maps.Keys(found)) {
		i := found[uid]
		if !p.custom[i.node.Ref.Namespace] {
			continue
		}
		for _, o := range i.owners {
			if found[o.uid] == nil {
				each(i.node.Ref.Namespace, o)
			}
		}
	}
}

func (p *plan) problem(format string, args ...any) {
	if text := fmt.Sprintf(format, args...); !slices.Contains(p.problems, text) {
		p.problems = append(p.problems, text)
	}
}

// places are where to look, roots first.
func (p *plan) places() []place {
	out := p.rootPlaces()
	for _, namespace := range slices.Sorted(maps.Keys(p.children)) {
		for _, gk := range slices.SortedFunc(maps.Keys(p.children[namespace]), compareKinds) {
			if all := p.kinds[gk]; len(all) > 0 && all[0].listed && all[0].namespaced {
				if at := all[0].in(namespace, ""); !slices.Contains(out, at) {
					out = append(out, at)
				}
			}
		}
	}
	if len(out) > maxPlaces {
		p.problem("The app spans %d kinds and namespaces; what descends from its objects is shown for the first %d.", len(out), maxPlaces)
		out = out[:maxPlaces]
	}
	return out
}

func (p *plan) rootPlaces() []place {
	type group struct {
		resource

		namespace string
	}
	names := map[group][]string{}
	var order []group
	for _, root := range p.roots {
		r, ok := p.kinds.find(root.Object)
		if !ok || !r.listed || checkNames(root.Object.Namespace, root.Object.Name) != nil {
			continue
		}
		g := group{r, r.in(root.Object.Namespace, "").namespace}
		if names[g] == nil {
			order = append(order, g)
		}
		names[g] = append(names[g], root.Object.Name)
	}
	var out []place
	for _, g := range order {
		if len(names[g]) > byName || p.children[g.namespace][g.GroupKind()] {
			out = append(out, g.in(g.namespace, ""))
			continue
		}
		for _, name := range names[g] {
			out = append(out, g.in(g.namespace, name))
		}
	}
	return out
}
