package textdiff

import (
	"strings"
	"testing"
)

func TestWithin(t *testing.T) {
	lines := strings.Split(`apiVersion: apps/v1
spec:
  replicas: 2
  template:
    spec:
      containers:
      - env:
        - name: LANGUAGES
          value: en
        image: search:1
        name: web
      - args:
        - --fast
        image: proxy:1
status: {}`, "\n")
	p := place{lines: lines}
	for i, want := range []string{
		"", "", "spec", "spec", "spec.template", "spec.template.spec", "spec.template.spec.containers",
		"spec.template.spec.containers[web].env", "spec.template.spec.containers[web].env[LANGUAGES]",
		"spec.template.spec.containers[web]", "spec.template.spec.containers[web]",
		"spec.template.spec.containers", "spec.template.spec.containers[].args", "spec.template.spec.containers[]", "",
	} {
		if got := p.within(i); got != want {
			t.Errorf("%q is in %q, want %q", lines[i], got, want)
		}
		if got := (&place{lines: lines}).within(i); got != want {
			t.Errorf("asked for alone, %q is in %q, want %q", lines[i], got, want)
		}
	}
	if got := p.within(len(lines)); got != "" {
		t.Errorf("past the end: %q", got)
	}
}

// A hunk says what its first change is in, in whichever version has it.
func TestHunksSayWhere(t *testing.T) {
	spec := func(tag string, replicas int) map[string]any {
		return map[string]any{"spec": map[string]any{"a": 1, "b": 2, "c": 3, "d": map[string]any{
			"e": 1, "f": 2, "g": 3, "image": tag,
		}, "replicas": replicas}}
	}
	hunks, _, _ := Hunks(spec("one", 1), spec("two", 1), 3)
	if len(hunks) != 1 || hunks[0].Within != "spec.d" {
		t.Errorf("hunks %+v", hunks)
	}
	more := spec("one", 1)
	more["spec"].(map[string]any)["d"].(map[string]any)["z"] = 1
	if hunks, _, _ := Hunks(spec("one", 1), more, 3); len(hunks) != 1 || hunks[0].Within != "spec.d" {
		t.Errorf("a line that is added: %+v", hunks)
	}
	if made, _, _ := Hunks(nil, spec("one", 1), 3); len(made) != 1 || made[0].Within != "" {
		t.Errorf("an object that is made: %+v", made)
	}
}
