package cli

import (
	"fmt"
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
			return fmt.Errorf("%s has no object %s:%s:%s%s", app.title(), textOf(r, "group"), textOf(r, "kind"),
				strings.TrimPrefix(textOf(r, "namespace")+"/"+textOf(r, "name"), "/"), nearest(app, have, r))
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

// nearest names objects that may have been meant: those of the same name, or else
// of the same kind.
func nearest(app item, have []v1alpha1.ResourceStatus, r map[string]any) string {
	var near, sameKind []string
	for _, h := range have {
		text := h.Group + ":" + h.Kind + ":" + strings.TrimPrefix(h.Namespace+"/"+h.Name, "/")
		switch {
		case h.Name == textOf(r, "name"):
			near = append(near, text)
		case strings.EqualFold(h.Kind, textOf(r, "kind")):
			sameKind = append(sameKind, text)
		}
	}
	near = append(near, sameKind...)
	if len(near) == 0 {
		return fmt.Sprintf(": 'fixpoint tree %s' shows what it has", app.path())
	}
	return " (did you mean " + strings.Join(near[:min(len(near), 3)], " or ") + "?)"
}
