package e2e

import (
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
	"testing"

	authenticationv1 "k8s.io/api/authentication/v1"
	corev1 "k8s.io/api/core/v1"
	rbacv1 "k8s.io/api/rbac/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime/schema"
	corev1apply "k8s.io/client-go/applyconfigurations/core/v1"
	"k8s.io/client-go/kubernetes"
	"k8s.io/client-go/rest"
)

// TestControlPlane checks on one cluster what a controller relies on.
func TestControlPlane(t *testing.T) {
	c := connect(t, start(t, t.TempDir()))
	checks := map[string]func(*testing.T, *cluster){
		"server-side apply":     serverSideApply,
		"custom resources":      customResources,
		"access control":        accessControl,
		"garbage collection":    garbageCollection,
		"namespace deletion":    namespaceDeletion,
		"admission":             admission,
		"version and metrics":   versionAndMetrics,
		"deployment":            deployment,
		"deployment with quota": quota,
		"jobs":                  jobs,
		"failing job":           failingJob,
		"crash loop":            crashLoop,
		"exit codes":            exitCodes,
		"slow ready":            slowReady,
		"waiting reason":        waitingReason,
		"unreadable annotation": unreadableAnnotation,
		"logs and exec":         logsAndExec,
		"pod held by finalizer": podHeldByFinalizer,
	}
	t.Run("checks", func(t *testing.T) {
		for _, name := range slices.Sorted(maps.Keys(checks)) {
			t.Run(name, func(t *testing.T) {
				t.Parallel()
				checks[name](t, c)
			})
		}
	})
	c.stop(t)
}

func serverSideApply(t *testing.T, c *cluster) {
	ns := c.namespace(t, "ssa")
	apply := func(manager, value string, force bool) (*corev1.ConfigMap, error) {
		object := corev1apply.ConfigMap("shared", ns).WithData(map[string]string{"key": value, manager: "x"})
		return c.client.CoreV1().ConfigMaps(ns).Apply(t.Context(), object, metav1.ApplyOptions{FieldManager: manager, Force: force})
	}
	must(apply("one", "1", false))(t)
	if _, err := apply("two", "2", false); !apierrors.IsConflict(err) {
		t.Errorf("the second manager's apply: %v, want a conflict", err)
	}
	object := must(apply("two", "2", true))(t)
	owners := map[string]string{}
	for _, entry := range object.ManagedFields {
		owners[entry.Manager] = string(entry.FieldsV1.Raw)
	}
	if strings.Contains(owners["one"], "f:key") || !strings.Contains(owners["one"], "f:one") || !strings.Contains(owners["two"], "f:key") {
		t.Errorf("owned fields: %v", owners)
	}
}

var widgets = schema.GroupVersionResource{Group: "example.org", Version: "v1", Resource: "widgets"}

const widgetCRD = `{
	"apiVersion": "apiextensions.k8s.io/v1", "kind": "CustomResourceDefinition",
	"metadata": {"name": "widgets.example.org"},
	"spec": {
		"group": "example.org", "scope": "Namespaced",
		"names": {"plural": "widgets", "singular": "widget", "kind": "Widget", "listKind": "WidgetList"},
		"versions": [{"name": "v1", "served": true, "storage": true, "schema": {"openAPIV3Schema": {
			"type": "object", "properties": {"spec": {"type": "object", "properties": {"size": {"type": "integer", "maximum": 9}}}}}}}]}}`

func customResources(t *testing.T, c *cluster) {
	ns := c.namespace(t, "crd")
	crds := c.dynamic.Resource(schema.GroupVersionResource{Group: "apiextensions.k8s.io", Version: "v1", Resource: "customresourcedefinitions"})
	crd := &unstructured.Unstructured{}
	if err := crd.UnmarshalJSON([]byte(widgetCRD)); err != nil {
		t.Fatal(err)
	}
	must(crds.Create(t.Context(), crd, metav1.CreateOptions{}))(t)
	eventually(t, "the CRD's condition Established", func() error {
		crd, err := crds.Get(t.Context(), crd.GetName(), metav1.GetOptions{})
		if err != nil {
			return err
		}
		conditions, _, err := unstructured.NestedSlice(crd.Object, "status", "conditions")
		if err != nil {
			return err
		}
		return contains(fmt.Sprint(conditions), "status:True type:Established")
	})
	widget := func(size int64) *unstructured.Unstructured {
		return &unstructured.Unstructured{Object: map[string]any{
			"apiVersion": "example.org/v1", "kind": "Widget",
			"metadata": map[string]any{"name": "w"}, "spec": map[string]any{"size": size},
		}}
	}
	options := metav1.ApplyOptions{FieldManager: "test"}
	eventually(t, "a widget to be taken", func() error {
		_, err := c.dynamic.Resource(widgets).Namespace(ns).Apply(t.Context(), "w", widget(3), options)
		return err
	})
	if _, err := c.dynamic.Resource(widgets).Namespace(ns).Apply(t.Context(), "w", widget(10), options); !apierrors.IsInvalid(err) {
		t.Errorf("a widget against the schema: %v, want Invalid", err)
	}
}

