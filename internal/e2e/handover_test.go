package e2e

import (
	"encoding/json"
	"fmt"
	"maps"
	"testing"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/apimachinery/pkg/types"
)

// listAll is a list of everything.
var listAll = metav1.ListOptions{}

var serviceAccountKind = schema.GroupVersionKind{Version: "v1", Kind: "ServiceAccount"}

// handed are the files of an app that Argo CD has deployed.
func handed(name string) map[string]string {
	return map[string]string{
		"settings.yaml": configMap(name+"-settings", name),
		"web.yaml":      deployment(name+"-web", ""),
		"service.yaml": fmt.Sprintf("apiVersion: v1\nkind: Service\nmetadata: {name: %[1]s-web}\n"+
			"spec: {selector: {app: %[1]s-web}, ports: [{port: 80}]}\n", name),
		"account.yaml": fmt.Sprintf("apiVersion: v1\nkind: ServiceAccount\nmetadata: {name: %s}\n", name),
		"secret.yaml":  fmt.Sprintf("apiVersion: v1\nkind: Secret\nmetadata: {name: %s}\nstringData: {a: b}\n", name),
	}
}

// deployAsArgo writes an object as Argo CD does, with its tracking annotation.
func (e *env) deployAsArgo(app, namespace, manifest string, serverSide bool) {
	e.t.Helper()
	u, err := parse([]byte(manifest))
	if err != nil {
		e.t.Fatal(err)
	}
	u.SetNamespace(namespace)
	group := u.GroupVersionKind().Group
	u.SetAnnotations(map[string]string{
		"argocd.argoproj.io/tracking-id": fmt.Sprintf("%s:%s/%s:%s/%s", app, group, u.GetKind(), namespace, u.GetName()),
	})
	e.deployMarked(u, serverSide)
}

// deployMarked writes an object as Argo CD does, by client-side apply with the
// annotation that this leaves, or by server-side apply.
func (e *env) deployMarked(u *unstructured.Unstructured, serverSide bool) {
	e.t.Helper()
	r, err := e.cluster.resource(u)
	if err != nil {
		e.t.Fatal(err)
	}
	if serverSide {
		_, err = r.Apply(e.t.Context(), u.GetName(), u, metav1.ApplyOptions{FieldManager: "argocd-controller", Force: true})
	} else {
		// As kubectl apply does: what was applied goes into an annotation.
		annotations := u.GetAnnotations()
		if annotations == nil {
			annotations = map[string]string{}
		}
		last, marshal := json.Marshal(u.Object)
		if marshal != nil {
			e.t.Fatal(marshal)
		}
		annotations["kubectl.kubernetes.io/last-applied-configuration"] = string(last) + "\n"
		u.SetAnnotations(annotations)
		_, err = r.Create(e.t.Context(), u, metav1.CreateOptions{FieldManager: "argocd-controller"})
	}
	if err != nil {
		e.t.Fatal(err)
	}
}

// resourceVersions are those of all objects of a namespace that an app deploys.
func (e *env) resourceVersions(namespace string) map[string]string {
	e.t.Helper()
	out := map[string]string{}
	for _, kind := range []schema.GroupVersionKind{
		configMapKind, deploymentKind, serviceKind, secretKind, serviceAccountKind,
	} {
		r, err := e.cluster.kind(kind, namespace)
		if err != nil {
			e.t.Fatal(err)
		}
		all, err := r.List(e.t.Context(), listAll)
		if err != nil {
			e.t.Fatal(err)
		}
		for _, o := range all.Items {
			out[kind.Kind+"/"+o.GetName()] = string(o.GetUID()) + " " + o.GetResourceVersion()
		}
	}
	return out
}

// rolledOut waits until all Deployments of a namespace are available and nothing
// changes any more, and returns the objects' versions.
func (e *env) rolledOut(namespace string) (versions map[string]string) {
	e.t.Helper()
	r, err := e.cluster.kind(deploymentKind, namespace)
	if err != nil {
		e.t.Fatal(err)
	}
	e.eventually("the Deployments are rolled out", func() error {
		all, err := r.List(e.t.Context(), listAll)
		if err != nil {
			return err
		}
		for _, o := range all.Items {
			if n, _, _ := unstructured.NestedInt64(o.Object, "status", "availableReplicas"); n != 1 {
				return fmt.Errorf("%s is not there yet", o.GetName())
			}
		}
		return nil
	})
	e.eventually("everything is quiet", func() error {
		last := versions
		if versions = e.resourceVersions(namespace); !maps.Equal(last, versions) {
			return errorf("something changes still")
		}
		return nil
	})
	return versions
}

// TestHandOver has 50 applications that Argo CD deployed, by client-side apply and
// by server-side apply, with its status. Fixpoint starts: nothing is written to any
// of their objects, and all are in sync.
func TestHandOver(t *testing.T) {
	const apps = 50
	e := newEnvOn(t, ownCluster(t))
	e.stopController()
	e.namespaces("handed")
	for i := range apps {
		name := fmt.Sprintf("handed-%d", i)
		files := handed(name)
		repo := e.repo(name, files)
		for _, manifest := range files {
			e.deployAsArgo(name, "handed", manifest, i%2 == 0)
		}
		e.apply(application(name, repo, ".", "handed"))
	}
	before := e.rolledOut("handed")
	counted := e.counted(func() {
		e.startController()
		for i := range apps {
			e.shows(fmt.Sprintf("handed-%d", i), map[string]string{"sync.status": "Synced", "health.status": "Healthy"})
		}
	})
	after := e.resourceVersions("handed")
	if !maps.Equal(before, after) {
		for k, v := range after {
			if before[k] != v {
				t.Errorf("%s was changed: %s, then %s", k, before[k], v)
			}
		}
	}
	if len(after) < 5*apps {
		t.Errorf("only %d objects", len(after))
	}
	writes, asked := 0.0, 0.0
	for _, resource := range []string{"configmaps", "deployments", "services", "secrets", "serviceaccounts"} {
		dry := counted["APPLY "+resource+" dry"] + counted["PUT "+resource+" dry"]
		writes += counted.writes(resource) - dry
		asked += dry
	}
	if writes != 0 {
		t.Errorf("%v writes: %v", writes, counted)
	}
	t.Logf("taking over %d objects of %d apps: %v dry runs, %v writes", len(after), apps, asked, writes)

	// What leaves Git of what Argo CD applied is taken away all the same.
	e.push("handed-1", "less", map[string]string{
		"settings.yaml": "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: handed-1-settings}\ndata: {other: x}\n",
	})
	e.eventually("a field that was removed is gone", func() error {
		return e.field(configMapKind, "handed", "handed-1-settings", map[string]any{"other": "x"}, "data")
	})
	// And somebody else's change is seen.
	r, err := e.cluster.kind(configMapKind, "handed")
	if err != nil {
		t.Fatal(err)
	}
	if _, err := r.Patch(t.Context(), "handed-3-settings", types.MergePatchType, []byte(`{"data":{"key":"edited"}}`), metav1.PatchOptions{}); err != nil {
		t.Fatal(err)
	}
	e.holds("handed", "handed-3-settings", "key", "handed-3")
}
