package e2e

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"

	"github.com/fixpoint-cd/fixpoint/internal/compare"
	"github.com/fixpoint-cd/fixpoint/internal/model"
)

const webDeployment = `
apiVersion: apps/v1
kind: Deployment
metadata: {name: web}
spec:
  replicas: 2
  selector: {matchLabels: {app: web}}
  template:
    metadata: {labels: {app: web}}
    spec:
      containers:
      - name: app
        image: example.com/app:1
        resources: {limits: {cpu: 1000m, memory: 1073741824}, requests: {cpu: "0.5"}}
`

// TestAutoscaledReplicas: what an autoscaler sets through the scale subresource is
// no drift where it is ignored, in whatever way, or not declared; and it stays as
// it is where that is asked for.
func TestAutoscaledReplicas(t *testing.T) {
	c := newComparer(t, "compare-scale")
	web := c.declared(webDeployment)
	c.deploy(web)
	c.same("as applied", web, model.Comparison{})
	c.patch(web, "autoscaler", `{"spec":{"replicas":5}}`, "scale")

	c.differs("scaled", web, model.Comparison{})
	found := c.differences(web, model.Comparison{})
	if len(found) != 1 || found[0].Field != "spec.replicas" || fmt.Sprint(found[0].Live, found[0].After) != "5 2" {
		t.Errorf("differences: %+v", found)
	}
	rivals := compare.Rivals(c.live(web).Object, argoManager, web.JSON)
	if len(rivals) != 1 || rivals[0].String() != "autoscaler (Update of scale) changed spec.replicas" {
		t.Errorf("rivals: %v", rivals)
	}
	for name, f := range map[string]model.IgnoredFields{
		"by pointer": {Pointers: []string{"/spec/replicas"}},
		"by jq":      {JQ: []string{".spec.replicas"}},
		"by manager": {Managers: []string{"autoscaler"}},
	} {
		if j := c.judge(web, ignoring(f)); !j.Same || !j.Owned {
			t.Errorf("ignored %s: %+v, %v", name, j, c.differences(web, ignoring(f)))
		}
	}
	c.same("not declared", c.declared(strings.Replace(webDeployment, "  replicas: 2\n", "", 1)), model.Comparison{})

	rules := ignoring(model.IgnoredFields{Pointers: []string{"/spec/replicas"}})
	rules.Respect = true
	changed := c.declared(strings.Replace(webDeployment, "app:1", "app:2", 1))
	c.differs("another image", changed, rules)
	body, err := c.differ(changed, rules).Respect(t.Context(), changed.JSON, c.live(web).Object)
	if err != nil {
		t.Fatal(err)
	}
	changed.JSON = body
	c.deploy(changed)
	if n, _, _ := unstructured.NestedInt64(c.live(web).Object, "spec", "replicas"); n != 5 {
		t.Errorf("replicas are %d after a sync that respects them, want 5", n)
	}
	c.patch(web, "autoscaler", `{"spec":{"replicas":7}}`, "scale")
	c.same("scaled again", changed, rules)
}

