package guard

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"reflect"

	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/util/validation"

	"github.com/fixpoint-cd/fixpoint/internal/model"
	"github.com/fixpoint-cd/fixpoint/internal/view"
)

// Declare asks for the rights of what edit makes of an Application: create in its project
// for a new one, get and update for one that is there, and of one that moves to another
// project update and create there as well. They are those of the object itself, as it is
// at that moment, and are asked for before the Edit sees it.
func (d *desk) Declare(ctx context.Context, key model.AppKey, edit view.Edit) (map[string]any, error) {
	switch {
	case d.looks != nil:
		return nil, errNobody
	case resourceOf(key) != "applications":
		return nil, model.Invalidf("only Applications are declared here")
	case len(validation.IsDNS1123Subdomain(key.Name)) > 0 || len(validation.IsDNS1123Label(key.Namespace)) > 0:
		return nil, model.Invalidf("%s/%s is no name of an Application: small letters, digits, dots and dashes", clean(key.Namespace, 100), clean(key.Name, 300))
	}
	if err := d.valid(ctx); err != nil {
		return nil, err
	}
	w := &declaring{desk: d, key: key, edit: edit}
	if err := w.begin(ctx); err != nil {
		return nil, err
	}
	out, err := d.Backend.Declare(ctx, key, d.by(), func(now map[string]any) (map[string]any, error) { return w.step(ctx, now) })
	if err != nil && w.noted != nil {
		w.noted.Outcome, w.noted.Detail = outcomeFailed, err.Error()
		d.trail.failed(ctx, *w.noted)
	}
	return out, err
}

// declaring is one change of a declaration.
type declaring struct {
	*desk
	key  model.AppKey
	edit view.Edit
	// creates: the Edit makes an Application of nothing.
	creates bool
	// noted is the record of what was allowed; nil if nothing was, yet.
	noted *view.Audit
}

// begin refuses who may not, before anything is read: whether there is such an Application
// does not matter then.
func (w *declaring) begin(ctx context.Context) error {
	next, err := w.edit(nil)
	switch {
	case err == nil:
		w.creates = true
		return w.permits(ctx, "create", projectOf(next), "create")
	case errors.Is(err, model.ErrNotFound):
		_, err = w.find(ctx, w.key, "update")
	}
	return err
}

// step is the Edit of an object, for who may.
func (w *declaring) step(ctx context.Context, now map[string]any) (map[string]any, error) {
	if now == nil {
		return w.make(ctx)
	}
	was := projectOf(now)
	if err := w.permits(ctx, "update", was, "get"); err != nil {
		return nil, w.hidden()
	}
	if !w.creates {
		if err := w.permits(ctx, "update", was, "update"); err != nil {
			return nil, err
		}
	}
	next, err := w.edit(now)
	if err != nil || reflect.DeepEqual(now, next) {
		return next, err
	}
	if err := w.permits(ctx, "update", was, "update"); err != nil {
		return nil, err
	}
	project, detail := projectOf(next), ""
	if project != was {
		if err := w.permits(ctx, "update", project, "create", "update"); err != nil {
			return nil, err
		}
		detail = "to project " + clean(project, 100)
	}
	return next, w.note(ctx, "update", was, detail)
}

// make is what the Edit makes of nothing.
func (w *declaring) make(ctx context.Context) (map[string]any, error) {
	if !w.creates {
		return nil, missing(w.key)
	}
	next, err := w.edit(nil)
	if err != nil {
		return nil, err
	}
	if err := w.permits(ctx, "create", projectOf(next), "create"); err != nil {
		return nil, err
	}
	return next, w.note(ctx, "create", projectOf(next), "")
}

// hidden is the error of an Application that the reader may not see. Who may create one of
// that name has to be told that it is taken.
func (w *declaring) hidden() error {
	if w.creates {
		return model.As(view.ErrConflict, fmt.Errorf("the name %s/%s is taken: choose another", w.key.Namespace, w.key.Name))
	}
	return missing(w.key)
}

// permits refuses a reader without one of the rights; the trail has that.
func (w *declaring) permits(ctx context.Context, action, project string, verbs ...string) error {
	object := w.objectOf(w.key, project)
	for _, verb := range verbs {
		r := right{resourceOf(w.key), verb, object}
		if w.has(r) {
			continue
		}
		rec := w.record(action, r.resource+"/"+object)
		rec.Outcome, rec.Detail = outcomeDenied, "without "+r.String()
		w.saw(ctx, rec)
		return denied(r)
	}
	return nil
}

// note puts a change into the trail before it is made, once.
func (w *declaring) note(ctx context.Context, action, project, detail string) error {
	rec := w.record(action, resourceOf(w.key)+"/"+w.objectOf(w.key, project))
	rec.Outcome, rec.Detail = outcomeAllowed, detail
	if w.noted != nil && *w.noted == rec {
		return nil
	}
	if err := w.trail.write(ctx, rec); err != nil {
		return err
	}
	w.noted = &rec
	return nil
}

// projectOf is the project that an Application names.
func projectOf(object map[string]any) string {
	name, _, _ := unstructured.NestedString(object, "spec", "project")
	return cmp.Or(name, "default")
}

func (nothing) Declare(context.Context, model.AppKey, string, view.Edit) (map[string]any, error) {
	return nil, model.As(model.ErrTransient, fmt.Errorf("nothing is known here yet: try again"))
}
