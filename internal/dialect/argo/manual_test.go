package argo

import (
	"maps"
	"os"
	"slices"
	"strings"
	"testing"
)

// TestManual keeps docs/argo-cd.md complete: it names every field that is honoured
// or refused, and every one whose consequences are told.
func TestManual(t *testing.T) {
	text, err := os.ReadFile("../../../docs/argo-cd.md")
	if err != nil {
		t.Fatal(err)
	}
	names := slices.Concat(namesOf(honoured), told(), slices.Collect(maps.Keys(repositoryKeys)), slices.Collect(maps.Keys(consequencesOfKeys)))
	for _, k := range refusedKeys {
		names = append(names, k.name)
	}
	for _, name := range names {
		if !strings.Contains(string(text), name) {
			t.Errorf("docs/argo-cd.md does not say what is done with %s", name)
		}
	}
}

// namesOf are the fields of a tree that are read as a whole, and those that
// have such.
func namesOf(tree fields) []string {
	var out []string
	for name, below := range tree {
		out = append(out, name)
		// What a selector or a reference consists of needs no line of its own.
		switch name {
		case "source", "sources", "syncPolicy", "automated", "helm", "kustomize", "directory", "jsonnet", "plugin":
			out = append(out, namesOf(below)...)
		}
	}
	return out
}

// told are the fields with consequences, by their last names.
func told() []string {
	var out []string
	for path := range consequences {
		out = append(out, path[strings.LastIndexByte(path, '.')+1:])
	}
	return out
}
