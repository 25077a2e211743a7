package flux

import (
	"os"
	"slices"
	"strings"
	"testing"
)

// TestManual keeps docs/flux.md complete: it names every field that is honoured
// or refused, and every one whose consequences are told.
func TestManual(t *testing.T) {
	text, err := os.ReadFile("../../../docs/flux.md")
	if err != nil {
		t.Fatal(err)
	}
	for _, name := range names() {
		if !strings.Contains(string(text), name) {
			t.Errorf("docs/flux.md does not say what is done with %s", name)
		}
	}
}

// names are all fields that something is done about, by their last names.
func names() []string {
	out := told()
	for _, tree := range []fields{
		honouredKustomization, honouredHelmRelease, honouredGitRepository, honouredOCIRepository, honouredBucket,
		honouredHelmRepository, honouredHelmChart, honouredReceiver,
	} {
		out = append(out, namesOf(tree)...)
	}
	return out
}

// namesOf are the fields of a tree that are read as a whole, and those that
// have such.
func namesOf(tree fields) []string {
	var out []string
	for name, below := range tree {
		out = append(out, name)
		// What a selector or a reference consists of needs no line of its own.
		if slices.Contains([]string{"spec", "ref", "chart", "install", "upgrade", "uninstall", "valuesFrom", "postBuild", "resources"}, name) {
			out = append(out, namesOf(below)...)
		}
	}
	return out
}

// told are the fields with consequences, by their last names.
func told() []string {
	var out []string
	for _, paths := range consequences {
		for path := range paths {
			out = append(out, path[strings.LastIndexByte(path, '.')+1:])
		}
	}
	return out
}
