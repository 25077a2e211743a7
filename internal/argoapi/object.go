package argoapi

import (
	"maps"
	"net/url"
	"strings"

	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"

	"github.com/fixpoint-cd/fixpoint/internal/model"
	"github.com/fixpoint-cd/fixpoint/internal/view"
)

// dialect is that of Applications' keys.
const dialect = "argo"

// resourceVersion is an object's; "" if it has none.
func resourceVersion(object map[string]any) string {
	m, _ := object["metadata"].(map[string]any)
	s, _ := m["resourceVersion"].(string)
	return s
}

// texts are those values of a map that are texts.
func texts(object map[string]any, field string) map[string]string {
	m, _ := object["metadata"].(map[string]any)
	all, _ := m[field].(map[string]any)
	out := make(map[string]string, len(all))
	for k, v := range all {
		out[k], _ = v.(string)
	}
	return out
}

// shown is an Application for readers: addresses of repositories are without passwords, and
// what Argo CD's clients take for granted is there, even before it was worked on. What is
// given is not changed.
func shown(object map[string]any) map[string]any {
	out, _ := withoutPasswords(object)
	m, _ := out.(map[string]any)
	m = withDefault(m, "default", "spec", "project")
	m = withDefault(m, map[string]any{}, "spec", "destination")
	m = withDefault(m, string(model.SyncUnknown), "status", "sync", "status")
	return withDefault(m, string(model.Unknown), "status", "health", "status")
}

// withDefault is an object with a value in a field that has none; a copy, where it was
// missing.
func withDefault(object map[string]any, value any, path ...string) map[string]any {
	if _, there, _ := unstructured.NestedFieldNoCopy(object, path...); there {
		return object
	}
	return with(object, value, path)
}

// with is a copy of an object with a value in a field.
func with(object map[string]any, value any, path []string) map[string]any {
	out := maps.Clone(object)
	if out == nil {
		out = map[string]any{}
	}
	if len(path) > 1 {
		inner, _ := object[path[0]].(map[string]any)
		value = with(inner, value, path[1:])
	}
	out[path[0]] = value
	return out
}

// withoutPasswords is v, or a copy where it had to be changed.
func withoutPasswords(v any) (any, bool) {
	switch v := v.(type) {
	case map[string]any:
		out, changed := v, false
		for name, value := range v {
			now, is := withoutPasswords(value)
			if !is {
				continue
			}
			if !changed {
				out, changed = maps.Clone(v), true
			}
			out[name] = now
		}
		return out, changed
	case []any:
		out, changed := v, false
		for i, value := range v {
			now, is := withoutPasswords(value)
			if !is {
				continue
			}
			if !changed {
				out, changed = append([]any{}, v...), true
			}
			out[i] = now
		}
		return out, changed
	case string:
		return bare(v)
	}
	return v, false
}

// bare is an address without password, and of http and https without a user, which may
// be a token; false if there is none.
func bare(address string) (string, bool) {
	if !strings.Contains(address, "@") {
		return address, false
	}
	u, err := url.Parse(address)
	if err != nil || u.User == nil {
		return address, false
	}
	if _, has := u.User.Password(); !has && u.Scheme != "http" && u.Scheme != "https" {
		return address, false
	}
	u.User = nil
	return u.String(), true
}

// name is an object's name as Argo CD's clients write it.
type name struct {
	Group     string `json:"group,omitempty"`
	Version   string `json:"version,omitempty"`
	Kind      string `json:"kind,omitempty"`
	Namespace string `json:"namespace,omitempty"`
	Name      string `json:"name,omitempty"`
	UID       string `json:"uid,omitempty"`
}

func nameOf(n view.Node) name {
	return name{Group: n.Ref.Group, Version: n.Ref.Version, Kind: n.Ref.Kind, Namespace: n.Ref.Namespace, Name: n.Ref.Name, UID: n.UID}
}

// filter is a query for objects; what is "" is any.
type filter struct{ group, kind, namespace, name string }

func (c *call) filter() filter {
	return filter{c.query.Get("group"), c.query.Get("kind"), c.query.Get("namespace"), c.query.Get("name")}
}

func (f filter) matches(k model.ObjectKey) bool {
	is := func(wanted, value string) bool { return wanted == "" || wanted == value }
	return is(f.group, k.Group) && is(f.kind, k.Kind) && is(f.namespace, k.Namespace) && is(f.name, k.Name)
}
