package argo

import (
	"errors"
	"testing"

	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"

	"github.com/fixpoint-cd/fixpoint/internal/model"
)

// TestSecurityAdmits: a project admits the repositories and destinations that it names,
// and none that it is against.
func TestSecurityAdmits(t *testing.T) {
	type place = map[string]any
	const here, there = "https://kubernetes.default.svc", "https://other.example:6443"
	anywhere := []any{place{"server": "*", "namespace": "*"}}
	for name, tt := range map[string]struct {
		repos         []any
		places        []any
		repo, cluster string
		server, space string
		admitted      bool
	}{
		"all":                        {[]any{"*"}, anywhere, "https://git.example/a", "in-cluster", here, "shop", true},
		"nothing said":               {nil, nil, "https://git.example/a", "in-cluster", here, "shop", false},
		"no destination":             {[]any{"*"}, nil, "https://git.example/a", "in-cluster", here, "shop", false},
		"no repository":              {nil, anywhere, "https://git.example/a", "in-cluster", here, "shop", false},
		"its repository":             {[]any{"https://git.example/team/*"}, anywhere, "https://git.example/team/a.git", "in-cluster", here, "shop", true},
		"written otherwise":          {[]any{"https://git.example/team/a.git"}, anywhere, "https://GIT.example/team/a/", "in-cluster", here, "shop", true},
		"deeper than *":              {[]any{"https://git.example/team/*"}, anywhere, "https://git.example/team/a/b", "in-cluster", here, "shop", false},
		"as deep as **":              {[]any{"https://git.example/team/**"}, anywhere, "https://git.example/team/a/b", "in-cluster", here, "shop", true},
		"another host's path":        {[]any{"https://git.example/*"}, anywhere, "https://evil.example/git.example/a", "in-cluster", here, "shop", false},
		"with credentials":           {[]any{"https://git.example/*"}, anywhere, "https://bot:secret@git.example/a", "in-cluster", here, "shop", true},
		"as credentials":             {[]any{"https://git.example/*"}, anywhere, "https://git.example@evil.example/a", "in-cluster", here, "shop", false},
		"a longer host":              {[]any{"https://git.example*/a"}, anywhere, "https://git.example.evil/a", "in-cluster", here, "shop", true},
		"against it":                 {[]any{"*", "!https://git.example/secret"}, anywhere, "https://git.example/secret.git", "in-cluster", here, "shop", false},
		"against another":            {[]any{"*", "!https://git.example/secret"}, anywhere, "https://git.example/a", "in-cluster", here, "shop", true},
		"against it, escaped":        {[]any{"*", "!https://git.example/secret"}, anywhere, "https://git.example/%73ecret", "in-cluster", here, "shop", false},
		"against it, in a circle":    {[]any{"*", "!https://git.example/secret"}, anywhere, "https://git.example/./a/..//secret.git/", "in-cluster", here, "shop", false},
		"against it, with its port":  {[]any{"*", "!https://git.example/secret"}, anywhere, "https://git.example:443/secret", "in-cluster", here, "shop", false},
		"against it, without scheme": {[]any{"*", "!oci://reg.example/secret"}, anywhere, "reg.example/secret", "in-cluster", here, "shop", false},
		"against others, escaped":    {[]any{"*", "!https://git.example/secret"}, anywhere, "https://git.example/a%20b", "in-cluster", here, "shop", true},
		"back out of its folder":     {[]any{"https://git.example/team/**"}, anywhere, "https://git.example/team/../secret", "in-cluster", here, "shop", false},
		"back out of it, escaped":    {[]any{"https://git.example/team/**"}, anywhere, "https://git.example/team/.%2e%2fsecret", "in-cluster", here, "shop", false},
		"escaped in its folder":      {[]any{"https://git.example/my%20team/*"}, anywhere, "https://git.example/My%20Team/a", "in-cluster", here, "shop", true},
		"against others alone":       {[]any{"!https://git.example/secret"}, anywhere, "https://git.example/a", "in-cluster", here, "shop", false},
		"a place against alone":      {[]any{"*"}, []any{place{"server": "*", "namespace": "!kube-*"}}, "x", "in-cluster", here, "shop", false},
		"its namespace":              {[]any{"*"}, []any{place{"server": here, "namespace": "shop-*"}}, "x", "in-cluster", here, "shop-a", true},
		"another namespace":          {[]any{"*"}, []any{place{"server": here, "namespace": "shop-*"}}, "x", "in-cluster", here, "kube-system", false},
		"no namespace":               {[]any{"*"}, []any{place{"server": here, "namespace": "shop-*"}}, "x", "in-cluster", here, "", false},
		"its cluster by name":        {[]any{"*"}, []any{place{"name": "in-cluster", "namespace": "*"}}, "x", "in-cluster", here, "shop", true},
		"another cluster":            {[]any{"*"}, []any{place{"name": "in-cluster", "namespace": "*"}}, "x", "other", there, "shop", false},
		"another server":             {[]any{"*"}, []any{place{"server": here, "namespace": "*"}}, "x", "other", there, "shop", false},
		"a namespace against it":     {[]any{"*"}, []any{place{"server": "*", "namespace": "*"}, place{"server": "*", "namespace": "!kube-*"}}, "x", "in-cluster", here, "kube-system", false},
		"a namespace beside it":      {[]any{"*"}, []any{place{"server": "*", "namespace": "*"}, place{"server": "*", "namespace": "!kube-*"}}, "x", "in-cluster", here, "shop", true},
		"a server against it":        {[]any{"*"}, []any{place{"server": "*", "namespace": "*"}, place{"server": "!" + there, "namespace": "*"}}, "x", "other", there, "shop", false},
		"a name against it":          {[]any{"*"}, []any{place{"server": "*", "namespace": "*"}, place{"name": "!other", "namespace": "*"}}, "x", "other", there, "shop", false},
		"a pattern that can't be":    {[]any{"https://[git"}, anywhere, "https://[git", "in-cluster", here, "shop", false},
		"several, the other admits":  {[]any{"https://a.example/*", "https://b.example/*"}, anywhere, "https://b.example/x", "in-cluster", here, "shop", true},
		"without a repository named": {[]any{"https://a.example/*"}, anywhere, "", "in-cluster", here, "shop", false},
	} {
		project := &unstructured.Unstructured{Object: map[string]any{
			"metadata": map[string]any{"name": "team"}, "spec": map[string]any{"sourceRepos": tt.repos, "destinations": tt.places},
		}}
		if tt.repos == nil {
			unstructured.RemoveNestedField(project.Object, "spec", "sourceRepos")
		}
		for form, spec := range map[string]map[string]any{
			"source":  {"source": map[string]any{"repoURL": tt.repo}},
			"sources": {"sources": []any{map[string]any{"repoURL": tt.repo}}},
			"both":    {"source": map[string]any{"repoURL": tt.repo}, "sources": []any{map[string]any{"repoURL": tt.repo}}},
		} {
			spec["destination"] = map[string]any{"namespace": tt.space}
			err := Admits(project, &unstructured.Unstructured{Object: map[string]any{"spec": spec}}, tt.cluster, tt.server)
			if (err == nil) != tt.admitted || err != nil && !errors.Is(err, model.ErrDenied) {
				t.Errorf("%s, as %s: %v, want admitted %t", name, form, err, tt.admitted)
			}
		}
	}
	// One of two sources is enough to be refused.
	project := &unstructured.Unstructured{Object: map[string]any{"spec": map[string]any{"sourceRepos": []any{"https://a.example/*"}, "destinations": anywhere}}}
	two := &unstructured.Unstructured{Object: map[string]any{"spec": map[string]any{"sources": []any{
		map[string]any{"repoURL": "https://a.example/x"}, map[string]any{"repoURL": "https://b.example/x"},
	}}}}
	if err := Admits(project, two, "in-cluster", here); !errors.Is(err, model.ErrDenied) {
		t.Errorf("a second source: %v", err)
	}
}
