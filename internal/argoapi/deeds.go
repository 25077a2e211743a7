package argoapi

import (
	"bytes"
	"encoding/json"
	"strings"

	"github.com/fixpoint-cd/fixpoint/internal/model"
	"github.com/fixpoint-cd/fixpoint/internal/view"
)

// syncBody is Argo CD's ApplicationSyncRequest. What has no effect here is a field too,
// so that it can be said.
type syncBody struct {
	place
	Revision        string           `json:"revision"`
	DryRun          bool             `json:"dryRun"`
	Prune           bool             `json:"prune"`
	Strategy        *strategy        `json:"strategy"`
	Resources       []selected       `json:"resources"`
	SyncOptions     *options         `json:"syncOptions"`
	Retry           *retry           `json:"retryStrategy"`
	Manifests       []string         `json:"manifests"`
	Infos           []map[string]any `json:"infos"`
	SourcePositions []whole          `json:"sourcePositions"`
	Revisions       []string         `json:"revisions"`
}

type strategy struct {
	Apply *forced `json:"apply"`
	Hook  *forced `json:"hook"`
}

type forced struct {
	Force bool `json:"force"`
}

type selected struct {
	Group     string `json:"group"`
	Kind      string `json:"kind"`
	Name      string `json:"name"`
	Namespace string `json:"namespace"`
	Exclude   bool   `json:"exclude"`
}

type options struct {
	Items []string `json:"items"`
}

// UnmarshalJSON reads options, and also their list alone, which some clients send.
func (o *options) UnmarshalJSON(raw []byte) error {
	if bytes.HasPrefix(bytes.TrimSpace(raw), []byte("[")) {
		if json.Unmarshal(raw, &o.Items) != nil {
			return invalid("syncOptions: they are texts such as \"ServerSideApply=true\"")
		}
		return nil
	}
	type plain options
	return decode(raw, (*plain)(o))
}

type retry struct {
	Limit   whole    `json:"limit"`
	Backoff *backoff `json:"backoff"`
	Refresh bool     `json:"refresh"`
}

type backoff struct {
	Duration    string `json:"duration"`
	Factor      *whole `json:"factor"`
	MaxDuration string `json:"maxDuration"`
}

// maxRetries is how often a sync is repeated at most.
const maxRetries = 1000

// request is the body as a view.SyncRequest, but for the objects.
func (b *syncBody) request() (view.SyncRequest, error) {
	r := view.SyncRequest{Revision: b.Revision, DryRun: b.DryRun, Prune: b.Prune}
	switch {
	case len(b.Manifests) > 0:
		return r, invalid("manifests: only what Git declares is synced: commit them to a branch, which `fixpoint diff --revision` compares")
	case len(b.Infos) > 0:
		return r, invalid("infos: they are not kept: leave them out; the audit trail says who asked")
	case len(b.Revisions) > 0 || len(b.SourcePositions) > 0:
		return r, invalid("revisions and sourcePositions: the sources of an application are synced at the revisions that it follows: change spec.sources in Git")
	}
	if s := b.Strategy; s != nil {
		r.Force = s.Apply != nil && s.Apply.Force || s.Hook != nil && s.Hook.Force
		r.NoHooks = s.Apply != nil && s.Hook == nil
	}
	if b.SyncOptions != nil {
		r.Options = append([]string{}, b.SyncOptions.Items...)
	}
	if b.Retry != nil {
		if err := b.Retry.check(); err != nil {
			return r, err
		}
		r.Retries = int(b.Retry.Limit)
	}
	return r, nil
}

// check refuses what is not honoured: retries come with the pauses that are usual.
func (r *retry) check() error {
	if r.Limit < 0 || r.Limit > maxRetries {
		return invalid("retryStrategy.limit: it has to be from 0 to %d", maxRetries)
	}
	if r.Refresh {
		return invalid("retryStrategy.refresh: it is not supported here: declare spec.syncPolicy.retry")
	}
	if b := r.Backoff; b != nil {
		usual := (b.Duration == "" || b.Duration == "5s") && (b.Factor == nil || *b.Factor == 2 || *b.Factor == 0) &&
			(b.MaxDuration == "" || b.MaxDuration == "3m" || b.MaxDuration == "3m0s")
		if !usual {
			return invalid("retryStrategy.backoff: only duration 5s, factor 2 and maxDuration 3m are supported here: declare others in spec.syncPolicy.retry")
		}
	}
	return nil
}

