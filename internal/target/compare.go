package target

import (
	"context"
	"errors"
	"fmt"
	"reflect"
	"time"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/types"

	"github.com/fixpoint-cd/fixpoint/internal/model"
)

// freshness is how old our ownership must be for an unchanged time to prove
// that a dry run changed nothing: managedFields count whole seconds.
const freshness = 2 * time.Second

// Same is Compare where every difference counts.
func (t *Target) Same(ctx context.Context, obj model.Object, manager string) (bool, error) {
	j, err := t.Compare(ctx, obj, manager, model.Write{}, strict{})
	return j.Same, err
}

// Compare asks the API server, by dry runs, whether writing the object that way
// would change anything that counts. Where a dry run leaves the manager's ownership
// as it is, nothing would change. Else the judge compares the contents: somebody
// may have changed a field and changed it back, or set the same value, or a peer
// have written the object by updates. Where the answer is that all is the same and
// yet not all the manager's own, the mirror tells from then on of every write to
// the object but of those to its status.
func (t *Target) Compare(ctx context.Context, obj model.Object, manager string, how model.Write, judge model.Judge) (model.Judgement, error) {
	live, ok := t.Live(obj.ObjectKey, model.AppKey{}, manager)
	if !ok {
		return model.Judgement{}, nil
	}
	if err := t.limit.acquire(ctx); err != nil {
		return model.Judgement{}, model.As(model.ErrTransient, err)
	}
	defer t.limit.release()
	ctx, cancel := context.WithTimeout(ctx, requestTimeout)
	defer cancel()
	c, err := t.comparing(obj, manager, how)
	if err != nil {
		return model.Judgement{}, err
	}
	j, err := c.compare(ctx, live, judge)
	if errors.Is(err, model.ErrImmutable) {
		return model.Judgement{}, nil // it can't be changed, but it differs
	}
	if j.Same {
		t.mirror.watchClosely(obj.ObjectKey, !j.Owned)
	}
	return j, err
}

// comparing is one comparison.
type comparing struct {
	*writing
	objects interface {
		Get(context.Context, string, metav1.GetOptions, ...string) (*unstructured.Unstructured, error)
		Patch(context.Context, string, types.PatchType, []byte, metav1.PatchOptions, ...string) (*unstructured.Unstructured, error)
		Update(context.Context, *unstructured.Unstructured, metav1.UpdateOptions, ...string) (*unstructured.Unstructured, error)
	}
}

func (t *Target) comparing(obj model.Object, manager string, how model.Write) (*comparing, error) {
	res, err := t.kinds.resource(obj.ObjectRef)
	if err != nil {
		return nil, explain(obj.ObjectRef, err)
	}
	how.DryRun = true
	return &comparing{
		writing: &writing{Target: t, res: res, obj: obj, manager: manager, how: how, warned: &warnings{}},
		objects: t.dynamic.Resource(res.GroupVersionResource).Namespace(obj.Namespace),
	}, nil
}

func (c *comparing) compare(ctx context.Context, live model.Live, judge model.Judge) (model.Judgement, error) {
	e, err := c.apply(c.warned.on(ctx))
	switch {
	case err == nil:
		after := e.rec.live(c.manager, model.AppKey{})
		untouched := after.UID == live.UID && after.Fields == live.Fields && after.Time == live.Time
		settled := time.Since(time.Unix(live.Time, 0)) > freshness && !e.rec.updatedBy(c.formers())
		if untouched && settled && !judge.Thorough() {
			return model.Judgement{Same: true, Owned: true}, nil
		}
	case !c.replaces(err):
		return model.Judgement{}, explain(c.obj.ObjectRef, err)
	}
	for range attempts {
		if j, still, err := c.contents(ctx, judge); still {
			return j, err
		}
	}
	return model.Judgement{}, model.As(model.ErrTransient, fmt.Errorf("%s changes faster than it can be compared", c.obj.ObjectKey))
}

// formers are the managers whose updates the write would make its own.
func (c *comparing) formers() []string {
	if len(c.how.Migrate) == 0 {
		return nil
	}
	return append([]string{c.manager}, c.how.Migrate...)
}

