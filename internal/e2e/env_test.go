package e2e

import (
	"context"
	"fmt"
	"io"
	"log/slog"
	"os"
	"strings"
	"sync"
	"testing"
	"time"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/apimachinery/pkg/types"

	"github.com/fixpoint-cd/fixpoint/internal/app"
	"github.com/fixpoint-cd/fixpoint/internal/dialect/flux"
	"github.com/fixpoint-cd/fixpoint/internal/gitserver"
	"github.com/fixpoint-cd/fixpoint/internal/source"
)

// patience bounds every wait; it only ends tests that fail, on however slow a machine.
const patience = 5 * time.Minute

// org is the address that manifests name; a mirror leads it to the Git server.
const org = "https://github.com/myorg/"

var (
	applicationKind   = schema.GroupVersionKind{Group: "argoproj.io", Version: "v1alpha1", Kind: "Application"}
	kustomizationKind = schema.GroupVersionKind{Group: "kustomize.toolkit.fluxcd.io", Version: "v1", Kind: "Kustomization"}
	repositoryKind    = schema.GroupVersionKind{Group: "source.toolkit.fluxcd.io", Version: "v1", Kind: "GitRepository"}
	configMapKind     = schema.GroupVersionKind{Version: "v1", Kind: "ConfigMap"}
	deploymentKind    = schema.GroupVersionKind{Group: "apps", Version: "v1", Kind: "Deployment"}
	namespaceKind     = schema.GroupVersionKind{Version: "v1", Kind: "Namespace"}
)

// env is a test's surroundings: a cluster, a Git server, a controller.
type env struct {
	t       *testing.T
	cluster *cluster
	git     *gitserver.Server
	dataDir string
	addr    string // of the controller's HTTP server
	logs    *lockedBuffer
	heard   int // of the libraries' log, before the test

	stopOnce func()
}

type lockedBuffer struct {
	mu sync.Mutex
	b  strings.Builder
}

func (l *lockedBuffer) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.b.Write(p)
}

func (l *lockedBuffer) String() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.b.String()
}

// newEnv starts a Git server and a controller on the shared cluster.
func newEnv(t *testing.T, configure ...func(*app.Options)) *env {
	t.Helper()
	return newEnvOn(t, shared, configure...)
}

func newEnvOn(t *testing.T, c *cluster, configure ...func(*app.Options)) *env {
	t.Helper()
	e := &env{t: t, cluster: c, dataDir: t.TempDir(), logs: &lockedBuffer{}, heard: len(libraries.String())}
	e.git = gitserver.New(t.TempDir())
	if err := e.git.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(e.git.Close)
	e.namespaces("argocd", "flux-system")
	e.startController(configure...)
	t.Cleanup(func() {
		e.stopController() // else it gives what is swept its finalizer back
		e.sweep()
		if t.Failed() {
			t.Logf("controller's log:\n%s", tail(e.logs.String(), 120))
		}
	})
	return e
}

func tail(s string, n int) string {
	lines := strings.Split(s, "\n")
	return strings.Join(lines[max(0, len(lines)-n):], "\n")
}

// startController runs the controller in this process, the way main does.
func (e *env) startController(configure ...func(*app.Options)) {
	e.t.Helper()
	opt := app.Options{REST: e.cluster.rest, DataDir: e.dataDir, Listen: "127.0.0.1:0",
		Mirrors:          []source.Rewrite{{Prefix: org, Base: e.git.BaseURL() + "myorg/"}},
		UnsignedWebhooks: true, AllowRemote: []string{org, "http://127.0.0.1"}}
	started := make(chan string, 1)
	opt.Started = func(addr string) { started <- addr }
	for _, f := range configure {
		f(&opt)
	}
	var sink io.Writer = e.logs
	if os.Getenv("FIXPOINT_LOG") != "" {
		sink = io.MultiWriter(e.logs, os.Stderr)
	}
	log := slog.New(slog.NewTextHandler(sink, &slog.HandlerOptions{Level: slog.LevelInfo}))
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan error, 1)
	go func() { done <- app.Controller(ctx, opt, log) }()
	select {
	case e.addr = <-started:
	case err := <-done:
		cancel()
		e.t.Fatalf("controller: %v", err)
	}
	e.stopOnce = sync.OnceFunc(func() {
		cancel()
		if err := <-done; err != nil {
			e.t.Errorf("controller: %v", err)
		}
	})
}

func (e *env) stopController() { e.stopOnce() }

// repo makes a repository below org with these files on main, and returns its
// name. Names are unique to the test.
func (e *env) repo(name string, files map[string]string) string {
	e.t.Helper()
	if err := e.git.Create(e.t.Context(), "myorg/"+name); err != nil {
		e.t.Fatal(err)
	}
	e.push(name, "first", files)
	return name
}

// push commits files; an empty content deletes a file. It returns the commit.
func (e *env) push(repo, message string, files map[string]string) string {
	e.t.Helper()
	change := map[string]*string{}
	for name, content := range files {
		change[name] = &content
		if content == "" {
			change[name] = nil
		}
	}
	id, err := e.git.Commit(e.t.Context(), "myorg/"+repo, "main", message, change)
	if err != nil {
		e.t.Fatal(err)
	}
	e.notify(repo)
	return id
}

// apply writes the manifests of a YAML text.
func (e *env) apply(text string) {
	e.t.Helper()
	for doc := range strings.SplitSeq(text, "\n---\n") {
		if strings.TrimSpace(doc) == "" {
			continue
		}
		u, err := parse([]byte(doc))
		if err != nil {
			e.t.Fatal(err)
		}
		if err := e.cluster.apply(e.t.Context(), u); err != nil {
			e.t.Fatalf("applying %s %s: %v", u.GetKind(), u.GetName(), err)
		}
	}
}

