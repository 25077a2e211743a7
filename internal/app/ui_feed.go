package app

import (
	"context"
	"fmt"

	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/client-go/tools/cache"
	ctrl "sigs.k8s.io/controller-runtime"

	"github.com/fixpoint-cd/fixpoint/internal/backend"
	"github.com/fixpoint-cd/fixpoint/internal/dialect/flux"
	"github.com/fixpoint-cd/fixpoint/internal/engine"
	"github.com/fixpoint-cd/fixpoint/internal/model"
	"github.com/fixpoint-cd/fixpoint/internal/view"
)

// told is a reporter that tells the UI, too.
type told struct {
	c *controller
	engine.Reporter
}

// Report takes the state of an app.
func (t told) Report(ctx context.Context, r model.Report) {
	t.Reporter.Report(ctx, r)
	if t.c.ui != nil {
		t.c.ui.backend.Changed(r.App)
	}
}

// declaring is the engine for those who declare apps to it. Rows are made of what it
// knows, so that they are made anew once it knows it: the object's own change may have
// been seen before, and an app that is suspended, say, reports nothing more.
type declaring struct {
	*engine.Engine
	c *controller
}

// Put declares an app.
func (d declaring) Put(app model.App) {
	d.Engine.Put(app)
	if d.c.ui != nil {
		d.c.ui.backend.Changed(app.Key)
	}
}

// runUI serves people and programs until ctx ends.
func (c *controller) runUI(ctx context.Context) error {
	if c.ui == nil {
		return nil
	}
	if c.opt.UIStarted != nil {
		c.opt.UIStarted(c.ui.server.listener.Addr().String())
	}
	return c.ui.Run(ctx)
}

// listed tells previews that wait for lists of objects.
func (c *controller) listed() {
	if c.ui != nil {
		c.ui.previews.news()
	}
}

// sourceSeen tells previews that wait for content, and who looks at repositories.
func (c *controller) sourceSeen(model.SourceKey) {
	if c.ui != nil {
		c.ui.previews.news()
		c.ui.backend.Touch(view.TopicRepositories)
	}
}

// watchRows keeps the UI's lines current with the objects that declare apps, and tells
// it of those that feed them.
func (c *controller) watchRows(ctx context.Context, mgr ctrl.Manager) error {
	if c.ui == nil {
		return nil
	}
	for _, gvk := range backend.AppKinds() {
		err := onChange(ctx, mgr, gvk.GroupVersion().String(), gvk.Kind, func(u *unstructured.Unstructured) {
			c.ui.backend.Changed(backend.KeyOf(gvk.Kind, u.GetNamespace(), u.GetName()))
		})
		if err != nil {
			return err
		}
	}
	for _, gvk := range flux.Kinds() {
		if flux.Declares(gvk.GroupKind()) {
			continue
		}
		err := onChange(ctx, mgr, gvk.GroupVersion().String(), gvk.Kind, func(*unstructured.Unstructured) {
			c.ui.backend.Touch(view.TopicFeeders)
		})
		if err != nil {
			return err
		}
	}
	return nil
}

// onChange calls tell with each object of a kind that is added, changed or gone.
func onChange(ctx context.Context, mgr ctrl.Manager, apiVersion, kind string, tell func(*unstructured.Unstructured)) error {
	obj := &unstructured.Unstructured{}
	obj.SetAPIVersion(apiVersion)
	obj.SetKind(kind)
	informer, err := mgr.GetCache().GetInformer(ctx, obj)
	if err != nil {
		return fmt.Errorf("watching %ss: %w", kind, err)
	}
	take := func(o any) {
		if last, is := o.(cache.DeletedFinalStateUnknown); is {
			o = last.Obj
		}
		if u, is := o.(*unstructured.Unstructured); is {
			tell(u)
		}
	}
	_, err = informer.AddEventHandler(cache.ResourceEventHandlerFuncs{
		AddFunc: take, DeleteFunc: take, UpdateFunc: func(_, now any) { take(now) },
	})
	if err != nil {
		return fmt.Errorf("watching %ss: %w", kind, err)
	}
	return nil
}
