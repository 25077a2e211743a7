package argoapi

import (
	"cmp"
	"errors"

	"golang.org/x/sync/errgroup"

	"github.com/fixpoint-cd/fixpoint/internal/model"
	"github.com/fixpoint-cd/fixpoint/internal/view"
)

// manifests are Argo CD's ManifestResponse: each object as a text of JSON.
type manifests struct {
	Manifests []string `json:"manifests"`
	Namespace string   `json:"namespace,omitempty"`
	Server    string   `json:"server,omitempty"`
	Revision  string   `json:"revision,omitempty"`
}

// getManifests are the objects that the app declares, hooks among them, with the values of
// Secrets hidden: now, or at another revision.
func getManifests(c *call) (any, error) {
	app, err := c.app()
	if err != nil {
		return nil, err
	}
	if len(c.values("revisions", "sourcePositions")) > 0 {
		return nil, invalid("revisions and sourcePositions: they are not supported: name one revision, or one for each source with commas between them")
	}
	out := manifests{Manifests: []string{}, Namespace: app.Namespace, Server: app.Cluster.Server, Revision: app.Revision}
	var found []map[string]any
	if asked := c.query.Get("revision"); asked != "" && asked != app.Revision {
		found, out.Revision, err = c.declaredAt(app.Key, asked)
	} else {
		found, err = c.declaredNow(app.Key)
	}
	if err != nil {
		return nil, err
	}
	for _, object := range found {
		if object != nil {
			out.Manifests = append(out.Manifests, text(object))
		}
	}
	return out, nil
}

// declaredAt are the objects that an app declares at another revision, and the commit that
// it is.
func (c *call) declaredAt(key model.AppKey, revision string) ([]map[string]any, string, error) {
	diff, err := c.desk.Diff(c.r.Context(), key, view.DiffQuery{Revision: revision, Declared: true})
	if errors.Is(err, model.ErrNotFound) {
		err = refusal{code: invalidArgument, text: err.Error()}
	}
	if err != nil {
		return nil, "", err
	}
	out := make([]map[string]any, len(diff.Declared))
	for i, object := range diff.Declared {
		hide(&object)
		out[i] = object
	}
	return out, cmp.Or(diff.Revision, revision), nil
}

// declaredNow are the objects that an app declares now.
func (c *call) declaredNow(key model.AppKey) ([]map[string]any, error) {
	d, err := c.desk.App(c.r.Context(), key)
	if err != nil {
		return nil, err
	}
	return c.declared(key, d.Resources)
}

// declared are objects as the app declares them, nil for those that it does not, or not
// any more.
func (c *call) declared(key model.AppKey, of []view.Resource) ([]map[string]any, error) {
	out := make([]map[string]any, len(of))
	g, ctx := errgroup.WithContext(c.r.Context())
	g.SetLimit(manyReads)
	for i, r := range of {
		g.Go(func() error {
			o, err := c.desk.Object(ctx, key, r.Ref.ObjectKey)
			if errors.Is(err, model.ErrNotFound) {
				return nil
			}
			if err != nil {
				return err
			}
			out[i] = o.Desired
			if r.Ref.Kind == "Secret" && r.Ref.Group == "" {
				hide(&out[i])
			}
			return nil
		})
	}
	return out, g.Wait()
}
