package action

import (
	"cmp"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/fixpoint-cd/fixpoint/internal/model"
)

// Action is something that can be done with an object.
type Action struct {
	// Name is Argo CD's where it has the action. Title is for people, Help says
	// what the action does.
	Name, Title, Help string
	// Icon is the class of an icon, of users' actions; "" is none.
	Icon string
	// Disabled: it can't be done now, for the reason Why.
	Disabled bool
	Why      string
	Params   []Param
	// Danger: it interrupts work or can't be undone.
	Danger bool
}

// Param is a parameter of an action.
type Param struct {
	Name, Default string
	// Type is "text" or "number".
	Type string
	Help string
	// Required: without a value the action is not done, whatever the default.
	Required bool
}

// The types of parameters.
const (
	TypeText   = "text"
	TypeNumber = "number"
)

// Change is one write of an action: a patch of the object itself or a new object.
type Change struct {
	// Ref is the object that is written.
	Ref model.ObjectRef
	// Patch is a JSON merge patch; nil if the object is new. Where it replaces a
	// list it bears the resourceVersion that the list is of: a conflict means that
	// the action has to be run again on the newer object, unless an earlier change of
	// the same action is the newer one.
	Patch []byte
	// Subresource is "status", "scale" or, for the object itself, "".
	Subresource string
	// Create is a new object; nil for a patch.
	Create map[string]any
}

// List are the actions of an object in the order of their names, those that can't
// be done now included; none if there are none for its kind.
func List(obj map[string]any) []Action {
	o := object(obj)
	var out []Action
	for _, r := range rulesOf(o) {
		a := Action{Name: r.name, Title: r.title, Help: r.help, Danger: r.danger, Why: r.refusal(o)}
		a.Disabled = a.Why != ""
		if r.params != nil {
			a.Params = r.params(o)
		}
		out = append(out, a)
	}
	slices.SortFunc(out, func(a, b Action) int { return cmp.Compare(a.Name, b.Name) })
	return out
}

// Run are the changes that an action makes, in the order in which they have to be
// written. An action that the kind does not have is model.ErrNotFound; one that
// can't be done now, and parameters that it does not take, are model.ErrInvalid.
func Run(name string, obj map[string]any, params map[string]string, now time.Time) ([]Change, error) {
	o := object(obj)
	rules := rulesOf(o)
	i := slices.IndexFunc(rules, func(r rule) bool { return r.name == name })
	if i < 0 {
		return nil, model.As(model.ErrNotFound, fmt.Errorf("%s has no action %q%s", o.kindName(), name, known(rules)))
	}
	r := rules[i]
	if why := r.refusal(o); why != "" {
		return nil, model.Invalidf("%s can't be done with %s: %s", name, o.key(), why)
	}
	if err := checkParams(r, o, params); err != nil {
		return nil, err
	}
	changes, err := r.run(call{object: o, params: params, now: now.UTC()})
	if err != nil {
		return nil, fmt.Errorf("%s of %s: %w", name, o.key(), err)
	}
	return changes, nil
}

func known(rules []rule) string {
	if len(rules) == 0 {
		return ": there are none for that kind"
	}
	var names []string
	for _, r := range rules {
		names = append(names, r.name)
	}
	slices.Sort(names)
	return ": there are " + strings.Join(names, ", ")
}

func checkParams(r rule, o object, params map[string]string) error {
	var takes []Param
	if r.params != nil {
		takes = r.params(o)
	}
	for _, name := range slices.Sorted(maps.Keys(params)) {
		if !slices.ContainsFunc(takes, func(p Param) bool { return p.Name == name }) {
			return model.Invalidf("%s takes no parameter %q", r.name, name)
		}
	}
	for _, p := range takes {
		if p.Required && params[p.Name] == "" {
			return model.Invalidf("%s needs the parameter %q: %s", r.name, p.Name, p.Help)
		}
	}
	return nil
}

// Merge are the actions of an object whose kind users have actions of their own
// for: theirs, and with builtin those of ours whose names they don't take. They
// come in the order of their names.
func Merge(users, ours []Action, builtin bool) []Action {
	out := slices.Clone(users)
	for _, a := range ours {
		if builtin && !slices.ContainsFunc(users, func(u Action) bool { return u.Name == a.Name }) {
			out = append(out, a)
		}
	}
	slices.SortStableFunc(out, func(a, b Action) int { return cmp.Compare(a.Name, b.Name) })
	return out
}
