package argoapi

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"time"

	"github.com/fixpoint-cd/fixpoint/internal/model"
	"github.com/fixpoint-cd/fixpoint/internal/view"
)

// place says which app of a name is meant.
type place struct {
	// Name may repeat that of the address.
	Name string `json:"name"`
	// AppNamespace "" is the control plane's; Project "" is any.
	AppNamespace string `json:"appNamespace"`
	Project      string `json:"project"`
}

// app is the app of the address.
func (c *call) app() (view.App, error) {
	projects := slices.Compact(c.values("project", "projects"))
	if len(projects) > 1 {
		return view.App{}, invalid("multiple projects specified - the get endpoint accepts either zero or one project")
	}
	p := place{AppNamespace: c.query.Get("appNamespace")}
	if len(projects) == 1 {
		p.Project = projects[0]
	}
	return c.at(p)
}

// at is app for what a body says. An app that is missing and one that the reader may not
// get are the same error.
func (c *call) at(p place) (view.App, error) {
	named := c.r.PathValue("name")
	if p.Name != "" && p.Name != named {
		return view.App{}, invalid("the body names %.100q, the address %.100q: name one app", p.Name, named)
	}
	if p.AppNamespace == "" {
		p.AppNamespace = c.Namespace
	}
	app, err := c.desk.Brief(c.r.Context(), model.AppKey{Dialect: dialect, Namespace: p.AppNamespace, Name: named})
	switch {
	case errors.Is(err, model.ErrNotFound) && p.Project == "":
		return app, forbidden
	case errors.Is(err, model.ErrNotFound), err == nil && p.Project != "" && p.Project != app.Project:
		return view.App{}, refusal{code: notFound, text: fmt.Sprintf("applications.argoproj.io %q not found", named)}
	}
	return app, err
}

// values are those of parameters that mean the same, without empty ones.
func (c *call) values(names ...string) []string {
	var out []string
	for _, n := range names {
		for _, v := range c.query[n] {
			if v != "" {
				out = append(out, v)
			}
		}
	}
	return out
}

// flag is a parameter that is true or false.
func (c *call) flag(name string) (bool, error) {
	text := c.query.Get(name)
	if text == "" {
		return false, nil
	}
	v, err := strconv.ParseBool(text)
	if err != nil {
		return false, invalid("parameter %s: %.40q is neither true nor false", name, text)
	}
	return v, nil
}

// number is a parameter that is a number from 0; 0 if it is missing.
func (c *call) number(name string) (int64, error) {
	text := c.query.Get(name)
	if text == "" {
		return 0, nil
	}
	v, err := strconv.ParseInt(text, 10, 64)
	if err != nil || v < 0 || v > 1<<31-1 {
		return 0, invalid("parameter %s: %.40q is no number from 0 to %d", name, text, 1<<31-1)
	}
	return v, nil
}

// getApp is the whole object, after a refresh if one is asked for.
func getApp(c *call) (any, error) {
	app, err := c.app()
	if err != nil {
		return nil, err
	}
	switch how := c.query.Get("refresh"); how {
	case "":
	case "normal", "hard", "true":
		if err := c.refresh(app, how == "hard"); err != nil {
			return nil, err
		}
	default:
		return nil, invalid("parameter refresh: %.40q is neither normal nor hard", how)
	}
	return c.whole(app)
}

// whole is the object of an app.
func (c *call) whole(app view.App) (any, error) {
	d, err := c.desk.App(c.r.Context(), app.Key)
	if err != nil {
		return nil, err
	}
	return shown(d.Raw), nil
}

// refreshAnnotation asks for a refresh, until it is done.
const refreshAnnotation = "argocd.argoproj.io/refresh"

// refresh asks for one and waits until the object has been written since and the request
// is taken off it. When patience ends it is not waited for any longer.
func (c *call) refresh(app view.App, hard bool) error {
	before, err := c.version(app.Key)
	if err != nil {
		return err
	}
	if err := c.desk.Refresh(c.r.Context(), app.Key, hard); err != nil {
		return err
	}
	ctx, cancel := context.WithTimeout(c.r.Context(), c.Patience)
	defer cancel()
	tick := time.NewTicker(min(200*time.Millisecond, c.Patience))
	defer tick.Stop()
	for {
		select {
		case <-ctx.Done():
			return c.r.Context().Err()
		case <-tick.C:
		}
		now, err := c.version(app.Key)
		if err != nil || now.resource != before.resource && !now.asked {
			return err
		}
	}
}

// written is how an object was written.
type written struct {
	resource string
	asked    bool // for a refresh
}

func (c *call) version(key model.AppKey) (written, error) {
	objects, page, err := c.desk.Manifests(c.r.Context(), oneApp(key))
	for i, a := range page.Apps {
		if err == nil && a.Key == key && i < len(objects) {
			_, asked := texts(objects[i], "annotations")[refreshAnnotation]
			return written{resourceVersion(objects[i]), asked}, nil
		}
	}
	return written{}, err
}

// oneApp is a query that finds an app, and those whose names differ in case only.
func oneApp(key model.AppKey) view.Query {
	return view.Query{
		Kinds: []string{view.KindApplication}, Declared: []string{key.Namespace}, Search: "name:" + key.Name, Limit: view.MaxLimit,
	}
}
