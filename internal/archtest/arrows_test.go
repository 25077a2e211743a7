package archtest

import (
	"fmt"
	"slices"
	"strings"
	"testing"
)

// stages turn what Git declares into what the cluster has, one after the
// other. The engine calls them; they know nothing of each other.
var stages = []string{
	"internal/source", "internal/render", "internal/policy",
	"internal/compare", "internal/decide", "internal/sequence", "internal/apply", "internal/health",
}

// arrow says which folders of ours a folder and those below it may import,
// besides themselves.
type arrow struct {
	from string
	to   []string
}

// arrows are the design, from the top down. A folder below internal/ that is
// not listed is a leaf: it may import the model, and what it needs besides it
// declares as an interface that app fills.
var arrows = []arrow{
	{"cmd", []string{"internal/app"}},
	{"internal/e2e", []string{"api", "deploy", "examples", "internal"}},
	{"internal/app", []string{"api", "deploy", "examples", "internal"}},
	{"internal/engine", append([]string{"internal/model"}, stages...)},
	{"internal/cli", []string{"internal/model", "internal/client", "api", "deploy"}},
	{"internal/demo", []string{"internal/model", "internal/gitserver", "api", "deploy", "examples"}},
	{"internal/dialect", []string{"internal/model", "api"}},
	{"internal/model", nil},
	{"internal/backend", []string{"internal/model", "internal/view", "internal/board", "internal/live", "internal/dialect", "api"}},
	{"internal/view/viewtest", []string{"internal/model", "internal/view", "internal/board"}},
	{"internal/board", []string{"internal/model", "internal/view"}},
	{"internal/live", []string{"internal/model", "internal/view", "internal/trimmed"}},
	{"internal/target", []string{"internal/model", "internal/trimmed"}},
	{"internal/trimmed", nil},
	{"internal/history", []string{"internal/model", "internal/view"}},
	{"internal/textdiff", []string{"internal/model", "internal/view"}},
	{"internal/guard", []string{"internal/model", "internal/view", "internal/access"}},
	{"internal/signin", []string{"internal/model", "internal/access"}},
	{"internal/front", []string{"internal/model", "internal/view", "internal/access"}},
	{"internal/web", []string{"internal/model", "internal/view"}},
	{"internal/api", []string{"internal/model", "internal/view"}},
	{"internal/argoapi", []string{"internal/model", "internal/view", "api"}},
	{"internal/script", []string{"internal/model", "internal/render/sandbox"}},
	{"internal", []string{"internal/model"}},
	{"api", nil},
	{"deploy", nil},
	{"examples", nil},
	{"hack", nil},
	{"tools", nil},
	{"localcluster", []string{"localcluster"}},
}

// siblings are folders whose children don't import each other.
var siblings = []string{"internal/dialect"}

func arrowFrom(dir string) (arrow, bool) {
	for _, a := range arrows {
		if within(dir, a.from) {
			return a, true
		}
	}
	return arrow{}, false
}

// violation is why dir may not import target; "" if it may.
func violation(dir, target string) string {
	a, ok := arrowFrom(dir)
	if !ok {
		return fmt.Sprintf("%s is not in the table of arrows: say there what it may import", dir)
	}
	for _, s := range siblings {
		if within(dir, s) && within(target, s) && child(s, dir) != child(s, target) && child(s, target) != s {
			return fmt.Sprintf("%s imports %s, its sibling: what both need belongs in internal/model", dir, target)
		}
	}
	own := a.from
	if own == "internal" {
		own = child("internal", dir)
	}
	if within(target, own) || withinAny(target, a.to) {
		return ""
	}
	return fmt.Sprintf("%s imports %s: it may import only %s. "+
		"Pass what it needs as a value, or let it declare a small interface that internal/app fills",
		dir, target, listed(a.to))
}

// child is the folder directly below top that holds dir; top itself if dir is top.
func child(top, dir string) string {
	rest, ok := strings.CutPrefix(dir, top+"/")
	if !ok {
		return top
	}
	first, _, _ := strings.Cut(rest, "/")
	return top + "/" + first
}

func listed(dirs []string) string {
	if len(dirs) == 0 {
		return "nothing of ours"
	}
	return strings.Join(dirs, ", ")
}

// TestArrows holds for what ships; tests may import what they like, but see
// TestOnlyWiringImportsApp.
func TestArrows(t *testing.T) {
	for _, f := range goFiles(t) {
		if f.isTest() {
			continue
		}
		for _, target := range f.own() {
			if v := violation(f.dir(), target); v != "" {
				t.Errorf("%s: %s", f.name, v)
			}
		}
	}
}

// TestOnlyWiringImportsApp keeps tests of single packages from starting all.
func TestOnlyWiringImportsApp(t *testing.T) {
	for _, f := range goFiles(t) {
		if withinAny(f.dir(), []string{"cmd", "internal/app", "internal/e2e"}) {
			continue
		}
		for _, target := range f.own() {
			if within(target, "internal/app") {
				t.Errorf("%s imports %s: only cmd and internal/e2e do", f.name, target)
			}
		}
	}
}

// TestViolation shows that the table forbids what the design forbids.
func TestViolation(t *testing.T) {
	tests := []struct {
		from, to string
		ok       bool
	}{
		{"cmd/fixpoint", "internal/app", true},
		{"cmd/fixpoint", "internal/cli", false},
		{"internal/app", "internal/dialect/argo", true},
		{"internal/engine", "internal/decide", true},
		{"internal/engine", "internal/dialect/argo", false},
		{"internal/engine", "internal/dialect", false},
		{"internal/engine", "internal/target", false},
		{"internal/decide", "internal/health", false},
		{"internal/source", "internal/render", false},
		{"internal/source/git", "internal/source", true},
		{"internal/render", "internal/model", true},
		{"internal/dialect/argo", "internal/model", true},
		{"internal/dialect/argo", "api/argoproj/v1alpha1", true},
		{"internal/dialect/argo", "internal/dialect", true},
		{"internal/dialect/argo", "internal/dialect/flux", false},
		{"internal/dialect/flux", "internal/engine", false},
		{"internal/dialect/flux", "internal/source", false},
		{"internal/target", "internal/engine", false},
		{"internal/target/targettest", "internal/target", true},
		{"internal/cli", "internal/model", true},
		{"internal/cli", "deploy/install", true},
		{"internal/cli", "internal/engine", false},
		{"internal/demo", "internal/gitserver", true},
		{"internal/demo", "internal/engine", false},
		{"internal/model", "internal/health", false},
		{"internal/anythingelse", "internal/model", true},
		{"internal/anythingelse", "internal/engine", false},
		{"api/argoproj/v1alpha1", "internal/model", false},
		{"localcluster/internal/kubelet", "internal/model", false},
		{"somewhere", "internal/model", false},
	}
	for _, tt := range tests {
		if v := violation(tt.from, tt.to); (v == "") != tt.ok {
			t.Errorf("violation(%q, %q) = %q, want allowed: %t", tt.from, tt.to, v, tt.ok)
		}
	}
}

// TestNames refuses packages whose name says nothing about what they hold.
func TestNames(t *testing.T) {
	empty := []string{"util", "utils", "common", "helper", "helpers", "types", "misc"}
	for _, f := range goFiles(t) {
		for _, part := range append(strings.Split(f.dir(), "/"), f.pkg) {
			if slices.Contains(empty, part) {
				t.Errorf("%s: a package named %q; name it by what it holds", f.name, part)
			}
		}
	}
}
