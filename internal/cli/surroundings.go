package cli

import (
	"cmp"
	"path"
	"slices"
	"strings"

	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
)

// surroundings order manifests by how near their files are. Of several objects
// with one name, as each cluster of a repository has its own, the nearest is
// what an app refers to.
type surroundings struct {
	all   []manifest
	byDir map[string][]*unstructured.Unstructured
}

func newSurroundings(all []manifest) surroundings {
	return surroundings{all, map[string][]*unstructured.Unstructured{}}
}

// of are all objects, those that are nearest to a file first.
func (s surroundings) of(file string) []*unstructured.Unstructured {
	dir := path.Dir(file)
	if known, ok := s.byDir[dir]; ok {
		return known
	}
	sorted := slices.Clone(s.all)
	slices.SortStableFunc(sorted, func(a, b manifest) int { return cmp.Compare(shared(b.file, dir), shared(a.file, dir)) })
	out := make([]*unstructured.Unstructured, len(sorted))
	for i, m := range sorted {
		out[i] = m.Unstructured
	}
	s.byDir[dir] = out
	return out
}

// shared is how many folders a file and a directory have in common.
func shared(file, dir string) int {
	a, b := strings.Split(path.Dir(file), "/"), strings.Split(dir, "/")
	n := 0
	for n < min(len(a), len(b)) && a[n] == b[n] {
		n++
	}
	return n
}
