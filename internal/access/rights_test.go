package access

import (
	"fmt"
	"math/rand/v2"
	"strings"
	"testing"
)

// TestRightsAreOfOneMind asks for identities of equal Rights the same, by random policies:
// nothing may be answered differently. And those who are plainly alike have equal ones.
func TestRightsAreOfOneMind(t *testing.T) {
	const policies, requests = 200, 150
	pairs, across := 0, 0
	for i := range policies {
		w := world{Rand: rand.New(rand.NewPCG(11, uint64(i))), regex: i%4 == 3}
		e := w.enforcer(t)
		groups := map[string][]Identity{}
		for range 25 {
			id := w.identity()
			groups[e.Rights(id)] = append(groups[e.Rights(id)], id)
		}
		for _, alike := range groups {
			for range requests {
				res, act, obj := pick(w.Rand, things...), pick(w.Rand, deeds...), pick(w.Rand, places...)
				first := e.May(alike[0], res, act, obj)
				for _, other := range alike[1:] {
					pairs++
					if !same(alike[0], other) {
						across++
					}
					if e.May(other, res, act, obj) != first {
						t.Fatalf("%+v and %+v have equal rights, but not to %s %s %s", alike[0], other, res, act, obj)
					}
				}
			}
		}
	}
	if across < 10_000 {
		t.Errorf("of %d answers only %d were to different people", pairs, across)
	}
}

// enforcer is one of a random policy, with a random project.
func (w world) enforcer(t *testing.T) *Enforcer {
	t.Helper()
	var lines []string
	for range 2 + w.IntN(14) {
		lines = append(lines, w.line())
	}
	cm := map[string]string{"policy.csv": strings.Join(lines, "\n"), "policy.default": pick(w.Rand, "", "role:x")}
	if w.regex {
		cm["policy.matchMode"] = "regex"
	}
	project, _ := w.project()
	set, problems := Read(cm, []Project{project})
	if len(problems) > 0 {
		t.Fatal(problems)
	}
	var e Enforcer
	e.Use(set)
	return &e
}

// identity is a random one of any sort.
func (w world) identity() Identity {
	switch w.IntN(6) {
	case 0:
		return Identity{Subject: pick(w.Rand, "proj:app:r", "proj:prod:r", "role:x", "admin"), Local: true}
	case 1:
		return pick(w.Rand, Identity{}, Identity{Anonymous: true}, Identity{Subject: "ann", Anonymous: true})
	case 2:
		return Identity{Subject: pick(w.Rand, people...), Local: true}
	}
	id := Identity{Subject: pick(w.Rand, "someone", "anyone", "ann", "role:x", "proj:app:r")}
	for range w.IntN(4) {
		id.Groups = append(id.Groups, pick(w.Rand, "team-a", "team-b", "nobody", "role:admin", "proj:app:r", "ann"))
	}
	return id
}

func TestRights(t *testing.T) {
	e := enforcerOf(t, `
g, platform, role:admin
g, shop, role:shop
g, bob, role:shop
p, role:shop, applications, get, shop/*, allow
p, ann, applications, get, shop/*, allow`)
	sso := func(name string, groups ...string) Identity { return Identity{Subject: name, Groups: groups} }
	local := func(name string) Identity { return Identity{Subject: name, Local: true} }
	for name, c := range map[string]struct {
		a, b Identity
		want bool
	}{
		"people of a group":          {sso("x", "shop"), sso("y", "shop"), true},
		"order and idle groups":      {sso("x", "shop", "platform"), sso("y", "idle", "platform", "shop"), true},
		"a person with a group's":    {local("bob"), sso("y", "shop"), true},
		"one group more":             {sso("x", "shop"), sso("y", "shop", "platform"), false},
		"lines of one's own":         {sso("ann", "shop"), sso("y", "shop"), false},
		"a group of a person's name": {sso("x", "ann"), sso("ann"), false},
		"nobody in particular":       {sso("x"), sso("y", "idle"), true},
		"without any, and with some": {sso("x"), sso("y", "shop"), false},
		"an account and a namesake":  {local("admin"), sso("admin"), false},
	} {
		if got := e.Rights(c.a) == e.Rights(c.b); got != c.want {
			t.Errorf("%s: equal is %t, want %t", name, got, c.want)
		}
	}
}

// TestRightsEndWithThePolicy: what was equal by one policy says nothing of another.
func TestRightsEndWithThePolicy(t *testing.T) {
	var e Enforcer
	ann := Identity{Subject: "ann", Local: true}
	if got := e.Rights(ann); got != "" {
		t.Errorf("without a policy there is the key %q", got)
	}
	seen := map[string]bool{}
	for i := range 3 {
		e.Use(Settings{})
		seen[e.Rights(ann)] = true
		if len(seen) != i+1 || seen[""] {
			t.Fatal(fmt.Sprint("after another Use the key is an old one: ", seen))
		}
	}
}
