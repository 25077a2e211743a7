// Package policy decides which declared objects an app may manage. It is pure:
// objects and rules in, objects and warnings out. What to do about an object
// that stays is decided later.
package policy

import (
	"fmt"
	"slices"
	"strings"

	"github.com/fixpoint-cd/fixpoint/internal/model"
)

// Rules are a dialect's. The zero value lets every object pass.
type Rules struct {
	// Excluded are kinds that are never managed.
	Excluded []Kinds
	// Hooks reads the annotations that make an object a hook of a sync, and
	// those that order objects into waves.
	Hooks bool
	// Skip tells objects that ask to be left alone; nil is none.
	Skip func(labels, annotations map[string]string) bool
	// Unhonoured names what an object asks for by labels or annotations and does
	// not get, such as "example.com/option: value"; nil is nothing.
	Unhonoured func(labels, annotations map[string]string) []string
}

// Kinds are the products of some groups and some kinds.
type Kinds struct{ Groups, Kinds []string }

// Argo are the rules of an Argo CD that nobody has configured.
func Argo() Rules { return Rules{Excluded: argoExcluded(), Hooks: true} }

// argoExcluded are the kinds that Argo CD leaves out by default since v3:
// controllers write them, in great numbers, and nobody declares them.
func argoExcluded() []Kinds {
	return []Kinds{
		{[]string{"", "discovery.k8s.io"}, []string{"Endpoints", "EndpointSlice"}},
		{[]string{"coordination.k8s.io"}, []string{"Lease"}},
		{[]string{"authentication.k8s.io", "authorization.k8s.io"}, []string{
			"SelfSubjectReview", "TokenReview", "LocalSubjectAccessReview",
			"SelfSubjectAccessReview", "SelfSubjectRulesReview", "SubjectAccessReview"}},
		{[]string{"certificates.k8s.io"}, []string{"CertificateSigningRequest"}},
		{[]string{"cert-manager.io"}, []string{"CertificateRequest"}},
		{[]string{"cilium.io"}, []string{"CiliumIdentity", "CiliumEndpoint", "CiliumEndpointSlice"}},
		{[]string{"kyverno.io", "reports.kyverno.io", "wgpolicyk8s.io"}, []string{
			"PolicyReport", "ClusterPolicyReport", "EphemeralReport", "ClusterEphemeralReport",
			"AdmissionReport", "ClusterAdmissionReport", "BackgroundScanReport",
			"ClusterBackgroundScanReport", "UpdateRequest"}},
	}
}

// Check returns the objects that may be managed, in order, and says what
// became of the others. Namespaces have to be defaulted already: of objects
// with the same key the last one stays.
func Check(objects []model.Object, rules Rules) (kept []model.Object, warnings []model.Warning) {
	c := check{rules: rules, last: map[model.ObjectKey]int{}}
	for i, o := range objects {
		if c.admits(o) {
			c.note(i, objects)
		}
	}
	for i, o := range objects {
		if at, ok := c.last[o.ObjectKey]; ok && at == i {
			kept = append(kept, o)
		}
	}
	return kept, append(c.warnings, c.unsupported()...)
}

type check struct {
	rules    Rules
	warnings []model.Warning
	// last is where the last object with a key stands.
	last         map[model.ObjectKey]int
	hooks, waves []string
	asked        []asked
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
	if excluded(o, c.rules.Excluded) {
		c.warn(model.WarnExcluded, "%s%s is not managed: objects of its kind are made by controllers; "+
			"remove it from the source", o.ObjectKey, from(o))
		return false
	}
	if c.rules.Skip != nil && c.rules.Skip(o.Labels, o.Annotations) {
		return false
	}
	if c.rules.Unhonoured != nil {
		for _, what := range c.rules.Unhonoured(o.Labels, o.Annotations) {
			c.asked = add(c.asked, what, o.ObjectKey.String())
		}
	}
	if !c.rules.Hooks {
		return true
	}
	switch hook(o) {
	case hookSkip:
		return false
	case hookRun:
		c.hooks = append(c.hooks, o.ObjectKey.String())
		return false
	}
	if wave := strings.TrimSpace(o.Annotations[annotationWave]); wave != "" && wave != "0" {
		c.waves = append(c.waves, o.ObjectKey.String())
	}
	return true
}

// note keeps the object at i as the last one with its key.
func (c *check) note(i int, objects []model.Object) {
	o := objects[i]
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
	if len(c.waves) > 0 {
		out.warn(model.WarnField, "sync waves are not waited for yet; applied in the order of kinds: %s", few(c.waves))
	}
	for _, a := range c.asked {
		out.warn(model.WarnField, "%s is not honoured yet, on: %s", a.what, few(a.by))
	}
	return out.warnings
}

func (c *check) warn(t model.WarningType, format string, args ...any) {
	c.warnings = append(c.warnings, model.Warning{Type: t, Message: fmt.Sprintf(format, args...)})
}

func excluded(o model.Object, kinds []Kinds) bool {
	return slices.ContainsFunc(kinds, func(k Kinds) bool {
		return slices.Contains(k.Groups, o.Group) && slices.Contains(k.Kinds, o.Kind)
	})
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
