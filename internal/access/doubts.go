package access

import (
	"fmt"
	"slices"
	"strings"
)

// Resources are those that policies may name, Argo CD's own among them.
func Resources() []string {
	return append(slices.Clone(readable), Audit, "exec", "extensions")
}

// verbs are the actions that policies may name; those in fine may have what they are for
// behind a slash.
var (
	verbs = []string{"get", "create", "update", "delete", "sync", "override", "rollback", "invoke", "debug"}
	fine  = []string{"update", "delete", "action"}
)

// Doubts says what of the settings can be read but does not do what is likely meant.
// They are of the kind ErrInvalid and name a place each.
func (s Settings) Doubts() []error {
	l := &lines{}
	roles := newScope(builtin(), &lines{rules: s.Rules, bindings: s.Bindings})
	known := map[string]bool{}
	for _, r := range s.Rules {
		if s.Regex || r.shut {
			continue // its words may be anything
		}
		l.doubtRule(r)
		if !known[r.Subject] {
			l.doubtSubject(r, roles, s.Accounts)
			known[r.Subject] = true
		}
	}
	for _, b := range s.Bindings {
		if len(roles.rules[b.Role]) == 0 && len(roles.roles[b.Role]) == 0 && !strings.HasPrefix(b.Role, "proj:") {
			l.problem(b.Place, "%s has no rights: name a subject of p lines, %s or %s", quoted(b.Role), RoleReadonly, RoleAdmin)
		}
	}
	return l.problems
}

// doubtRule tells of words that no request has.
func (l *lines) doubtRule(r *Rule) {
	if !isPattern(r.Resource) && !slices.Contains(Resources(), r.Resource) {
		l.problem(r.Place, "there is no resource %s: write one of %s", quoted(r.Resource), strings.Join(Resources(), ", "))
	}
	verb, of, isFine := strings.Cut(r.Action, "/")
	switch {
	case isPattern(verb):
	case isFine && !slices.Contains(fine, verb):
		l.problem(r.Place, "there is no action %s: write %s alone", quoted(r.Action), verb)
	case !isFine && verb == "action":
		l.problem(r.Place, "the action is of no use alone: write action/* or action/<group>/<kind>/<name>")
	case !isFine && !slices.Contains(verbs, verb):
		l.problem(r.Place, "there is no action %s: write one of %s", quoted(r.Action), strings.Join(verbs, ", "))
	case isFine && of == "":
		l.problem(r.Place, "nothing follows the slash of %s: write %s/*", quoted(r.Action), verb)
	}
	named := []string{Applications, ApplicationSets, Kustomizations, HelmReleases, Sources, Logs}
	if slices.Contains(named, r.Resource) && !isPattern(r.Object) && !strings.Contains(r.Object, "/") {
		what := "<project>"
		if r.Resource == Kustomizations || r.Resource == HelmReleases || r.Resource == Sources {
			what = "<namespace>"
		}
		l.problem(r.Place, "no object is called %s: write %s/%s", quoted(r.Object), what, r.Object)
	}
}

// doubtSubject tells of rights that a group is given directly.
func (l *lines) doubtSubject(r *Rule, all *scope, accounts []string) {
	known := strings.HasPrefix(r.Subject, "role:") || strings.HasPrefix(r.Subject, "proj:") || r.Subject == adminAccount ||
		slices.Contains(accounts, r.Subject) || len(all.roles[r.Subject]) > 0
	for _, roles := range all.roles {
		known = known || slices.Contains(roles, r.Subject)
	}
	if !known {
		l.problem(r.Place, "%s is taken for the name of a user: if it is a group, give a role the right and the group the role, by %s",
			quoted(r.Subject), fmt.Sprintf("g, %s, role:…", r.Subject))
	}
}

// isPattern reports whether a word of a glob matches more than itself.
func isPattern(word string) bool { return strings.ContainsAny(word, `*?[]{}\`) }
