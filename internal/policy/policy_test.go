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

// byControllers leaves out some kinds that nobody declares.
func byControllers() Rules {
	return Rules{Excluded: func(group, kind string) string {
		if (group == "" && kind == "Endpoints") || (group == "discovery.k8s.io" && kind == "EndpointSlice") {
			return "objects of its kind are made by controllers"
		}
		return ""
	}}
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
			byControllers(), []string{"ConfigMap/ns/b", "Deployment.apps/ns/a"}, nil,
		},
		"excluded": {
			"controllers write it",
			[]model.Object{object("", "Endpoints", "a", "a.yaml"), object("discovery.k8s.io", "EndpointSlice", "b", ""),
				object("example.org", "Lease", "c", "")},
			byControllers(), []string{"Lease.example.org/ns/c"},
			[]model.Warning{
				{Type: model.WarnExcluded, Message: "Endpoints/ns/a (a.yaml) is not managed: objects of its kind are made by controllers; remove it from the source"},
				{Type: model.WarnExcluded, Message: "EndpointSlice.discovery.k8s.io/ns/b is not managed: objects of its kind are made by controllers; remove it from the source"},
			},
		},
		"no rules": {
			"the dialect has neither exclusions nor hooks",
			[]model.Object{object("", "Endpoints", "a", ""), object("batch", "Job", "b", "", annotationHelmHook, "pre-install")},
			Rules{}, []string{"Endpoints/ns/a", "Job.batch/ns/b"}, nil,
		},
		"hooks run": {
			"hooks and waves are the dialect's own business",
			[]model.Object{object("batch", "Job", "helm", "", annotationHelmHook, "post-install"),
				object("batch", "Job", "pre", "", "argocd.argoproj.io/hook", "PreSync", "argocd.argoproj.io/sync-wave", "1")},
			byControllers(), []string{"Job.batch/ns/helm", "Job.batch/ns/pre"}, nil,
		},
		"hooks left out": {
			"they would run at every sync; crd-install is no hook, nor what other tools take for one",
			[]model.Object{
				object("batch", "Job", "pre", "", "argocd.argoproj.io/hook", "PreSync"),
				object("batch", "Job", "helm", "", annotationHelmHook, "post-install"),
				object("batch", "Job", "test", "", annotationHelmHook, "test"),
				object("", "ConfigMap", "crd", "", annotationHelmHook, "crd-install"),
			},
			Rules{Hooks: true}, []string{"Job.batch/ns/pre", "ConfigMap/ns/crd"},
			[]model.Warning{{Type: model.WarnField, Message: "hooks are not run yet, and were left out: Job.batch/ns/helm, Job.batch/ns/test"}},
		},
		"not honoured": {
			"one warning for all that ask for the same",
			[]model.Object{
				object("", "ConfigMap", "a", "", "ask", "x"), object("", "ConfigMap", "b", "", "ask", "y"),
				object("", "ConfigMap", "c", "", "ask", "x"), object("", "ConfigMap", "d", "", "ask", "x"),
				object("", "ConfigMap", "e", "", "ask", "x"), object("", "ConfigMap", "f", "", "ask", "x"),
				object("", "ConfigMap", "g", "", "ask", "x"),
			},
			Rules{Unhonoured: func(_, annotations map[string]string) []string { return []string{"ask: " + annotations["ask"]} }},
			[]string{"ConfigMap/ns/a", "ConfigMap/ns/b", "ConfigMap/ns/c", "ConfigMap/ns/d", "ConfigMap/ns/e", "ConfigMap/ns/f", "ConfigMap/ns/g"},
			[]model.Warning{
				{Type: model.WarnField, Message: "ask: x is not honoured, on: ConfigMap/ns/a, ConfigMap/ns/c, ConfigMap/ns/d, ConfigMap/ns/e, ConfigMap/ns/f and 1 more"},
				{Type: model.WarnField, Message: "ask: y is not honoured, on: ConfigMap/ns/b"},
			},
		},
		"skipped": {
			"it asks to be left alone",
			[]model.Object{object("", "ConfigMap", "a", "", "skip", "true"), object("", "ConfigMap", "b", "")},
			Rules{Skip: func(_, annotations map[string]string) bool { return annotations["skip"] != "" }},
			[]string{"ConfigMap/ns/b"}, nil,
		},
		"nameless": {
			"each gets a name of its own when it is created",
			[]model.Object{object("batch", "Job", "", "a.yaml", "n", "1"), object("batch", "Job", "", "a.yaml", "n", "2")},
			Rules{}, []string{"Job.batch/ns/ 1", "Job.batch/ns/ 2"}, nil,
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
		"repeated as a left out hook": {
			"it is no object of the app",
			[]model.Object{object("", "ConfigMap", "a", "a.yaml", "n", "1"), object("", "ConfigMap", "a", "b.yaml", annotationHelmHook, "test")},
			Rules{Hooks: true}, []string{"ConfigMap/ns/a 1"},
			[]model.Warning{{Type: model.WarnField, Message: "hooks are not run yet, and were left out: ConfigMap/ns/a"}},
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
