package model

import (
	"encoding/json"
	"strings"
	"testing"
)

func TestWithoutUser(t *testing.T) {
	for in, want := range map[string]string{
		"https://git.example/a/b.git":              "https://git.example/a/b.git",
		"https://user:PLANTED@git.example/a":       "https://git.example/a",
		"https://PLANTED@git.example":              "https://git.example",
		"https://u:p%40x@PLANTED@git.example/a@b":  "https://git.example/a@b",
		"ssh://git@git.example/a":                  "ssh://git@git.example/a",
		"ssh://git:PLANTED@git.example:2222/a":     "ssh://git@git.example:2222/a",
		"git@git.example:a/b.git":                  "git@git.example:a/b.git",
		"oci://registry.example/charts":            "oci://registry.example/charts",
		"":                                         "",
		"https://":                                 "https://",
		"http://[::1]:8080/a":                      "http://[::1]:8080/a",
		"https://user:PLANTED@[::1]:8080/a?x=y@z/": "https://[::1]:8080/a?x=y@z/",
	} {
		if got := WithoutUser(in); got != want {
			t.Errorf("WithoutUser(%q) = %q, not %q", in, got, want)
		}
	}
}

// TestSecurityAddressesInDeclarations: an object that declares an app shows no credentials
// of a repository, wherever an address stands in it; other objects are as they are.
func TestSecurityAddressesInDeclarations(t *testing.T) {
	const declared = `{"apiVersion": "argoproj.io/v1alpha1", "kind": "Application",
		"metadata": {"annotations": {"kubectl.kubernetes.io/last-applied-configuration": "{\"repoURL\":\"https://bot:PLANTED@git.example/a\"}"}},
		"spec": {"source": {"repoURL": "https://bot:PLANTED@git.example/a", "helm": {"valueFiles": ["https://PLANTED@git.example/v.yaml"], "values": "a: b@c\nurl: x"}},
			"sourceRepos": ["ssh://git:PLANTED@git.example/a"]}}`
	for apiVersion, hidden := range map[string]bool{"argoproj.io/v1alpha1": true, "example.com/v1": false} {
		var o map[string]any
		if err := json.Unmarshal([]byte(strings.Replace(declared, "argoproj.io/v1alpha1", apiVersion, 1)), &o); err != nil {
			t.Fatal(err)
		}
		Mask{}.Cover(o)
		text, _ := json.Marshal(o)
		if strings.Contains(string(text), "PLANTED") == hidden || !strings.Contains(string(text), `a: b@c\nurl: x`) {
			t.Errorf("%s: %s", apiVersion, text)
		}
	}
}
