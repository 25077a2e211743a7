package access

import (
	"strings"
	"sync/atomic"

	"github.com/fixpoint-cd/fixpoint/internal/model"
)

// Enforcer says who may do what. The zero Enforcer permits nobody anything. Its methods
// may be called concurrently.
type Enforcer struct {
	policy atomic.Pointer[policy]
	uses   atomic.Uint64
}

// Use makes the settings those that hold. The problems are of the kind ErrInvalid: what
// is likely not meant; they keep nothing from holding.
func (e *Enforcer) Use(set Settings) (problems []error) {
	p := newPolicy(set)
	p.serial = e.uses.Add(1)
	e.policy.Store(p)
	if d := set.Default; d != "" && len(p.global.rules[d]) == 0 && len(p.global.roles[d]) == 0 {
		problems = append(problems, model.Invalidf(
			"policy.default: %s has no rights: name %s, %s or a subject of policy.csv", quoted(d), RoleReadonly, RoleAdmin))
	}
	return problems
}

// Scopes are the claims of identity providers that name groups; by default groups.
func (e *Enforcer) Scopes() []string {
	if p := e.policy.Load(); p != nil && len(p.scopes) > 0 {
		return p.scopes
	}
	return []string{"groups"}
}

// May reports whether id may do the action with the object.
func (e *Enforcer) May(id Identity, resource, action, object string) bool {
	p := e.policy.Load()
	if p == nil {
		return false
	}
	r := p.memory.reader(id)
	project := p.projectOf(resource, object)
	if p.table(r, tableKey{resource, action, project}).may(object) {
		return true
	}
	whole, ok := p.whole(action)
	return ok && p.table(r, tableKey{resource, whole, project}).may(object)
}

// whole is the action on an app that includes an action on its objects, where it does.
func (p *policy) whole(action string) (string, bool) {
	verb, _, ok := strings.Cut(action, "/")
	return verb, ok && p.inherit && (verb == "update" || verb == "delete")
}

// Decision is an answer with its reason.
type Decision struct {
	Allowed bool
	// Rule is the line that decided; nil if none is for the request.
	Rule *Rule
	// Voice is the name that has it: the default role, the subject or a group.
	Voice string
}

// Explain says what any name that a policy may have as subject (an account, a role, a
// user of a provider) may do, together with groups, and why. It answers as May does of
// an Identity of that name that is what the name says.
func (e *Enforcer) Explain(subject string, groups []string, resource, action, object string) Decision {
	p := e.policy.Load()
	if p == nil {
		return Decision{}
	}
	project := p.projectOf(resource, object)
	actions := []string{action}
	if whole, ok := p.whole(action); ok {
		actions = append(actions, whole)
	}
	var denied Decision
	for _, a := range actions {
		for _, voice := range p.named(subject, groups, project) {
			ok, rule := p.verdict(voice, project, resource, a).of(object)
			if ok {
				return Decision{Allowed: true, Rule: rule, Voice: voice}
			}
			if rule != nil && denied.Rule == nil {
				denied = Decision{Rule: rule, Voice: voice}
			}
		}
	}
	return denied
}

// named are the voices of a name, whatever it is, and of groups.
func (p *policy) named(subject string, groups []string, project string) []string {
	var own []string
	if strings.HasPrefix(subject, "role:") {
		own = []string{subject, p.preset}
	} else {
		own = p.voices(Identity{Subject: subject, Local: true}, project)
	}
	return append(own, p.heard(groups, project)...)
}

// CountsAsGroup reports whether a group of that name has any say: some g line begins
// with it, and it is not the name of a role or an account.
func (e *Enforcer) CountsAsGroup(name string) bool {
	p := e.policy.Load()
	return p != nil && !p.reserved(name) && p.isHeld(name)
}
