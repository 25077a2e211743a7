package backend

import (
	"context"

	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"

	"github.com/fixpoint-cd/fixpoint/internal/dialect/argo"
	"github.com/fixpoint-cd/fixpoint/internal/model"
	"github.com/fixpoint-cd/fixpoint/internal/view"
)

// Automate switches the automated sync of an Application. Switched off it keeps its rules,
// unless the cluster's CRD is too old to know how.
func (b *Backend) Automate(ctx context.Context, key model.AppKey, by string, a view.Automation) error {
	obj, err := b.latest(ctx, key)
	if err != nil {
		return err
	}
	switch {
	case key.Dialect != argo.Dialect:
		return model.Invalidf("a %s syncs by itself: suspend it to stop that", obj.GetKind())
	case obj.GetDeletionTimestamp() != nil:
		return conflict("%s %s/%s is being deleted, and is not synced any more", obj.GetKind(), obj.GetNamespace(), obj.GetName())
	case !a.On && !isAutomated(obj) && a.Prune == nil && a.SelfHeal == nil:
		return nil
	}
	now, err := b.patched(ctx, obj, automated(automationOf(a)))
	if err == nil && !a.On && isAutomated(now) {
		now, err = b.patched(ctx, obj, automated(nil))
	}
	if err != nil {
		return err
	}
	b.asked(obj, by, map[bool]string{true: "automated sync on", false: "automated sync off"}[a.On])
	b.awaitSeen(ctx, now)
	return nil
}

// automated is a patch of an Application.
func automated(rules any) map[string]any {
	return map[string]any{"spec": map[string]any{"syncPolicy": map[string]any{"automated": rules}}}
}

// automationOf are the fields that say so. Where it is on, none says that: older CRDs
// know no such field.
func automationOf(a view.Automation) map[string]any {
	rules := map[string]any{"enabled": nil}
	if !a.On {
		rules["enabled"] = false
	}
	for name, set := range map[string]*bool{"prune": a.Prune, "selfHeal": a.SelfHeal} {
		if set != nil {
			rules[name] = *set
		}
	}
	return rules
}

// isAutomated reports whether an Application syncs by itself.
func isAutomated(obj *unstructured.Unstructured) bool {
	rules, is, _ := unstructured.NestedMap(obj.Object, "spec", "syncPolicy", "automated")
	enabled, set := rules["enabled"].(bool)
	return is && (!set || enabled)
}
