package access

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"

	"github.com/casbin/casbin/v2"
	"github.com/casbin/casbin/v2/model"
	"github.com/casbin/casbin/v2/util"
	"github.com/gobwas/glob"
)

// casbinModel is Argo CD's model.
const casbinModel = `
[request_definition]
r = sub, res, act, obj
[policy_definition]
p = sub, res, act, obj, eft
[role_definition]
g = _, _
[policy_effect]
e = some(where (p.eft == allow)) && !some(where (p.eft == deny))
[matchers]
m = g(r.sub, p.sub) && globOrRegexMatch(r.res, p.res) && globOrRegexMatch(r.act, p.act) && globOrRegexMatch(r.obj, p.obj)
`

// newCasbin makes casbin's enforcer of lines that can be read.
func newCasbin(t *testing.T, lines []string, regex bool) *casbin.Enforcer {
	t.Helper()
	m, err := model.NewModelFromString(casbinModel)
	if err != nil {
		t.Fatal(err)
	}
	e, err := casbin.NewEnforcer(m)
	if err != nil {
		t.Fatal(err)
	}
	match := func(args ...any) (any, error) {
		word, pattern := args[0].(string), args[1].(string)
		if regex {
			return util.RegexMatch(word, pattern), nil
		}
		g, err := glob.Compile(pattern)
		return err == nil && g.Match(word), nil
	}
	e.AddFunction("globOrRegexMatch", match)
	for _, line := range lines {
		words, err := split(line)
		if err != nil {
			t.Fatal(err)
		}
		rule := make([]any, len(words)-1)
		for i, w := range words[1:] {
			rule[i] = w
		}
		if words[0] == "g" {
			_, err = e.AddGroupingPolicy(rule...)
		} else {
			_, err = e.AddPolicy(rule...)
		}
		if err != nil {
			t.Fatal(err)
		}
	}
	return e
}

func builtinText() []string {
	b := builtin()
	var out []string
	for _, r := range b.rules {
		out = append(out, r.Text)
	}
	for _, r := range b.bindings {
		out = append(out, "g, "+r.Subject+", "+r.Role)
	}
	return out
}

// world is what random policies and requests are made of.
type world struct {
	*rand.Rand
	regex bool
}

func pick[T any](r *rand.Rand, all ...T) T { return all[r.IntN(len(all))] }

var (
	people      = []string{"ann", "bob", "cyd", "team-a", "team-b"}
	roles       = []string{"role:x", "role:y", "role:z", "role:readonly", "role:admin"}
	places      = []string{"app/web", "app/ns/web", "web/app", "prod/db", "prod/ns/db-1", "x", "https://1.2.3.4", "prod"}
	deeds       = []string{"get", "sync", "update", "delete", "action/apps/Deployment/restart", "delete//Pod/ns/web-1", "update/apps/Deployment/ns/web"}
	things      = []string{Applications, Logs, Clusters, Kustomizations, Projects, Audit}
	globs       = []string{"*", "*/*", "app/*", "prod/*", "*/web", "app/w?b", "{app,prod}/*", "prod/[a-d]b", "prod/[!x]*", "*/ns/*", "https://*", "pr*d", `prod\/db`, "{prod/{db,ns/*},x}"}
	actionGlobs = []string{"*", "get", "{get,sync}", "action/*", "delete/*", "delete/*/Pod/*/*", "update", "update/apps/*", "s*", "?et"}
	regexes     = []string{".*", "^app/.*$", "prod", "^prod/[a-d]b$", "web$", "(app|prod)/ns/.*"}
)

func (w world) line() string {
	if w.IntN(4) == 0 {
		return fmt.Sprintf("g, %s, %s", pick(w.Rand, slices.Concat(people, roles)...), pick(w.Rand, slices.Concat(roles, people[:3])...))
	}
	who := pick(w.Rand, slices.Concat(roles[:3], people)...)
	effect := pick(w.Rand, "allow", "allow", "deny")
	if w.regex {
		return fmt.Sprintf("p, %s, %s, %s, %s, %s", who, pick(w.Rand, slices.Concat(things, []string{".*"})...), pick(w.Rand, "get", "^sync$", ".*", "^delete/.*", "action"), pick(w.Rand, regexes...), effect)
	}
	return fmt.Sprintf(`p, %s, %s, "%s", "%s", %s`, who, pick(w.Rand, slices.Concat(things, []string{"*", "app*"})...), pick(w.Rand, actionGlobs...), pick(w.Rand, globs...), effect)
}

// project is a random role of the project app, and its lines as casbin has to be told.
func (w world) project() (Project, []string) {
	role := ProjectRole{Name: "r", Groups: []string{"team-a"}}
	lines := []string{"p, proj:app:r, projects, get, app, allow", "g, team-a, proj:app:r"}
	for range w.IntN(4) {
		line := fmt.Sprintf(`p, proj:app:r, %s, "%s", "%s", %s`, pick(w.Rand, Applications, Logs, Clusters),
			pick(w.Rand, "get", "sync", "update"), pick(w.Rand, "app/web", "app/ns/web", "app/other"), pick(w.Rand, "allow", "allow", "deny"))
		role.Policies = append(role.Policies, line)
	}
	return Project{Name: "app", Roles: []ProjectRole{role}}, append(lines, role.Policies...)
}