func accessControl(t *testing.T, c *cluster) {
	ns := c.namespace(t, "rbac")
	token := c.token(t, ns, "default")
	client := c.as(token)
	if _, err := client.CoreV1().Pods(ns).List(t.Context(), metav1.ListOptions{}); !apierrors.IsForbidden(err) {
		t.Errorf("an unprivileged ServiceAccount lists pods: %v, want Forbidden", err)
	}
	if _, err := c.as("nonsense").CoreV1().Pods(ns).List(t.Context(), metav1.ListOptions{}); !apierrors.IsUnauthorized(err) {
		t.Errorf("a made-up token: %v, want Unauthorized", err)
	}
	must(c.client.RbacV1().RoleBindings(ns).Create(t.Context(), &rbacv1.RoleBinding{
		ObjectMeta: metav1.ObjectMeta{Name: "view"},
		RoleRef:    rbacv1.RoleRef{APIGroup: rbacv1.GroupName, Kind: "ClusterRole", Name: "view"},
		Subjects:   []rbacv1.Subject{{Kind: "ServiceAccount", Name: "default", Namespace: ns}},
	}, metav1.CreateOptions{}))(t)
	eventually(t, "the binding to count", func() error {
		_, err := client.CoreV1().Pods(ns).List(t.Context(), metav1.ListOptions{})
		return err
	})
	if _, err := client.CoreV1().Secrets(ns).List(t.Context(), metav1.ListOptions{}); !apierrors.IsForbidden(err) {
		t.Errorf("a viewer lists secrets: %v, want Forbidden", err)
	}
}

func garbageCollection(t *testing.T, c *cluster) {
	ns := c.namespace(t, "gc")
	maps := c.client.CoreV1().ConfigMaps(ns)
	owner := must(maps.Create(t.Context(), &corev1.ConfigMap{ObjectMeta: metav1.ObjectMeta{Name: "owner"}}, metav1.CreateOptions{}))(t)
	must(maps.Create(t.Context(), &corev1.ConfigMap{ObjectMeta: metav1.ObjectMeta{
		Name:            "owned",
		OwnerReferences: []metav1.OwnerReference{{APIVersion: "v1", Kind: "ConfigMap", Name: owner.Name, UID: owner.UID}},
	}}, metav1.CreateOptions{}))(t)
	if err := maps.Delete(t.Context(), "owner", metav1.DeleteOptions{}); err != nil {
		t.Fatal(err)
	}
	eventually(t, "the owned object to go", gone(func() error {
		_, err := maps.Get(t.Context(), "owned", metav1.GetOptions{})
		return err
	}))
}

func namespaceDeletion(t *testing.T, c *cluster) {
	ns := c.namespace(t, "doomed")
	c.deploy(t, ns, "web", 3, nil)
	c.awaitAvailable(t, ns, "web")
	if err := c.client.CoreV1().Namespaces().Delete(t.Context(), ns, metav1.DeleteOptions{}); err != nil {
		t.Fatal(err)
	}
	eventually(t, "the namespace to go", gone(func() error {
		_, err := c.client.CoreV1().Namespaces().Get(t.Context(), ns, metav1.GetOptions{})
		return err
	}))
}

func admission(t *testing.T, c *cluster) {
	ns := "restricted"
	must(c.client.CoreV1().Namespaces().Create(t.Context(), &corev1.Namespace{ObjectMeta: metav1.ObjectMeta{
		Name: ns, Labels: map[string]string{"pod-security.kubernetes.io/enforce": "restricted"},
	}}, metav1.CreateOptions{}))(t)
	eventually(t, "a privileged pod to be refused", func() error {
		_, err := c.client.CoreV1().Pods(ns).Create(t.Context(), newPod("p", nil), metav1.CreateOptions{})
		if err == nil {
			return errors.New("it was taken")
		}
		return contains(err.Error(), "violates PodSecurity")
	})
}

func versionAndMetrics(t *testing.T, c *cluster) {
	version := must(c.client.Discovery().ServerVersion())(t)
	if !strings.HasPrefix(version.GitVersion, "v"+version.Major+"."+version.Minor+".") {
		t.Errorf("version %+v", version)
	}
	metrics := must(c.client.Discovery().RESTClient().Get().AbsPath("/metrics").DoRaw(t.Context()))(t)
	if err := contains(string(metrics), "\napiserver_request_total{"); err != nil {
		t.Error("/metrics has no apiserver_request_total")
	}
}

// token makes a token of a ServiceAccount.
func (c *cluster) token(t *testing.T, ns, account string) string {
	t.Helper()
	request := must(c.client.CoreV1().ServiceAccounts(ns).CreateToken(t.Context(), account, &authenticationv1.TokenRequest{}, metav1.CreateOptions{}))(t)
	return request.Status.Token
}

// as is a client that has nothing but a token.
func (c *cluster) as(token string) kubernetes.Interface {
	config := rest.AnonymousClientConfig(c.config)
	config.BearerToken = token
	return kubernetes.NewForConfigOrDie(config)
}

// whoami is the user whose token this is.
func (c *cluster) whoami(t *testing.T, token string) string {
	t.Helper()
	review := must(c.client.AuthenticationV1().TokenReviews().Create(t.Context(),
		&authenticationv1.TokenReview{Spec: authenticationv1.TokenReviewSpec{Token: token}}, metav1.CreateOptions{}))(t)
	return review.Status.User.Username
}

// gone turns a read into a check that the object does not exist.
func gone(read func() error) func() error {
	return func() error {
		err := read()
		if apierrors.IsNotFound(err) {
			return nil
		}
		return fmt.Errorf("it is still there: %w", err)
	}
}
