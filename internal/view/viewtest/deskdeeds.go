package viewtest

import (
	"cmp"
	"context"
	"fmt"
	"strings"

	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"

	"github.com/fixpoint-cd/fixpoint/internal/model"
	"github.com/fixpoint-cd/fixpoint/internal/view"
)

// Watch refuses topics of apps that the reader may not see.
func (d *desk) Watch(ctx context.Context, topic view.Topic) (<-chan struct{}, error) {
	kind, app, ofApp := strings.Cut(string(topic), ":")
	if ofApp && (kind == "app" || kind == "tree") {
		key, err := appKey(app)
		if err != nil {
			return nil, err
		}
		if err := d.check(view.VerbGet, key); err != nil {
			return nil, err
		}
	}
	return d.b.Watch(ctx, topic), nil
}

func appKey(s string) (model.AppKey, error) {
	parts := strings.Split(s, "/")
	if len(parts) != 3 {
		return model.AppKey{}, model.As(model.ErrNotFound, fmt.Errorf("there is no app %s", s))
	}
	return model.AppKey{Dialect: parts[0], Namespace: parts[1], Name: parts[2]}, nil
}

func (d *desk) Sync(ctx context.Context, key model.AppKey, r view.SyncRequest) error {
	err := d.check(view.VerbSync, key)
	if err == nil && (r.Revision != "" || r.Options != nil) {
		err = d.check(view.VerbOverride, key)
	}
	if err != nil {
		return err
	}
	return d.b.Sync(ctx, key, d.o.Who.Name, r)
}

func (d *desk) Rollback(ctx context.Context, key model.AppKey, r view.RollbackRequest) error {
	if err := d.check(view.VerbRollback, key); err != nil {
		return err
	}
	return d.b.Rollback(ctx, key, d.o.Who.Name, r)
}

func (d *desk) Terminate(ctx context.Context, key model.AppKey) error {
	if err := d.check(view.VerbSync, key); err != nil {
		return err
	}
	return d.b.Terminate(ctx, key, d.o.Who.Name)
}

func (d *desk) Refresh(ctx context.Context, key model.AppKey, hard bool) error {
	if err := d.check(view.VerbRefresh, key); err != nil {
		return err
	}
	return d.b.Refresh(ctx, key, d.o.Who.Name, hard)
}

func (d *desk) Suspend(ctx context.Context, key model.AppKey, suspend bool) error {
	if err := d.check(view.VerbSuspend, key); err != nil {
		return err
	}
	return d.b.Suspend(ctx, key, d.o.Who.Name, suspend)
}

func (d *desk) Automate(ctx context.Context, key model.AppKey, a view.Automation) error {
	if err := d.check(view.VerbUpdate, key); err != nil {
		return err
	}
	return d.b.Automate(ctx, key, d.o.Who.Name, a)
}

func (d *desk) DeleteApp(ctx context.Context, key model.AppKey, c view.Cascade) error {
	if err := d.check(view.VerbDelete, key); err != nil {
		return err
	}
	return d.b.DeleteApp(ctx, key, d.o.Who.Name, c)
}

func (d *desk) Act(ctx context.Context, key model.AppKey, on model.ObjectKey, action string, params map[string]string) ([]string, error) {
	return asked(d, view.VerbAct, key, func() ([]string, error) {
		return d.b.Act(ctx, key, d.o.Who.Name, on, action, params)
	})
}

func (d *desk) Delete(ctx context.Context, key model.AppKey, on model.ObjectKey) error {
	if err := d.check(view.VerbDelete, key); err != nil {
		return err
	}
	return d.b.Delete(ctx, key, d.o.Who.Name, on)
}

// Declare asks for the rights that edit takes, as they are of the app now.
func (d *desk) Declare(ctx context.Context, key model.AppKey, edit view.Edit) (map[string]any, error) {
	if made, err := edit(nil); err == nil {
		if err := d.declares(view.VerbCreate, key, made); err != nil {
			return nil, err
		}
	} else if err := d.check(view.VerbUpdate, key); err != nil {
		return nil, err
	}
	return d.b.Declare(ctx, key, d.o.Who.Name, func(now map[string]any) (map[string]any, error) {
		next, err := edit(now)
		if err != nil || now == nil {
			return next, err
		}
		if err := d.check(view.VerbUpdate, key); err != nil {
			return nil, err
		}
		return next, d.declares(view.VerbUpdate, key, next)
	})
}

// declares is nil if the reader may do that with an app of the object's project.
func (d *desk) declares(v view.Verb, key model.AppKey, object map[string]any) error {
	project, _, _ := unstructured.NestedString(object, "spec", "project")
	if !d.o.May(v, view.App{Key: key, Kind: view.KindApplication, Project: cmp.Or(project, "default")}) {
		return model.As(model.ErrDenied, fmt.Errorf("you may not %s app %s in project %s", v, key, project))
	}
	return nil
}
