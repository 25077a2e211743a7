package engine

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"

	"github.com/fixpoint-cd/fixpoint/internal/decide"
	"github.com/fixpoint-cd/fixpoint/internal/model"
	"github.com/fixpoint-cd/fixpoint/internal/policy"
)

// desired is the desired state of an app at a commit, ready to be compared.
type desired struct {
	snapshot *model.Snapshot
	tool     string
	rendered model.Digest
	version  int // of the app
	epoch    int // of the target's kinds
	objects  []decide.Desired
	byKey    map[model.ObjectKey]model.Object
	// placed are the prepared objects by the digest of the rendered ones.
	placed   map[model.Digest]decide.Desired
	warnings []model.Warning
	// rendering are the renderer's own warnings: the same objects may come with
	// others.
	rendering []string
	partial   bool // see model.Rendered
	unknown   bool // kinds that the target does not serve
}

// resolve finds the newest content that renders. Where the newest does not,
// the last that did is kept up, and the error is reported.
func (r *run) resolve(ctx context.Context) error {
	err := r.renderNewest(ctx)
	if err == nil {
		r.s.good = r.desired
	} else {
		if errors.Is(err, errPending) || r.s.good == nil {
			return err
		}
		r.fail(model.StageSource, err)
		r.desired = r.s.good
	}
	r.report.Snapshot, r.report.Tool = r.desired.snapshot, r.desired.tool
	r.report.Warnings = slices.Concat(r.report.Warnings, r.desired.warnings)
	for _, w := range r.desired.rendering {
		r.report.Warnings = append(r.report.Warnings, model.Warning{Type: model.WarnRender, Message: w})
	}
	return nil
}

func (r *run) renderNewest(ctx context.Context) error {
	state, ok := r.e.cfg.Sources.State(r.app.Source)
	if !ok || (state.Snapshot == nil && state.Err == nil) {
		return errPending
	}
	if state.Snapshot == nil {
		return state.Err
	}
	r.report.Snapshot, r.report.Newest = state.Snapshot, state.Snapshot
	rendered, err := r.e.cfg.Renderer.Render(ctx, state.Snapshot.Tree, r.app.Render)
	if err != nil {
		return &stageError{model.StageRender, err}
	}
	old := r.s.desired
	epoch := r.target.KindsEpoch()
	if old != nil && old.rendered == rendered.Digest && old.version == r.version &&
		(old.epoch == epoch || (!old.unknown && r.served(old))) {
		kept := *old
		kept.snapshot, kept.rendering, kept.partial, kept.epoch = state.Snapshot, rendered.Warnings, rendered.Partial, epoch
		r.desired = &kept
	} else if r.desired, err = r.prepare(state.Snapshot, rendered); err != nil {
		return &stageError{model.StageRender, err}
	}
	r.s.desired = r.desired
	if state.Err != nil {
		r.fail(model.StageSource, state.Err)
	}
	return nil
}

// served reports whether the target serves every kind of a desired state.
func (r *run) served(d *desired) bool {
	var refs []model.ObjectRef
	for _, o := range d.objects {
		ref := o.ObjectRef
		ref.Namespace, ref.Name = "", ""
		refs = append(refs, ref)
	}
	for _, ref := range uniqueKinds(refs) {
		if _, err := r.target.Namespaced(ref); err != nil {
			return false
		}
	}
	return true
}

// prepare makes rendered objects the app's: namespaces, metadata, marks.
func (r *run) prepare(snap *model.Snapshot, rendered model.Rendered) (*desired, error) {
	d := &desired{
		snapshot: snap, tool: rendered.Tool, rendered: rendered.Digest, version: r.version,
		epoch: r.target.KindsEpoch(), byKey: map[model.ObjectKey]model.Object{}, rendering: rendered.Warnings,
		partial: rendered.Partial,
	}
	defined := definedKinds(rendered.Objects)
	placed := make([]model.Object, 0, len(rendered.Objects))
	unknown := map[model.ObjectKey]decide.Desired{}
	known := r.placedBefore(d)
	d.placed = make(map[model.Digest]decide.Desired, len(rendered.Objects))
	for _, o := range rendered.Objects {
		item, ok := known[o.Digest]
		if !ok || item.Unknown != nil {
			var err error
			if item, err = r.placement(o, defined); err != nil {
				return nil, err
			}
		}
		item.Origin = o.Origin
		d.placed[o.Digest] = item
		if item.Unknown != nil {
			d.unknown = true
			unknown[item.ObjectKey] = decide.Desired{Unknown: item.Unknown, Awaits: item.Awaits}
		}
		placed = append(placed, item.Object)
	}
	dialect := r.e.cfg.Dialects[r.app.Key.Dialect]
	kept, warnings := policy.Check(placed, dialect.Policy)
	d.warnings = append(d.warnings, warnings...)
	for _, o := range kept {
		item := unknown[o.ObjectKey]
		item.Object, item.Wave = o, wave(o)
		if only := dialect.CreateOnly; only != nil {
			item.CreateOnly = only(o.Labels, o.Annotations)
		}
		d.objects = append(d.objects, item)
		d.byKey[o.ObjectKey] = o
	}
	r.addNamespace(d)
	return d, nil
}

// placedBefore are the objects of the last desired state by the digest of what
// was rendered, where what made them of it is still the same: a commit that
// changes one file of a large app costs that file's objects.
func (r *run) placedBefore(now *desired) map[model.Digest]decide.Desired {
	if old := r.s.desired; old != nil && old.version == now.version && old.epoch == now.epoch {
		return old.placed
	}
	return nil
}

// placement makes a rendered object the app's.
func (r *run) placement(o model.Object, defined map[groupKind]definition) (decide.Desired, error) {
	namespaced, unknown := r.scope(o, defined)
	if unknown != nil && !errors.Is(unknown, model.ErrNotFound) {
		return decide.Desired{}, unknown
	}
	placed, err := r.place(o, namespaced)
	if err != nil {
		return decide.Desired{}, fmt.Errorf("%s: %w", o.Origin, err)
	}
	return decide.Desired{Object: placed, Unknown: unknown, Awaits: defined[kindOf(o)].crd}, nil
}

// addNamespace puts the app's namespace first where it is to be created.
func (r *run) addNamespace(d *desired) {
	key := model.ObjectKey{Kind: "Namespace", Name: r.app.Namespace}
	if _, declared := d.byKey[key]; declared || !r.app.Sync.CreateNamespace || r.app.Namespace == "" {
		return
	}
	body, err := json.Marshal(map[string]any{"apiVersion": "v1", "kind": "Namespace", "metadata": map[string]any{"name": r.app.Namespace}})
	if err != nil {
		return
	}
	o := model.Object{ObjectRef: model.ObjectRef{ObjectKey: key, Version: "v1"}, JSON: body, Digest: model.DigestOf(body)}
	lowest := 0
	for _, x := range d.objects {
		lowest = min(lowest, x.Wave)
	}
	d.objects = append(d.objects, decide.Desired{Object: o, Implicit: true, Wave: lowest})
	d.byKey[key] = o
}
