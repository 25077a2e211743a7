package health

import (
	"slices"
	"strconv"

	"github.com/fixpoint-cd/fixpoint/internal/model"
)

// object reads decoded JSON. A field that is absent or of another type than
// the API gives it reads as the zero value: health is judged by what is there.
type object map[string]any

// at is the value at the path; nil if there is none.
func (o object) at(path ...string) any {
	var v any = map[string]any(o)
	for _, name := range path {
		m, ok := v.(map[string]any)
		if !ok {
			return nil
		}
		v = m[name]
	}
	return v
}

func (o object) has(path ...string) bool { return o.at(path...) != nil }

func (o object) text(path ...string) string {
	s, _ := o.at(path...).(string)
	return s
}

func (o object) flag(path ...string) bool {
	b, _ := o.at(path...).(bool)
	return b
}

func (o object) number(path ...string) int64 {
	switch n := o.at(path...).(type) {
	case int64:
		return n
	case float64:
		return int64(n)
	}
	return 0
}

// child is the object at the path; nil if there is none.
func (o object) child(path ...string) object {
	m, _ := o.at(path...).(map[string]any)
	return m
}

// list is the array of objects at the path, without elements of other types.
func (o object) list(path ...string) []object {
	items, _ := o.at(path...).([]any)
	objects := make([]object, 0, len(items))
	for _, item := range items {
		if m, ok := item.(map[string]any); ok {
			objects = append(objects, m)
		}
	}
	return objects
}

// deleting reports whether its deletion has begun.
func (o object) deleting() bool { return o.text("metadata", "deletionTimestamp") != "" }

// held reports whether a hook is kept until its outcome is known.
func (o object) held() bool {
	finalizers, _ := o.at("metadata", "finalizers").([]any)
	return slices.Contains(finalizers, any(model.HookFinalizer))
}

// unseen reports whether the status, or the condition of that type, says that it
// was written for an older spec.
func (o object) unseen(name string) bool {
	generation := o.number("metadata", "generation")
	if generation == 0 {
		return false
	}
	if seen, says := o.observed(); says && seen != generation {
		return true
	}
	if name == "" {
		return false
	}
	seen := o.condition(name).generation
	return seen != 0 && seen < generation
}

// observed is the generation that the status was written for. Some controllers
// write it as a text.
func (o object) observed() (generation int64, says bool) {
	switch seen := o.at("status", "observedGeneration").(type) {
	case int64, float64:
		return o.number("status", "observedGeneration"), true
	case string:
		n, err := strconv.ParseInt(seen, 10, 64)
		return n, err == nil
	}
	return 0, false
}

// behind reports whether the status was written for an older spec.
func (o object) behind() bool {
	return o.number("metadata", "generation") > o.number("status", "observedGeneration")
}

// condition is an element of a list of conditions.
type condition struct {
	kind, status, reason, message string
	// generation is that of the spec it was written for; 0 if it doesn't say.
	generation int64
}

func (c condition) isTrue() bool  { return c.status == "True" }
func (c condition) isFalse() bool { return c.status == "False" }

// text is the condition's message, else its reason.
func (c condition) text() string {
	if c.message != "" {
		return c.message
	}
	return c.reason
}

// why is the condition's message, else its reason, else that it is not there or
// not True. It is the condition of that type.
func (c condition) why(name string) string {
	switch {
	case c.kind == "":
		return "Waiting for condition " + name
	case c.text() != "" || c.isTrue():
		return c.text()
	}
	return "Condition " + name + " is " + c.status
}

func conditionOf(item object) condition {
	return condition{
		kind:       item.text("type"),
		status:     item.text("status"),
		reason:     item.text("reason"),
		message:    item.text("message"),
		generation: item.number("observedGeneration"),
	}
}

func conditionsOf(items []object) []condition {
	conditions := make([]condition, len(items))
	for i, item := range items {
		conditions[i] = conditionOf(item)
	}
	return conditions
}

func (o object) conditions() []condition { return conditionsOf(o.list("status", "conditions")) }

// condition is the condition of that type; the zero value if there is none.
func (o object) condition(name string) condition {
	return o.child("status").owned(name)
}

// owned is the condition of that type in the object's own list of them.
func (o object) owned(name string) condition {
	items, _ := o["conditions"].([]any)
	for _, item := range items {
		if c, ok := item.(map[string]any); ok && c["type"] == name {
			return conditionOf(c)
		}
	}
	return condition{}
}
