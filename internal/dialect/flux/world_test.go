package flux

import (
	"context"
	"errors"
	"log/slog"
	"sync"
	"testing"

	helmv2 "github.com/fluxcd/helm-controller/api/v2"
	kustomizev1 "github.com/fluxcd/kustomize-controller/api/v1"
	notificationv1 "github.com/fluxcd/notification-controller/api/v1"
	"github.com/fluxcd/pkg/apis/meta"
	sourcev1 "github.com/fluxcd/source-controller/api/v1"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/client-go/tools/record"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/client/fake"
	"sigs.k8s.io/controller-runtime/pkg/client/interceptor"
	"sigs.k8s.io/controller-runtime/pkg/reconcile"

	"github.com/fixpoint-cd/fixpoint/internal/model"
)

// engineLog is an Engine that remembers what it was told.
type engineLog struct {
	mu        sync.Mutex
	puts      []model.App
	forgotten []model.AppKey
	refreshed int
}

func (e *engineLog) Put(a model.App) {
	e.mu.Lock()
	defer e.mu.Unlock()
	e.puts = append(e.puts, a)
}

func (e *engineLog) Forget(k model.AppKey) {
	e.mu.Lock()
	defer e.mu.Unlock()
	e.forgotten = append(e.forgotten, k)
}

func (e *engineLog) Refresh(model.AppKey, bool) {
	e.mu.Lock()
	defer e.mu.Unlock()
	e.refreshed++
}

func (e *engineLog) RefreshFirst(key model.AppKey, hard bool, _ string) { e.Refresh(key, hard) }

func (e *engineLog) last(t *testing.T) model.App {
	t.Helper()
	if len(e.puts) == 0 {
		t.Fatal("nothing was put into the engine")
	}
	return e.puts[len(e.puts)-1]
}

// store is a Sources whose states a test sets.
type store struct {
	mu      sync.Mutex
	sources map[model.SourceKey]model.Source
	states  map[model.SourceKey]model.SourceState
	sets    int
	tokens  []string
	looked  []model.SourceKey
}

func (s *store) Set(k model.SourceKey, src model.Source) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.sources[k] = src
	s.sets++
}

func (s *store) Remove(k model.SourceKey) {
	s.mu.Lock()
	defer s.mu.Unlock()
	delete(s.sources, k)
	delete(s.states, k)
}

func (s *store) Refresh(key model.SourceKey, token string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.looked = append(s.looked, key)
	s.tokens = append(s.tokens, token)
}

func (s *store) State(k model.SourceKey) (model.SourceState, bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	_, ok := s.sources[k]
	return s.states[k], ok
}

func (s *store) found(k model.SourceKey, state model.SourceState) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.states[k] = state
}

// world is a Controller on a fake API server.
type world struct {
	t       *testing.T
	c       *Controller
	engine  *engineLog
	sources *store
	client  client.Client
	events  *record.FakeRecorder
	// writes counts patches of objects and of status, secretReads reads of
	// Secrets.
	writes, secretReads int
}

func newWorld(t *testing.T, objects ...client.Object) *world {
	scheme := runtime.NewScheme()
	add := errors.Join(kustomizev1.AddToScheme(scheme), helmv2.AddToScheme(scheme), notificationv1.AddToScheme(scheme),
		sourcev1.AddToScheme(scheme), corev1.AddToScheme(scheme))
	if add != nil {
		t.Fatal(add)
	}
	w := &world{t: t, c: NewController(), engine: &engineLog{}, events: record.NewFakeRecorder(100),
		sources: &store{sources: map[model.SourceKey]model.Source{}, states: map[model.SourceKey]model.SourceState{}}}
	builder := fake.NewClientBuilder().WithScheme(scheme).WithObjects(objects...)
	for kind := range kinds {
		builder = builder.WithStatusSubresource(newObject(kind))
	}
	for _, kind := range users {
		builder = builder.WithIndex(newObject(kind), sourceIndex, indexSource)
	}
	w.client = builder.
		WithInterceptorFuncs(interceptor.Funcs{
			Get: func(ctx context.Context, c client.WithWatch, key client.ObjectKey, obj client.Object, opts ...client.GetOption) error {
				if _, ok := obj.(*corev1.Secret); ok {
					w.secretReads++
				}
				return c.Get(ctx, key, obj, opts...)
			},
			Patch: func(ctx context.Context, c client.WithWatch, obj client.Object, patch client.Patch, opts ...client.PatchOption) error {
				w.writes++
				return c.Patch(ctx, obj, patch, opts...)
			},
			SubResourcePatch: func(ctx context.Context, c client.Client, sub string, obj client.Object, patch client.Patch, opts ...client.SubResourcePatchOption) error {
				w.writes++
				return c.SubResource(sub).Patch(ctx, obj, patch, opts...)
			},
		}).Build()
	w.deps(func(*Deps) {})
	return w
}

