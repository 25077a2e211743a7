package backend

import (
	"context"
	"errors"
	"log/slog"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/client/fake"
	"sigs.k8s.io/yaml"

	"github.com/fixpoint-cd/fixpoint/internal/dialect/argo"
	"github.com/fixpoint-cd/fixpoint/internal/live"
	"github.com/fixpoint-cd/fixpoint/internal/model"
	"github.com/fixpoint-cd/fixpoint/internal/view"
)

var (
	application   = model.AppKey{Dialect: argo.Dialect, Namespace: "argocd", Name: "shop"}
	kustomization = model.AppKey{Dialect: "flux", Namespace: "flux-system", Name: "shop"}
)

// declaredBy reads an object of one of AppKinds.
func declaredBy(t *testing.T, text string) *unstructured.Unstructured {
	t.Helper()
	obj := &unstructured.Unstructured{}
	if err := yaml.Unmarshal([]byte(text), &obj.Object); err != nil {
		t.Fatal(err)
	}
	return obj
}

// anApplication is application with more of its spec and its metadata.
func anApplication(t *testing.T, metadata, spec string) *unstructured.Unstructured {
	t.Helper()
	return declaredBy(t, "apiVersion: argoproj.io/v1alpha1\nkind: Application\n"+
		"metadata: {namespace: argocd, name: shop, uid: one, "+metadata+"}\nspec: {project: default, "+spec+"}\n")
}

func aKustomization(t *testing.T, spec string) *unstructured.Unstructured {
	t.Helper()
	return declaredBy(t, "apiVersion: kustomize.toolkit.fluxcd.io/v1\nkind: Kustomization\n"+
		"metadata: {namespace: flux-system, name: shop, uid: two}\nspec: {"+spec+"}\n")
}

// working is a backend over the objects of a cluster that lags behind nothing.
func working(t *testing.T, objects ...client.Object) (*Backend, client.Client) {
	t.Helper()
	c := fake.NewClientBuilder().WithScheme(runtime.NewScheme()).WithObjects(objects...).Build()
	service := live.New(live.Config{Patience: time.Hour})
	t.Cleanup(service.Close)
	return New(Config{
		Engine: oneApp{model.App{Key: application}, model.Report{App: application}}, Cache: c, Latest: c, Client: c, Live: service,
		Settings: func() *argo.Settings { return &argo.Settings{} }, Declares: func(namespace string) bool { return namespace == "argocd" },
		Now: time.Now, Log: slog.New(slog.DiscardHandler),
	}), c
}

func TestDeleteApp(t *testing.T) {
	tests := map[string]struct {
		metadata string
		cascade  view.Cascade
		// left are the finalizers of the object that is being deleted; nil says that it is
		// gone.
		left []string
		err  string
	}{
		"as Argo CD does without a word": {"", "", []string{"resources-finalizer.argocd.argoproj.io"}, ""},
		"one object after the other": {
			"", view.CascadeForeground, []string{"resources-finalizer.argocd.argoproj.io"}, "",
		},
		"in the background": {
			"finalizers: [resources-finalizer.argocd.argoproj.io]", view.CascadeBackground,
			[]string{"resources-finalizer.argocd.argoproj.io/background"}, "",
		},
		"without its objects":           {"finalizers: [resources-finalizer.argocd.argoproj.io]", view.CascadeNone, nil, ""},
		"without them, held by another": {"finalizers: [example.com/keep]", view.CascadeNone, []string{"example.com/keep"}, ""},
		"hooks of the deletion stay": {
			"finalizers: [post-delete-finalizer.argocd.argoproj.io]", view.CascadeForeground,
			[]string{"post-delete-finalizer.argocd.argoproj.io", "resources-finalizer.argocd.argoproj.io"}, "",
		},
		"what is no cascade": {"", "sideways", nil, `there is no cascade "sideways": choose foreground, background or none`},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			b, c := working(t, anApplication(t, tt.metadata, ""))
			err := b.DeleteApp(t.Context(), application, "ann", tt.cascade)
			now, missing := read(t.Context(), c, application)
			if tt.err != "" {
				if err == nil || !strings.Contains(err.Error(), tt.err) || missing != nil || now.GetDeletionTimestamp() != nil {
					t.Errorf("got %v, and the Application %v, want it to stay and %q", err, missing, tt.err)
				}
				return
			}
			if err != nil {
				t.Fatal(err)
			}
			if tt.left == nil {
				if missing == nil {
					t.Errorf("it is there with %q", now.GetFinalizers())
				}
				return
			}
			if missing != nil || now.GetDeletionTimestamp() == nil {
				t.Fatalf("it is not being deleted: %v", missing)
			}
			if diff := cmp.Diff(tt.left, now.GetFinalizers()); diff != "" {
				t.Error(diff)
			}
		})
	}
}