// manyKinds are minimal objects of kinds of which the API server sets most fields
// itself.
var manyKinds = []string{
	webDeployment, `
apiVersion: v1
kind: Service
metadata: {name: web}
spec: {selector: {app: web}, ports: [{name: http, port: 80}, {name: dns, port: 53, protocol: UDP, targetPort: dns}]}
`, `
apiVersion: v1
kind: Service
metadata: {name: headless}
spec: {clusterIP: None, selector: {app: web}, ports: [{port: 80}]}
`, `
apiVersion: apps/v1
kind: StatefulSet
metadata: {name: db}
spec:
  selector: {matchLabels: {app: db}}
  serviceName: db
  template:
    metadata: {labels: {app: db}, creationTimestamp: null}
    spec:
      containers: [{name: db, image: db, readinessProbe: {httpGet: {path: /, port: 80}}, env: [{name: A, value: ""}, {name: IP, valueFrom: {fieldRef: {fieldPath: status.podIP}}}]}]
      volumes: [{name: c, configMap: {name: c}}, {name: s, secret: {secretName: s}}, {name: e, emptyDir: {}}]
  volumeClaimTemplates:
  - metadata: {name: data}
    spec: {accessModes: [ReadWriteOnce], resources: {requests: {storage: 1024Mi}}}
`, `
apiVersion: apps/v1
kind: DaemonSet
metadata: {name: node}
spec:
  selector: {matchLabels: {app: node}}
  template:
    metadata: {labels: {app: node}}
    spec: {containers: [{name: node, image: node, ports: [{containerPort: 9100, hostPort: 9100}], securityContext: {}}], hostNetwork: true}
`, `
apiVersion: batch/v1
kind: CronJob
metadata: {name: nightly}
spec:
  schedule: "0 3 * * *"
  jobTemplate: {spec: {template: {spec: {restartPolicy: Never, containers: [{name: j, image: j}]}}}}
`, `
apiVersion: batch/v1
kind: Job
metadata: {name: once}
spec: {suspend: true, template: {spec: {restartPolicy: Never, containers: [{name: j, image: j}]}}}
`, `
apiVersion: networking.k8s.io/v1
kind: Ingress
metadata: {name: web}
spec: {rules: [{http: {paths: [{path: /, pathType: Prefix, backend: {service: {name: web, port: {number: 80}}}}]}}]}
`, `
apiVersion: networking.k8s.io/v1
kind: NetworkPolicy
metadata: {name: deny}
spec: {podSelector: {}, ingress: [], policyTypes: [Ingress]}
`, `
apiVersion: v1
kind: PersistentVolumeClaim
metadata: {name: data}
spec: {accessModes: [ReadWriteOnce], resources: {requests: {storage: 1073741824}}}
`, `
apiVersion: autoscaling/v2
kind: HorizontalPodAutoscaler
metadata: {name: web}
spec:
  scaleTargetRef: {apiVersion: apps/v1, kind: Deployment, name: other}
  maxReplicas: 9
  metrics:
  - {type: Resource, resource: {name: memory, target: {type: AverageValue, averageValue: 1024Mi}}}
  - {type: Resource, resource: {name: cpu, target: {type: Utilization, averageUtilization: 80}}}
`, `
apiVersion: policy/v1
kind: PodDisruptionBudget
metadata: {name: web}
spec: {minAvailable: 50%, selector: {matchLabels: {app: web}}}
`, `
apiVersion: rbac.authorization.k8s.io/v1
kind: Role
metadata: {name: nothing}
rules: []
`, `
apiVersion: rbac.authorization.k8s.io/v1
kind: RoleBinding
metadata: {name: web}
roleRef: {apiGroup: rbac.authorization.k8s.io, kind: Role, name: nothing}
subjects: [{kind: ServiceAccount, name: default, namespace: compare-defaults}]
`, `
apiVersion: v1
kind: Secret
metadata: {name: login}
stringData: {password: hunter2}
`, `
apiVersion: v1
kind: ConfigMap
metadata: {name: settings, labels: {}}
data: {a: "1", empty: ""}
`, `
apiVersion: v1
kind: ServiceAccount
metadata: {name: robot}
`, `
apiVersion: v1
kind: ResourceQuota
metadata: {name: limits}
spec: {hard: {pods: "1000", requests.cpu: 10000m, requests.memory: 1Ti}}
`, `
apiVersion: v1
kind: LimitRange
metadata: {name: limits}
spec: {limits: [{type: PersistentVolumeClaim, min: {storage: 1048576}}]}
`,
}

// TestDefaultedFields: what the API server fills in or writes in another way is no
// drift, for objects that were applied, and for those that a client-side apply has
// created and that are taken over. To compare changes nothing.
func TestDefaultedFields(t *testing.T) {
	c := newComparer(t, "compare-defaults")
	var objects []model.Object
	for _, text := range manyKinds {
		objects = append(objects, c.declared(text))
	}
	c.deploy(objects...)
	for _, o := range objects {
		c.same("as applied", o, model.Comparison{})
	}
	for _, o := range objects {
		c.aged(o)
		if j := c.judge(o, model.Comparison{}); !j.Same || !j.Owned {
			t.Errorf("by its ownership: %s: %+v %v", o.ObjectKey, j, c.differences(o, model.Comparison{}))
		}
		c.patch(o, "somebody", `{"metadata":{"annotations":{"note":"hello"}}}`)
		c.same("noted by somebody", o, model.Comparison{})
		c.patch(o, "kubectl-edit", `{"metadata":{"annotations":{"test/app":"other"}}}`)
		c.patch(o, "kubectl-edit", `{"metadata":{"annotations":{"test/app":"compare-defaults"}}}`)
		if j := c.judge(o, model.Comparison{}); !j.Same || j.Owned {
			t.Errorf("changed and changed back: %s: %+v %v", o.ObjectKey, j, c.differences(o, model.Comparison{}))
		}
	}
}

