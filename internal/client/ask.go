package client

import (
	"context"
	"maps"
	"net/http"
	"net/url"
	"strconv"
	"strings"
)

// path is that of the app, with more behind it.
func (a AppName) path(more ...string) string {
	parts := append([]string{"", "apps", url.PathEscape(a.Kind), url.PathEscape(a.Namespace), url.PathEscape(a.Name)}, more...)
	return strings.Join(parts, "/")
}

func (o Object) query() url.Values {
	q := url.Values{"kind": {o.Kind}, "name": {o.Name}}
	if o.Group != "" {
		q.Set("group", o.Group)
	}
	if o.Namespace != "" {
		q.Set("namespace", o.Namespace)
	}
	return q
}

// list is a page of any list.
type list[T any] struct {
	Items []T    `json:"items"`
	Next  string `json:"next"`
	Total int    `json:"total"`
}

// pageSize is how many apps are asked for at a time.
const pageSize = 500

// Apps are all that a query finds, by name. T is App, or map[string]any for all fields.
func Apps[T any](ctx context.Context, c *Client, query url.Values) ([]T, error) {
	out := []T{}
	for {
		q := url.Values{"limit": {strconv.Itoa(pageSize)}, "offset": {strconv.Itoa(len(out))}}
		maps.Copy(q, query)
		var page list[T]
		if err := c.get(ctx, "/apps", q, &page); err != nil {
			return nil, err
		}
		out = append(out, page.Items...)
		if page.Next == "" || len(page.Items) == 0 {
			return out, nil
		}
	}
}

// Get reads one app into out: an *AppDetail, or a map of all fields.
func (c *Client) Get(ctx context.Context, app AppName, out any) error {
	return c.get(ctx, app.path(), nil, out)
}

// Sources are the objects that feed apps. T is Feeder, or map[string]any.
func Sources[T any](ctx context.Context, c *Client) ([]T, error) {
	var out list[T]
	return out.Items, c.get(ctx, "/sources", nil, &out)
}

// History is what an app has deployed, newest first.
func (c *Client) History(ctx context.Context, app AppName) ([]Deployment, error) {
	var out list[Deployment]
	return out.Items, c.get(ctx, app.path("history"), nil, &out)
}

// Tree are an app's objects.
func (c *Client) Tree(ctx context.Context, app AppName) (Tree, error) {
	var out Tree
	return out, c.get(ctx, app.path("tree"), nil, &out)
}

// Diff is what a sync would change, of a revision if that is not "".
func (c *Client) Diff(ctx context.Context, app AppName, revision string) (Diff, error) {
	q := url.Values{}
	if revision != "" {
		q.Set("revision", revision)
	}
	var out Diff
	return out, c.get(ctx, app.path("diff"), q, &out)
}

// Object is one object of an app.
func (c *Client) Object(ctx context.Context, app AppName, o Object) (ObjectDetail, error) {
	var out ObjectDetail
	return out, c.get(ctx, app.path("resources", "object"), o.query(), &out)
}

// Sync is what a sync is asked for.
type Sync struct {
	Revision string   `json:"revision,omitempty"`
	Prune    bool     `json:"prune,omitempty"`
	DryRun   bool     `json:"dryRun,omitempty"`
	Force    bool     `json:"force,omitempty"`
	NoHooks  bool     `json:"noHooks,omitempty"`
	Only     []Object `json:"only,omitempty"`
	Options  []string `json:"options,omitempty"`
	Retries  int      `json:"retries,omitempty"`
}

// Rollback asks for an entry of the history.
type Rollback struct {
	ID     int64 `json:"id"`
	Prune  bool  `json:"prune,omitempty"`
	DryRun bool  `json:"dryRun,omitempty"`
}

// Autosync switches automated sync; nil leaves a rule as it is.
type Autosync struct {
	On       bool  `json:"on"`
	Prune    *bool `json:"prune,omitempty"`
	SelfHeal *bool `json:"selfHeal,omitempty"`
}

// Delete asks for the deletion of an app, with the parameters of the API.
func (c *Client) Delete(ctx context.Context, app AppName, query url.Values) error {
	var out struct{}
	return c.json(ctx, call{method: http.MethodDelete, path: app.path(), query: query}, &out)
}

// Ask asks for a deed on an app: sync, rollback, terminate, refresh, suspend, resume, autosync. It
// returns when that is accepted.
func (c *Client) Ask(ctx context.Context, app AppName, deed string, body any) error {
	var out struct{}
	return c.post(ctx, app.path(deed), body, &out)
}

// Act does an action of an object; it returns what was done.
func (c *Client) Act(ctx context.Context, app AppName, o Object, action string, params map[string]string) ([]string, error) {
	var out struct {
		Done []string `json:"done"`
	}
	body := map[string]any{"object": Object{Group: o.Group, Kind: o.Kind, Namespace: o.Namespace, Name: o.Name}, "params": params}
	err := c.post(ctx, app.path("actions", url.PathEscape(action)), body, &out)
	return out.Done, err
}

// Activities are at most limit things that happened, newest first. T is Activity, or
// map[string]any.
func Activities[T any](ctx context.Context, c *Client, query url.Values, limit int) ([]T, error) {
	var out []T
	next := "/activity?" + query.Encode()
	for next != "" && len(out) < limit {
		path, raw, _ := strings.Cut(strings.TrimPrefix(next, root), "?")
		q, err := url.ParseQuery(raw)
		if err != nil || path != "/activity" {
			break
		}
		q.Set("limit", strconv.Itoa(min(limit-len(out), pageSize)))
		var page list[T]
		if err := c.get(ctx, path, q, &page); err != nil {
			return nil, err
		}
		out, next = append(out, page.Items...), page.Next
	}
	return out, nil
}

// export asks for the audit trail.
func (c *Client) export(ctx context.Context, query url.Values) (*http.Response, error) {
	accept := "application/x-ndjson"
	if query.Get("format") == "csv" {
		accept = "text/csv"
	}
	return c.send(ctx, call{method: http.MethodGet, path: "/audit/export", query: query, accept: accept})
}
