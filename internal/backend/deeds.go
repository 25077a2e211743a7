package backend

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"time"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/types"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/fixpoint-cd/fixpoint/internal/dialect/argo"
	"github.com/fixpoint-cd/fixpoint/internal/model"
	"github.com/fixpoint-cd/fixpoint/internal/view"
)

// manager is the field manager of what people ask for.
const manager = "fixpoint-ui"

// Annotations by which the dialects are asked for a look.
const (
	refreshAnnotation   = "argocd.argoproj.io/refresh"
	reconcileAnnotation = "reconcile.fluxcd.io/requestedAt"
)

// Sync asks for a sync.
func (b *Backend) Sync(ctx context.Context, key model.AppKey, by string, r view.SyncRequest) error {
	obj, err := b.latest(ctx, key)
	if err != nil {
		return err
	}
	if key.Dialect != argo.Dialect {
		if err := plainSync(obj, r); err != nil {
			return err
		}
		return b.reconcile(ctx, obj, by)
	}
	return b.again(ctx, obj, func(obj *unstructured.Unstructured) error {
		if r.Revision != "" && followsOther(obj, view.JudgedOf(ctx)) {
			return changed(obj)
		}
		operation := map[string]any{"initiatedBy": map[string]any{"username": by}, "sync": syncOf(obj, r)}
		if r.Retries > 0 {
			operation["retry"] = map[string]any{"limit": r.Retries}
		}
		return b.operate(ctx, obj, operation, "sync"+atRevision(r.Revision)+dryWord(r.DryRun), by)
	})
}

// followsOther reports whether an Application has come to follow something else than when
// a deed was permitted, for which another revision may have been its own.
func followsOther(obj *unstructured.Unstructured, judged *view.App) bool {
	return judged != nil && !slices.EqualFunc(sourcesOf(obj.Object), judged.Sources, func(a, b view.Source) bool { return a.Target == b.Target })
}

// again repeats a write that others' writes come before, with the object as it is then.
func (b *Backend) again(ctx context.Context, obj *unstructured.Unstructured, write func(*unstructured.Unstructured) error) error {
	for tried := 1; ; tried++ {
		err := write(obj)
		if tried == attempts || !errors.Is(err, errChanged) {
			return err
		}
		if obj, err = b.latest(ctx, KeyOf(obj.GetKind(), obj.GetNamespace(), obj.GetName())); err != nil {
			return err
		}
	}
}

// plainSync refuses what Flux's kinds can't be asked for.
func plainSync(obj *unstructured.Unstructured, r view.SyncRequest) error {
	if r.Revision != "" || r.Prune || r.DryRun || r.Force || r.NoHooks || len(r.Only) > 0 || len(r.Options) > 0 || r.Retries > 0 {
		return model.Invalidf("a %s is applied as its spec says: ask for a sync without revision, options or a selection of objects", obj.GetKind())
	}
	return nil
}

// syncOf is the operation's sync, as Argo CD's clients write it.
func syncOf(obj *unstructured.Unstructured, r view.SyncRequest) map[string]any {
	strategy := "hook"
	if r.NoHooks {
		strategy = "apply"
	}
	sync := map[string]any{"syncStrategy": map[string]any{strategy: map[string]any{"force": r.Force}}}
	if r.Revision != "" {
		sync["revision"] = r.Revision
	}
	if r.Prune {
		sync["prune"] = true
	}
	if r.DryRun {
		sync["dryRun"] = true
	}
	options := r.Options
	if options == nil {
		options = texts(obj.Object, "spec", "syncPolicy", "syncOptions")
	}
	if len(options) > 0 {
		sync["syncOptions"] = options
	}
	for _, only := range r.Only {
		resources, _ := sync["resources"].([]any)
		sync["resources"] = append(resources, resourceOf(only))
	}
	return sync
}

func resourceOf(key model.ObjectKey) map[string]any {
	out := map[string]any{"kind": key.Kind, "name": key.Name}
	if key.Group != "" {
		out["group"] = key.Group
	}
	if key.Namespace != "" {
		out["namespace"] = key.Namespace
	}
	return out
}