// TestTakenOver: objects that a client-side apply has created are the same, whoever
// it was made by, and their versions stay.
func TestTakenOver(t *testing.T) {
	for _, manager := range []string{argoManager, kubectlManager} {
		t.Run(manager, func(t *testing.T) {
			c := newComparer(t, "compare-"+strings.ReplaceAll(manager, "-", ""))
			var objects []model.Object
			for _, text := range manyKinds {
				o := c.declared(strings.ReplaceAll(text, "compare-defaults", c.ns))
				c.create(o, manager)
				objects = append(objects, o)
			}
			c.watch(objects...)
			for _, o := range objects {
				before := c.live(o).GetResourceVersion()
				c.same("taken over", o, model.Comparison{})
				if o.Kind == "ConfigMap" && c.live(o).GetResourceVersion() != before {
					t.Errorf("comparing %s has written it", o.ObjectKey)
				}
			}
		})
	}
}

// TestLeftBehind: a field that is declared no more, of an object that a client-side
// apply wrote, is a difference; not so one that the API server sets to the same
// anyway, nor one that somebody else owns.
func TestLeftBehind(t *testing.T) {
	c := newComparer(t, "compare-left")
	was := strings.Replace(webDeployment, "    spec:\n      containers:", "    spec:\n      terminationGracePeriodSeconds: 30\n      dnsPolicy: ClusterFirst\n      containers:", 1)
	c.create(c.declared(was), argoManager)
	web := c.declared(webDeployment)
	c.watch(web)
	c.same("a default that was declared", web, model.Comparison{})

	settings := c.declared("apiVersion: v1\nkind: ConfigMap\nmetadata: {name: settings, labels: {old: x}}\ndata: {a: b, gone: c}")
	c.create(settings, argoManager)
	c.patch(settings, "somebody", `{"data":{"more":"d"}}`)
	less := c.declared("apiVersion: v1\nkind: ConfigMap\nmetadata: {name: settings, labels: {old: x}}\ndata: {a: b}")
	c.watch(web, less)
	c.differs("a key that is gone", less, model.Comparison{})
	c.same("a key that is gone and ignored", less, ignoring(model.IgnoredFields{Pointers: []string{"/data/gone"}}))
	j, err := c.target.Compare(t.Context(), less, argoManager, model.Write{}, c.differ(less, model.Comparison{}))
	if err != nil || !j.Same {
		t.Errorf("a key that is gone, of which nothing is taken over: %+v, %v", j, err)
	}
	c.deploy(less)
	if data, _, _ := unstructured.NestedStringMap(c.live(less).Object, "data"); data["gone"] != "" || data["more"] != "d" {
		t.Errorf("after the sync that takes it over: %v", data)
	}
	c.same("taken over", less, model.Comparison{})
}

