package policy

import (
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/fixpoint-cd/fixpoint/internal/model"
)

func object(group, kind, name, origin string, annotations ...string) model.Object {
	o := model.Object{Origin: origin, Annotations: map[string]string{}}
	o.ObjectKey = model.ObjectKey{Group: group, Kind: kind, Namespace: "ns", Name: name}
	for i := 0; i+1 < len(annotations); i += 2 {
		o.Annotations[annotations[i]] = annotations[i+1]
	}
	return o
}

func TestCheck(t *testing.T) {
	for name, c := range map[string]struct {
		reason   string
		objects  []model.Object
		rules    Rules
		kept     []string
		warnings []model.Warning
	}{
		"plain": {
			"nothing to say",
			[]model.Object{object("", "ConfigMap", "b", "b.yaml"), object("apps", "Deployment", "a", "a.yaml")},
			Argo(), []string{"ConfigMap/ns/b", "Deployment.apps/ns/a"}, nil,
		},
		"excluded": {
			"controllers write it",
			[]model.Object{object("", "Endpoints", "a", "a.yaml"), object("discovery.k8s.io", "EndpointSlice", "b", ""),
				object("example.org", "Lease", "c", "")},
			Argo(), []string{"Lease.example.org/ns/c"},
			[]model.Warning{
				{Type: model.WarnExcluded, Message: "Endpoints/ns/a (a.yaml) is not managed: objects of its kind are made by controllers; remove it from the source"},
				{Type: model.WarnExcluded, Message: "EndpointSlice.discovery.k8s.io/ns/b is not managed: objects of its kind are made by controllers; remove it from the source"},
			},
		},
		"no rules": {
			"the dialect has neither exclusions nor hooks",
			[]model.Object{object("", "Endpoints", "a", ""), object("batch", "Job", "b", "", annotationHook, "PreSync", annotationWave, "1")},
			Rules{}, []string{"Endpoints/ns/a", "Job.batch/ns/b"}, nil,
		},
		"hooks": {
			"they would run at every sync",
			[]model.Object{
				object("batch", "Job", "pre", "", annotationHook, "PreSync"),
				object("batch", "Job", "helm", "", annotationHelmHook, "post-install"),
				object("batch", "Job", "garbage", "", annotationHook, "?"),
				object("batch", "Job", "skip", "", annotationHook, "Skip"),
				object("", "ConfigMap", "crd", "", annotationHelmHook, "crd-install"),
			},
			Rules{Hooks: true}, []string{"ConfigMap/ns/crd"},
			[]model.Warning{{Type: model.WarnField, Message: "hooks are not run yet, and were left out: Job.batch/ns/pre, Job.batch/ns/helm, Job.batch/ns/garbage"}},
		},
		"waves": {
			"one warning for all",
			[]model.Object{
				object("", "ConfigMap", "a", "", annotationWave, "0"), object("", "ConfigMap", "b", "", annotationWave, "-1"),
				object("", "ConfigMap", "c", "", annotationWave, "1"), object("", "ConfigMap", "d", "", annotationWave, "2"),
				object("", "ConfigMap", "e", "", annotationWave, "3"), object("", "ConfigMap", "f", "", annotationWave, "4"),
				object("", "ConfigMap", "g", "", annotationWave, "5"),
			},
			Rules{Hooks: true},
			[]string{"ConfigMap/ns/a", "ConfigMap/ns/b", "ConfigMap/ns/c", "ConfigMap/ns/d", "ConfigMap/ns/e", "ConfigMap/ns/f", "ConfigMap/ns/g"},
			[]model.Warning{{Type: model.WarnField, Message: "sync waves are not waited for yet; applied in the order of kinds: " +
				"ConfigMap/ns/b, ConfigMap/ns/c, ConfigMap/ns/d, ConfigMap/ns/e, ConfigMap/ns/f and 1 more"}},
		},
		"repeated": {
			"the last one counts",
			[]model.Object{object("", "ConfigMap", "a", "a.yaml", "n", "1"), object("", "ConfigMap", "b", "b.yaml"),
				object("", "ConfigMap", "a", "c.yaml", "n", "2"), object("", "ConfigMap", "a", "c.yaml", "n", "3")},
			Rules{}, []string{"ConfigMap/ns/b", "ConfigMap/ns/a 3"},
			[]model.Warning{
				{Type: model.WarnRepeated, Message: "ConfigMap/ns/a is declared more than once in a.yaml and c.yaml; the last one counts: remove the others"},
				{Type: model.WarnRepeated, Message: "ConfigMap/ns/a is declared more than once in c.yaml; the last one counts: remove the others"},
			},
		},
		"repeated as a hook": {
			"a hook is no object of the app",
			[]model.Object{object("", "ConfigMap", "a", "a.yaml", "n", "1"), object("", "ConfigMap", "a", "b.yaml", annotationHook, "Skip")},
			Rules{Hooks: true}, []string{"ConfigMap/ns/a 1"}, nil,
		},
	} {
		t.Run(name, func(t *testing.T) {
			kept, warnings := Check(c.objects, c.rules)
			var names []string
			for _, o := range kept {
				s := o.ObjectKey.String()
				if n := o.Annotations["n"]; n != "" {
					s += " " + n
				}
				names = append(names, s)
			}
			if diff := cmp.Diff(c.kept, names); diff != "" {
				t.Errorf("kept (%s): -want +got:\n%s", c.reason, diff)
			}
			if diff := cmp.Diff(c.warnings, warnings); diff != "" {
				t.Errorf("warnings (%s): -want +got:\n%s", c.reason, diff)
			}
		})
	}
}