// A deletion that goes on can be let go of, and can't be made another.
func TestDeleteDeletedApp(t *testing.T) {
	deleting := "finalizers: [resources-finalizer.argocd.argoproj.io, example.com/keep], deletionTimestamp: 2026-01-02T03:04:05Z"
	b, c := working(t, anApplication(t, deleting, ""))
	if err := b.DeleteApp(t.Context(), application, "ann", view.CascadeBackground); !errors.Is(err, view.ErrConflict) {
		t.Errorf("another cascade: got %v, want a conflict", err)
	}
	if err := b.DeleteApp(t.Context(), application, "ann", view.CascadeForeground); err != nil {
		t.Errorf("the same again: %v", err)
	}
	if err := b.DeleteApp(t.Context(), application, "ann", view.CascadeNone); err != nil {
		t.Errorf("leaving the rest: %v", err)
	}
	if now, err := read(t.Context(), c, application); err != nil || !slices.Equal(now.GetFinalizers(), []string{"example.com/keep"}) {
		t.Errorf("it is held by %v, %v, want the other's finalizer alone", now, err)
	}
}

func TestDeleteKustomization(t *testing.T) {
	b, c := working(t, aKustomization(t, "prune: true"))
	if err := b.DeleteApp(t.Context(), kustomization, "ann", view.CascadeNone); !errors.Is(err, model.ErrInvalid) {
		t.Errorf("a cascade: got %v, want it refused", err)
	}
	if err := b.DeleteApp(t.Context(), kustomization, "ann", ""); err != nil {
		t.Error(err)
	}
	if _, err := read(t.Context(), c, kustomization); !isGone(err) {
		t.Errorf("it is not gone: %v", err)
	}
}

func TestAutomate(t *testing.T) {
	yes, no := true, false
	tests := map[string]struct {
		spec string
		ask  view.Automation
		want map[string]any
	}{
		"on":                     {"", view.Automation{On: true}, map[string]any{}},
		"on, with all of it":     {"", view.Automation{On: true, Prune: &yes, SelfHeal: &yes}, map[string]any{"prune": true, "selfHeal": true}},
		"on again":               {"syncPolicy: {automated: {enabled: false, prune: true}}", view.Automation{On: true}, map[string]any{"prune": true}},
		"off":                    {"syncPolicy: {automated: {prune: true}}", view.Automation{}, map[string]any{"prune": true, "enabled": false}},
		"off, and without prune": {"syncPolicy: {automated: {prune: true}}", view.Automation{Prune: &no}, map[string]any{"prune": false, "enabled": false}},
		"off, as it was":         {"", view.Automation{}, nil},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			b, c := working(t, anApplication(t, "", tt.spec))
			if err := b.Automate(t.Context(), application, "ann", tt.ask); err != nil {
				t.Fatal(err)
			}
			now, err := read(t.Context(), c, application)
			if err != nil {
				t.Fatal(err)
			}
			got, _, _ := unstructured.NestedMap(now.Object, "spec", "syncPolicy", "automated")
			if diff := cmp.Diff(tt.want, got); diff != "" {
				t.Error(diff)
			}
		})
	}
	b, _ := working(t, aKustomization(t, "prune: true"))
	if err := b.Automate(t.Context(), kustomization, "ann", view.Automation{On: true}); !errors.Is(err, model.ErrInvalid) {
		t.Errorf("a Kustomization: got %v, want it refused", err)
	}
}