// TestChangedBack: somebody changed a field and changed it back. That is no drift,
// but the next change is, although what our manager owns does not tell of it.
func TestChangedBack(t *testing.T) {
	c := newComparer(t, "compare-back")
	o := c.declared("apiVersion: v1\nkind: ConfigMap\nmetadata: {name: a}\ndata: {k: v, other: x}")
	c.deploy(o)
	c.patch(o, "kubectl-edit", `{"data":{"k":"w"}}`)
	c.differs("changed", o, model.Comparison{})
	c.patch(o, "kubectl-edit", `{"data":{"k":"v"}}`)
	first := c.live(o)
	known, _ := c.target.Live(o.ObjectKey, c.app, argoManager)
	if j := c.judge(o, model.Comparison{}); !j.Same || j.Owned {
		t.Errorf("changed back: %+v", j)
	}
	pair := model.Pair{Desired: o.Digest, Fields: known.Fields, Time: known.Time, UID: known.UID, Partial: true, Writes: known.Writes}
	if !pair.Matches(known) {
		t.Error("a pair does not match what it is of")
	}
	c.mu.Lock()
	told := c.told[o.ObjectKey]
	c.mu.Unlock()
	c.patch(o, "kubectl-edit", `{"data":{"k":"again"}}`)
	c.eventually("the app is told", func() error {
		c.mu.Lock()
		defer c.mu.Unlock()
		if c.told[o.ObjectKey] == told {
			return fmt.Errorf("not yet")
		}
		return nil
	})
	if c.live(o).GetResourceVersion() == first.GetResourceVersion() {
		t.Fatal("nothing was written")
	}
	now, _ := c.target.Live(o.ObjectKey, c.app, argoManager)
	if now.Fields != known.Fields {
		t.Error("ownership tells of the change: this test shows nothing")
	}
	if pair.Matches(now) {
		t.Error("a pair matches an object that was changed since")
	}
	c.differs("changed again", o, model.Comparison{})
}

// TestAgreed: another manager applies the same values, by force. Where they are
// written in another way than they are kept, that takes them from us.
func TestAgreed(t *testing.T) {
	c := newComparer(t, "compare-agreed")
	web := c.declared(webDeployment)
	plain := c.declared("apiVersion: v1\nkind: ConfigMap\nmetadata: {name: a}\ndata: {k: v}")
	c.deploy(web, plain)
	for _, o := range []model.Object{web, plain} {
		if _, err := c.target.Apply(t.Context(), o, "friend", model.Write{}); err != nil {
			t.Fatal(err)
		}
	}
	if j := c.judge(web, model.Comparison{}); !j.Same || j.Owned {
		t.Errorf("with 1000m, which is kept as 1: %+v", j)
	}
	if j := c.judge(plain, model.Comparison{}); !j.Same || !j.Owned {
		t.Errorf("%+v", j)
	}
}

// TestAggregatedRole: the rules of an aggregated ClusterRole are its controller's,
// whatever is declared of them, and no sync takes them away.
func TestAggregatedRole(t *testing.T) {
	c := newComparer(t, "compare-roles")
	part := c.declared(`
apiVersion: rbac.authorization.k8s.io/v1
kind: ClusterRole
metadata: {name: compare-part, labels: {compare/aggregate: "yes"}}
rules: [{apiGroups: [""], resources: [pods], verbs: [get]}]
`)
	all := c.declared(`
apiVersion: rbac.authorization.k8s.io/v1
kind: ClusterRole
metadata: {name: compare-all}
aggregationRule: {clusterRoleSelectors: [{matchLabels: {compare/aggregate: "yes"}}]}
rules: []
`)
	t.Cleanup(func() {
		for _, o := range []model.Object{part, all} {
			c.delete(gvkOf(o), "", o.Name)
		}
	})
	c.deploy(part, all)
	filled := func() error {
		rules, _, _ := unstructured.NestedSlice(c.get(gvkOf(all), "", all.Name).Object, "rules")
		if len(rules) != 1 {
			return fmt.Errorf("rules: %v", rules)
		}
		return nil
	}
	c.eventually("the role has its rules", filled)
	c.same("filled in", all, model.Comparison{})
	c.same("a part", part, model.Comparison{})
	if r := compare.For(model.Comparison{}, all.ObjectKey); r.Empty() || !r.Respects() {
		t.Error("the rules of a ClusterRole are not looked after")
	}
	body, err := c.differ(all, model.Comparison{}).Respect(t.Context(), all.JSON, c.live(all).Object)
	if err != nil {
		t.Fatal(err)
	}
	all.JSON = body
	c.deploy(part, all)
	if err := filled(); err != nil {
		t.Errorf("after a sync: %v", err)
	}
}

const thingCRD = `
apiVersion: apiextensions.k8s.io/v1
kind: CustomResourceDefinition
metadata: {name: poolings.compare.example.com}
spec:
  group: compare.example.com
  scope: Namespaced
  names: {plural: poolings, singular: pooling, kind: Pooling}
  versions:
  - name: v1
    served: true
    storage: true
    schema:
      openAPIV3Schema:
        type: object
        properties:
          spec:
            type: object
            properties:
              resources:
                type: object
                additionalProperties: {x-kubernetes-int-or-string: true}
              every: {type: string}
              mode: {type: string, default: fast}
              pools: {type: array, items: {type: object, properties: {name: {type: string}, memory: {type: string}}}}
`

