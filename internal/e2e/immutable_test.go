package e2e

import (
	"errors"
	"strings"
	"testing"

	"github.com/fixpoint-cd/fixpoint/internal/model"
)

// TestImmutableFields changes what can't change: the error names the field, what it
// is and would become, and what helps; none has a Secret's value.
func TestImmutableFields(t *testing.T) {
	w := newWriter(t, "write-immutable")
	claim := "apiVersion: v1\nkind: PersistentVolumeClaim\nmetadata: {name: c, namespace: $NS}\nspec: {storageClassName: slow, accessModes: [ReadWriteOnce], resources: {requests: {storage: 2Gi}}}"
	stateful := "apiVersion: apps/v1\nkind: StatefulSet\nmetadata: {name: s, namespace: $NS}\nspec: {replicas: 0, serviceName: one, selector: {matchLabels: {a: b}}, " +
		"template: {metadata: {labels: {a: b}}, spec: {containers: [{name: c, image: none}]}}}"
	crd := "apiVersion: apiextensions.k8s.io/v1\nkind: CustomResourceDefinition\nmetadata: {name: fixeds.write.example.com}\nspec: {group: write.example.com, scope: Namespaced, " +
		"names: {kind: Fixed, plural: fixeds}, versions: [{name: v1, served: true, storage: true, schema: {openAPIV3Schema: {type: object, properties: {spec: {type: object, " +
		"properties: {size: {type: integer, x-kubernetes-validations: [{rule: self == oldSelf, message: size is immutable}]}}}}}}}]}"
	w.watched(w.object(crd))
	for name, c := range map[string]struct {
		text, from, to string
		want           []string
		never          []string
	}{
		"Deployment": {
			deploymentText("d", "", ""), "{a: b}", "{a: changed}",
			[]string{"spec.selector", `spec.selector.matchLabels.a: "b" → "changed"`, "Force=true,Replace=true", "spec.force"}, nil,
		},
		"Job": {
			jobText, "image: one", "image: two",
			[]string{"spec.template", `containers[0].image: "one" → "two"`, "give the new Job another name"}, nil,
		},
		"Job's environment": {
			strings.NewReplacer("name: j,", "name: env,", "image: one", `image: one, env: [{name: P, value: "hunter2"}]`).Replace(jobText), "hunter2", "hunter3",
			[]string{"spec.template", "env[0].value differs"}, []string{"hunter"},
		},
		"Service": {
			"apiVersion: v1\nkind: Service\nmetadata: {name: s, namespace: $NS}\nspec: {ports: [{port: 80}]}", "spec: {", "spec: {clusterIP: 10.0.0.99, ",
			[]string{"spec.clusterIP", ` → "10.0.0.99"`, "Leave it out"}, nil,
		},
		"PersistentVolumeClaim's class": {
			claim, "slow", "fast",
			[]string{`spec.storageClassName: "slow" → "fast"`, "Of a claim only resources.requests may change", "its data may go"}, nil,
		},
		"StatefulSet": {
			stateful, "serviceName: one", "serviceName: two",
			[]string{`spec.serviceName: "one" → "two"`, "Of a StatefulSet only replicas", "--cascade=orphan"}, nil,
		},
		"ConfigMap": {
			"apiVersion: v1\nkind: ConfigMap\nmetadata: {name: c, namespace: $NS}\nimmutable: true\ndata: {key: hunter2}", "hunter2", "hunter3",
			[]string{"data can't be changed", "data.key differs", "another name"}, []string{"hunter"},
		},
		"Secret": {
			"apiVersion: v1\nkind: Secret\nmetadata: {name: s, namespace: $NS}\nimmutable: true\nstringData: {key: hunter2}", "hunter2", "hunter3",
			[]string{"data can't be changed", "another name"}, []string{"hunter", "aHVudGVy"},
		},
		"Secret's type": {
			"apiVersion: v1\nkind: Secret\nmetadata: {name: t, namespace: $NS}\ntype: Opaque\nstringData: {key: hunter2}", "Opaque", "example.com/other",
			[]string{"type can't be changed"}, []string{"hunter", "aHVudGVy"},
		},
		"RoleBinding": {
			"apiVersion: rbac.authorization.k8s.io/v1\nkind: RoleBinding\nmetadata: {name: r, namespace: $NS}\nroleRef: {apiGroup: rbac.authorization.k8s.io, kind: Role, name: one}\nsubjects: []",
			"name: one", "name: two",
			[]string{"roleRef", `roleRef.name: "one" → "two"`}, nil,
		},
		"StorageClass": {
			"apiVersion: storage.k8s.io/v1\nkind: StorageClass\nmetadata: {name: write-immutable}\nprovisioner: example.com/one", "example.com/one", "example.com/two",
			[]string{"provisioner", `"example.com/one" → "example.com/two"`}, nil,
		},
		"PriorityClass": {
			"apiVersion: scheduling.k8s.io/v1\nkind: PriorityClass\nmetadata: {name: write-immutable}\nvalue: 1", "value: 1", "value: 2",
			[]string{"value: 1 → 2"}, nil,
		},
		"CustomResourceDefinition": {
			crd, "scope: Namespaced", "scope: Cluster",
			[]string{`spec.scope: "Namespaced" → "Cluster"`, "never deleted"}, []string{"Force=true"},
		},
	} {
		t.Run(name, func(t *testing.T) {
			w.write(w.object(c.text), model.Write{})
			if c.from == "scope: Namespaced" {
				w.established(w.object(c.text))
			}
			o := w.object(strings.Replace(c.text, c.from, c.to, 1))
			if name == "Deployment" {
				o = w.object(strings.ReplaceAll(c.text, c.from, c.to))
			}
			live, err := w.Apply(t.Context(), o, writingManager, model.Write{})
			if !errors.Is(err, model.ErrImmutable) || !errors.Is(err, model.ErrInvalid) {
				t.Fatalf("%v", err)
			}
			for _, text := range c.want {
				if !strings.Contains(err.Error(), text) {
					t.Errorf("no %q in: %v", text, err)
				}
			}
			for _, text := range c.never {
				if strings.Contains(err.Error(), text) {
					t.Errorf("%q in: %v", text, err)
				}
			}
			if live.UID != string(w.live(o).GetUID()) {
				t.Errorf("the UID of what exists is %q", live.UID)
			}
		})
	}
	fixed := w.object("apiVersion: write.example.com/v1\nkind: Fixed\nmetadata: {name: f, namespace: $NS}\nspec: {size: 1}")
	if err := within(patience, func() error {
		_, err := w.Apply(t.Context(), fixed, writingManager, model.Write{})
		return err
	}); err != nil {
		t.Fatal(err)
	}
	fixed = w.object("apiVersion: write.example.com/v1\nkind: Fixed\nmetadata: {name: f, namespace: $NS}\nspec: {size: 2}")
	if _, err := w.Apply(t.Context(), fixed, writingManager, model.Write{}); !errors.Is(err, model.ErrImmutable) || !strings.Contains(err.Error(), "spec.size: 1 → 2") {
		t.Errorf("a rule of a custom resource: %v", err)
	}
	odd := w.object("apiVersion: write.example.com/v1\nkind: Fixed\nmetadata: {name: odd, namespace: $NS}\nspec: {size: 1, sze: 2}")
	if live := w.write(odd, model.Write{}); !strings.Contains(live.Warning, "spec.sze") {
		t.Errorf("an unknown field of a custom resource: %q", live.Warning)
	}
	// What is wrong besides would be wrong when it is created anew too.
	wrong := w.object(strings.NewReplacer("image: one", "image: two", "restartPolicy: Never", "restartPolicy: Sometimes").Replace(jobText))
	if _, err := w.Apply(t.Context(), wrong, writingManager, model.Write{}); errors.Is(err, model.ErrImmutable) || !errors.Is(err, model.ErrInvalid) {
		t.Errorf("an object that is wrong otherwise: %v", err)
	}
}

func (w *writer) established(o model.Object) {
	w.t.Helper()
	if err := within(patience, func() error { return hasCondition(w.live(o), "Established", "True") }); err != nil {
		w.t.Fatal(err)
	}
}