// syncApp asks for a sync and answers with the Application.
func syncApp(c *call) (any, error) {
	var b syncBody
	if err := c.body(&b); err != nil {
		return nil, err
	}
	app, err := c.at(b.place)
	if err != nil {
		return nil, err
	}
	r, err := b.request()
	if err != nil {
		return nil, err
	}
	if r.Only, err = c.only(app, b.Resources); err != nil {
		return nil, err
	}
	if err := c.desk.Sync(c.r.Context(), app.Key, r); err != nil {
		return nil, err
	}
	return c.whole(app)
}

// only are the app's objects that are selected; without a namespace those of all.
func (c *call) only(app view.App, resources []selected) ([]model.ObjectKey, error) {
	if len(resources) == 0 {
		return nil, nil
	}
	d, err := c.desk.App(c.r.Context(), app.Key)
	if err != nil {
		return nil, err
	}
	var out []model.ObjectKey
	for _, r := range resources {
		if r.Exclude {
			return nil, invalid("resources: exclude is not supported: name those that shall be synced")
		}
		found := false
		for _, have := range d.Resources {
			k := have.Ref.ObjectKey
			if k.Group == r.Group && k.Kind == r.Kind && k.Name == r.Name && (r.Namespace == "" || r.Namespace == k.Namespace) {
				out, found = append(out, k), true
			}
		}
		if !found {
			return nil, invalid("resources: %.63s %.63s %.253s not found as part of application %s", r.Kind, r.Group, r.Name, app.Key.Name)
		}
	}
	return out, nil
}

// rollbackBody is Argo CD's ApplicationRollbackRequest.
type rollbackBody struct {
	place
	ID     *whole `json:"id"`
	DryRun bool   `json:"dryRun"`
	Prune  bool   `json:"prune"`
}

func rollbackApp(c *call) (any, error) {
	var b rollbackBody
	if err := c.body(&b); err != nil {
		return nil, err
	}
	app, err := c.at(b.place)
	if err != nil {
		return nil, err
	}
	if b.ID == nil {
		return nil, invalid("id: it is missing: name an entry of status.history")
	}
	err = c.desk.Rollback(c.r.Context(), app.Key, view.RollbackRequest{ID: int64(*b.ID), DryRun: b.DryRun, Prune: b.Prune})
	if err != nil {
		return nil, err
	}
	return c.whole(app)
}

// deleteApp deletes an Application as Argo CD does: with its objects, unless cascade is
// false; propagationPolicy says how.
func deleteApp(c *call) (any, error) {
	app, err := c.app()
	if err != nil {
		return nil, err
	}
	cascade, err := c.cascade()
	if err != nil {
		return nil, err
	}
	if err := c.desk.DeleteApp(c.r.Context(), app.Key, cascade); err != nil {
		return nil, err
	}
	return struct{}{}, nil
}

// cascade is what the parameters say of an Application's objects.
func (c *call) cascade() (view.Cascade, error) {
	policy := strings.ToLower(c.query.Get("propagationPolicy"))
	if c.query.Get("cascade") != "" {
		cascades, err := c.flag("cascade")
		switch {
		case err != nil:
			return "", err
		case !cascades && policy != "":
			return "", invalid("cannot set propagation policy when cascading is disabled")
		case !cascades:
			return view.CascadeNone, nil
		}
	}
	switch policy {
	case "", string(view.CascadeForeground):
		return view.CascadeForeground, nil
	case string(view.CascadeBackground):
		return view.CascadeBackground, nil
	}
	return "", invalid("invalid propagation policy: %.40s: it is foreground or background", policy)
}

func terminate(c *call) (any, error) {
	app, err := c.app()
	if err != nil {
		return nil, err
	}
	if err := c.desk.Terminate(c.r.Context(), app.Key); err != nil {
		return nil, err
	}
	return struct{}{}, nil
}