func (e *env) namespaces(names ...string) {
	for _, n := range names {
		e.apply("apiVersion: v1\nkind: Namespace\nmetadata: {name: " + n + "}")
	}
}

// get reads an object; nil if there is none.
func (e *env) get(gvk schema.GroupVersionKind, namespace, name string) *unstructured.Unstructured {
	e.t.Helper()
	r, err := e.cluster.kind(gvk, namespace)
	if err != nil {
		e.t.Fatal(err)
	}
	var o *unstructured.Unstructured
	err = within(patience, func() (err error) {
		o, err = r.Get(context.Background(), name, metav1.GetOptions{})
		if apierrors.IsNotFound(err) {
			o, err = nil, nil
		}
		return err
	})
	if err != nil {
		e.t.Fatal(err)
	}
	return o
}

// delete deletes an object and does not wait.
func (e *env) delete(gvk schema.GroupVersionKind, namespace, name string) {
	e.t.Helper()
	r, err := e.cluster.kind(gvk, namespace)
	if err != nil {
		e.t.Fatal(err)
	}
	if err := r.Delete(context.Background(), name, metav1.DeleteOptions{}); err != nil && !apierrors.IsNotFound(err) {
		e.t.Fatal(err)
	}
}

// eventually waits until check returns nil.
func (e *env) eventually(what string, check func() error) {
	e.t.Helper()
	if err := within(patience, check); err != nil {
		e.t.Fatalf("%s: %v", what, err)
	}
}

// synced waits until an Application is Synced and Healthy at the commit; ""
// is any.
func (e *env) synced(name, commit string) {
	e.t.Helper()
	e.eventually("Application "+name+" Synced", func() error {
		o := e.get(applicationKind, "argocd", name)
		if o == nil {
			return fmt.Errorf("there is no Application %s", name)
		}
		status, _, _ := unstructured.NestedString(o.Object, "status", "sync", "status")
		health, _, _ := unstructured.NestedString(o.Object, "status", "health", "status")
		revision, _, _ := unstructured.NestedString(o.Object, "status", "sync", "revision")
		if status != "Synced" || health != "Healthy" || (commit != "" && revision != commit) {
			return fmt.Errorf("status: %s", brief(o))
		}
		return nil
	})
}

// ready waits until a Kustomization is Ready at the commit; "" is any.
func (e *env) ready(name, commit string) {
	e.t.Helper()
	e.eventually("Kustomization "+name+" Ready", func() error {
		o := e.get(kustomizationKind, "flux-system", name)
		if o == nil {
			return fmt.Errorf("there is no Kustomization %s", name)
		}
		if err := hasCondition(o, "Ready", "True"); err != nil {
			return err
		}
		revision, _, _ := unstructured.NestedString(o.Object, "status", "lastAppliedRevision")
		if commit != "" && !strings.HasSuffix(revision, commit) {
			return fmt.Errorf("lastAppliedRevision is %s", revision)
		}
		return nil
	})
}

// brief is the status of an object without its long lists.
func brief(o *unstructured.Unstructured) string {
	status, _ := o.Object["status"].(map[string]any)
	out := map[string]any{}
	for k, v := range status {
		if k != "resources" && k != "history" && k != "inventory" {
			out[k] = v
		}
	}
	return fmt.Sprint(out)
}

// data reads a key of a ConfigMap.
func (e *env) data(namespace, name, key string) (string, error) {
	o := e.get(configMapKind, namespace, name)
	if o == nil {
		return "", fmt.Errorf("there is no ConfigMap %s/%s", namespace, name)
	}
	v, _, _ := unstructured.NestedString(o.Object, "data", key)
	return v, nil
}

// holds waits until a ConfigMap's key has the value.
func (e *env) holds(namespace, name, key, want string) {
	e.t.Helper()
	e.eventually("ConfigMap "+namespace+"/"+name, func() error {
		got, err := e.data(namespace, name, key)
		if err == nil && got != want {
			err = fmt.Errorf("%s is %q, want %q", key, got, want)
		}
		return err
	})
}

// sweep deletes the apps of the test without their objects, so that the next
// test's controller finds none.
func (e *env) sweep() {
	ctx := context.Background()
	for _, gvk := range append(flux.Kinds(), applicationKind) {
		r, err := e.cluster.kind(gvk, metav1.NamespaceAll)
		if err != nil {
			e.t.Error(err)
			return
		}
		list, err := r.List(ctx, metav1.ListOptions{})
		if err != nil {
			e.t.Error(err)
			return
		}
		for _, o := range list.Items {
			one, _ := e.cluster.kind(gvk, o.GetNamespace())
			_, _ = one.Patch(ctx, o.GetName(), "application/merge-patch+json", []byte(`{"metadata":{"finalizers":null}}`), metav1.PatchOptions{})
			_ = one.Delete(ctx, o.GetName(), metav1.DeleteOptions{})
		}
	}
}

// edit changes an object the way kubectl edit does.
func (e *env) edit(gvk schema.GroupVersionKind, namespace, name, patch string) {
	e.t.Helper()
	r, err := e.cluster.kind(gvk, namespace)
	if err != nil {
		e.t.Fatal(err)
	}
	_, err = r.Patch(context.Background(), name, types.MergePatchType, []byte(patch), metav1.PatchOptions{FieldManager: "kubectl-edit"})
	if err != nil {
		e.t.Fatal(err)
	}
}
