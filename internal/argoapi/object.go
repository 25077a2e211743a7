package argoapi

import (
	"maps"
	"net/url"
	"strings"

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

// shown is an object for readers: addresses of repositories are without passwords. What
// is given is not changed.
func shown(object map[string]any) map[string]any {
	out, _ := withoutPasswords(object)
	m, _ := out.(map[string]any)
	return m
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
