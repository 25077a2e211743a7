package access

import (
	"maps"
	"slices"
)

// Standing is what policies say of somebody, in any project.
type Standing struct {
	// Roles are those that the somebody has, in the order in which lines give them.
	Roles []string
	// Rules are the lines about it, its groups and its roles.
	Rules []*Rule
}

// Standing gathers what is said of id. It tells people where their rights come from;
// what they may is for May to say.
func (e *Enforcer) Standing(id Identity) Standing {
	var out Standing
	p := e.policy.Load()
	if p == nil {
		return out
	}
	for _, project := range append([]string{""}, slices.Sorted(maps.Keys(p.projects))...) {
		for _, voice := range p.voices(id, project) {
			for i, name := range p.names(voice, project) {
				if (i > 0 || voice == p.preset) && !slices.Contains(out.Roles, name) {
					out.Roles = append(out.Roles, name)
				}
				out.add(p.scopesOf(project), name)
			}
		}
	}
	return out
}

func (s *Standing) add(scopes []*scope, name string) {
	for _, from := range scopes {
		for _, r := range from.rules[name] {
			if !slices.Contains(s.Rules, r) {
				s.Rules = append(s.Rules, r)
			}
		}
	}
}
