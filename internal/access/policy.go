package access

import (
	"slices"
	"strings"
)

// maxHops is how many g lines lead from a subject to a role, at most, as in casbin.
const maxHops = 10

// scope is what is declared in one place: globally, or in a project.
type scope struct {
	rules map[string][]*Rule
	roles map[string][]string
}

func newScope(all ...*lines) *scope {
	s := &scope{rules: map[string][]*Rule{}, roles: map[string][]string{}}
	for _, l := range all {
		for _, r := range l.rules {
			s.rules[r.Subject] = append(s.rules[r.Subject], r)
		}
		for _, b := range l.bindings {
			s.roles[b.Subject] = append(s.roles[b.Subject], b.Role)
		}
	}
	return s
}

// policy is Settings made ready. It never changes.
type policy struct {
	// serial tells it from those before it.
	serial   uint64
	preset   string
	inherit  bool
	scopes   []string
	global   *scope
	projects map[string]*scope
	// vouched are names that no provider can give: accounts, and what only g lines use
	// as a role.
	vouched map[string]bool
	memory  memory
}

func newPolicy(set Settings) *policy {
	p := &policy{
		preset: set.Default, inherit: set.Inherit, scopes: set.Scopes,
		global:   newScope(builtin(), &lines{rules: set.Rules, bindings: set.Bindings}),
		projects: map[string]*scope{}, vouched: map[string]bool{adminAccount: true},
	}
	for name, l := range set.projects {
		p.projects[name] = newScope(l)
	}
	for _, roles := range p.global.roles {
		for _, role := range roles {
			p.vouched[role] = p.vouched[role] || !p.isHeld(role)
		}
	}
	for _, name := range set.Accounts {
		p.vouched[name] = true
	}
	return p
}

// isHeld reports whether some g line begins with the name.
func (p *policy) isHeld(name string) bool {
	if len(p.global.roles[name]) > 0 {
		return true
	}
	for _, own := range p.projects {
		if len(own.roles[name]) > 0 {
			return true
		}
	}
	return false
}

// projectOf is the declared project that a request is about; "" if it is about none.
func (p *policy) projectOf(resource, object string) string {
	name := ""
	switch {
	case resource == Projects:
		name = object
	case slices.Contains(projectScoped, resource):
		first, _, ok := strings.Cut(object, "/")
		if ok {
			name = first
		}
	}
	if _, ok := p.projects[name]; !ok {
		return ""
	}
	return name
}

// voices are the names that id is judged by for requests about a project, one after the
// other.
func (p *policy) voices(id Identity, project string) []string {
	var out []string
	add := func(name string) {
		if name != "" && !slices.Contains(out, name) {
			out = append(out, name)
		}
	}
	if id.Subject == "" && !id.Anonymous {
		return nil
	}
	add(p.preset)
	own, isRole := projectOfSubject(id.Subject)
	switch {
	case id.Anonymous:
	case id.Local:
		if !strings.HasPrefix(id.Subject, "role:") && (!isRole || project == "" || own == project) {
			add(id.Subject)
		}
	default:
		if !p.reserved(id.Subject) {
			add(id.Subject)
		}
		for _, group := range p.heard(id.Groups, project) {
			add(group)
		}
	}
	return out
}

// heard are the groups that have a say in requests about a project.
func (p *policy) heard(groups []string, project string) []string {
	var out []string
	for _, group := range groups {
		if !p.reserved(group) && p.hasRole(group, project) {
			out = append(out, group)
		}
	}
	return out
}

// reserved reports whether a name of a provider is refused: it would be taken for a
// role, a project's role or an account.
func (p *policy) reserved(name string) bool {
	return strings.HasPrefix(name, "role:") || strings.HasPrefix(name, "proj:") || p.vouched[name]
}

// hasRole reports whether some g line begins with the name. Groups count only then, as
// in Argo CD.
func (p *policy) hasRole(name, project string) bool {
	if len(p.global.roles[name]) > 0 {
		return true
	}
	own := p.projects[project]
	return own != nil && len(own.roles[name]) > 0
}

// projectOfSubject is the project of a subject that is a project's role.
func projectOfSubject(subject string) (string, bool) {
	parts := strings.Split(subject, ":")
	if len(parts) != 3 || parts[0] != "proj" {
		return "", strings.HasPrefix(subject, "proj:")
	}
	return parts[1], true
}

// names are all that a voice is, for requests about a project: itself and its roles.
func (p *policy) names(voice, project string) []string {
	scopes := p.scopesOf(project)
	all, level := []string{voice}, []string{voice}
	for range maxHops {
		var next []string
		for _, name := range level {
			for _, s := range scopes {
				for _, role := range s.roles[name] {
					if !slices.Contains(all, role) {
						all, next = append(all, role), append(next, role)
					}
				}
			}
		}
		level = next
	}
	return all
}

func (p *policy) scopesOf(project string) []*scope {
	if own := p.projects[project]; own != nil {
		return []*scope{p.global, own}
	}
	return []*scope{p.global}
}

// verdict is what the lines say about a resource and an action of one voice.
type verdict struct {
	voice       string
	allow, deny []*Rule
}

// of says what the verdict is for an object, and the line that decides: nil if there
// is none.
func (v verdict) of(object string) (bool, *Rule) {
	for _, r := range v.deny {
		if r.object.match(object) {
			return false, r
		}
	}
	for _, r := range v.allow {
		if r.object.match(object) {
			return true, r
		}
	}
	return false, nil
}

// verdict gathers the lines of a voice for a resource and an action.
func (p *policy) verdict(voice, project, resource, action string) verdict {
	v := verdict{voice: voice}
	scopes := p.scopesOf(project)
	for _, name := range p.names(voice, project) {
		for _, s := range scopes {
			for _, r := range s.rules[name] {
				switch {
				case !r.matches(resource, action):
				case r.Deny:
					v.deny = append(v.deny, r)
				default:
					v.allow = append(v.allow, r)
				}
			}
		}
	}
	return v
}
