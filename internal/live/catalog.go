package live

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"sync"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/client-go/discovery"

	"github.com/fixpoint-cd/fixpoint/internal/model"
)

const (
	// catalogAge is how long what a cluster serves is believed, unknownPause how long
	// an unknown kind is believed to be unknown.
	catalogAge   = 5 * time.Minute
	unknownPause = 10 * time.Second
)

// resource is a kind at a version, and where it is served.
type resource struct {
	schema.GroupVersionKind

	name       string // in URLs
	namespaced bool
	// listed: it can be listed and watched.
	listed bool
}

func (r resource) gvr() schema.GroupVersionResource { return r.GroupVersion().WithResource(r.name) }

// kinds are those that a cluster serves: each at the version that it prefers first.
type kinds map[schema.GroupKind][]resource

// find is where an object's kind is served, at its version if that is served.
func (k kinds) find(ref model.ObjectRef) (resource, bool) {
	all := k[schema.GroupKind{Group: ref.Group, Kind: ref.Kind}]
	if len(all) == 0 {
		return resource{}, false
	}
	i := slices.IndexFunc(all, func(r resource) bool { return r.Version == ref.Version })
	return all[max(i, 0)], true
}

// related are the namespaced kinds of a group and of those below, above or beside it:
// acme.cert-manager.io is related to cert-manager.io.
func (k kinds) related(group string) []schema.GroupKind {
	var out []schema.GroupKind
	for gk, all := range k {
		if all[0].namespaced && all[0].listed && relatedGroups(gk.Group, group) {
			out = append(out, gk)
		}
	}
	slices.SortFunc(out, compareKinds)
	return out
}

func relatedGroups(a, b string) bool {
	return a == b || strings.HasSuffix(a, "."+b) || strings.HasSuffix(b, "."+a)
}

func compareKinds(a, b schema.GroupKind) int { return strings.Compare(a.String(), b.String()) }

// catalog remembers what a cluster serves.
type catalog struct {
	client discovery.DiscoveryInterfaceWithContext

	asking sync.Mutex // held while the cluster is asked
	mu     sync.Mutex
	known  kinds
	asked  time.Time
}

// all is what the cluster serves. It is asked anew where one of the wanted kinds is
// unknown. Not being able to ask is an error of explain.
func (c *catalog) all(ctx context.Context, wanted ...model.ObjectRef) (kinds, error) {
	if known := c.recent(wanted); known != nil {
		return known, nil
	}
	c.asking.Lock()
	defer c.asking.Unlock()
	if known := c.recent(wanted); known != nil {
		return known, nil
	}
	groups, lists, err := c.client.ServerGroupsAndResourcesWithContext(ctx)
	// A group that fails is that of an aggregated API that is down.
	if err != nil && !discovery.IsGroupDiscoveryFailedError(err) {
		return nil, explain("asking the cluster for its kinds", err)
	}
	known := kindsOf(groups, lists)
	c.mu.Lock()
	c.known, c.asked = known, time.Now()
	c.mu.Unlock()
	return known, nil
}

// recent is what is known, if it may be believed of all wanted kinds; else nil.
func (c *catalog) recent(wanted []model.ObjectRef) kinds {
	c.mu.Lock()
	defer c.mu.Unlock()
	age := time.Since(c.asked)
	if c.known == nil || age >= catalogAge {
		return nil
	}
	for _, ref := range wanted {
		if _, ok := c.known.find(ref); !ok && age >= unknownPause {
			return nil
		}
	}
	return c.known
}

func kindsOf(groups []*metav1.APIGroup, lists []*metav1.APIResourceList) kinds {
	out := kinds{}
	for _, list := range lists {
		gv, err := schema.ParseGroupVersion(list.GroupVersion)
		if err != nil {
			continue
		}
		for _, r := range list.APIResources {
			if strings.Contains(r.Name, "/") {
				continue
			}
			gvk := gv.WithKind(r.Kind)
			out[gvk.GroupKind()] = append(out[gvk.GroupKind()], resource{
				GroupVersionKind: gvk, name: r.Name, namespaced: r.Namespaced,
				listed: slices.Contains(r.Verbs, "list") && slices.Contains(r.Verbs, "watch"),
			})
		}
	}
	preferred := map[string]string{}
	for _, g := range groups {
		preferred[g.Name] = g.PreferredVersion.Version
	}
	for _, all := range out {
		slices.SortStableFunc(all, func(a, b resource) int {
			return rank(a.Version == preferred[a.Group]) - rank(b.Version == preferred[b.Group])
		})
	}
	return out
}

// rank puts what is preferred first.
func rank(preferred bool) int {
	if preferred {
		return 0
	}
	return 1
}

// resource is where an object is served; model.ErrNotFound if its kind is not.
func (c *Cluster) resource(ctx context.Context, ref model.ObjectRef) (resource, error) {
	known, err := c.kinds.all(ctx, ref)
	if err != nil {
		return resource{}, err
	}
	r, ok := known.find(ref)
	if !ok {
		return resource{}, model.As(model.ErrNotFound, fmt.Errorf(
			"the cluster does not know the kind %s: %w", kindTitle(ref.ObjectKey), model.ErrNotFound))
	}
	return r, nil
}

func kindTitle(k model.ObjectKey) string {
	if k.Group == "" {
		return k.Kind
	}
	return k.Kind + "." + k.Group
}

// Version is what the cluster's API server calls its version, such as "v1.36.3".
func (c *Cluster) Version(ctx context.Context) (string, error) {
	ctx, cancel := c.reading(ctx)
	defer cancel()
	info, err := c.kinds.client.ServerVersionWithContext(ctx)
	if err != nil {
		return "", explain("asking the cluster for its version", err)
	}
	return info.GitVersion, nil
}
