package compare

import (
	"context"
	stdjson "encoding/json"
	"fmt"
	"slices"

	"k8s.io/apimachinery/pkg/util/json"
	"sigs.k8s.io/structured-merge-diff/v6/fieldpath"
)

// Respect is what to apply, server-side, so that ignored fields stay as they are
// in the live object. Where somebody else owns a field, or nobody, it is left out
// of what is applied; where only Manager owns it, it is applied as it is live,
// since left out it would be removed. Elements that the live object doesn't have
// yet are applied whole. desired comes back as it is where there is no live object
// (nil), or nothing to respect.
func (d Differ) Respect(ctx context.Context, desired []byte, live map[string]any) ([]byte, error) {
	return d.respect(ctx, desired, live, false)
}

// RespectReplacing is Respect for writes that replace the object: what is left out
// is removed by them, so that ignored fields are written as they are live.
func (d Differ) RespectReplacing(ctx context.Context, desired []byte, live map[string]any) ([]byte, error) {
	return d.respect(ctx, desired, live, true)
}

// respecting is a rewrite of what is desired under way.
type respecting struct {
	want, live   map[string]any
	shape        shape
	mine, others *fieldpath.Set
	whole        bool
}

func (d Differ) respect(ctx context.Context, desired []byte, live map[string]any, whole bool) ([]byte, error) {
	if live == nil || !d.Rules.Respects() {
		return desired, nil
	}
	if !d.Rules.respect {
		d.Rules = Rules{aggregates: true}
	}
	r := respecting{whole: whole}
	if err := json.Unmarshal(desired, &r.want); err != nil {
		return nil, fmt.Errorf("reading what is declared: %w", err)
	}
	if !d.Rules.Ignores() && !aggregates(r.want) {
		return desired, nil
	}
	entries := entriesOf(live)
	r.shape = shapeOf(entries...)
	r.mine = fieldsOf(entries, d.ours)
	r.others = fieldsOf(entries, func(e entry) bool { return !d.ours(e) })
	r.live = clone(live).(map[string]any)
	delete(r.live, "status")
	status, hasStatus := r.want["status"]
	delete(r.want, "status")
	encodeSecret(r.want)
	if err := d.settle(ctx, &r, entries); err != nil {
		return nil, err
	}
	if hasStatus {
		r.want["status"] = status
	}
	return stdjson.Marshal(r.want)
}

// settle rewrites every ignored place, by its keys, and where lists have none, by
// the order in which an expression finds it.
func (d Differ) settle(ctx context.Context, r *respecting, entries []entry) error {
	wanted, err := d.ignored(ctx, r.want)
	if err != nil {
		return err
	}
	there, err := d.ignored(ctx, r.live)
	if err != nil {
		return err
	}
	var keyed []place
	var whole []pairing
	for i := range wanted {
		p := pairing{}
		for _, at := range wanted[i] {
			keyed = distribute(r.keyedLikeLive(at), at, keyed, &p.want)
		}
		for _, at := range there[i] {
			keyed = distribute(r.shape.keyed(r.live, at), at, keyed, &p.live)
		}
		whole = append(whole, p)
	}
	fieldsOf(entries, d.ignoredManager).Leaves().Iterate(func(p fieldpath.Path) {
		if !isKey(p) && len(p) > 0 && !p[:1].Equals(place{field("status")}) {
			keyed = append(keyed, p.Copy())
		}
	})
	if aggregates(r.want) {
		keyed = append(keyed, place{field("rules")})
	}
	slices.SortFunc(keyed, place.Compare)
	for _, p := range slices.CompactFunc(keyed, place.Equals) {
		r.keep(p)
	}
	for _, p := range whole {
		r.pair(p)
	}
	return nil
}

// distribute adds a place to those with keys, or by its positions to those without.
func distribute(byKey, byPosition place, keyed []place, positioned *[]place) []place {
	if slices.ContainsFunc(byKey, func(s fieldpath.PathElement) bool { return s.Index != nil }) {
		*positioned = append(*positioned, byPosition)
		return keyed
	}
	return append(keyed, byKey)
}

// keyedLikeLive is a place of what is wanted, with the keys that its elements have
// in the live object: there, defaults are filled in.
func (r *respecting) keyedLikeLive(at place) place {
	var v, live any = r.want, r.live
	out := make(place, 0, len(at))
	for _, step := range at {
		next, i, ok := child(v, step)
		if ok && i >= 0 {
			step = r.shape.step(out, i, next)
			if found, j, ok := child(live, step); ok && step.Index == nil {
				step = r.shape.step(out, j, found)
			}
		}
		live, _, _ = child(live, step)
		out, v = append(out, step), next
	}
	return out
}

// keep sees to it that what is at a place stays as it is live.
func (r *respecting) keep(p place) {
	if r.isNew(p) {
		return
	}
	live, isLive := lookup(r.live, p)
	if isLive {
		if kept, some := r.part(live, p); some {
			if found, ok := positions(r.want, p); ok {
				replace(r.want, found, kept)
			} else {
				insert(r.want, p, kept)
			}
			return
		}
	}
	if found, ok := positions(r.want, p); ok {
		r.want, _ = remove(r.want, []cut{{at: found}}).(map[string]any)
	}
}

// isNew reports whether the place is in an element that is wanted and not live.
func (r *respecting) isNew(p place) bool {
	for i := range p[:max(0, len(p)-1)] {
		if p[i].Key == nil && p[i].Value == nil {
			continue
		}
		_, wanted := lookup(r.want, p[:i+1])
		_, live := lookup(r.live, p[:i+1])
		if wanted && !live {
			return true
		}
	}
	return false
}

// part is what of a live value has to be applied so that it stays; false if
// nothing has.
func (r *respecting) part(v any, p place) (any, bool) {
	if r.whole {
		return v, true
	}
	switch v := v.(type) {
	case map[string]any:
		out := map[string]any{}
		for k, e := range v {
			if kept, some := r.part(e, with(p, field(k))); some {
				out[k] = kept
			}
		}
		if len(v) > 0 && descend(r.mine, p) != nil {
			some := len(out) > 0
			return withKeys(out, p), some
		}
	case []any:
		if descend(r.shape.all, p) != nil {
			return r.elements(v, p)
		}
	}
	return v, covers(r.mine, p) && !covers(r.others, p)
}

// elements is the part of a list with keys, or of a set.
func (r *respecting) elements(list []any, p place) (any, bool) {
	var out []any
	for i, e := range list {
		step := r.shape.step(p, i, e)
		if kept, some := r.part(e, with(p, step)); some {
			out = append(out, kept)
		}
	}
	return out, len(out) > 0
}

// withKeys is an element with the keys that it is found by.
func withKeys(element map[string]any, p place) map[string]any {
	if len(p) == 0 || p[len(p)-1].Key == nil {
		return element
	}
	for _, f := range *p[len(p)-1].Key {
		element[f.Name] = f.Value.Unstructured()
	}
	return element
}
