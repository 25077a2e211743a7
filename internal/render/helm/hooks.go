package helm

import (
	"slices"
	"strings"

	"github.com/fixpoint-cd/fixpoint/internal/model"
	release "helm.sh/helm/v4/pkg/release/v1"
)

// isHook reports whether Helm runs the object instead of installing it.
func isHook(o model.Object) bool {
	_, ok := o.Annotations[release.HookAnnotation]
	return ok
}

// hookTypes are the times at which a hook runs.
func hookTypes(o model.Object) []string {
	types := strings.Split(o.Annotations[release.HookAnnotation], ",")
	for i, t := range types {
		types[i] = strings.ToLower(strings.TrimSpace(t))
	}
	return types
}

// hookEvents are the types of hooks that Helm knows. The second name of tests
// is that of Helm 2.
var hookEvents = []string{
	string(release.HookPreInstall), string(release.HookPostInstall),
	string(release.HookPreDelete), string(release.HookPostDelete),
	string(release.HookPreUpgrade), string(release.HookPostUpgrade),
	string(release.HookPreRollback), string(release.HookPostRollback),
	string(release.HookTest), "test-success",
}

// known leaves out hooks of types that Helm does not know, as Helm does.
func (r *run) known(objects []model.Object) []model.Object {
	return slices.DeleteFunc(objects, func(o model.Object) bool {
		if !isHook(o) {
			return false
		}
		for _, t := range hookTypes(o) {
			if !slices.Contains(hookEvents, t) {
				r.in.Warnf("%s: %s has the hook type %q, which Helm does not know: left out, as Helm does", o.Origin, o.ObjectKey, t)
				return true
			}
		}
		return false
	})
}
