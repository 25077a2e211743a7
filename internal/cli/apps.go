package cli

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/spf13/cobra"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/client-go/dynamic"
)

// kind is a kind of object that people work with.
type kind struct {
	name     string
	resource schema.GroupVersionResource
	// words are what a user may call it.
	words []string
}

var (
	application = kind{"Application", schema.GroupVersionResource{Group: "argoproj.io", Version: "v1alpha1", Resource: "applications"},
		[]string{"application", "applications", "argo"}}
	kustomization = kind{"Kustomization", schema.GroupVersionResource{Group: "kustomize.toolkit.fluxcd.io", Version: "v1", Resource: "kustomizations"},
		[]string{"kustomization", "kustomizations", "ks", "flux"}}
	helmRelease = kind{"HelmRelease", schema.GroupVersionResource{Group: "helm.toolkit.fluxcd.io", Version: "v2", Resource: "helmreleases"},
		[]string{"helmrelease", "helmreleases", "hr"}}

	gitRepository  = fluxSource("GitRepository", "gitrepositories", "gitrepo")
	ociRepository  = fluxSource("OCIRepository", "ocirepositories", "ocirepo")
	helmRepository = fluxSource("HelmRepository", "helmrepositories", "helmrepo")
	helmChart      = fluxSource("HelmChart", "helmcharts", "hc")
	bucket         = fluxSource("Bucket", "buckets", "bucket")
)

func fluxSource(name, plural, short string) kind {
	return kind{name, schema.GroupVersionResource{Group: "source.toolkit.fluxcd.io", Version: "v1", Resource: plural},
		[]string{strings.ToLower(name), plural, short}}
}

// appKinds declare apps, sourceKinds what they are made of.
var (
	appKinds    = []kind{application, kustomization, helmRelease}
	sourceKinds = []kind{gitRepository, ociRepository, helmRepository, helmChart, bucket}
)

// isSource reports whether a kind is one of Flux's sources.
func (k kind) isSource() bool { return k.resource.Group == gitRepository.resource.Group }

// item is an object with its kind.
type item struct {
	kind kind
	*unstructured.Unstructured
}

// title is how messages name it: "Application argocd/my-app".
func (i item) title() string { return i.kind.name + " " + i.path() }

func (i item) path() string { return i.GetNamespace() + "/" + i.GetName() }

func (i item) text(fields ...string) string {
	s, _, _ := unstructured.NestedString(i.Object, fields...)
	return s
}

// list lists the objects of some kinds in a namespace, "" being all, by
// namespace and name. Kinds that are not installed are left out, unless none is.
func (c *cluster) list(ctx context.Context, namespace string, kinds ...kind) ([]item, error) {
	var out []item
	installed := false
	for _, k := range kinds {
		list, err := c.dynamic.Resource(k.resource).Namespace(namespace).List(ctx, metav1.ListOptions{})
		if apierrors.IsNotFound(err) {
			continue
		}
		if err != nil {
			return nil, c.explain("listing "+k.name+"s", err)
		}
		installed = true
		for i := range list.Items {
			out = append(out, item{k, &list.Items[i]})
		}
	}
	if !installed {
		return nil, fmt.Errorf("the cluster at %s has no CRD for %s: run 'fixpoint install' first, or choose another cluster with --context", c.host, names(kinds))
	}
	slices.SortStableFunc(out, func(a, b item) int { return strings.Compare(a.path(), b.path()) })
	return out, nil
}

func names(kinds []kind) string {
	var all []string
	for _, k := range kinds {
		all = append(all, k.name)
	}
	if n := len(all); n > 2 {
		return strings.Join(all[:n-1], ", ") + " or " + all[n-1]
	}
	return strings.Join(all, " or ")
}

// selector is how a user names one app.
type selector struct {
	namespace string
	kind      string
}

// kindWords are what --kind takes.
var kindWords = []string{"application", "kustomization", "helmrelease"}

func (s *selector) bind(cmd *cobra.Command) {
	f := cmd.Flags()
	f.StringVarP(&s.namespace, "namespace", "n", "", "namespace of the app (default: all are searched)")
	f.Var(&choice{&s.kind, kindWords}, "kind", strings.Join(kindWords, ", ")+", where several have the name")
	complete(cmd, "kind", kindWords...)
}

// kinds are those that the selector admits.
func (s selector) kinds() []kind {
	for _, k := range appKinds {
		if slices.Contains(k.words, s.kind) {
			return []kind{k}
		}
	}
	return appKinds
}

// find is the one object called name: NAME, or NAMESPACE/NAME.
func (c *cluster) find(ctx context.Context, s selector, name string, kinds ...kind) (item, error) {
	s, name, err := s.split(name)
	if err != nil {
		return item{}, err
	}
	all, err := c.list(ctx, s.namespace, kinds...)
	if err != nil {
		return item{}, err
	}
	var found []item
	for _, i := range all {
		if i.GetName() == name {
			found = append(found, i)
		}
	}
	switch len(found) {
	case 1:
		return found[0], nil
	case 0:
		return item{}, unknown(s, name, kinds)
	}
	return item{}, ambiguous(name, found)
}

// split takes the namespace out of NAMESPACE/NAME.
func (s selector) split(name string) (selector, string, error) {
	ns, rest, ok := strings.Cut(name, "/")
	if !ok {
		return s, name, nil
	}
	if s.namespace != "" && s.namespace != ns {
		return s, "", fmt.Errorf("%q names another namespace than --namespace %s: drop one of the two", name, s.namespace)
	}
	s.namespace = ns
	return s, rest, nil
}

func unknown(s selector, name string, kinds []kind) error {
	where, list := "any namespace", "fixpoint get"
	if s.namespace != "" {
		where = fmt.Sprintf("namespace %q", s.namespace)
	}
	if kinds[0].isSource() {
		list += " sources"
	}
	return fmt.Errorf("no %s named %q in %s: run '%s' to list them", names(kinds), name, where, list)
}

func ambiguous(name string, found []item) error {
	var titles []string
	for _, i := range found {
		titles = append(titles, i.title())
	}
	hint := "say which with --namespace or NAMESPACE/NAME"
	if found[0].GetNamespace() == found[1].GetNamespace() {
		hint = "say which with --kind"
	}
	return fmt.Errorf("%d apps are named %q (%s): %s", len(found), name, strings.Join(titles, ", "), hint)
}

func (c *cluster) objects(i item) dynamic.ResourceInterface {
	return c.dynamic.Resource(i.kind.resource).Namespace(i.GetNamespace())
}

// errGone says that an object was deleted while something waited for it.
var errGone = errors.New("it was deleted meanwhile")
