package api

import (
	"slices"
	"strconv"
	"strings"

	"github.com/fixpoint-cd/fixpoint/internal/model"
	"github.com/fixpoint-cd/fixpoint/internal/view"
)

func listApps(c *call) (any, error) {
	q, err := view.ParseQuery(c.query)
	if err != nil {
		return nil, err
	}
	page, err := c.desk.Apps(c.r.Context(), q)
	if err != nil {
		return nil, err
	}
	out := apps(page)
	if end := q.Offset + len(page.Apps); len(page.Apps) > 0 && end < page.Total {
		out.Next = c.next(c.with("offset", strconv.Itoa(end)))
	}
	return out, nil
}

func getApp(c *call) (any, error) {
	d, err := c.desk.App(c.r.Context(), c.app)
	if err != nil {
		return nil, err
	}
	return c.detail(d), nil
}

func getTree(c *call) (any, error) {
	t, err := c.desk.Tree(c.r.Context(), c.app)
	if err != nil {
		return nil, err
	}
	return tree(t), nil
}

func getDiff(c *call) (any, error) {
	key, err := c.object()
	if err != nil {
		return nil, err
	}
	q := view.DiffQuery{Revision: c.query.Get("revision"), Noise: c.flag("noise")}
	if key != (model.ObjectKey{}) {
		q.Object = &key
	}
	d, err := c.desk.Diff(c.r.Context(), c.app, q)
	if err != nil {
		return nil, err
	}
	return diff(d), nil
}

func getHistory(c *call) (any, error) {
	d, err := c.desk.App(c.r.Context(), c.app)
	if err != nil {
		return nil, err
	}
	return History{Items: list(d.History, deployment)}, nil
}

func getObject(c *call) (any, error) {
	key, err := c.object()
	if err != nil {
		return nil, err
	}
	o, err := c.desk.Object(c.r.Context(), c.app, key)
	if err != nil {
		return nil, err
	}
	return objectDetail(o), nil
}

func getEvents(c *call) (any, error) {
	key, err := c.object()
	if err != nil {
		return nil, err
	}
	all, err := c.desk.Events(c.r.Context(), c.app, key)
	if err != nil {
		return nil, err
	}
	return Events{Items: list(all, event)}, nil
}

func listClusters(c *call) (any, error) {
	all, err := c.desk.Clusters(c.r.Context())
	if err != nil {
		return nil, err
	}
	return Clusters{Items: list(all, cluster)}, nil
}

func listRepositories(c *call) (any, error) {
	all, err := c.desk.Repositories(c.r.Context())
	if err != nil {
		return nil, err
	}
	return Repositories{Items: list(all, repository)}, nil
}

func listProjects(c *call) (any, error) {
	all, err := c.desk.Projects(c.r.Context())
	if err != nil {
		return nil, err
	}
	return Projects{Items: list(all, project)}, nil
}

func listFeeders(c *call) (any, error) {
	all, err := c.desk.Feeders(c.r.Context())
	if err != nil {
		return nil, err
	}
	return Feeders{Items: list(all, feeder)}, nil
}

func getMe(c *call) (any, error) {
	who := c.desk.Who()
	me := Me{Name: who.Name, Title: who.Title, Groups: texts(who.Groups), Anonymous: who.Anonymous}
	if c.query.Get("name") == "" && c.query.Get("kind") == "" {
		return me, nil
	}
	key, ok := appKey(strings.ToLower(c.query.Get("kind")), c.query.Get("namespace"), c.query.Get("name"))
	if !ok || key.Name == "" || key.Namespace == "" {
		return nil, model.Invalidf("parameters kind, namespace and name: an app needs all of them")
	}
	a, err := c.desk.Brief(c.r.Context(), key)
	if err != nil {
		return nil, err
	}
	me.May = may(c.desk, a)
	return me, nil
}

func getOpenAPI(c *call) (any, error) { return c.document(), nil }

func getProblem(c *call) (any, error) {
	k, ok := kindNamed(c.r.PathValue("problem"))
	if !ok {
		return nil, refusal{"not-found", "there is no such kind of problem"}
	}
	return problem(k, ""), nil
}

var activityKinds = []string{
	view.ActivityCreated, view.ActivityDeleted, view.ActivityRevision, view.ActivitySynced, view.ActivityFailed, view.ActivityDrift,
	view.ActivityHealed, view.ActivityRollback, view.ActivityHealth, view.ActivityError, view.ActivityAction,
}

func listActivity(c *call) (any, error) {
	q := view.ActivityQuery{
		Project: c.query.Get("project"), Kinds: slices.Clone(c.query["kind"]), By: c.query.Get("by"), Search: c.query.Get("q"),
		From: c.time("from"), To: c.time("to"), Before: int64(c.number("before")), Limit: c.number("limit"),
	}
	for i := range q.Kinds {
		q.Kinds[i] = strings.ToLower(q.Kinds[i])
	}
	if name := c.query.Get("app"); name != "" {
		parts := strings.Split(name, "/")
		if len(parts) != 3 {
			return nil, model.Invalidf("parameter app: %.80q is no kind/namespace/name", name)
		}
		key, ok := appKey(strings.ToLower(parts[0]), parts[1], parts[2])
		if !ok {
			return nil, model.Invalidf("parameter app: %.40q is none of application, kustomization, helmrelease", parts[0])
		}
		q.App = &key
	}
	all, err := c.desk.Activity(c.r.Context(), q)
	if err != nil {
		return nil, err
	}
	out := Activities{Items: list(all, activity)}
	if n := len(all); n > 0 && n >= orElse(q.Limit, 50) {
		out.Next = c.next(c.with("before", strconv.FormatInt(all[n-1].ID, 10)))
	}
	return out, nil
}

func orElse(n, usual int) int {
	if n == 0 {
		return usual
	}
	return n
}