// late is a cache that has not heard of the last change.
type late struct {
	client.Reader
	stale *unstructured.Unstructured
}

func (l late) Get(ctx context.Context, key client.ObjectKey, into client.Object, o ...client.GetOption) error {
	if u, is := into.(*unstructured.Unstructured); is && key == client.ObjectKeyFromObject(l.stale) {
		l.stale.DeepCopyInto(u)
		return nil
	}
	return l.Reader.Get(ctx, key, into, o...)
}

// Deeds go by what is, not by a cache that is late: whoever has just suspended an app must
// not have it synced.
func TestDeedsSeeTheLatest(t *testing.T) {
	b, c := working(t, aKustomization(t, "suspend: true"))
	b.Cache = late{c, aKustomization(t, "suspend: false")}
	for what, err := range map[string]error{
		"sync":    b.Sync(t.Context(), kustomization, "ann", view.SyncRequest{}),
		"refresh": b.Refresh(t.Context(), kustomization, "ann", false),
	} {
		if !errors.Is(err, view.ErrConflict) || !strings.Contains(err.Error(), "is suspended: resume it first") {
			t.Errorf("%s: got %v, want a conflict that says so", what, err)
		}
	}
	now, err := read(t.Context(), c, kustomization)
	if err != nil || len(now.GetAnnotations()) > 0 {
		t.Errorf("it was asked for a look: %v, %v", now.GetAnnotations(), err)
	}
}

// TestSecurityMovedMeanwhile (GHSA-3jfq-742w-xg8j's class): what was permitted in a project
// is not done in another that the app has been moved to since, nor between two tries; nor
// is a revision synced that was the app's own when that was permitted, and is not any more.
func TestSecurityMovedMeanwhile(t *testing.T) {
	const spec = "source: {repoURL: 'https://git.example/a', targetRevision: v1}"
	was := view.App{Key: application, Project: "shop", Sources: []view.Source{{Target: "v1"}}}
	on := model.ObjectKey{Group: "apps", Kind: "Deployment", Namespace: "shop", Name: "cart"}
	for what, do := range map[string]func(context.Context, *Backend) error{
		"sync": func(ctx context.Context, b *Backend) error {
			return b.Sync(ctx, application, "ann", view.SyncRequest{})
		},
		"rollback": func(ctx context.Context, b *Backend) error {
			return b.Rollback(ctx, application, "ann", view.RollbackRequest{ID: 1})
		},
		"terminate": func(ctx context.Context, b *Backend) error { return b.Terminate(ctx, application, "ann") },
		"refresh":   func(ctx context.Context, b *Backend) error { return b.Refresh(ctx, application, "ann", true) },
		"autosync": func(ctx context.Context, b *Backend) error {
			return b.Automate(ctx, application, "ann", view.Automation{On: true})
		},
		"deletion": func(ctx context.Context, b *Backend) error {
			return b.DeleteApp(ctx, application, "ann", view.CascadeNone)
		},
		"delete": func(ctx context.Context, b *Backend) error { return b.Delete(ctx, application, "ann", on) },
		"action": func(ctx context.Context, b *Backend) error {
			_, err := b.Act(ctx, application, "ann", on, "restart", nil)
			return err
		},
	} {
		moved := anApplication(t, "", spec)
		b, c := working(t, moved)
		before, _ := read(t.Context(), c, application)
		if err := do(view.WithJudged(t.Context(), &was), b); !errors.Is(err, view.ErrConflict) {
			t.Errorf("%s: %v, want a conflict", what, err)
		}
		if now, err := read(t.Context(), c, application); err != nil || !cmp.Equal(before.Object, now.Object) {
			t.Errorf("%s was done: %v", what, err)
		}
	}
	was.Project = "default"
	b, c := working(t, anApplication(t, "", spec))
	b.Latest = &moving{c, "other"}
	if err := b.Sync(view.WithJudged(t.Context(), &was), application, "ann", view.SyncRequest{}); !errors.Is(err, view.ErrConflict) {
		t.Errorf("moved while it was written: %v", err)
	}
	b, _ = working(t, anApplication(t, "", strings.Replace(spec, "v1", "v2", 1)))
	if err := b.Sync(view.WithJudged(t.Context(), &was), application, "ann", view.SyncRequest{Revision: "v1"}); !errors.Is(err, view.ErrConflict) {
		t.Errorf("a revision that it does not follow any more: %v", err)
	}
	b, _ = working(t, anApplication(t, "", spec))
	if err := b.Sync(view.WithJudged(t.Context(), &was), application, "ann", view.SyncRequest{Revision: "v1"}); err != nil {
		t.Errorf("an app that is where it was: %v", err)
	}
}

