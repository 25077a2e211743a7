package engine

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"time"

	"github.com/fixpoint-cd/fixpoint/internal/apply"
	"github.com/fixpoint-cd/fixpoint/internal/decide"
	"github.com/fixpoint-cd/fixpoint/internal/model"
	"github.com/fixpoint-cd/fixpoint/internal/sequence"
)

// hook is a declared object that runs in phases of its own. One without a name is
// as rendered, and named for each operation and phase.
type hook struct {
	decide.Desired
	generated  bool
	namespaced bool
}

// traits are what a declared object asks for, with what its app says for all.
func (r *run) traits(o model.Object) model.Traits {
	read := r.e.cfg.Dialects[r.app.Key.Dialect].Traits
	if read == nil {
		return model.Traits{}.Over(r.app.Sync.Defaults)
	}
	return read(o.Labels, o.Annotations).Over(r.app.Sync.Defaults)
}

// named splits rendered objects into those with a name and the hooks that get one
// for each operation.
func (r *run) named(objects []model.Object) (rest []model.Object, unnamed []hook, err error) {
	if !slices.ContainsFunc(objects, func(o model.Object) bool { return o.Name == "" }) {
		return objects, nil, nil
	}
	defined := definedKinds(objects)
	for _, o := range objects {
		if o.Name != "" {
			rest = append(rest, o)
			continue
		}
		traits := r.traits(o)
		if !traits.IsHook() {
			return nil, nil, model.Invalidf("%s: %s has metadata.generateName and no name: only hooks can; give it a name", o.Origin, o.Kind)
		}
		namespaced, unknown := r.scope(o, defined)
		if unknown != nil && !errors.Is(unknown, model.ErrNotFound) {
			return nil, nil, fmt.Errorf("%s: %w", o.Origin, unknown)
		}
		if namespaced && o.Namespace == "" {
			o.Namespace = r.app.Namespace
		}
		unnamed = append(unnamed, hook{
			Desired:   decide.Desired{Object: o, Traits: traits, Unknown: unknown, Awaits: defined[kindOf(o)].crd},
			generated: true, namespaced: namespaced,
		})
	}
	return rest, unnamed, nil
}

// hooks are those of an operation, by their keys, with the objects to be created.
func (r *run) hooks(op model.Operation) ([]sequence.Hook, map[model.ObjectKey]model.Object, error) {
	if r.desired == nil {
		return nil, nil, nil
	}
	var out []sequence.Hook
	objects := map[model.ObjectKey]model.Object{}
	for _, h := range r.desired.hooks {
		if !h.generated {
			out = append(out, r.hookTask(h.Desired))
			objects[h.ObjectKey] = h.Object
			continue
		}
		for _, phase := range h.Traits.Hooks.List() {
			o, err := r.nameHook(h, phase, op, objects)
			if err != nil {
				return nil, nil, err
			}
			named := h.Desired
			named.Object, named.Traits.Hooks = o, model.PhasesOf(phase)
			out = append(out, r.hookTask(named))
			objects[o.ObjectKey] = o
		}
	}
	return out, objects, nil
}

// hookTask is a hook as the sequence has it.
func (r *run) hookTask(d decide.Desired) sequence.Hook {
	h := sequence.Hook{Object: d.ObjectRef, Traits: d.Traits, Stage: decide.Stage(d.ObjectKey)}
	h.Action, h.Reason = r.input.Hindrance(d)
	return h
}

// nameHook gives a hook the name that it has in an operation's phase.
// Of several that would have the same one, the start counts on.
func (r *run) nameHook(
	h hook, phase model.SyncPhase, op model.Operation, taken map[model.ObjectKey]model.Object,
) (model.Object, error) {
	for started := op.Started; ; started = started.Add(time.Second) {
		o, err := apply.Named(h.Object, op.Revision, phase, started)
		if err != nil {
			return o, err
		}
		if o, err = r.place(o, h.namespaced); err != nil {
			return o, err
		}
		if _, is := taken[o.ObjectKey]; !is {
			return o, nil
		}
	}
}

// hookKeys are the hooks that have a name of their own.
func (d *desired) hookKeys() []model.ObjectKey {
	var out []model.ObjectKey
	for _, h := range d.hooks {
		if !h.generated {
			out = append(out, h.ObjectKey)
		}
	}
	return out
}

// declared are all objects that the source declares, hooks included.
func (d *desired) declared() []model.Object {
	out := make([]model.Object, 0, len(d.objects)+len(d.hooks))
	for _, o := range d.objects {
		if !o.Implicit && !o.First {
			out = append(out, o.Object)
		}
	}
	for _, h := range d.hooks {
		out = append(out, h.Object)
	}
	return out
}

// deletionHooks are the phases of a deletion that there are hooks for.
func (d *desired) deletionHooks() model.Phases {
	var all model.Phases
	for _, h := range d.hooks {
		all |= h.Traits.Hooks
	}
	return all & model.PhasesOf(model.PhasePreDelete, model.PhasePostDelete)
}

// release lets go of the hooks of an operation that has ended, once that is
// recorded: until then their objects are what a restart would go by.
func (r *run) release(ctx context.Context, op *model.Operation) error {
	if op == nil || !op.Phase.Done() || r.target == nil {
		return nil
	}
	held := slices.ContainsFunc(slices.Collect(maps.Values(r.ownedHooks())), func(l model.Live) bool { return l.Held })
	if !held {
		r.s.awaitRecord(false)
		return nil
	}
	r.s.awaitRecord(true) // before it is read whether there is one
	if !r.s.isRecorded(*op) {
		return nil
	}
	r.s.awaitRecord(false)
	in, _, err := r.sequenceInput(*op)
	if err != nil {
		return err
	}
	return r.letGo(ctx, sequence.Releases(in))
}

func (r *run) letGo(ctx context.Context, releases []sequence.Release) error {
	return letGo(ctx, r.target, releases)
}

func letGo(ctx context.Context, t Target, releases []sequence.Release) error {
	var all []error
	for _, rel := range releases {
		if rel.Delete {
			all = append(all, t.Delete(ctx, rel.Object, rel.UID, model.Background))
		}
		all = append(all, t.Release(ctx, rel.Object, rel.UID))
	}
	if err := errors.Join(all...); err != nil {
		return fmt.Errorf("letting go of finished hooks: %w", err)
	}
	return nil
}

// ownedHooks are the live hooks of the app, by key, as of the last comparison.
func (r *run) ownedHooks() map[model.ObjectKey]model.Live {
	if r.liveHooks == nil {
		r.liveHooks = hooksAmong(r.target.Owned(r.app.Key, r.app.Manager))
	}
	return r.liveHooks
}

func hooksAmong(all []model.Live) map[model.ObjectKey]model.Live {
	out := map[model.ObjectKey]model.Live{}
	for _, l := range all {
		if l.Traits.IsHook() {
			out[l.Ref.ObjectKey] = l
		}
	}
	return out
}

func sortedKeys(m map[model.ObjectKey]model.Live) []model.ObjectKey {
	return slices.SortedFunc(maps.Keys(m), model.ObjectKey.Compare)
}

// letGoOf lets go of hooks whose operation is over for their app.
func letGoOf(ctx context.Context, t Target, hooks []model.Live) error {
	in := sequence.Input{Live: map[model.ObjectKey]model.Live{}, Operation: model.Operation{Phase: model.PhaseFailed}}
	for _, l := range hooks {
		if l.Held {
			in.Live[l.Ref.ObjectKey] = l
		}
	}
	return letGo(ctx, t, sequence.Releases(in))
}
