package engine

import (
	"context"
	"errors"
	"fmt"
	"slices"

	"github.com/fixpoint-cd/fixpoint/internal/decide"
	"github.com/fixpoint-cd/fixpoint/internal/model"
	"github.com/fixpoint-cd/fixpoint/internal/policy"
)

// desired is the desired state of an app at a revision, ready to be compared.
type desired struct {
	// snapshots are those of the app's sources, tools what rendered them.
	snapshots []*model.Snapshot
	tools     []string
	rendered  model.Digest
	version   int // of the app
	asks      model.Options
	epoch     int // of the target's kinds
	objects   []decide.Desired
	// hooks are the objects that run in phases of their own; those without a name get
	// one for each operation.
	hooks []hook
	// alone are declared objects that are never applied.
	alone map[model.ObjectKey]bool
	byKey map[model.ObjectKey]model.Object
	// basis is what the objects are compared by, see model.Pair.
	basis map[model.ObjectKey]uint64
	// placed are the prepared objects by the digest of the rendered ones.
	placed   map[model.Digest]decide.Desired
	warnings []model.Warning
	// rendering are the renderer's own warnings: the same objects may come with
	// others.
	rendering []string
	partial   bool // see model.Rendered
	unknown   bool // kinds that the target does not serve
}

// resolve finds what is to be compared: what an operation is pinned to while it
// lasts, else the newest content that renders.
func (r *run) resolve(ctx context.Context) error {
	r.overtake(ctx)
	if r.pin = r.pinOf(); r.pin != nil {
		err := r.resolvePin(ctx)
		underWay := r.s.op != nil && (!r.s.op.Phase.Done() || r.repeats(r.s.op))
		if err == nil || errors.Is(err, errPending) || (underWay && errors.Is(err, model.ErrTransient)) {
			return err
		}
		r.pin, r.pinned, r.pinErr = nil, r.pin, err
	}
	return r.resolveNewest(ctx)
}

// resolveNewest finds the newest content that renders. Where the newest does not,
// the last that did is kept up, and the error is reported.
func (r *run) resolveNewest(ctx context.Context) error {
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
	r.reportSources()
	r.report.Warnings = slices.Concat(r.report.Warnings, r.desired.warnings)
	for _, w := range r.desired.rendering {
		r.report.Warnings = append(r.report.Warnings, model.Warning{Type: model.WarnRender, Message: w})
	}
	return nil
}

// reportSources says what the desired state was made of.
func (r *run) reportSources() {
	d := r.desired
	r.report.Snapshot, r.report.Tool, r.report.Content = d.snapshots[0], d.tools[0], d.rendered
	if len(d.snapshots) > 1 {
		r.report.Sources, r.report.Tools = d.snapshots, d.tools
	}
}

func (r *run) renderNewest(ctx context.Context) error {
	r.report.Looked = r.looked()
	snapshots, late, err := r.newest()
	if err != nil {
		return err
	}
	r.report.Snapshot, r.report.Newest = snapshots[0], snapshots[0]
	rendered, tools, err := r.render(ctx, r.app.Sources, snapshots)
	if err != nil {
		return &stageError{model.StageRender, err}
	}
	if r.desired, err = r.made(r.s.desired, rendered); err != nil {
		return &stageError{model.StageRender, err}
	}
	r.desired.snapshots, r.desired.tools = snapshots, tools
	r.s.desired = r.desired
	if late != nil {
		r.fail(model.StageSource, late)
	}
	return nil
}

// made is what rendered objects become, old itself where nothing has changed.
func (r *run) made(old *desired, rendered model.Rendered) (*desired, error) {
	epoch := r.target.KindsEpoch()
	if old == nil || old.rendered != rendered.Digest || old.version != r.version || old.asks != r.asks ||
		(old.epoch != epoch && (old.unknown || !r.served(old))) {
		return r.prepare(rendered)
	}
	kept := *old
	kept.rendering, kept.partial, kept.epoch = rendered.Warnings, rendered.Partial, epoch
	return &kept, nil
}

// looked is the token of the last look at the sources that is over, where it is the
// same for all.
func (r *run) looked() string {
	states, ok := r.e.cfg.Sources.States(sourceKeys(r.app.Sources))
	if !ok || len(states) == 0 {
		return ""
	}
	for _, s := range states {
		if s.Handled != states[0].Handled {
			return ""
		}
	}
	return states[0].Handled
}

// newest is the newest content of every source, of one moment. late is why one
// of them may be older than its repository.
func (r *run) newest() (snapshots []*model.Snapshot, late, err error) {
	return r.contents(r.app.Sources)
}

