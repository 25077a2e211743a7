// Package policy decides which declared objects an app may manage. It is pure:
// objects and rules in, objects and warnings out. What to do about an object
// that stays is decided later.
package policy

import (
	"fmt"
	"strings"

	"github.com/fixpoint-cd/fixpoint/internal/model"
)

// Rules are a dialect's. The zero value lets every object pass.
type Rules struct {
	// Excluded says why objects of a kind are not managed, as a clause; "" if they
	// are. nil excludes nothing.
	Excluded func(group, kind string) (why string)
	// Hooks leaves out what is a hook of a chart.
	Hooks bool
	// Skip tells objects that ask to be left alone; nil is none.
	Skip func(labels, annotations map[string]string) bool
	// Unhonoured names what an object asks for by labels or annotations and does
	// not get, such as "example.com/option: value"; nil is nothing.
	Unhonoured func(labels, annotations map[string]string) []string
}

// Check returns the objects that may be managed, in order, and says what
// became of the others. Namespaces have to be defaulted already: of objects
// with the same key the last one stays.
func Check(objects []model.Object, rules Rules) (kept []model.Object, warnings []model.Warning) {
	c := check{rules: rules, last: map[model.ObjectKey]int{}}
	admitted := make([]bool, len(objects))
	for i, o := range objects {
		if admitted[i] = c.admits(o); admitted[i] {
			c.note(i, objects)
		}
	}
	for i, o := range objects {
		if at, ok := c.last[o.ObjectKey]; admitted[i] && (!ok || at == i) {
			kept = append(kept, o)
		}
	}
	return kept, append(c.warnings, c.unsupported()...)
}

type check struct {
	rules    Rules
	warnings []model.Warning
	// last is where the last object with a key stands.
	last  map[model.ObjectKey]int
	hooks []string
	asked []asked
}

// asked is something that is not done, and the objects that ask for it.
type asked struct {
	what string
	by   []string
}

func add(all []asked, what, by string) []asked {
	for i := range all {
		if all[i].what == what {
			all[i].by = append(all[i].by, by)
			return all
		}
	}
	return append(all, asked{what, []string{by}})
}

// admits reports whether the object may be managed, whatever the others are.
func (c *check) admits(o model.Object) bool {
	if c.rules.Excluded != nil {
		if why := c.rules.Excluded(o.Group, o.Kind); why != "" {
			c.warn(model.WarnExcluded, "%s%s is not managed: %s; remove it from the source", o.ObjectKey, from(o), why)
			return false
		}
	}
	if c.rules.Skip != nil && c.rules.Skip(o.Labels, o.Annotations) {
		return false
	}
	if c.rules.Unhonoured != nil {
		for _, what := range c.rules.Unhonoured(o.Labels, o.Annotations) {
			c.asked = add(c.asked, what, o.ObjectKey.String())
		}
	}
	if c.rules.Hooks && isHelmHook(o) {
		c.hooks = append(c.hooks, o.ObjectKey.String())
		return false
	}
	return true
}

// annotationHelmHook makes an object of a chart a hook.
const annotationHelmHook = "helm.sh/hook"

// isHelmHook reports whether Helm would run the object as a hook.
func isHelmHook(o model.Object) bool {
	v, ok := o.Annotations[annotationHelmHook]
	return ok && v != "crd-install"
}

// note keeps the object at i as the last one with its key. One that gets its name
// when it is created is like no other.
func (c *check) note(i int, objects []model.Object) {
	o := objects[i]
	if o.Name == "" {
		return
	}
	if before, ok := c.last[o.ObjectKey]; ok {
		c.warn(model.WarnRepeated, "%s is declared more than once%s; the last one counts: remove the others",
			o.ObjectKey, both(objects[before].Origin, o.Origin))
	}
	c.last[o.ObjectKey] = i
}

// unsupported are the warnings about what is not done yet.
func (c *check) unsupported() []model.Warning {
	out := check{}
	if len(c.hooks) > 0 {
		out.warn(model.WarnField, "hooks are not run yet, and were left out: %s", few(c.hooks))
	}
	for _, a := range c.asked {
		out.warn(model.WarnField, "%s is not honoured, on: %s", a.what, few(a.by))
	}
	return out.warnings
}

func (c *check) warn(t model.WarningType, format string, args ...any) {
	c.warnings = append(c.warnings, model.Warning{Type: t, Message: fmt.Sprintf(format, args...)})
}

// from says where an object comes from, if that is known.
func from(o model.Object) string {
	if o.Origin == "" {
		return ""
	}
	return " (" + o.Origin + ")"
}

// both names the two places of a repeated object.
func both(first, second string) string {
	switch {
	case first == "" || second == "":
		return ""
	case first == second:
		return " in " + first
	}
	return " in " + first + " and " + second
}

// few lists names, the first ones if there are many.
func few(names []string) string {
	const most = 5
	if len(names) <= most {
		return strings.Join(names, ", ")
	}
	return fmt.Sprintf("%s and %d more", strings.Join(names[:most], ", "), len(names)-most)
}