// operate has an operation carried out.
func (b *Backend) operate(ctx context.Context, obj *unstructured.Unstructured, operation map[string]any, what, by string) error {
	if obj.GetDeletionTimestamp() != nil {
		return conflict("%s %s/%s is being deleted, and is not synced any more", obj.GetKind(), obj.GetNamespace(), obj.GetName())
	}
	if _, busy := obj.Object["operation"]; busy {
		return conflict("another sync of %s/%s was asked for and has not begun: wait for it, or terminate it", obj.GetNamespace(), obj.GetName())
	}
	if phase := text(obj.Object, "status", "operationState", "phase"); phase == "Running" || phase == "Terminating" {
		return conflict("a sync of %s/%s is under way: wait for its end, or terminate it", obj.GetNamespace(), obj.GetName())
	}
	err := b.patch(ctx, obj, map[string]any{
		"metadata": map[string]any{"resourceVersion": obj.GetResourceVersion()}, "operation": operation,
	})
	if err == nil {
		b.asked(obj, by, what)
	}
	return err
}

// conflict is an error of what can't be done while something else goes on.
func conflict(format string, args ...any) error {
	return model.As(view.ErrConflict, fmt.Errorf(format, args...))
}

// reconcile asks one of Flux's objects, and its source before that, for a look.
func (b *Backend) reconcile(ctx context.Context, obj *unstructured.Unstructured, by string) error {
	if boolean(obj.Object, "spec", "suspend") {
		return conflict("%s %s/%s is suspended: resume it first", obj.GetKind(), obj.GetNamespace(), obj.GetName())
	}
	token := b.Now().UTC().Format(time.RFC3339Nano)
	ask := map[string]any{"metadata": map[string]any{"annotations": map[string]any{reconcileAnnotation: token}}}
	if source := b.source(ctx, sourceRef(obj)); source != nil {
		if err := b.patch(ctx, source, ask); err != nil {
			return err
		}
	}
	err := b.patch(ctx, obj, ask)
	if err == nil {
		b.asked(obj, by, "sync")
	}
	return err
}

// Rollback goes back to what was deployed before, with the sources as they were.
func (b *Backend) Rollback(ctx context.Context, key model.AppKey, by string, r view.RollbackRequest) error {
	obj, err := b.latest(ctx, key)
	if err != nil {
		return err
	}
	return b.again(ctx, obj, func(obj *unstructured.Unstructured) error { return b.rollback(ctx, obj, by, r) })
}

func (b *Backend) rollback(ctx context.Context, obj *unstructured.Unstructured, by string, r view.RollbackRequest) error {
	if why := cantRollback(obj); why != "" && !r.DryRun {
		return conflict("%s", why)
	}
	for _, entry := range list(obj.Object, "status", "history") {
		id, _, _ := unstructured.NestedInt64(entry, "id")
		if id != r.ID {
			continue
		}
		sync := map[string]any{"prune": r.Prune, "dryRun": r.DryRun, "syncStrategy": map[string]any{"apply": map[string]any{}}}
		for _, field := range []string{"revision", "revisions", "source", "sources"} {
			if v, ok := entry[field]; ok {
				sync[field] = v
			}
		}
		if sync["source"] == nil && sync["sources"] == nil {
			return model.Invalidf("entry %d of the history does not say which sources it was made of: choose another", id)
		}
		if options := texts(obj.Object, "spec", "syncPolicy", "syncOptions"); len(options) > 0 {
			sync["syncOptions"] = options
		}
		operation := map[string]any{"initiatedBy": map[string]any{"username": by}, "sync": sync}
		what := fmt.Sprintf("rollback to %d (%s)%s", id, model.Short(revisionsIn(entry)), dryWord(r.DryRun))
		return b.operate(ctx, obj, operation, what, by)
	}
	return model.As(model.ErrInvalid, model.As(model.ErrNotFound, fmt.Errorf("the history has no entry %d: see the list", r.ID)))
}

// cantRollback is why an app can't go back to what it had; "" if it can.
func cantRollback(obj *unstructured.Unstructured) string {
	if obj.GetKind() != view.KindApplication {
		return "A " + obj.GetKind() + " follows its source: revert the commit there, and it goes back."
	}
	if isAutomated(obj) {
		return "It syncs itself and would undo a rollback at once: switch its automated sync off first, or revert the commit."
	}
	return ""
}