// TestQuantities: the same amount written in another way is no drift: in kinds of
// Kubernetes never, in custom resources where their fields' types are said.
func TestQuantities(t *testing.T) {
	c := newComparer(t, "compare-quantities")
	web := c.declared(webDeployment)
	c.deploy(web)
	c.patch(web, "kubectl-edit", `{"spec":{"template":{"metadata":{"annotations":{"note":"x"}}}}}`)
	c.same("as declared", web, model.Comparison{})
	c.same("written in another way", c.declared(strings.Replace(webDeployment, "1000m, memory: 1073741824", `"1", memory: 1Gi`, 1)), model.Comparison{})
	c.differs("another amount", c.declared(strings.Replace(webDeployment, "1000m", "1001m", 1)), model.Comparison{})

	c.apply(thingCRD)
	crd := c.declared("apiVersion: apiextensions.k8s.io/v1\nkind: CustomResourceDefinition\nmetadata: {name: poolings.compare.example.com}")
	t.Cleanup(func() { c.delete(gvkOf(crd), "", crd.Name) })
	c.eventually("the kind is there", func() error {
		return hasCondition(c.get(gvkOf(crd), "", crd.Name), "Established", "True")
	})
	c.watch(web, crd)
	var thing model.Object
	ref := model.ObjectRef{ObjectKey: model.ObjectKey{Group: "compare.example.com", Kind: "Pooling", Name: "a"}, Version: "v1"}
	c.eventually("the kind is known", func() error { _, err := c.target.Namespaced(ref); return err })
	thing = c.declared(`
apiVersion: compare.example.com/v1
kind: Pooling
metadata: {name: a}
spec: {resources: {cpu: 1000m, memory: 1Gi}, every: 60m, pools: [{name: a, memory: 1Gi}]}
`)
	c.deploy(thing)
	c.same("as applied", thing, model.Comparison{})
	c.patch(thing, "operator", `{"spec":{"resources":{"cpu":1,"memory":"1024Mi"},"every":"1h0m0s","pools":[{"name":"a","memory":"1024Mi"}]}}`)
	c.differs("its fields' types are not known", thing, model.Comparison{})
	known := model.Comparison{KnownTypes: map[string]map[string]string{"compare.example.com_Pooling": {
		"spec.resources": "core/v1/ResourceList", "spec.every": "meta/v1/Duration", "spec.pools.memory": "core/Quantity",
	}}}
	c.same("its fields' types are known", thing, known)
	c.patch(thing, "operator", `{"spec":{"resources":{"cpu":2}}}`)
	c.differs("another amount", thing, known)
	if found := c.differences(thing, known); len(found) != 1 || found[0].Field != "spec.resources.cpu" {
		t.Errorf("differences: %+v", found)
	}
}

// TestSecretDifferences: who compares Secrets sees which values are equal, and none.
func TestSecretDifferences(t *testing.T) {
	c := newComparer(t, "compare-secret")
	o := c.declared("apiVersion: v1\nkind: Secret\nmetadata: {name: a}\ndata: {password: aHVudGVyMg==, pin: aHVudGVyMg==}")
	c.deploy(o)
	c.patch(o, "kubectl-edit", `{"stringData":{"password":"swordfish","pin":"swordfish"}}`)
	c.differs("changed", o, model.Comparison{})
	found := c.differences(o, model.Comparison{})
	if len(found) != 2 || found[0].Live != found[1].Live || found[0].After != found[1].After || found[0].Live == found[0].After {
		t.Errorf("differences: %+v", found)
	}
	for _, value := range []string{"hunter2", "swordfish", "aHVudGVyMg", "c3dvcmRmaXNo"} {
		if slices.ContainsFunc(found, func(d compare.Difference) bool { return strings.Contains(fmt.Sprint(d), value) }) {
			t.Errorf("the differences show %q", value)
		}
	}
}