// ofProject reports whether a request is about the project app, as Argo CD sees it.
func ofProject(res, obj string) bool {
	switch res {
	case Applications, Logs, Clusters:
		return strings.HasPrefix(obj, "app/")
	}
	return res == Projects && obj == "app"
}

// TestAgreesWithCasbin compares decisions with casbin's own by Argo CD's model, on random
// policies, projects and readers with several groups.
func TestAgreesWithCasbin(t *testing.T) {
	const policies, requests = 150, 60
	seen := map[bool]int{}
	for i := range policies {
		w := world{Rand: rand.New(rand.NewPCG(7, uint64(i))), regex: i%4 == 3}
		var lines []string
		for range 2 + w.IntN(14) {
			lines = append(lines, w.line())
		}
		cm := map[string]string{"policy.csv": strings.Join(lines, "\n"), "policy.default": pick(w.Rand, "", "role:x")}
		if w.regex {
			cm["policy.matchMode"] = "regex"
		}
		project, own := w.project()
		var e Enforcer
		set, problems := Read(cm, []Project{project})
		if len(problems) > 0 {
			t.Fatal(problems)
		}
		e.Use(set)
		global := peerLines(lines, w.regex)
		peers := map[bool]*casbin.Enforcer{false: newCasbin(t, global, w.regex), true: newCasbin(t, append(global, own...), w.regex)}
		for range requests {
			id := Identity{Subject: pick(w.Rand, people...), Local: true}
			if w.IntN(2) == 0 {
				id = Identity{Subject: "someone", Groups: []string{pick(w.Rand, "team-a", "nobody"), pick(w.Rand, "team-b", "role:admin", "proj:app:r")}}
			}
			res, act, obj := pick(w.Rand, things...), pick(w.Rand, deeds...), pick(w.Rand, places...)
			peer := peers[ofProject(res, obj)]
			want := false
			for _, voice := range append(heardByPeer(t, peer, id), cm["policy.default"]) {
				want = want || voice != "" && enforce(t, peer, voice, res, act, obj)
			}
			if may := e.May(id, res, act, obj); may != want {
				t.Fatalf("%+v, %s, %s, %s: %t, casbin says %t, of\n%s\n%s\ndefault %q", id, res, act, obj, may, want,
					cm["policy.csv"], strings.Join(own, "\n"), cm["policy.default"])
			}
			seen[want]++
		}
	}
	if seen[true] < 300 || seen[false] < 300 {
		t.Errorf("the requests are too much alike: %v", seen)
	}
}

// heardByPeer are the subject and those groups that a line of the peer's begins with, but
// for names of roles.
func heardByPeer(t *testing.T, e *casbin.Enforcer, id Identity) []string {
	t.Helper()
	out := []string{id.Subject}
	for _, group := range id.Groups {
		lines, err := e.GetFilteredGroupingPolicy(0, group)
		if err != nil {
			t.Fatal(err)
		}
		if len(lines) > 0 && !strings.Contains(group, ":") {
			out = append(out, group)
		}
	}
	return out
}

// peerLines are the lines with those of the built-in roles, which in Argo CD are no
// regular expressions that can be read.
func peerLines(lines []string, regex bool) []string {
	own := builtinText()
	if regex {
		for i, line := range own {
			own[i] = strings.ReplaceAll(line, "*", ".*")
		}
	}
	return append(own, lines...)
}

func enforce(t *testing.T, e *casbin.Enforcer, sub, res, act, obj string) bool {
	t.Helper()
	ok, err := e.Enforce(sub, res, act, obj)
	if err != nil {
		t.Fatal(err)
	}
	return ok
}

// TestGlobs compares globs with those that Argo CD reads.
func TestGlobs(t *testing.T) {
	for i := range 20_000 {
		r := rand.New(rand.NewPCG(3, uint64(i)))
		var pattern, word strings.Builder
		for range r.IntN(7) {
			pattern.WriteString(pick(r, "a", "b", "/", "*", "?", "[ab]", "[!a]", "[a-b]", "{a,b*}", "**", `\*`, "ab", "."))
		}
		for range 1 + r.IntN(6) {
			word.WriteString(pick(r, "a", "b", "c", "/", "ab", "*", "."))
		}
		sameGlob(t, pattern.String(), word.String())
	}
	for _, bad := range []string{"[", "[]", "[a-z0-9]", "{a", "{a,{b}", "[!]", "[z-a]"} {
		if _, err := readGlob(bad); err == nil {
			t.Errorf("%q is taken for a glob", bad)
		}
	}
}

// sameGlob fails where a glob matches and Argo CD's would not, or the other way round.
func sameGlob(t *testing.T, pattern, word string) {
	t.Helper()
	p, err := readGlob(pattern)
	if err != nil {
		t.Fatalf("%q: %v", pattern, err)
	}
	peer, err := glob.Compile(pattern)
	if err != nil {
		return
	}
	if got, want := p.match(word), peer.Match(word); got != want {
		t.Errorf("glob %q, word %q: %t, Argo CD says %t", pattern, word, got, want)
	}
}
