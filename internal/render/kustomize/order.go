package kustomize

import (
	"slices"
	"strings"

	"sigs.k8s.io/kustomize/api/resource"
	"sigs.k8s.io/kustomize/api/types"
	"sigs.k8s.io/kustomize/kyaml/resid"
)

// The kinds that come first and last in the order called legacy.
var (
	legacyFirst = []string{
		"Namespace", "ResourceQuota", "StorageClass", "CustomResourceDefinition", "ServiceAccount", "PodSecurityPolicy",
		"Role", "ClusterRole", "RoleBinding", "ClusterRoleBinding", "ConfigMap", "Secret", "Endpoints", "Service",
		"LimitRange", "PriorityClass", "PersistentVolume", "PersistentVolumeClaim", "Deployment", "StatefulSet",
		"CronJob", "PodDisruptionBudget",
	}
	legacyLast = []string{"MutatingWebhookConfiguration", "ValidatingWebhookConfiguration"}
)

// order sorts as sortOptions says. Without them resources stay in the order in
// which they are named.
func (t *target) order(a *accumulator) error {
	o := t.kust.SortOptions
	switch {
	case o == nil:
		return nil
	case o.Order != types.LegacySortOrder && o.Order != types.FIFOSortOrder:
		return t.wrong("sortOptions", faultf("order is %q, and has to be %s or %s", o.Order, types.LegacySortOrder, types.FIFOSortOrder))
	case o.Order == types.FIFOSortOrder && o.LegacySortOptions != nil:
		return t.wrong("sortOptions", faultf("legacySortOptions are for the order %s only", types.LegacySortOrder))
	case o.Order == types.FIFOSortOrder:
		return nil
	}
	first, last := legacyFirst, legacyLast
	if o.LegacySortOptions != nil {
		first, last = o.LegacySortOptions.OrderFirst, o.LegacySortOptions.OrderLast
	}
	list := a.made.Resources()
	slices.SortStableFunc(list, func(x, y *resource.Resource) int { return compareLegacy(x.CurId(), y.CurId(), first, last) })
	made, err := resources(list)
	a.made = made
	return err
}

func compareLegacy(x, y resid.ResId, first, last []string) int {
	if !x.Gvk.Equals(y.Gvk) {
		if by := legacyRank(x.Kind, first, last) - legacyRank(y.Kind, first, last); by != 0 {
			return by
		}
		by := strings.Compare(legacyText(x.Gvk), legacyText(y.Gvk))
		if x.Kind == types.NamespaceKind && y.Kind == types.NamespaceKind && (x.Group == "" || y.Group == "") {
			return -by
		}
		return by
	}
	return strings.Compare(x.Namespace+"|"+x.Name, y.Namespace+"|"+y.Name)
}

func legacyRank(kind string, first, last []string) int {
	if i := slices.Index(last, kind); i >= 0 {
		return 1 + i
	}
	if i := slices.Index(first, kind); i >= 0 {
		return i - len(first)
	}
	return 0
}

// legacyText orders kinds that have no rank: those of the core group last.
func legacyText(x resid.Gvk) string {
	group := x.Group
	if group == "" {
		group = "~G"
	}
	return group + "_" + x.Version + "_" + x.Kind
}