// contents lets the judge compare the object with what it would be; false if it
// was changed meanwhile.
func (c *comparing) contents(ctx context.Context, judge model.Judge) (j model.Judgement, still bool, err error) {
	before, err := c.objects.Get(ctx, c.obj.Name, metav1.GetOptions{})
	if err != nil {
		return model.Judgement{}, true, explain(c.obj.ObjectRef, err)
	}
	after, err := c.preview(ctx)
	if apierrors.IsConflict(err) && !isFieldConflict(err) {
		return model.Judgement{}, false, nil
	}
	if err != nil {
		return model.Judgement{}, true, explain(c.obj.ObjectRef, err)
	}
	if before.GetUID() != after.GetUID() || before.GetResourceVersion() != after.GetResourceVersion() {
		return model.Judgement{}, false, nil
	}
	result := after.Object
	if len(c.how.Migrate) > 0 {
		if released := judge.Released(before.Object, result); released != nil {
			result, err = c.settled(ctx, released, result)
			if apierrors.IsConflict(err) {
				return model.Judgement{}, false, nil
			}
			if err != nil {
				return model.Judgement{}, true, explain(c.obj.ObjectRef, err)
			}
		}
	}
	j, err = judge.Judge(ctx, before.Object, result)
	return j, true, err
}

// replaces reports whether an object that can't be applied is replaced anyway.
func (c *comparing) replaces(err error) bool { return c.how.Replace && isDuplicate(err) }

// preview is the whole object as the write would make it.
func (c *comparing) preview(ctx context.Context) (*unstructured.Unstructured, error) {
	force := !c.how.Shared
	opts := metav1.PatchOptions{FieldManager: c.manager, Force: &force, DryRun: c.dryRun(), FieldValidation: c.validation()}
	out, err := c.objects.Patch(ctx, c.obj.Name, types.ApplyPatchType, c.obj.JSON, opts)
	for range attempts {
		if err == nil || !c.repair(err) {
			break
		}
		out, err = c.objects.Patch(ctx, c.obj.Name, types.ApplyPatchType, c.obj.JSON, opts)
	}
	switch strategy := staleStrategy(err); {
	case strategy != nil:
		if rolled, failed := c.unroll(ctx, strategy); rolled != nil || failed != nil {
			return rolled, failed
		}
	case c.replaces(err):
		return c.overwrite(ctx)
	}
	return out, err
}

// settled is what the API server makes of the object without fields that an older
// client-side apply left behind: it sets those anew that have defaults. Where it
// would not let them go, they stay.
func (c *comparing) settled(ctx context.Context, released, after map[string]any) (map[string]any, error) {
	out, err := c.objects.Update(ctx, &unstructured.Unstructured{Object: released}, metav1.UpdateOptions{
		FieldManager: c.manager, DryRun: c.dryRun(), FieldValidation: metav1.FieldValidationIgnore,
	})
	if err == nil {
		return out.Object, nil
	}
	if kind := classify(err); errors.Is(kind, model.ErrInvalid) || errors.Is(kind, model.ErrDenied) {
		return after, nil
	}
	return nil, err
}

// strict is a judge for whom everything counts that a write would change.
type strict struct{}

func (strict) Thorough() bool { return false }

func (strict) Released(_, _ map[string]any) map[string]any { return nil }

func (strict) Judge(_ context.Context, live, after map[string]any) (model.Judgement, error) {
	same := reflect.DeepEqual(unversioned(live), unversioned(after))
	return model.Judgement{Same: same, Owned: same}, nil
}

// unversioned is the object without what every write changes.
func unversioned(obj map[string]any) map[string]any {
	meta, _ := obj["metadata"].(map[string]any)
	for _, k := range []string{"managedFields", "resourceVersion", "generation"} {
		delete(meta, k)
	}
	return obj
}

// Read reads the whole object as it is. It is for people (diff, UI), not for
// the engine.
func (t *Target) Read(ctx context.Context, ref model.ObjectRef) (map[string]any, error) {
	res, err := t.kinds.resource(ref)
	if err != nil {
		return nil, err
	}
	o, err := t.dynamic.Resource(res.GroupVersionResource).Namespace(ref.Namespace).Get(ctx, ref.Name, metav1.GetOptions{})
	if err != nil {
		return nil, explain(ref, err)
	}
	return o.Object, nil
}

// Preview is what the object would be after Apply. For people only.
func (t *Target) Preview(ctx context.Context, obj model.Object, manager string) (map[string]any, error) {
	c, err := t.comparing(obj, manager, model.Write{})
	if err != nil {
		return nil, err
	}
	o, err := c.preview(ctx)
	if err != nil {
		return nil, explain(obj.ObjectRef, err)
	}
	return o.Object, nil
}