// deps gives the controller what it works with.
func (w *world) deps(change func(*Deps)) {
	d := Deps{Engine: w.engine, Sources: w.sources, Cache: w.client, Live: w.client, Client: w.client,
		Events: w.events, Log: slog.New(slog.DiscardHandler)}
	change(&d)
	w.c.use(d)
}

// settle reconciles the named objects and everything that is woken by that.
func (w *world) settle(objects ...object) {
	w.t.Helper()
	for _, o := range objects {
		w.c.wake(o)
	}
	for {
		o, ok := w.next()
		if !ok {
			return
		}
		w.reconcile(o)
	}
}

func (w *world) reconcile(o object) {
	w.t.Helper()
	if _, err := w.c.reconcilers()[o.kind].Reconcile(w.t.Context(), reconcile.Request{NamespacedName: o.NamespacedName}); err != nil {
		w.t.Fatalf("reconciling %s: %v", o, err)
	}
}

// next takes an object out of the queues, apps first.
func (w *world) next() (object, bool) {
	for _, kind := range []string{"Kustomization", "HelmRelease", "GitRepository", "OCIRepository", "Bucket", "HelmRepository", "HelmChart",
		"ExternalArtifact", "Receiver"} {
		early := w.c.wakes[kind].early
		for name := range early {
			delete(early, name)
			return object{kind, name}, true
		}
	}
	return object{}, false
}

// touched tells that a Secret or ConfigMap is at the version that the server has.
func (w *world) touched(obj client.Object, kind string) {
	w.t.Helper()
	w.c.sources.refs.seen(Ref{kind, obj.GetNamespace(), obj.GetName()}, obj.GetResourceVersion())
}

// read reads an object; nil if there is none.
func (w *world) read(kind, namespace, name string) *unstructured.Unstructured {
	w.t.Helper()
	u := newObject(kind)
	if err := w.client.Get(w.t.Context(), client.ObjectKey{Namespace: namespace, Name: name}, u); err != nil {
		if client.IgnoreNotFound(err) != nil {
			w.t.Fatal(err)
		}
		return nil
	}
	return u
}

// condition is a condition of an object of the namespace ns.
func (w *world) condition(kind, name, of string) metav1.Condition {
	w.t.Helper()
	return w.conditionOf(kind, "ns", name, of)
}

// ready is the condition Ready of an object.
func (w *world) ready(kind, namespace, name string) metav1.Condition {
	w.t.Helper()
	return w.conditionOf(kind, namespace, name, meta.ReadyCondition)
}

func (w *world) conditionOf(kind, namespace, name, of string) metav1.Condition {
	w.t.Helper()
	var s struct{ Status SourceStatus }
	if err := decode(w.read(kind, namespace, name).Object, &s); err != nil {
		w.t.Fatal(err)
	}
	return condition(s.Status.Conditions, of)
}

func (w *world) report(r model.Report) {
	w.c.Report(w.t.Context(), r)
	w.settle()
}

// get reads an object of the dialect; nil if it does not exist.
func (w *world) kustomization() *kustomizev1.Kustomization {
	w.t.Helper()
	var k kustomizev1.Kustomization
	if err := w.client.Get(w.t.Context(), appName, &k); err != nil {
		if client.IgnoreNotFound(err) != nil {
			w.t.Fatal(err)
		}
		return nil
	}
	return &k
}

func (w *world) repository() *sourcev1.GitRepository {
	w.t.Helper()
	var g sourcev1.GitRepository
	if err := w.client.Get(w.t.Context(), repoName, &g); err != nil {
		w.t.Fatal(err)
	}
	return &g
}

// edit changes the object on the server.
func (w *world) edit(obj client.Object, change func()) {
	w.t.Helper()
	if err := w.client.Get(w.t.Context(), client.ObjectKeyFromObject(obj), obj); err != nil {
		w.t.Fatal(err)
	}
	change()
	if err := w.client.Update(w.t.Context(), obj); err != nil {
		w.t.Fatal(err)
	}
}

// recorded drains the events.
func (w *world) recorded() []string {
	var out []string
	for {
		select {
		case e := <-w.events.Events:
			out = append(out, e)
		default:
			return out
		}
	}
}

var (
	appName  = types.NamespacedName{Namespace: "flux-system", Name: "my-app"}
	repoName = types.NamespacedName{Namespace: "flux-system", Name: "my-app-config"}
	appKey   = AppKeyOf(appName.Namespace, appName.Name)
	repoKey  = SourceKeyOf("GitRepository", repoName.Namespace, repoName.Name)
	onlyApp  = object{"Kustomization", appName}
	onlyRepo = object{"GitRepository", repoName}
)

// testObject reads a manifest of testdata, as generation 1.
func testObject(t *testing.T, file string, change ...func(*unstructured.Unstructured)) client.Object {
	t.Helper()
	u := &unstructured.Unstructured{Object: manifest(t, file)}
	u.SetGeneration(1)
	u.SetUID(types.UID(file))
	for _, c := range change {
		c(u)
	}
	return u
}
