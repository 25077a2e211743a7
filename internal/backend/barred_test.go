package backend

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/client-go/rest"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/fixpoint-cd/fixpoint/internal/dialect/argo"
	"github.com/fixpoint-cd/fixpoint/internal/live"
	"github.com/fixpoint-cd/fixpoint/internal/model"
	"github.com/fixpoint-cd/fixpoint/internal/view"
)

// oneApp is an engine with an app, of which it has a report.
type oneApp struct {
	app    model.App
	report model.Report
}

func (o oneApp) App(key model.AppKey) (model.App, bool)       { return o.app, key == o.app.Key }
func (o oneApp) Report(key model.AppKey) (model.Report, bool) { return o.report, key == o.app.Key }
func (o oneApp) Desired(_ model.AppKey, obj model.ObjectKey) (model.Object, bool) {
	return model.Object{JSON: fmt.Appendf(nil, `{"apiVersion":"v1","kind":%q,"metadata":{"name":%q}}`, obj.Kind, obj.Name)}, true
}

// declares is a cache in which every object is.
type declares struct{ client.Reader }

func (declares) Get(context.Context, client.ObjectKey, client.Object, ...client.GetOption) error {
	return nil
}

// untouched fails where something is done with an object.
type untouched struct{ *testing.T }

func (untouched) Actions(context.Context, model.App, model.ObjectRef) ([]view.Action, error) {
	return []view.Action{{Name: "restart"}}, nil
}

func (u untouched) Act(_ context.Context, _ model.App, obj model.ObjectRef, _ string, _ map[string]string) ([]string, error) {
	u.Errorf("something is done with %s", obj)
	return nil, nil
}

// pods answers as an API server with a pod of each name in each namespace, and notes
// what it was asked for.
func pods(asked func(string), names ...string) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Content-Type", "application/json")
		switch r.URL.Path {
		case "/api":
			_, _ = io.WriteString(w, `{"kind":"APIVersions","versions":["v1"]}`)
			return
		case "/apis":
			_, _ = io.WriteString(w, `{"kind":"APIGroupList","apiVersion":"v1","groups":[]}`)
			return
		case "/api/v1":
			_, _ = io.WriteString(w, `{"kind":"APIResourceList","groupVersion":"v1","resources":[{"name":"pods","kind":"Pod","namespaced":true,"verbs":["get","list","watch"]}]}`)
			return
		}
		asked(r.Method + " " + r.URL.String())
		parts := strings.Split(r.URL.Path, "/")
		pod := func(name string) string {
			return fmt.Sprintf(`{"apiVersion":"v1","kind":"Pod","metadata":{"name":%q,"namespace":%q,"uid":"uid-%s"},"spec":{"containers":[{"name":"main"}]},"status":{"phase":"Running"}}`, name, parts[4], name)
		}
		if len(parts) == 7 {
			_, _ = io.WriteString(w, pod(parts[6]))
			return
		}
		var items []string
		for _, name := range names {
			if s := r.URL.Query().Get("fieldSelector"); s == "" || s == "metadata.name="+name {
				items = append(items, pod(name))
			}
		}
		_, _ = io.WriteString(w, `{"kind":"PodList","apiVersion":"v1","metadata":{"resourceVersion":"1"},"items":[`+strings.Join(items, ",")+`]}`)
	}
}