// Terminate ends a sync, or takes back one that has not begun.
func (b *Backend) Terminate(ctx context.Context, key model.AppKey, by string) error {
	obj, err := b.latest(ctx, key)
	if err != nil {
		return err
	}
	if key.Dialect != argo.Dialect {
		return model.Invalidf("a sync of a %s can't be terminated: suspend it, or push a correction", obj.GetKind())
	}
	body := map[string]any{"metadata": map[string]any{"resourceVersion": obj.GetResourceVersion()}}
	_, asked := obj.Object["operation"]
	switch phase := text(obj.Object, "status", "operationState", "phase"); {
	case phase == "Terminating":
		return nil
	case phase == "Running":
		body["status"] = map[string]any{"operationState": map[string]any{"phase": "Terminating"}}
	case asked:
		body["operation"] = nil
	default:
		return conflict("no sync of %s/%s is under way", key.Namespace, key.Name)
	}
	if err = b.patch(ctx, obj, body); err == nil {
		b.asked(obj, by, "terminate")
	}
	return err
}

// Refresh looks at the repository and the objects now.
func (b *Backend) Refresh(ctx context.Context, key model.AppKey, by string, hard bool) error {
	obj, err := b.latest(ctx, key)
	if err != nil {
		return err
	}
	if key.Dialect != argo.Dialect {
		return b.reconcile(ctx, obj, by)
	}
	mode := "normal"
	if hard {
		mode = "hard"
	}
	return b.patch(ctx, obj, map[string]any{"metadata": map[string]any{"annotations": map[string]any{refreshAnnotation: mode}}})
}

// Suspend stops or resumes a Flux app.
func (b *Backend) Suspend(ctx context.Context, key model.AppKey, by string, suspend bool) error {
	obj, err := b.latest(ctx, key)
	if err != nil {
		return err
	}
	if key.Dialect == argo.Dialect {
		return model.Invalidf("an Application can't be suspended: switch its automated sync off, or set a sync window")
	}
	if boolean(obj.Object, "spec", "suspend") == suspend {
		return nil
	}
	now, err := b.patched(ctx, obj, map[string]any{"spec": map[string]any{"suspend": suspend}})
	if err != nil {
		return err
	}
	b.asked(obj, by, map[bool]string{true: "suspend", false: "resume"}[suspend])
	b.awaitSeen(ctx, now)
	return nil
}

// patch writes into an object of a dialect.
func (b *Backend) patch(ctx context.Context, obj *unstructured.Unstructured, body map[string]any) error {
	_, err := b.patched(ctx, obj, body)
	return err
}

// patched is the object as patch has written it.
func (b *Backend) patched(ctx context.Context, obj *unstructured.Unstructured, body map[string]any) (*unstructured.Unstructured, error) {
	data, err := json.Marshal(body)
	if err != nil {
		return nil, err
	}
	to := &unstructured.Unstructured{}
	to.SetGroupVersionKind(obj.GroupVersionKind())
	to.SetNamespace(obj.GetNamespace())
	to.SetName(obj.GetName())
	err = b.Client.Patch(ctx, to, client.RawPatch(types.MergePatchType, data), client.FieldOwner(manager))
	switch {
	case apierrors.IsConflict(err):
		return nil, changed(obj)
	case apierrors.IsNotFound(err):
		return nil, notFound(KeyOf(obj.GetKind(), obj.GetNamespace(), obj.GetName()))
	case err != nil:
		return nil, fmt.Errorf("asking %s %s/%s: %w", obj.GetKind(), obj.GetNamespace(), obj.GetName(), err)
	}
	return to, nil
}

// errChanged is that of a write before which another one has come.
var errChanged = errors.New("was just changed")

func changed(obj *unstructured.Unstructured) error {
	return model.As(errChanged, conflict("%s %s/%s has just been changed by somebody else: try again", obj.GetKind(), obj.GetNamespace(), obj.GetName()))
}

func atRevision(revision string) string {
	if revision == "" {
		return ""
	}
	return " to " + model.Short(revision)
}

func dryWord(dry bool) string {
	if dry {
		return " (dry run)"
	}
	return ""
}
