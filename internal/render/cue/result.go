package cue

import (
	"encoding/json"
	"strings"

	"cuelang.org/go/cue"
	kjson "sigs.k8s.io/json"

	"github.com/fixpoint-cd/fixpoint/internal/model"
	"github.com/fixpoint-cd/fixpoint/internal/render/manifest"
)

// result collects objects.
type result struct {
	dir     string
	objects []model.Object
	// max is how many are enough; 0 is no limit.
	max int
}

func (r *result) full() bool { return r.max > 0 && len(r.objects) > r.max }

// add adds the objects in a value.
func (r *result) add(v cue.Value) error {
	if d, ok := v.Default(); ok {
		v = d
	}
	switch v.IncompleteKind() {
	case cue.StructKind:
		if v.LookupPath(cue.ParsePath("apiVersion")).Exists() && v.LookupPath(cue.ParsePath("kind")).Exists() {
			return r.object(v)
		}
		fields, err := v.Fields()
		if err != nil {
			return problem(r.dir, err)
		}
		for fields.Next() && !r.full() {
			if err := r.add(fields.Value()); err != nil {
				return err
			}
		}
	case cue.ListKind:
		items, err := v.List()
		if err != nil {
			return problem(r.dir, err)
		}
		for items.Next() && !r.full() {
			if err := r.add(items.Value()); err != nil {
				return err
			}
		}
	}
	return nil
}

// object adds a struct, which has to be concrete.
func (r *result) object(v cue.Value) error {
	if err := v.Validate(cue.Concrete(true), cue.Final()); err != nil {
		return problem(r.dir, err)
	}
	text, err := v.MarshalJSON()
	if err != nil {
		return problem(r.dir, err)
	}
	var tree map[string]any
	if err := kjson.UnmarshalCaseSensitivePreserveInts(text, &tree); err != nil {
		return model.Invalidf("%s: %w", r.place(v), err)
	}
	return r.taken(v, tree)
}

// taken adds an object, or the items of a list.
func (r *result) taken(v cue.Value, tree map[string]any) error {
	kind, _ := tree["kind"].(string)
	items, isList := tree["items"].([]any)
	if !isList || !strings.HasSuffix(kind, "List") {
		return r.made(v, tree)
	}
	for _, item := range items {
		o, ok := item.(map[string]any)
		if !ok {
			return model.Invalidf("%s: items of the %s have to be objects", r.place(v), kind)
		}
		if one := strings.TrimSuffix(kind, "List"); one != "" && o["kind"] == nil && o["apiVersion"] == nil {
			o["kind"], o["apiVersion"] = one, tree["apiVersion"]
		}
		if err := r.taken(v, o); err != nil {
			return err
		}
	}
	return nil
}

func (r *result) made(v cue.Value, tree map[string]any) error {
	text, err := json.Marshal(tree)
	if err != nil {
		return model.Invalidf("%s: %w", r.place(v), err)
	}
	var f manifest.Fields
	if err := json.Unmarshal(text, &f); err != nil {
		return model.Invalidf("%s: %w", r.place(v), err)
	}
	o, err := manifest.New(r.place(v), f, text)
	if err != nil {
		return err
	}
	if o.Origin = r.dir; v.Pos().IsValid() {
		o.Origin = v.Pos().Filename()
	}
	r.objects = append(r.objects, o)
	return nil
}

// place is where a value comes from.
func (r *result) place(v cue.Value) string {
	place := r.dir
	if v.Pos().IsValid() {
		place = placeOf(v.Pos())
	}
	if p := v.Path().String(); p != "" {
		place += ": " + p
	}
	return place
}