// TestSecurityDeclaredIsNotOwned: GHSA-2f5v-8r3f-8pww. Who may push to what an app is
// made of can have it declare any object, and gets nothing of one that is another app's
// or in a namespace that the cluster is not open for: neither its content, events or
// logs, nor can it be deleted or acted on.
func TestSecurityDeclaredIsNotOwned(t *testing.T) {
	pod := func(namespace, name string) model.ResourceState {
		return model.ResourceState{Sync: model.OutOfSync, Live: true, Object: model.ObjectRef{
			ObjectKey: model.ObjectKey{Kind: "Pod", Namespace: namespace, Name: name}, Version: "v1",
		}}
	}
	own, taken, elsewhere := pod("shop", "own"), pod("shop", "taken"), pod("vault", "elsewhere")
	taken.Foreign = true
	key := model.AppKey{Dialect: argo.Dialect, Namespace: "argocd", Name: "thief"}
	var mu sync.Mutex
	var asked []string
	server := httptest.NewServer(pods(func(what string) {
		mu.Lock()
		defer mu.Unlock()
		asked = append(asked, what)
	}, "own", "taken", "elsewhere"))
	defer server.Close()
	service := live.New(live.Config{Patience: time.Hour})
	defer service.Close()
	settings, problems := argo.ReadSettings([]corev1.Secret{{
		ObjectMeta: metav1.ObjectMeta{Name: "here", Labels: map[string]string{argo.LabelSecretType: "cluster"}},
		Data:       map[string][]byte{"name": []byte("here"), "server": []byte(argo.InClusterServer), "namespaces": []byte("shop"), "config": []byte("{}")},
	}}, nil)
	if len(problems) > 0 {
		t.Fatal(problems)
	}
	b := New(Config{
		Engine: oneApp{model.App{Key: key}, model.Report{App: key, Resources: []model.ResourceState{own, taken, elsewhere}}},
		Cache:  declares{}, Live: service, Objects: untouched{t}, Settings: func() *argo.Settings { return settings },
		Place: func(target string) (*live.Cluster, error) {
			return service.Cluster(target, &rest.Config{Host: server.URL})
		},
		Declares: func(string) bool { return true }, Now: time.Now, Log: slog.New(slog.DiscardHandler),
	})
	ctx := t.Context()
	tree, err := b.Tree(ctx, key)
	if err != nil || len(tree.Nodes) != 3 {
		t.Fatalf("the tree is %v, %v", tree, err)
	}
	for _, n := range tree.Nodes {
		if known := n.UID != "" || len(n.Info) > 0; known != (n.Ref.Name == "own") {
			t.Errorf("the tree knows of %s: %+v", n.Ref, n)
		}
	}
	if o, err := b.Object(ctx, key, own.Object.ObjectKey); err != nil || o.Live == nil || len(o.Actions) != 1 {
		t.Errorf("of its own it gets %+v, %v", o, err)
	}
	for _, s := range []model.ResourceState{taken, elsewhere} {
		obj := s.Object.ObjectKey
		o, err := b.Object(ctx, key, obj)
		if err != nil || o.Live != nil || len(o.Pods)+len(o.Owners)+len(o.Actions) > 0 || o.Desired == nil {
			t.Errorf("of %s it gets %+v, %v, want what is declared alone", obj, o, err)
		}
		_, events := b.Events(ctx, key, obj)
		logs := b.Logs(ctx, key, view.LogQuery{Object: obj}, func(view.LogLine) error { return nil })
		_, act := b.Act(ctx, key, "eve", obj, "restart", nil)
		for what, err := range map[string]error{"events": events, "logs": logs, "act": act, "delete": b.Delete(ctx, key, "eve", obj)} {
			if !errors.Is(err, model.ErrDenied) {
				t.Errorf("%s of %s: %v, want a refusal", what, obj, err)
			}
		}
	}
	mu.Lock()
	defer mu.Unlock()
	for _, what := range asked {
		if strings.Contains(what, "taken") || strings.Contains(what, "vault") || !strings.HasPrefix(what, "GET") {
			t.Errorf("the cluster was asked: %s", what)
		}
	}
}

// passing is an engine whose app loses its object to another.
type passing struct {
	oneApp
	lost *atomic.Bool
}

func (p passing) Report(key model.AppKey) (model.Report, bool) {
	r, ok := p.oneApp.Report(key)
	r.Resources = slices.Clone(r.Resources)
	for i := range r.Resources {
		r.Resources[i].Foreign = p.lost.Load()
	}
	return r, ok
}

// TestSecurityLogsOfWhatIsLost (GHSA-2f5v-8r3f-8pww's class): a log that is read ends when
// its object is another app's.
func TestSecurityLogsOfWhatIsLost(t *testing.T) {
	lost, more := &atomic.Bool{}, make(chan struct{})
	others := pods(func(string) {}, "own")
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if !strings.HasSuffix(r.URL.Path, "/log") {
			others(w, r)
			return
		}
		_, _ = io.WriteString(w, "2026-01-02T03:04:05Z before\n")
		_ = http.NewResponseController(w).Flush()
		select {
		case <-more:
			_, _ = io.WriteString(w, "2026-01-02T03:04:06Z after\n2026-01-02T03:04:07Z much later\n")
		case <-r.Context().Done():
		}
	}))
	defer server.Close()
	service := live.New(live.Config{Patience: time.Hour})
	defer service.Close()
	own := model.ResourceState{Live: true, Object: model.ObjectRef{ObjectKey: model.ObjectKey{Kind: "Pod", Namespace: "shop", Name: "own"}, Version: "v1"}}
	var ticks atomic.Int64
	b := New(Config{
		Engine: passing{oneApp{model.App{Key: application}, model.Report{App: application, Resources: []model.ResourceState{own}}}, lost},
		Cache:  declares{}, Live: service, Settings: func() *argo.Settings { return &argo.Settings{} },
		Place: func(target string) (*live.Cluster, error) {
			return service.Cluster(target, &rest.Config{Host: server.URL})
		},
		Declares: func(string) bool { return true }, Log: slog.New(slog.DiscardHandler),
		Now: func() time.Time { return time.Unix(ticks.Add(60), 0) },
	})
	var read []string
	err := b.Logs(t.Context(), application, view.LogQuery{Object: own.Object.ObjectKey, Tail: -1}, func(l view.LogLine) error {
		read = append(read, l.Text)
		if len(read) == 1 {
			lost.Store(true)
			close(more)
		}
		return nil
	})
	if !errors.Is(err, model.ErrDenied) || !slices.Equal(read, []string{"before"}) {
		t.Errorf("read %q, %v; want the line before, and a refusal", read, err)
	}
}
