package action

import (
	"encoding/json"
	"path"
	"time"

	"github.com/fixpoint-cd/fixpoint/internal/model"
)

// kinds are some kinds of a group that have the same actions.
type kinds struct {
	// group and names are globs.
	group string
	names []string
	// except are kinds that names means but not.
	except []string
	rules  []rule
}

// rule is an action of a kind.
type rule struct {
	name, title, help string
	danger            bool
	// params and why may be nil: there are none, and it can always be done.
	params func(object) []Param
	why    func(object) string
	run    func(call) ([]Change, error)
}

// call is what an action is run with.
type call struct {
	object
	params map[string]string
	now    time.Time
}

// rulesOf are those of all kinds that the object is one of.
func rulesOf(o object) []rule {
	var out []rule
	for _, k := range table {
		if k.has(o.group(), o.text("kind")) {
			out = append(out, k.rules...)
		}
	}
	return out
}

func (k kinds) has(group, kind string) bool {
	if ok, _ := path.Match(k.group, group); !ok {
		return false
	}
	for _, not := range k.except {
		if ok, _ := path.Match(not, kind); ok {
			return false
		}
	}
	for _, name := range k.names {
		if ok, _ := path.Match(name, kind); ok {
			return true
		}
	}
	return false
}

// refusal is why the action can't be done with the object now; "" if it can.
func (r rule) refusal(o object) string {
	if o.text("metadata", "deletionTimestamp") != "" {
		return "it is being deleted"
	}
	if r.why == nil {
		return ""
	}
	return r.why(o)
}

// when lets an action be done only where why does not object.
func (r rule) when(why func(object) string) rule { r.why = why; return r }

// dangerous marks an action that interrupts work or can't be undone.
func (r rule) dangerous() rule { r.danger = true; return r }

// patch is a change of the object itself by a merge patch.
func (c call) patch(sub string, patch map[string]any) Change {
	text, err := json.Marshal(patch)
	if err != nil {
		panic(err) // patches are made of texts, numbers and what was JSON before
	}
	return Change{Ref: c.ref(), Patch: text, Subresource: sub}
}

// guarded is a patch that fails if the object has changed since it was read.
func (c call) guarded(sub string, patch map[string]any) Change {
	if v := c.text("metadata", "resourceVersion"); v != "" {
		meta := copied(object(patch).fields("metadata"))
		if meta == nil {
			meta = map[string]any{}
		}
		meta["resourceVersion"] = v
		patch["metadata"] = meta
	}
	return c.patch(sub, patch)
}

// create is a new object of the same namespace.
func (c call) create(apiVersion, kind, name string, meta, spec map[string]any) Change {
	meta["name"] = name
	if c.text("metadata", "namespace") != "" {
		meta["namespace"] = c.text("metadata", "namespace")
	}
	obj := map[string]any{"apiVersion": apiVersion, "kind": kind, "metadata": meta, "spec": spec}
	return Change{Ref: object(obj).ref(), Create: obj}
}

// at is a map with one value at a path.
func at(value any, path ...string) map[string]any {
	for i := len(path) - 1; i > 0; i-- {
		value = map[string]any{path[i]: value}
	}
	return map[string]any{path[0]: value}
}

// set is an action that sets one field; a nil value removes it.
func set(name, title, help string, value any, path ...string) rule {
	return rule{name: name, title: title, help: help, run: func(c call) ([]Change, error) {
		return []Change{c.patch("", at(value, path...))}, nil
	}}
}

// setStatus is an action that sets a field of the status.
func setStatus(name, title, help string, value any, field string) rule {
	return rule{name: name, title: title, help: help, run: func(c call) ([]Change, error) {
		return []Change{c.patch("status", at(value, "status", field))}, nil
	}}
}

// annotate is an action that sets annotations; a nil value removes one.
func annotate(name, title, help string, values map[string]any) rule {
	return set(name, title, help, values, "metadata", "annotations")
}

// stamp is an action that sets annotations, below the path of their object's
// metadata, to the time at which it is done.
func stamp(name, title, help, layout string, annotations []string, below ...string) rule {
	return rule{name: name, title: title, help: help, run: func(c call) ([]Change, error) {
		values := map[string]any{}
		for _, a := range annotations {
			values[a] = c.now.Format(layout)
		}
		return []Change{c.patch("", at(values, append(append([]string{}, below...), "metadata", "annotations")...))}, nil
	}}
}

var errNoTemplate = model.Invalidf("it has no template to make one of")
