package cli

import (
	"fmt"
	"slices"
	"strings"

	"github.com/fixpoint-cd/fixpoint/api/argoproj/v1alpha1"
)

// resourcesOf reads --resource.
func resourcesOf(texts []string) ([]any, error) {
	var out []any
	for _, t := range texts {
		parts := strings.SplitN(t, ":", 3)
		if len(parts) != 3 || parts[1] == "" || parts[2] == "" {
			return nil, fmt.Errorf("--resource %q has to be GROUP:KIND:NAMESPACE/NAME, such as apps:Deployment:my-app/web or :ConfigMap:my-app/settings", t)
		}
		namespace, name, ok := strings.Cut(parts[2], "/")
		if !ok {
			namespace, name = "", parts[2]
		}
		r := map[string]any{"kind": parts[1], "name": name}
		for k, v := range map[string]string{"group": parts[0], "namespace": namespace} {
			if v != "" {
				r[k] = v
			}
		}
		out = append(out, r)
	}
	return out, nil
}

// checkResources refuses resources that are none of the app's. Without a list of
// the app's nothing is known, and nothing refused.
func checkResources(app item, have []v1alpha1.ResourceStatus, wanted []any) error {
	if len(have) == 0 {
		return nil
	}
	for _, raw := range wanted {
		r, _ := raw.(map[string]any)
		if !hasResource(have, r) {
			wanted := resourceText(textOf(r, "group"), textOf(r, "kind"), textOf(r, "namespace"), textOf(r, "name"))
			return fmt.Errorf("%s has no object %s%s", app.title(), wanted, nearest(app, have, r, wanted))
		}
	}
	return nil
}

func hasResource(have []v1alpha1.ResourceStatus, r map[string]any) bool {
	for _, h := range have {
		namespace := textOf(r, "namespace")
		if h.Group == textOf(r, "group") && h.Kind == textOf(r, "kind") && h.Name == textOf(r, "name") && (namespace == "" || namespace == h.Namespace) {
			return true
		}
	}
	return false
}

// nearest names objects that may have been meant: those of the same name, then those
// of the same kind, the ones that begin alike first.
func nearest(app item, have []v1alpha1.ResourceStatus, r map[string]any, wanted string) string {
	var near, sameKind []string
	for _, h := range have {
		text := resourceText(h.Group, h.Kind, h.Namespace, h.Name)
		switch {
		case h.Name == textOf(r, "name"):
			near = append(near, text)
		case strings.EqualFold(h.Kind, textOf(r, "kind")):
			sameKind = append(sameKind, text)
		}
	}
	slices.SortStableFunc(sameKind, func(a, b string) int {
		return alike(b, wanted) - alike(a, wanted)
	})
	near = append(near, sameKind...)
	if len(near) == 0 {
		return fmt.Sprintf(": 'fixpoint tree %s' shows what it has", app.path())
	}
	return " (did you mean " + strings.Join(near[:min(len(near), 3)], " or ") + "?)"
}

// resourceText is an object as --resource names it.
func resourceText(group, kind, namespace, name string) string {
	return group + ":" + kind + ":" + strings.TrimPrefix(namespace+"/"+name, "/")
}

// alike is how many bytes two texts begin with alike.
func alike(a, b string) int {
	for i := range min(len(a), len(b)) {
		if a[i] != b[i] {
			return i
		}
	}
	return min(len(a), len(b))
}
