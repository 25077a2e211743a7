package flux

import (
	"context"
	"errors"
	"log/slog"
	"sync"
	"testing"
	"time"

	kustomizev1 "github.com/fluxcd/kustomize-controller/api/v1"
	sourcev1 "github.com/fluxcd/source-controller/api/v1"
	corev1 "k8s.io/api/core/v1"
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

func (s *store) Refresh(_ model.SourceKey, token string) {
	s.mu.Lock()
	defer s.mu.Unlock()
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
	add := errors.Join(kustomizev1.AddToScheme(scheme), sourcev1.AddToScheme(scheme), corev1.AddToScheme(scheme))
	if add != nil {
		t.Fatal(add)
	}
	w := &world{t: t, c: NewController(), engine: &engineLog{}, events: record.NewFakeRecorder(100),
		sources: &store{sources: map[model.SourceKey]model.Source{}, states: map[model.SourceKey]model.SourceState{}}}
	w.client = fake.NewClientBuilder().WithScheme(scheme).WithObjects(objects...).
		WithStatusSubresource(&kustomizev1.Kustomization{}, &sourcev1.GitRepository{}).
		WithIndex(newKustomization(), sourceIndex, indexSource).
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
	w.c.use(Deps{Engine: w.engine, Sources: w.sources, Cache: w.client, Live: w.client, Client: w.client,
		Events: w.events, Log: slog.New(slog.DiscardHandler)})
	return w
}

// settle reconciles the named objects and everything that is woken by that.
func (w *world) settle(repos, apps []types.NamespacedName) time.Duration {
	w.t.Helper()
	for _, n := range repos {
		w.c.repos.wake.add(n)
	}
	for _, n := range apps {
		w.c.apps.wake.add(n)
	}
	var again time.Duration
	for {
		name, reconciler, ok := w.next()
		if !ok {
			return again
		}
		res, err := reconciler.Reconcile(w.t.Context(), reconcile.Request{NamespacedName: name})
		if err != nil {
			w.t.Fatalf("reconciling %s: %v", name, err)
		}
		again = max(again, res.RequeueAfter)
	}
}

// next takes a name out of the queues, Kustomizations first.
func (w *world) next() (types.NamespacedName, reconcile.Reconciler, bool) {
	for _, q := range []struct {
		wake *wake
		r    reconcile.Reconciler
	}{{w.c.apps.wake, w.c.apps}, {w.c.repos.wake, w.c.repos}} {
		for name := range q.wake.early {
			delete(q.wake.early, name)
			return name, q.r, true
		}
	}
	return types.NamespacedName{}, nil, false
}

func (w *world) report(r model.Report) {
	w.c.Report(w.t.Context(), r)
	w.settle(nil, nil)
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
	repoKey  = SourceKeyOf(repoName.Namespace, repoName.Name)
	onlyApp  = []types.NamespacedName{appName}
	onlyRepo = []types.NamespacedName{repoName}
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