func (r *run) contents(sources []model.AppSource) (snapshots []*model.Snapshot, late, err error) {
	states, ok := r.e.cfg.Sources.States(sourceKeys(sources))
	if !ok || len(states) == 0 {
		return nil, nil, errPending
	}
	for _, state := range states {
		switch {
		case state.Snapshot == nil && state.Err != nil:
			return nil, nil, state.Err
		case state.Snapshot == nil:
			err = errPending
		case late == nil:
			late = state.Err
		}
		snapshots = append(snapshots, state.Snapshot)
	}
	if err == nil && late != nil && mixed(snapshots) {
		return nil, nil, late
	}
	return snapshots, late, err
}

// mixed reports whether two sources are one repository at two revisions of one
// name: where one of them failed, the other may be ahead.
func mixed(snapshots []*model.Snapshot) bool {
	for i, a := range snapshots {
		for _, b := range snapshots[i+1:] {
			if a.URL == b.URL && a.Ref == b.Ref && a.Revision != b.Revision {
				return true
			}
		}
	}
	return false
}

func sourceKeys(sources []model.AppSource) []model.SourceKey {
	keys := make([]model.SourceKey, len(sources))
	for i, s := range sources {
		keys[i] = s.Key
	}
	return keys
}

// render makes objects of all sources, in their order.
func (r *run) render(ctx context.Context, sources []model.AppSource, snapshots []*model.Snapshot) (model.Rendered, []string, error) {
	in := model.RenderInput{Refs: map[string]model.Tree{}, Anew: r.s.isHard()}
	for i, src := range sources {
		if src.Ref != "" {
			in.Refs[src.Ref] = snapshots[i].Tree
		}
	}
	if r.e.cfg.Host != nil {
		in.Host = r.e.cfg.Host(r.app)
	}
	var parts []model.Rendered
	tools := make([]string, len(snapshots))
	for i, src := range sources {
		if src.FilesOnly {
			continue
		}
		in.Tree, in.Render = snapshots[i].Tree, src.Render.WithRevision(snapshots[i].Revision)
		part, err := r.e.cfg.Renderer.Render(ctx, in)
		if err != nil && len(sources) > 1 {
			err = fmt.Errorf("source %d (%s): %w", i+1, snapshots[i].URL, err)
		}
		if err != nil {
			return model.Rendered{}, nil, err
		}
		parts, tools[i] = append(parts, part), part.Tool
	}
	if r.e.cfg.Rendered != nil {
		for _, text := range r.e.cfg.Rendered(r.app.Key) {
			r.report.Warnings = append(r.report.Warnings, model.Warning{Type: model.WarnRender, Message: text})
		}
	}
	return together(parts), tools, nil
}

// together is what several sources make, as if it were one.
func together(parts []model.Rendered) model.Rendered {
	if len(parts) == 1 {
		return parts[0]
	}
	var all model.Rendered
	var digests [][]byte
	for _, p := range parts {
		all.Objects = append(all.Objects, p.Objects...)
		all.Warnings = append(all.Warnings, p.Warnings...)
		all.Partial = all.Partial || p.Partial
		digests = append(digests, p.Digest[:])
	}
	all.Digest = model.DigestOf(digests...)
	return all
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
func (r *run) prepare(rendered model.Rendered) (*desired, error) {
	d := &desired{
		rendered: rendered.Digest, version: r.version, asks: r.asks,
		epoch: r.target.KindsEpoch(), byKey: map[model.ObjectKey]model.Object{}, basis: map[model.ObjectKey]uint64{}, alone: map[model.ObjectKey]bool{}, rendering: rendered.Warnings,
		partial: rendered.Partial,
	}
	defined := definedKinds(rendered.Objects)
	objects, unnamed, err := r.named(rendered.Objects)
	if err != nil {
		return nil, err
	}
	d.hooks = unnamed
	d.unknown = slices.ContainsFunc(unnamed, func(h hook) bool { return h.Unknown != nil })
	placed := make([]model.Object, 0, len(objects))
	unknown := map[model.ObjectKey]decide.Desired{}
	known := r.placedBefore(d)
	d.placed = make(map[model.Digest]decide.Desired, len(rendered.Objects))
	for _, o := range objects {
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
	kept, warnings := policy.Check(placed, dialect.rules(r.app))
	d.warnings = append(d.warnings, warnings...)
	for _, o := range kept {
		item := unknown[o.ObjectKey]
		item.Object, item.Traits = o, r.traits(o)
		switch {
		case item.Traits.IsHook():
			d.hooks = append(d.hooks, hook{Desired: item})
			continue
		case item.Traits.Skip:
			d.alone[o.ObjectKey] = true
			continue
		}
		item.Careful, item.Basis = !r.rules(o.ObjectKey).Empty(), r.basis(o.ObjectKey)
		d.basis[o.ObjectKey] = item.Basis
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