// moving is a reader after which the app is moved to another project.
type moving struct {
	client.Client
	to string
}

func (m *moving) Get(ctx context.Context, key client.ObjectKey, into client.Object, opts ...client.GetOption) error {
	err := m.Client.Get(ctx, key, into, opts...)
	if u, is := into.(*unstructured.Unstructured); is && err == nil && m.to != "" {
		other := u.DeepCopy()
		err = unstructured.SetNestedField(other.Object, m.to, "spec", "project")
		m.to = ""
		return errors.Join(err, m.Update(ctx, other))
	}
	return err
}

// overtaken is a reader after which somebody else writes, some times.
type overtaken struct {
	client.Client
	times int
}

func (o *overtaken) Get(ctx context.Context, key client.ObjectKey, into client.Object, opts ...client.GetOption) error {
	err := o.Client.Get(ctx, key, into, opts...)
	if u, is := into.(*unstructured.Unstructured); is && err == nil && o.times > 0 {
		o.times--
		other := u.DeepCopy()
		other.SetLabels(map[string]string{"written": strconv.Itoa(o.times)})
		return o.Update(ctx, other)
	}
	return err
}

// Syncs come through though others write into the Application meanwhile, as the controller
// does all the time; only who is always overtaken is told so.
func TestSyncBetweenWrites(t *testing.T) {
	for times, want := range map[int]error{0: nil, attempts - 1: nil, attempts: view.ErrConflict} {
		b, c := working(t, anApplication(t, "", ""))
		b.Latest = &overtaken{c, times}
		if err := b.Sync(t.Context(), application, "ann", view.SyncRequest{}); !errors.Is(err, want) {
			t.Errorf("overtaken %d times: got %v, want %v", times, err, want)
		}
		now, err := read(t.Context(), c, application)
		if _, asked := now.Object["operation"]; err != nil || asked != (want == nil) {
			t.Errorf("overtaken %d times: an operation: %v, %v", times, asked, err)
		}
	}
}

// What is not declared here is not there, whatever the cluster has.
func TestDeedsOfOthersNamespaces(t *testing.T) {
	other := anApplication(t, "", "")
	other.SetNamespace("elsewhere")
	b, c := working(t, other)
	key := model.AppKey{Dialect: argo.Dialect, Namespace: "elsewhere", Name: "shop"}
	for what, err := range map[string]error{
		"deletion":       b.DeleteApp(t.Context(), key, "ann", ""),
		"automated sync": b.Automate(t.Context(), key, "ann", view.Automation{On: true}),
		"sync":           b.Sync(t.Context(), key, "ann", view.SyncRequest{}),
	} {
		if !errors.Is(err, model.ErrNotFound) {
			t.Errorf("%s: got %v, want not found", what, err)
		}
	}
	if err := c.Get(t.Context(), client.ObjectKeyFromObject(other), other); apierrors.IsNotFound(err) {
		t.Error("it was deleted")
	}
}
