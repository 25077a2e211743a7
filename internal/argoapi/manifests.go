package argoapi

import (
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

// getManifests are the objects that the app declares now, hooks among them, with the
// values of Secrets hidden.
func getManifests(c *call) (any, error) {
	app, err := c.app()
	if err != nil {
		return nil, err
	}
	if asked := c.query.Get("revision"); asked != "" && asked != app.Revision {
		return nil, refusal{code: unimplemented, text: "not supported by Fixpoint: other revisions than the deployed one: " + preview}
	}
	d, err := c.desk.App(c.r.Context(), app.Key)
	if err != nil {
		return nil, err
	}
	found, err := c.declared(app.Key, d.Resources)
	if err != nil {
		return nil, err
	}
	out := manifests{Manifests: []string{}, Namespace: app.Namespace, Server: app.Cluster.Server, Revision: app.Revision}
	for _, object := range found {
		if object != nil {
			out.Manifests = append(out.Manifests, text(object))
		}
	}
	return out, nil
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
