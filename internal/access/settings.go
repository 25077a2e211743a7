package access

import (
	"fmt"
	"slices"
	"strings"

	"sigs.k8s.io/yaml"
)

// Project is an AppProject, as far as it says who may do what.
type Project struct {
	Name  string
	Roles []ProjectRole
}

// ProjectRole is a role of a project: p lines, and the groups that have it.
type ProjectRole struct {
	Name             string
	Policies, Groups []string
}

// Settings are all that Enforcer.Use has to know. They are made by Read; the zero
// Settings give only the account admin any rights.
type Settings struct {
	// Default is the role that everybody has; "" is none.
	Default string
	// Scopes are the claims of identity providers that name groups.
	Scopes []string
	// Regex: words are regular expressions, else globs.
	Regex bool
	// Inherit: who may update or delete an app may update or delete its objects, as
	// before Argo CD 3. It is what argocd-cm says with
	// server.rbac.disableApplicationFineGrainedRBACInheritance: "false".
	Inherit bool
	// Accounts are the names of the local accounts. What a provider says is never one
	// of them; "admin" need not be among them.
	Accounts []string
	// Rules and Bindings are those of argocd-rbac-cm, in their order.
	Rules    []*Rule
	Bindings []Binding

	projects map[string]*lines
}

// Read reads the data of argocd-rbac-cm and the roles of the projects. The errors are
// of the kind ErrInvalid and name a place each, with what to do there; the Settings are
// good to be used nevertheless.
func Read(cm map[string]string, projects []Project) (Settings, []error) {
	l := &lines{}
	set := Settings{Default: strings.TrimSpace(cm["policy.default"]), projects: map[string]*lines{}}
	read := reading(readGlob)
	switch mode := cm["policy.matchMode"]; mode {
	case "", "glob":
	case "regex":
		set.Regex, read = true, readRegex
	default:
		l.problem("policy.matchMode", "%s is unknown, glob is used: write glob or regex", quoted(mode))
	}
	set.Scopes = l.readScopes(cm["scopes"])
	for _, key := range policyKeys(cm) {
		l.readCSV(key, cm[key], read)
	}
	set.Rules, set.Bindings = l.rules, l.bindings
	for _, p := range projects {
		own := readProject(p, read)
		l.problems = append(l.problems, own.problems...)
		set.projects[p.Name] = own
	}
	return set, l.problems
}

// With adds what argocd-cm says of rights: the names of the accounts, and whether rights
// to apps hold for their objects.
func (s Settings) With(argocdCM map[string]string) Settings {
	s.Accounts = []string{adminAccount}
	for key := range argocdCM {
		name, ok := strings.CutPrefix(key, "accounts.")
		if name, _ = strings.CutSuffix(name, ".enabled"); ok && name != "" && !slices.Contains(s.Accounts, name) {
			s.Accounts = append(s.Accounts, name)
		}
	}
	slices.Sort(s.Accounts)
	s.Inherit = strings.EqualFold(strings.TrimSpace(argocdCM["server.rbac.disableApplicationFineGrainedRBACInheritance"]), "false")
	return s
}

// policyKeys are the keys that hold lines: policy.csv, then policy.<any>.csv by name.
func policyKeys(cm map[string]string) []string {
	var keys []string
	for key := range cm {
		if key == "policy.csv" || strings.HasPrefix(key, "policy.") && strings.HasSuffix(key, ".csv") {
			keys = append(keys, key)
		}
	}
	slices.SortFunc(keys, func(a, b string) int {
		if (a == "policy.csv") != (b == "policy.csv") {
			if a == "policy.csv" {
				return -1
			}
			return 1
		}
		return strings.Compare(a, b)
	})
	return keys
}

// readScopes reads a list in YAML, or a single name.
func (l *lines) readScopes(text string) []string {
	preset := []string{"groups"}
	if strings.TrimSpace(text) == "" {
		return preset
	}
	var many []string
	if yaml.Unmarshal([]byte(text), &many) == nil && many != nil {
		return many
	}
	var one string
	if yaml.Unmarshal([]byte(text), &one) == nil && one != "" {
		return []string{one}
	}
	l.problem("scopes", "%s is no list of claims, groups is used: write it as '[groups, email]'", quoted(text))
	return preset
}

// readProject reads the roles of a project. Its lines count for that project only, be
// they as wide as they like.
func readProject(p Project, read reading) *lines {
	all := &lines{}
	for _, role := range p.Roles {
		place := fmt.Sprintf("AppProject %s role %s", p.Name, role.Name)
		subject := RoleSubject(p.Name, role.Name)
		if !plainName(p.Name) || !plainName(role.Name) {
			all.problem(place, "its name is no good: use letters, digits, -, _ and .")
			continue
		}
		own := &lines{}
		own.readLine(place, fmt.Sprintf("p, %s, %s, get, %s, allow", subject, Projects, p.Name), readGlob)
		for i, line := range role.Policies {
			own.readProjectLine(fmt.Sprintf("%s policy %d", place, i+1), p.Name, subject, line, read)
		}
		for _, group := range role.Groups {
			own.bindings = append(own.bindings, Binding{Subject: strings.TrimSpace(group), Role: subject, Place: place})
		}
		all.rules = append(all.rules, own.rules...)
		all.bindings = append(all.bindings, own.bindings...)
		all.problems = append(all.problems, own.problems...)
	}
	return all
}

// projectScoped are the resources whose objects begin with a project.
var projectScoped = []string{Applications, ApplicationSets, Repositories, Clusters, Logs, "exec"}

// readProjectLine reads a p line of a project's role. What it has to say besides is
// refused: other subjects, other projects, other resources.
func (l *lines) readProjectLine(place, project, subject, line string, read reading) {
	before := len(l.rules)
	words, err := split(strings.TrimSpace(line))
	if err != nil || strings.TrimSpace(words[0]) != "p" || strings.ContainsAny(line, "\r\n") {
		l.problem(place, "a role of a project has lines of the form p, %s, resource, action, %s/…, and allow or deny", subject, project)
		l.shut(place, line, words)
		return
	}
	l.readRule(place, strings.TrimSpace(line), words, read)
	if len(l.rules) == before {
		return
	}
	rule := l.rules[len(l.rules)-1]
	if why := unfit(rule, project, subject); why != "" {
		l.problem(place, "%s", why)
		if !rule.Deny {
			l.rules = l.rules[:before]
		}
	}
}

// unfit says why a rule can't stand in a role of a project; "" if it can.
func unfit(rule *Rule, project, subject string) string {
	switch {
	case rule.Subject != subject:
		return fmt.Sprintf("its subject is %s: write %s", quoted(rule.Subject), subject)
	case rule.Resource != "*" && !slices.Contains(projectScoped, rule.Resource):
		return fmt.Sprintf("the resource %s is no project's: it has to be one of %s", quoted(rule.Resource), strings.Join(projectScoped, ", "))
	case rule.Object != "*" && rule.Object != ".*" && !strings.HasPrefix(strings.TrimPrefix(rule.Object, "^"), project+"/"):
		return fmt.Sprintf("the object %s is not in the project: begin it with %s/", quoted(rule.Object), project)
	}
	return ""
}

// plainName reports whether a project or role may be called so.
func plainName(name string) bool {
	ok := func(c rune) bool {
		return c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z' || c >= '0' && c <= '9' || c == '-' || c == '_' || c == '.'
	}
	return name != "" && !strings.ContainsFunc(name, func(c rune) bool { return !ok(c) })
}

// RoleSubject is the subject of a project's role: "proj:<project>:<role>".
func RoleSubject(project, role string) string { return "proj:" + project + ":" + role }
