package live

import (
	"strings"

	"k8s.io/apimachinery/pkg/api/validate/content"
	"k8s.io/apimachinery/pkg/runtime/schema"

	"github.com/fixpoint-cd/fixpoint/internal/model"
)

// place is where objects are listed and watched: a kind in a namespace, or one object
// of it. Namespace is "" of what has none.
type place struct {
	schema.GroupVersionKind

	resource        string
	namespace, name string
}

func (r resource) in(namespace, name string) place {
	if !r.namespaced {
		namespace = ""
	}
	return place{GroupVersionKind: r.GroupVersionKind, resource: r.name, namespace: namespace, name: name}
}

// path is the list's in URLs.
func (p place) path() string {
	var out strings.Builder
	out.WriteString("/apis/" + p.Group + "/" + p.Version)
	if p.Group == "" {
		out.Reset()
		out.WriteString("/api/" + p.Version)
	}
	if p.namespace != "" {
		out.WriteString("/namespaces/" + p.namespace)
	}
	out.WriteString("/" + p.resource)
	return out.String()
}

// selector picks the one object, if it is one.
func (p place) selector() string {
	if p.name == "" {
		return ""
	}
	return "metadata.name=" + p.name
}

func (p place) gvr() schema.GroupVersionResource {
	return p.GroupVersion().WithResource(p.resource)
}

// ref is an object that is listed there.
func (p place) ref(namespace, name string) model.ObjectRef {
	return model.ObjectRef{
		ObjectKey: model.ObjectKey{Group: p.Group, Kind: p.Kind, Namespace: namespace, Name: name},
		Version:   p.Version,
	}
}

// title is how people are told of it: "Pods in namespace shop".
func (p place) title() string {
	title := p.Kind
	if p.Group != "" && !kubernetesOwn(p.Group) {
		title += "." + p.Group
	}
	if p.name != "" {
		title += " " + p.name
	} else {
		title += " objects"
	}
	if p.namespace != "" {
		title += " in namespace " + p.namespace
	}
	return title
}

// kubernetesOwn reports whether an API group is Kubernetes' own.
func kubernetesOwn(group string) bool {
	switch group {
	case "", "apps", "batch", "autoscaling", "policy", "extensions":
		return true
	}
	return strings.HasSuffix(group, ".k8s.io") && !strings.HasSuffix(group, ".x-k8s.io") &&
		strings.Count(group, ".") == 2
}

// checkNames refuses names that would lead elsewhere as a part of a URL's path.
func checkNames(names ...string) error {
	for _, name := range names {
		if why := content.IsPathSegmentName(name); len(why) > 0 {
			return model.Invalidf("the name %q is no name of an object: %s", name, strings.Join(why, ", "))
		}
	}
	return nil
}
