package engine

import (
	"context"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strconv"

	kjson "k8s.io/apimachinery/pkg/util/json"

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
	r.report.Snapshot = state.Snapshot
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

type groupKind struct{ group, kind string }

func kindOf(o model.Object) groupKind { return groupKind{o.Group, o.Kind} }

// definition is what a CRD of the same desired state says of a kind.
type definition struct {
	crd        model.ObjectKey
	namespaced bool
}

func definedKinds(objects []model.Object) map[groupKind]definition {
	out := map[groupKind]definition{}
	for _, o := range objects {
		if o.Kind != "CustomResourceDefinition" || o.Group != "apiextensions.k8s.io" {
			continue
		}
		var crd struct {
			Spec struct {
				Group, Scope string
				Names        struct{ Kind string }
			}
		}
		if json.Unmarshal(o.JSON, &crd) == nil {
			out[groupKind{crd.Spec.Group, crd.Spec.Names.Kind}] = definition{o.ObjectKey, crd.Spec.Scope == "Namespaced"}
		}
	}
	return out
}

// scope reports whether the object's kind is namespaced. model.ErrNotFound: the
// target does not serve it; the answer is then the best guess.
func (r *run) scope(o model.Object, defined map[groupKind]definition) (bool, error) {
	namespaced, err := r.target.Namespaced(o.ObjectRef)
	if errors.Is(err, model.ErrNotFound) {
		if def, ok := defined[kindOf(o)]; ok {
			return def.namespaced, err
		}
		return o.Namespace != "", err
	}
	return namespaced, err
}

// place gives an object its namespace, the app's metadata and its mark, and
// takes out what only a server may set.
func (r *run) place(o model.Object, namespaced bool) (model.Object, error) {
	var body map[string]any
	if err := kjson.Unmarshal(o.JSON, &body); err != nil {
		return o, err
	}
	meta, _ := body["metadata"].(map[string]any)
	if meta == nil {
		return o, model.As(model.ErrInvalid, fmt.Errorf("%s has no metadata", o.Kind))
	}
	switch {
	case !namespaced:
		o.Namespace = ""
	case o.Namespace == "":
		o.Namespace = r.app.Namespace
	}
	if namespaced && o.Namespace == "" {
		return o, model.As(model.ErrInvalid, fmt.Errorf(
			"%s %q names no namespace, and neither does the app: set metadata.namespace, or the app's destination (Argo CD) or targetNamespace (Flux)", o.Kind, o.Name))
	}
	if o.Namespace == "" {
		delete(meta, "namespace")
	} else {
		meta["namespace"] = o.Namespace
	}
	for _, k := range []string{"creationTimestamp", "managedFields", "resourceVersion", "uid", "generation", "selfLink"} {
		delete(meta, k)
	}
	delete(body, "status")
	if o.Kind == "Secret" && o.Group == "" {
		mergeStringData(body)
	}
	labels, annotations := r.e.cfg.Dialects[r.app.Key.Dialect].Stamp(r.app.Key, o.ObjectKey)
	o.Labels = overlay(meta, "labels", r.app.Labels, labels)
	o.Annotations = overlay(meta, "annotations", r.app.Annotations, annotations)
	out, err := json.Marshal(body)
	if err != nil {
		return o, err
	}
	o.JSON, o.Digest = out, model.DigestOf(out)
	return o, nil
}

// overlay sets the pairs in a map of the metadata and returns the whole map.
func overlay(meta map[string]any, field string, layers ...map[string]string) map[string]string {
	in, _ := meta[field].(map[string]any)
	out := map[string]string{}
	for k, v := range in {
		if s, ok := v.(string); ok {
			out[k] = s
		}
	}
	add := 0
	for _, l := range layers {
		add += len(l)
		maps.Copy(out, l)
	}
	if add > 0 {
		all := make(map[string]any, len(out)+len(in))
		maps.Copy(all, in)
		for k, v := range out {
			all[k] = v
		}
		meta[field] = all
	}
	return out
}

// mergeStringData moves a Secret's stringData into data, as the API server
// would: fields of stringData have no owner, so drift in them could not be seen.
func mergeStringData(body map[string]any) {
	text, ok := body["stringData"].(map[string]any)
	if !ok {
		return
	}
	data, _ := body["data"].(map[string]any)
	if data == nil {
		data = map[string]any{}
	}
	for k, v := range text {
		if s, ok := v.(string); ok {
			data[k] = base64.StdEncoding.EncodeToString([]byte(s))
		} else {
			return // let the API server refuse it
		}
	}
	body["data"] = data
	delete(body, "stringData")
}

// wave is the sync wave of an object; what is not a number is 0.
func wave(o model.Object) int {
	n, err := strconv.Atoi(o.Annotations["argocd.argoproj.io/sync-wave"])
	if err != nil {
		return 0
	}
	return n
}
