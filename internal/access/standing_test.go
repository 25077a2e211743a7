package access

import (
	"slices"
	"strings"
	"testing"
)

// TestStanding: roles and lines are found by name, group, default and project; what a
// provider calls somebody gives none of an account's.
func TestStanding(t *testing.T) {
	set, problems := Read(map[string]string{
		"policy.csv": "p, role:dev, applications, sync, shop/*, allow\np, ann, logs, get, shop/*, allow\n" +
			"p, role:dev, applications, delete, *, deny\ng, devs, role:dev\ng, role:dev, role:readonly\ng, bob, role:admin",
		"policy.default": "role:guest",
	}, []Project{{Name: "shop", Roles: []ProjectRole{{Name: "ci", Policies: []string{"p, proj:shop:ci, applications, get, shop/*, allow"}, Groups: []string{"devs"}}}}})
	if len(problems) > 0 {
		t.Fatal(problems)
	}
	var e Enforcer
	if got := e.Standing(Identity{Subject: "ann", Local: true}); len(got.Roles)+len(got.Rules) > 0 {
		t.Errorf("without a policy: %+v", got)
	}
	e.Use(set.With(map[string]string{"accounts.ann": "login", "accounts.bob": "login"}))
	for name, tt := range map[string]struct {
		id    Identity
		roles string
		rules []string
	}{
		"an account":         {Identity{Subject: "ann", Local: true}, "role:guest", []string{"ann, logs"}},
		"an admin":           {Identity{Subject: "bob", Local: true}, "role:guest role:admin role:readonly", []string{"role:admin, *"}},
		"a group":            {Identity{Subject: "u-1", Groups: []string{"devs"}}, "role:guest role:dev role:readonly proj:shop:ci", []string{"role:dev, applications, sync", "role:dev, applications, delete", "role:readonly, logs", "proj:shop:ci, applications"}},
		"called like one":    {Identity{Subject: "bob"}, "role:guest", nil},
		"nobody":             {Identity{Anonymous: true}, "role:guest", nil},
		"a token of project": {Identity{Subject: "proj:shop:ci", Local: true}, "role:guest", []string{"proj:shop:ci, projects", "proj:shop:ci, applications"}},
	} {
		got := e.Standing(tt.id)
		if strings.Join(got.Roles, " ") != tt.roles {
			t.Errorf("%s has the roles %q, want %q", name, got.Roles, tt.roles)
		}
		var lines []string
		for _, r := range got.Rules {
			lines = append(lines, strings.Join([]string{r.Subject, r.Resource, r.Action}, ", "))
		}
		for _, want := range tt.rules {
			if !slices.ContainsFunc(lines, func(l string) bool { return strings.HasPrefix(l, want) }) {
				t.Errorf("%s: no line %q among %q", name, want, lines)
			}
		}
		if tt.rules == nil && len(lines) > 0 {
			t.Errorf("%s: %q", name, lines)
		}
	}
}
