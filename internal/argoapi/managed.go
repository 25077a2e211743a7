package argoapi

import (
	"encoding/json"

	"golang.org/x/sync/errgroup"

	"github.com/fixpoint-cd/fixpoint/internal/model"
	"github.com/fixpoint-cd/fixpoint/internal/view"
)

// managed is Argo CD's ResourceDiff: states are objects as texts of JSON, "null" if there
// is none.
type managed struct {
	name
	TargetState         string `json:"targetState"`
	LiveState           string `json:"liveState"`
	Hook                bool   `json:"hook,omitempty"`
	NormalizedLiveState string `json:"normalizedLiveState"`
	PredictedLiveState  string `json:"predictedLiveState"`
	ResourceVersion     string `json:"resourceVersion,omitempty"`
	Modified            bool   `json:"modified,omitempty"`
}

// manyReads is how many objects are read at a time.
const manyReads = 8

// getManaged lists the objects that the app declares, but for hooks, and those that are
// to be pruned: as declared, as live, and as a sync would make them.
func getManaged(c *call) (any, error) {
	app, err := c.app()
	if err != nil {
		return nil, err
	}
	ctx := c.r.Context()
	d, err := c.desk.App(ctx, app.Key)
	if err != nil {
		return nil, err
	}
	diff, err := c.desk.Diff(ctx, app.Key, view.DiffQuery{})
	if err != nil {
		return nil, err
	}
	changes := map[model.ObjectKey]view.ObjectDiff{}
	for _, o := range diff.Objects {
		changes[o.Ref.ObjectKey] = o
	}
	var wanted []view.Resource
	for f, i := c.filter(), 0; i < len(d.Resources); i++ {
		if r := d.Resources[i]; !r.Hook && f.matches(r.Ref.ObjectKey) {
			wanted = append(wanted, r)
		}
	}
	items, err := c.states(app.Key, wanted, changes)
	if err != nil {
		return nil, err
	}
	out := map[string]any{"items": items}
	all, err := plain(out)
	return fieldsOf(c.query.Get("fields")).of(all), err
}

// states reads objects, some at a time.
func (c *call) states(key model.AppKey, of []view.Resource, changes map[model.ObjectKey]view.ObjectDiff) ([]managed, error) {
	items := make([]managed, len(of))
	g, ctx := errgroup.WithContext(c.r.Context())
	g.SetLimit(manyReads)
	for i, r := range of {
		g.Go(func() error {
			o, err := c.desk.Object(ctx, key, r.Ref.ObjectKey)
			if err != nil {
				return err
			}
			change, changes := changes[r.Ref.ObjectKey]
			items[i] = stateOf(r, o, change, changes)
			return nil
		})
	}
	return items, g.Wait()
}

// stateOf compares an object. A diff numbers the values of Secrets in its own way: where
// there is one, its numbers are shown.
func stateOf(r view.Resource, o view.Object, change view.ObjectDiff, changes bool) managed {
	live, target := o.Live, o.Desired
	before, after := live, live
	secret := r.Ref.Kind == "Secret" && r.Ref.Group == ""
	if changes {
		before, after = change.Before, change.After
		if secret {
			live, target = before, after
		}
	}
	if changes && change.Action == model.ActionDelete {
		target, after = nil, nil
	}
	if secret {
		hide(&live, &target, &before, &after)
	}
	out := managed{
		name:        name{Group: r.Ref.Group, Kind: r.Ref.Kind, Namespace: r.Ref.Namespace, Name: r.Ref.Name},
		TargetState: text(target), LiveState: text(live), NormalizedLiveState: text(before), PredictedLiveState: text(after),
		ResourceVersion: resourceVersion(o.Live), Modified: changes && !change.Noise || r.Prune,
	}
	return out
}

// hide masks Secrets once more, as one: nobody gets a value, even if whoever has made the
// diff should forget it. What they are given is not changed.
func hide(objects ...*map[string]any) {
	mask := model.Mask{}
	for _, o := range objects {
		if *o == nil {
			continue
		}
		all, err := plain(*o)
		if err != nil {
			*o = nil // it came from JSON
			continue
		}
		*o, _ = all.(map[string]any)
		mask.Hide(*o)
	}
}

// text is an object as JSON.
func text(object map[string]any) string {
	if object == nil {
		return "null"
	}
	raw, err := json.Marshal(object)
	if err != nil {
		return "null" // it came from JSON
	}
	return string(raw)
}
