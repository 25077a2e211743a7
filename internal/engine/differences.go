package engine

import (
	"context"
	"fmt"
	"maps"

	"github.com/fixpoint-cd/fixpoint/internal/compare"
	"github.com/fixpoint-cd/fixpoint/internal/model"
	"github.com/fixpoint-cd/fixpoint/internal/sequence"
)

// rules are those by which an object is compared.
func (r *run) rules(key model.ObjectKey) compare.Rules { return compare.For(r.app.Compare, key) }

// differ compares an object by them.
func (r *run) differ(obj model.Object) compare.Differ {
	return compare.Differ{Rules: r.rules(obj.ObjectKey), Paths: r.e.cfg.Paths, Manager: r.app.Manager, Former: r.app.Sync.Migrate, Desired: obj.JSON}
}

// same asks the API server whether an object is as desired in all that counts.
func (r *run) same(ctx context.Context, obj model.Object) (model.Judgement, error) {
	traits := r.traits(obj)
	how := model.Write{
		Replace: traits.Replace == model.Yes, NoValidate: traits.Validate == model.No, Strict: traits.Validate == model.Yes,
		Migrate: r.app.Sync.Migrate,
	}
	return r.target.Compare(ctx, obj, r.app.Manager, how, r.differ(obj))
}

// respected are the desired objects of some tasks, those with fields that are to be
// left as they are with what is live in them.
func (r *run) respected(ctx context.Context, req model.Request, tasks []sequence.Task) (map[model.ObjectKey]model.Object, error) {
	objects := maps.Clone(r.desired.byKey)
	respect := r.app.Compare.Respect
	if o := req.Options; o != nil && o.Respect != model.Unsaid {
		respect = o.Respect == model.Yes
	}
	if !respect {
		return objects, nil
	}
	for _, t := range tasks {
		rules := r.rules(t.Object.ObjectKey)
		obj, declared := objects[t.Object.ObjectKey]
		if t.Hook || !declared || t.Action != model.ActionUpdate || rules.Empty() {
			continue
		}
		live, err := r.target.Read(ctx, t.Object)
		if err != nil {
			return nil, fmt.Errorf("reading %s, to respect what is ignored of it: %w", t.Object.ObjectKey, err)
		}
		respected := r.differ(obj).Respect
		if t.Traits.Replace == model.Yes {
			respected = r.differ(obj).RespectReplacing
		}
		body, err := respected(ctx, obj.JSON, live)
		if err != nil {
			return nil, fmt.Errorf("%s: %w", t.Object.ObjectKey, err)
		}
		obj.JSON = body
		objects[t.Object.ObjectKey] = obj
	}
	return objects, nil
}
